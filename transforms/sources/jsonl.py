"""JSON lines: every line is one object, whose keys name the columns row by row."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import InvalidValueError
from overtide.schemas.source_paths import value_at
from overtide.schemas.strict_json import parse_line
from overtide.transforms.sources.contents import HALF, UnreadableError, opened_text
from overtide.transforms.sources.contract import Layout, SampledRow, SourceFormat, SourceText, Write
from overtide.transforms.sources.lines import JSON_BLANKS, bounded_lines, json_keys, later_lines
from overtide.transforms.sources.texts import about_lines

if TYPE_CHECKING:
    import numpy as np
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

SAMPLED_LINES = 1000
"""So many lines are asked for their keys, and more while a column is missing that must be there."""


class JsonLines(SourceFormat):
    """One JSON object a line."""

    def layout(self, file: Path, entity: Entity) -> Layout:
        """Return the keys of the first lines."""
        wanted = {name for name, needed in entity.columns.items() if needed}
        columns: dict[str, None] = {}
        begin, number = "", 0
        with opened_text(file, entity) as opened:
            for number, line in enumerate(bounded_lines(opened.text), start=1):
                if number > SAMPLED_LINES and columns and wanted <= columns.keys():
                    break
                columns.update(dict.fromkeys(json_keys(line)))
                begin = begin or line.strip()
        if not columns and number:
            raise _no_json_lines(begin, opened.encoding)
        return Layout(tuple(columns), opened.encoding, opened.packed)

    def read(
        self, connection: "DuckDBPyConnection", files: Sequence[SourceText], write: Write
    ) -> tuple[int, str]:
        """Write the rows; set the lines aside that are none."""
        from overtide.transforms.sources.json_reading import read_json

        return read_json(connection, files, write)

    def hashed_rows(self, connection: "DuckDBPyConnection", file: SourceText) -> str | None:
        """Return the lines."""
        del connection
        from overtide.transforms.sources.hashed_lines import hashed_lines

        return hashed_lines(file, 0)

    def only_rows(
        self, connection: "DuckDBPyConnection", file: SourceText, places: "NDArray[np.int64]"
    ) -> SourceText | None:
        """Write some lines."""
        del connection
        from overtide.transforms.sources.hashed_lines import write_lines

        return write_lines(file, 0, places)

    def places_of(self, file: SourceText, lines: "NDArray[np.int64]") -> "NDArray[np.int64]":
        """Return the places of lines."""
        from overtide.transforms.sources.hashed_lines import places_of

        return places_of(file, 0, lines)

    @property
    def numbers_rows(self) -> bool:
        """Whether what is wrong with a row says in which line it stands."""
        return True

    def sampled(
        self, file: Path, shown: str, entity: Entity, layout: Layout, most: int
    ) -> Iterator[SampledRow]:
        """Give lines from the beginning, the middle and the end."""
        beginning: list[tuple[str, str]] = []
        with opened_text(file, entity) as opened, suppress(UnicodeError):
            lines = islice(bounded_lines(opened.text), most)
            beginning = [
                (f"{shown}, line {number}", line) for number, line in enumerate(lines, start=1)
            ]
        for place, line in chain(beginning, later_lines(file, shown, layout, most, len(beginning))):
            if line.strip(JSON_BLANKS):
                yield _json_row(place, line, entity)

    def about_rows(self, file: Path) -> int:
        """Return about how many lines there are."""
        return about_lines(file)

    def alike(self, file: SourceText, place: int) -> object:
        """Return nothing: keys may differ from line to line anyway."""
        del file, place
        return None

    def name_of(self, column: str) -> str:
        """Return the key itself: keys are exact."""
        return column


def _no_json_lines(begin: str, encoding: str) -> UnreadableError:
    """Return what a text without a JSON object in a line seems to be, by its first line."""
    if HALF in begin:
        return UnreadableError(
            f"holds no JSON lines in {encoding}", "Correct `encoding` of the entity."
        )
    if begin.startswith("[") or (begin.startswith("{") and not begin.endswith("}")):
        what = "a JSON array" if begin.startswith("[") else "JSON over several lines"
        return UnreadableError(
            f"holds {what}, not JSON lines",
            "Write every object on one line of its own, without commas between them.",
        )
    if begin.startswith("{") and (why := _why_none(begin)):
        return UnreadableError(
            f"holds no JSON object in a line: {why}",
            "Every line is one JSON object, and nothing else.",
        )
    if any(mark in begin for mark in ",;\t|"):
        return UnreadableError(
            "seems to hold CSV, not JSON lines", "Set `format: csv` of the entity."
        )
    return UnreadableError("holds no JSON object", "Every line is one JSON object.")


def _json_row(place: str, line: str, entity: Entity) -> SampledRow:
    if HALF in line:
        return SampledRow(place, {}, "it is not in the encoding of its file")
    try:
        document = parse_line(line.strip(JSON_BLANKS))
    except InvalidValueError:
        return SampledRow(place, {}, f"it is no JSON object: {_why_none(line.strip(JSON_BLANKS))}")
    if not isinstance(document, dict):
        return SampledRow(place, {}, "it is no JSON object")
    values = {name: value_at(document, one.path) for name, one in entity.inputs.items()}
    return SampledRow(place, values)


def _why_none(line: str) -> str:
    """Return why a line is no JSON document, nothing of one that is."""
    try:
        parse_line(line)
    except InvalidValueError as error:
        return error.message.removeprefix("This is no JSON document: ").rstrip(".")
    return ""
