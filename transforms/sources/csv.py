"""CSV: a header names the columns, and a first line may say what separates them."""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.strict_json import parse_json
from overtide.transforms.sources.contents import HALF, UnreadableError, opened_text
from overtide.transforms.sources.contract import Layout, SampledRow, SourceFormat, SourceText, Write
from overtide.transforms.sources.lines import bounded_lines, json_keys, later_lines
from overtide.transforms.sources.texts import about_lines

if TYPE_CHECKING:
    import numpy as np
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

DELIMITERS = ",;\t|"
"""What separates columns where it is not the configured delimiter."""
SEPARATOR = re.compile(r'("?)sep=([^"\r\n])\2*\1(\r\n|\r|\n|\Z)', re.IGNORECASE)
"""The first line that tells spreadsheets what separates the columns of the lines that follow."""

COLUMNS_WRONG = "line: expected number of columns: "
"""How DuckDB's reason begins why a record is none that is whole, but has a wrong number of them."""


class Csv(SourceFormat):
    """Comma-separated values, in any encoding and with any delimiter."""

    def layout(self, file: Path, entity: Entity) -> Layout:
        """Return the columns of the header, and what separates them."""
        with opened_text(file, entity) as opened:
            lines = bounded_lines(opened.text)
            first = next(lines, "")
            separator = _separator(first, entity)
            delimiter, before = (separator, 1) if separator else (entity.delimiter, 0)
            columns = _header(next(lines, "") if before else first, lines, delimiter)
            return Layout(tuple(columns), opened.encoding, opened.packed, delimiter, before)

    def read(
        self, connection: "DuckDBPyConnection", files: Sequence[SourceText], write: Write
    ) -> tuple[int, str]:
        """Write the rows; set the lines aside that are none."""
        from overtide.transforms.sources.csv_reading import read_csv

        return read_csv(connection, files, write)

    def hashed_rows(self, connection: "DuckDBPyConnection", file: SourceText) -> str | None:
        """Return the lines behind the header, which says how they are read.

        Most rows are one each. None of one column, in which an empty line is a row, too.
        """
        del connection
        from overtide.transforms.sources.hashed_lines import hashed_lines

        layout = file.layout
        names = layout.columns
        if len(names) == 1 or any("\n" in name or "\r" in name for name in names):
            return None
        return hashed_lines(file, layout.before + 1, [layout.delimiter, *layout.columns])

    def only_rows(
        self, connection: "DuckDBPyConnection", file: SourceText, places: "NDArray[np.int64]"
    ) -> SourceText | None:
        """Write some lines behind a header; none in which a quote stays open."""
        del connection
        from overtide.transforms.sources.hashed_lines import write_lines

        header, layout = io.StringIO(), file.layout
        csv.writer(header, delimiter=layout.delimiter, lineterminator="").writerow(layout.columns)
        return write_lines(file, layout.before + 1, places, header.getvalue(), quotes=True)

    def lines_at(self, file: SourceText, places: "NDArray[np.int64]") -> "NDArray[np.int64] | None":
        """Return the numbers of lines."""
        from overtide.transforms.sources.hashed_lines import lines_at

        return lines_at(file, file.layout.before + 1, places)

    def places_of(self, file: SourceText, lines: "NDArray[np.int64]") -> "NDArray[np.int64]":
        """Return the places of lines."""
        from overtide.transforms.sources.hashed_lines import places_of

        return places_of(file, file.layout.before + 1, lines)

    def is_told_alone(self, details: str) -> bool:
        """Say whether a line has a wrong number of columns: a quote may be open for others."""
        return details.startswith(COLUMNS_WRONG)

    def sampled(
        self, file: Path, shown: str, entity: Entity, layout: Layout, most: int
    ) -> Iterator[SampledRow]:
        """Give rows from the beginning, and lines that are rows from the middle and the end."""
        line, columns = 1, list(layout.columns)
        with opened_text(file, entity) as opened, suppress(csv.Error, UnicodeError):
            rows, header = csv.reader(opened.text, delimiter=layout.delimiter), True
            for row in islice(rows, most + 1):
                if row and not header:
                    yield _csv_row(f"{shown}, line {line}", row, columns, entity)
                header, line = header and row != columns, rows.line_num + 1
        for place, line_text in later_lines(file, shown, layout, most, line - 1):
            with suppress(csv.Error):
                row = next(csv.reader([line_text], delimiter=layout.delimiter, strict=True), [])
                if len(row) == len(columns):
                    yield _csv_row(place, row, columns, entity)

    def about_rows(self, file: Path) -> int:
        """Return about how many lines there are behind the header."""
        return max(0, about_lines(file) - 1)

    def other_delimiter(
        self, file: Path, layout: Layout, entity: Entity, missing: int
    ) -> str | None:
        """Return the delimiter by which fewer columns are missing, or None."""
        for other in (entity.delimiter + DELIMITERS).replace(layout.delimiter, ""):
            with suppress(UnreadableError, UnicodeError):
                columns = set(csv_columns(file, entity, other))
                if sum(name not in columns for name in entity.columns) < missing:
                    return other
        return None

    def lines_of(
        self, file: Path, entity: Entity, records: Mapping[str, int]
    ) -> dict[str, list[int]]:
        """Return the first lines of records; no row of a CSV file says where it stands."""
        layout = self.layout(file, entity)
        places = {column: place for place, column in enumerate(layout.columns)}
        read = [places[one.column] for one in entity.inputs.values() if one.column in places]
        texts = {
            record: tuple(str(value or "") for value in parse_json(record).values())
            for record in records
        }
        sought, left = {texts[record]: record for record in records}, sum(records.values())
        found: dict[str, list[int]] = defaultdict(list)
        with suppress(csv.Error, UnicodeError), opened_text(file, entity) as opened:
            rows, line = csv.reader(opened.text, delimiter=layout.delimiter), 1
            for row in rows:
                record = (
                    sought.get(tuple(row[place] for place in read))
                    if len(row) == len(places)
                    else None
                )
                if record is not None and len(found[record]) < records[record]:
                    found[record].append(line)
                    left -= 1
                line = rows.line_num + 1
                if not left:
                    break
        return found


def csv_columns(file: Path, entity: Entity, delimiter: str) -> list[str]:
    """Return the columns that the header of a CSV file has if they are separated so."""
    with opened_text(file, entity) as opened:
        lines = bounded_lines(opened.text)
        first = next(lines, "")
        return _header(next(lines, "") if _separator(first, entity) else first, lines, delimiter)


def _separator(first: str, entity: Entity) -> str | None:
    """Return what a first line such as `sep=;` says, unless it is a column of that name."""
    found = SEPARATOR.fullmatch(first)
    return found.group(2) if found and first.strip('"\r\n') not in entity.columns else None


def _header(first: str, lines: Iterator[str], delimiter: str) -> list[str]:
    if json_keys(first):
        raise UnreadableError("holds JSON lines, not CSV", "Set `format: jsonl` of the entity.")
    try:
        found = next(
            csv.reader(chain([first] * bool(first), lines), delimiter=delimiter, strict=True), None
        )
    except csv.Error as error:
        raise UnreadableError(
            f"has a first line that is no header ({error})",
            "Check `delimiter`, `encoding` and `format` of the entity.",
        ) from None
    if found == []:
        raise UnreadableError(
            "begins with a blank line", "The first line of a CSV file names its columns."
        )
    "".join(found or []).encode()  # half a surrogate pair stands for what is not in the encoding
    return found or []


def _csv_row(place: str, row: list[str], columns: list[str], entity: Entity) -> SampledRow:
    if len(row) != len(columns):
        return SampledRow(place, {}, f"it has {len(row)} columns, not {len(columns)}")
    if any(HALF in text for text in row):
        return SampledRow(place, {}, "it is not in the encoding of its file")
    texts = dict(zip(columns, row, strict=True))
    return SampledRow(
        place,
        {name: texts[one.column] for name, one in entity.inputs.items() if one.column in texts},
    )
