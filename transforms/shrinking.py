"""Compare what was read with what was published last.

A source that lost most of its rows was hardly meant so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import OvertideError, SourceError
from overtide.transforms.keys import EntityTable


def shrunk(
    tables: Iterable[EntityTable], entities: Mapping[str, Entity], before: Mapping[str, int]
) -> dict[str, int]:
    """Return the entities that lost more than their share of rows, with the rows before."""
    return {
        table.entity: before[table.entity]
        for table in sorted(tables, key=lambda table: table.entity)
        if (before.get(table.entity, 0) - table.rows_kept) * 100
        > entities[table.entity].max_shrink_percent * before.get(table.entity, 0)
    }


def expect_no_shrink(
    table: EntityTable,
    tables: list[EntityTable],
    entities: Mapping[str, Entity],
    before: Mapping[str, int],
) -> EntityTable:
    """Return an entity's table as it is, once all of them are read.

    Raise `source_shrank` for all that have far fewer rows than `before`.
    """
    kept = {one.entity: one.rows_kept for one in tables}
    wrong = [
        _error(name, rows, kept[name], entities[name].max_shrink_percent)
        for name, rows in shrunk(tables, entities, before).items()
    ]
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        raise SourceError(
            "source_shrank",
            f"{len(wrong)} sources have far fewer rows than the last published run.",
            None,
            wrong[0].hint,
            details=tuple(replace(one, hint=None) for one in wrong),
        )
    return table


def _error(name: str, before: int, kept: int, share: float) -> OvertideError:
    return SourceError(
        "source_shrank",
        f"{name} has {kept:,} {'row' if kept == 1 else 'rows'}, and had {before:,} in the last "
        f"published run: more than {share:g} % are gone.",
        name,
        (
            "Check its files; if that is right, run `overtide refresh --allow-shrink`, or raise "
            "`max_shrink_percent`."
        ),
    )
