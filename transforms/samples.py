"""A look at a few rows of an entity's files, for `validate`.

From the beginning, the middle and the end of each.

Pieces of a file that lie behind its beginning are read only where a line is a row by itself, so a
text of several lines is never taken for rows.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overtide.schemas.configuration import Entity
from overtide.schemas.errors import OvertideError
from overtide.schemas.strict_json import parse_json
from overtide.schemas.types import type_of
from overtide.transforms.contents import is_utf8, opened_text
from overtide.transforms.layout import bounded_lines, layout_of
from overtide.transforms.raw import Layout
from overtide.transforms.sources import within

if TYPE_CHECKING:
    import pyarrow as pa

FILES = 9
"""Files of an entity that are looked at: the first, the last, and some between them."""
ROWS, VALUES = 500, 200_000
"""Rows of a piece of a file, and values of an entity, that are looked at."""
PIECE = 1 << 18
"""Bytes of a piece in the middle or at the end of a file."""
COUNTED = 1 << 28
"""Bytes before a piece whose lines are counted; behind more, a place is named by its byte."""


@dataclass(frozen=True, slots=True)
class Row:
    """A sampled row: its place, and its values by attribute, as a posted record has them.

    A line that is no row has no values, and `wrong` says what is wrong with it.
    """

    place: str
    values: Mapping[str, Any]
    wrong: str | None = None


def sampled_rows(folder: Path, entity: Entity, files: Sequence[Path]) -> Iterator[Row]:
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
        readers = {"csv": _csv_rows, "jsonl": _json_rows, "parquet": _parquet_rows}
        yield from readers[entity.format](file, shown, entity, layout, rows)


def _csv_rows(file: Path, shown: str, entity: Entity, layout: Layout, most: int) -> Iterator[Row]:
    line, columns = 1, list(layout.columns)
    with opened_text(file, entity) as opened, suppress(csv.Error, UnicodeError):
        rows, header = csv.reader(opened.text, delimiter=layout.delimiter), True
        for row in islice(rows, most + 1):
            if row and not header:
                yield _csv_row(f"{shown}, line {line}", row, columns, entity)
            header, line = header and row != columns, rows.line_num + 1
    for place, line_text in _later_lines(file, shown, layout, most, line - 1):
        with suppress(csv.Error):
            row = next(csv.reader([line_text], delimiter=layout.delimiter, strict=True), [])
            if len(row) == len(columns):
                yield _csv_row(place, row, columns, entity)


def _csv_row(place: str, row: list[str], columns: list[str], entity: Entity) -> Row:
    if len(row) != len(columns):
        return Row(place, {}, f"it has {len(row)} columns, not {len(columns)}")
    return Row(
        place,
        {name: text for name, text in zip(columns, row, strict=True) if name in entity.attributes},
    )


def _json_rows(file: Path, shown: str, entity: Entity, layout: Layout, most: int) -> Iterator[Row]:
    beginning: list[tuple[str, str]] = []
    with opened_text(file, entity) as opened, suppress(UnicodeError):
        lines = islice(bounded_lines(opened.text), most)
        beginning = [
            (f"{shown}, line {number}", line) for number, line in enumerate(lines, start=1)
        ]
    for place, line in chain(beginning, _later_lines(file, shown, layout, most, len(beginning))):
        if line.strip():
            yield _json_row(place, line, entity)


def _json_row(place: str, line: str, entity: Entity) -> Row:
    try:
        document = parse_json(line.strip())
    except OvertideError as error:
        return Row(
            place,
            {},
            "it is no JSON object: "
            + error.message.removeprefix("This is no JSON document: ").rstrip("."),
        )
    if not isinstance(document, dict):
        return Row(place, {}, "it is no JSON object")
    return Row(place, {name: document.get(name) for name in entity.attributes})


def _later_lines(
    file: Path, shown: str, layout: Layout, most: int, behind: int
) -> Iterator[tuple[str, str]]:
    """Give whole lines from the middle and the end of a file, with their places.

    Those behind the line `behind`.
    """
    size = file.stat().st_size
    encoding = "utf-8" if is_utf8(layout.encoding) else layout.encoding
    if layout.packed or len("\n".encode(encoding)) > 1:
        return
    length = min(PIECE, size // 4)
    for start, wanted in ((size // 2, slice(most)), (size - length, slice(-most, None))):
        piece = _piece(file, start, length)
        first, end = piece.find(b"\n") + 1, piece.rfind(b"\n")
        lines = (
            piece[first:end].decode(encoding, errors="replace").split("\n")
            if 0 < first < end
            else []
        )
        before = _lines_before(file, start + first) if start <= COUNTED else None
        for number, line in list(enumerate(lines, start=1))[wanted]:
            place = f"near byte {start:,}" if before is None else f"line {before + number}"
            if before is None or before + number > behind:
                yield f"{shown}, {place}", line.rstrip("\r")


def _piece(file: Path, start: int, length: int) -> bytes:
    with file.open("rb") as opened_file:
        opened_file.seek(start)
        return opened_file.read(length)


def _lines_before(file: Path, end: int) -> int:
    lines = 0
    with file.open("rb") as opened_file:
        while end > 0 and (block := opened_file.read(min(end, 1 << 20))):
            lines, end = lines + block.count(b"\n"), end - len(block)
    return lines


def _parquet_rows(
    file: Path, shown: str, entity: Entity, layout: Layout, most: int
) -> Iterator[Row]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as source:
        groups, names = (
            source.num_row_groups,
            [name for name in entity.attributes if name in layout.columns],
        )
        for group in sorted({0, groups // 2, groups - 1}) if groups else ():
            before = sum(source.metadata.row_group(number).num_rows for number in range(group))
            for batch in islice(source.iter_batches(most, [group], names), 1):
                yield from (
                    Row(f"{shown}, row {before + number}", values)
                    for number, values in enumerate(_values(batch, entity), start=1)
                )


def _values(batch: "pa.RecordBatch", entity: Entity) -> Iterator[dict[str, Any]]:
    """Give the rows of a batch as values of JSON.

    A time in a column of times fits a date, so it is left out.
    """
    import pyarrow as pa

    columns = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_temporal(column.type):
            fitting = type_of(entity.attribute(name).type).is_time
            columns[name] = (
                [None] * len(column) if fitting else column.cast(pa.string()).to_pylist()
            )
        elif pa.types.is_floating(column.type):
            columns[name] = [_number(value) for value in column.to_pylist()]
        elif pa.types.is_decimal(column.type):
            columns[name] = [
                None if value is None else f"{value:f}" for value in column.to_pylist()
            ]
        else:
            columns[name] = [
                value.decode(errors="replace") if isinstance(value, bytes) else value
                for value in column.to_pylist()
            ]
    for number in range(len(batch)):
        yield {name: values[number] for name, values in columns.items()}


def _number(value: float | None) -> object:
    """Return a number as it is read: a whole one has no point, and what is no number is null."""
    if value is None or value != value or value in (float("inf"), float("-inf")):
        return None
    return int(value) if value.is_integer() else value
