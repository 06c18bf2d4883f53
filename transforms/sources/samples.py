"""A look at a few rows of an entity's files, for `validate`.

From the beginning, the middle and the end of each.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from overtide.schemas.configuration.entities import Entity
from overtide.transforms.sources.contract import SampledRow
from overtide.transforms.sources.files import within
from overtide.transforms.sources.formats import format_of
from overtide.transforms.sources.layout import layout_of

FILES = 9
"""Files of an entity that are looked at: the first, the last, and some between them."""
ROWS, VALUES = 500, 200_000
"""Rows of a piece of a file, and values of an entity, that are looked at."""


def sampled_rows(folder: Path, entity: Entity, files: Sequence[Path]) -> Iterator[SampledRow]:
    """Give rows of an entity's files, in an order and a number that depend on the files alone."""
    chosen = (
        [files[len(files) * number // FILES] for number in range(FILES - 1)] + [files[-1]]
        if len(files) > FILES
        else files
    )
    rows = max(10, min(ROWS, VALUES // (3 * len(chosen) * max(1, len(entity.attributes)))))
    for file in chosen:
        shown = within(folder, file)
        layout = layout_of(file, shown, entity)
        yield from format_of(entity).sampled(file, shown, entity, layout, rows)
