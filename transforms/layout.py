"""How one source file is laid out: which columns it has, and where they stand."""

import csv
import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TextIO

from overtide.schemas.configuration import Entity
from overtide.schemas.errors import OvertideError
from overtide.transforms import raw
from overtide.transforms.contents import (
    HALF,
    UnreadableError,
    encoding_of,
    head,
    opened_text,
    seems,
)
from overtide.transforms.raw import Layout

SAMPLED_LINES = 1000
"""JSON lines name their columns row by row.

So many are read, and more while a column is missing that must be there.
"""
SEPARATOR = re.compile(r'("?)sep=([^"\r\n])\2*\1(\r\n|\r|\n|\Z)', re.IGNORECASE)
"""The first line that tells spreadsheets what separates the columns that follow.

It says so for the lines that follow.
"""


def layout_of(file: Path, shown: str, entity: Entity) -> Layout:
    """Return how a file is laid out; raise `empty_file` or `unreadable_file` of `shown`."""
    readers = {"csv": _csv_layout, "parquet": _parquet_layout, "jsonl": _json_layout}
    try:
        layout = readers[entity.format](file, entity)
    except UnreadableError as error:
        raise unreadable(shown, error.what, error.hint) from None
    except UnicodeError:
        encoding = encoding_of(head(file), entity.encoding)
        raise unreadable(shown, f"is not {encoding}", "Correct `encoding` of the entity.") from None
    except OSError as error:
        raise unreadable(
            shown, f"cannot be read ({error.strerror})", "Check the file and its permissions."
        ) from None
    if not layout.columns:
        raise OvertideError(
            "empty_file", f"{shown} has no columns: it is empty.", shown, "Correct or remove it."
        )
    return layout


def unreadable(shown: str, what: str, hint: str) -> OvertideError:
    """Return the error of a file that cannot be read as a whole."""
    return OvertideError("unreadable_file", f"{shown} {what}.", shown, hint)


def csv_columns(file: Path, entity: Entity, delimiter: str) -> list[str]:
    """Return the columns that the header of a CSV file has if they are separated so."""
    with opened_text(file, entity) as opened:
        lines = bounded_lines(opened.text)
        first = next(lines, "")
        return _header(next(lines, "") if _separator(first, entity) else first, lines, delimiter)


def bounded_lines(text: TextIO) -> Iterator[str]:
    """Give the lines of a text with their ends.

    One that is too long for any reader comes in pieces.
    """
    return iter(lambda: text.readline(raw.MAX_LINE), "")


def _csv_layout(file: Path, entity: Entity) -> Layout:
    with opened_text(file, entity) as opened:
        lines = bounded_lines(opened.text)
        first = next(lines, "")
        separator = _separator(first, entity)
        delimiter, before = (separator, 1) if separator else (entity.delimiter, 0)
        columns = _header(next(lines, "") if before else first, lines, delimiter)
        return Layout(tuple(columns), opened.encoding, opened.packed, delimiter, before)


def _separator(first: str, entity: Entity) -> str | None:
    """Return what a first line such as `sep=;` says, unless it is a column of that name."""
    found = SEPARATOR.fullmatch(first)
    return found.group(2) if found and first.strip('"\r\n') not in entity.attributes else None


def _header(first: str, lines: Iterator[str], delimiter: str) -> list[str]:
    if _keys(first):
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


def _parquet_layout(file: Path, _: Entity) -> Layout:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with file.open("rb") as opened:
            schema = pq.read_schema(opened)
        return Layout(tuple(schema.names), types=tuple(map(str, schema.types)))
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise UnreadableError(
            f"is not a Parquet file{seems(file)}", "Correct `format` or `path` of the entity."
        ) from None


def _json_layout(file: Path, entity: Entity) -> Layout:
    wanted = {name for name in entity.attributes if not entity.attribute(name).optional}
    columns: dict[str, None] = {}
    number = 0
    with opened_text(file, entity) as opened:
        for number, line in enumerate(bounded_lines(opened.text), start=1):
            if number > SAMPLED_LINES and columns and wanted <= columns.keys():
                break
            columns.update(dict.fromkeys(_keys(line)))
    if not columns and number:
        raise UnreadableError("holds no JSON object", "Every line is one JSON object.")
    return Layout(tuple(columns), opened.encoding, opened.packed)


def _keys(line: str) -> list[str]:
    if HALF in line:
        return []
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return []
    return list(row) if isinstance(row, dict) else []
