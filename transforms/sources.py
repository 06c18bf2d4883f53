"""Which files an entity has, which columns they have, and what is wrong with those before anything is read."""

import codecs
import csv
import glob
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from schemas.configuration import Entity
from schemas.errors import OvertideError
from schemas.mistakes import closest, one_of

SAMPLED_LINES = 1000
"""JSON lines name their columns row by row: so many are read, and more while a column is missing that must be there."""


@dataclass(frozen=True)
class Finding:
    """One thing that a look at an entity's files found; a note stops nothing."""

    severity: Literal["mistake", "note"]
    code: str
    message: str
    file: Path | None = None
    column: str | None = None
    expected: str | None = None
    suggestion: str | None = None


def files_of(folder: Path, entity: Entity) -> list[Path]:
    """Return the files of an entity's path or glob, sorted by name; raise `no_files` where there are none."""
    exact = folder / entity.path
    if exact.is_file():
        return [exact]
    pattern = str(_escaped(folder) / entity.path)
    found = glob.glob(pattern, recursive=True)  # noqa: PTH207 (Path.glob takes no absolute pattern)
    files = [path for path in sorted(map(Path, found)) if path.is_file()]
    if files:
        return files
    hint = f"It is a folder: name the files in it, such as {entity.path.rstrip('/')}/*." if exact.is_dir() \
        else "Correct `path` of the entity; a relative one is within the project's folder."
    raise OvertideError("no_files", f"No file matches {entity.path}.", entity.path, hint)


def columns_of(file: Path, entity: Entity) -> list[str]:
    """Return the names of a file's columns, in its order; raise `empty_file` or `unreadable_file`."""
    readers = {"csv": _csv_columns, "parquet": _parquet_columns, "jsonl": _json_columns}
    try:
        columns = readers[entity.format](file, entity)
    except UnicodeError:
        raise _unreadable(file, f"is not {entity.encoding}", "Correct `encoding` of the entity.") from None
    except OSError as error:
        raise _unreadable(file, f"cannot be read ({error.strerror})", "Check the file and its permissions.") from None
    if not columns:
        raise OvertideError("empty_file", f"{file} has no columns: it is empty.", str(file), "Correct or remove it.")
    return columns


def check_columns(folder: Path, entity: Entity) -> list[Finding]:
    """Compare an entity's configured attributes with the columns that its files really have."""
    try:
        files = files_of(folder, entity)
    except OvertideError as error:
        return [Finding("mistake", error.code, str(error))]
    return [finding for file in files for finding in _check_file(file, entity)]


def _check_file(file: Path, entity: Entity) -> list[Finding]:
    try:
        columns = columns_of(file, entity)
    except OvertideError as error:
        return [Finding("mistake", error.code, str(error), file)]
    return [*_twice(file, columns, entity), *_missing(file, columns, entity), *_new(file, columns, entity)]


def _twice(file: Path, columns: list[str], entity: Entity) -> Iterator[Finding]:
    for column, other in same_names(columns, entity):
        message = f"{file.name} has the columns {other!r} and {column!r}, which are one name; give each its own."
        yield Finding("mistake", "duplicate_column", message, file, column, "every name once")


def same_names(columns: list[str], entity: Entity) -> Iterator[tuple[str, str]]:
    """Give the columns of a file with the name of an earlier one, and that: to the lake `Id` and `id` are one name.

    JSON keys are exact; columns without a name, as spreadsheets like to write them, are never read.
    """
    seen: dict[str, str] = {}
    for column in columns if entity.format != "jsonl" else ():
        if column and column.casefold() in seen:
            yield column, seen[column.casefold()]
        seen.setdefault(column.casefold(), column)


def new_columns(columns: list[str], entity: Entity) -> list[str]:
    """Return the named columns that the configuration does not know; they are not read."""
    return [column for column in columns if column and column not in entity.attributes]


def _missing(file: Path, columns: list[str], entity: Entity) -> Iterator[Finding]:
    unknown = [column for column in columns if column not in entity.attributes]
    for name in entity.attributes:
        if name in columns or entity.attribute(name).optional:
            continue
        close = closest(name, unknown)
        message = f"{file.name} has no column {name!r}; it has {one_of(columns)}. " \
                  "Correct the name, or mark the attribute `optional: true`."
        yield Finding("mistake", "missing_column", message, file, name, one_of(columns), close)


def _new(file: Path, columns: list[str], entity: Entity) -> Iterator[Finding]:
    for column in new_columns(columns, entity):
        message = f"{file.name} has a column {column!r} that is not configured; it is not read."
        yield Finding("note", "new_column", message, file, column)


def _csv_columns(file: Path, entity: Entity) -> list[str]:
    with _opened(file, entity) as text:
        try:
            found = next(csv.reader(text, delimiter=entity.delimiter, strict=True), None)
        except csv.Error as error:
            raise _unreadable(file, f"has a first line that is no header ({error})",
                              "Check `delimiter`, `encoding` and `format` of the entity.") from None
    if found == []:
        raise _unreadable(file, "begins with a blank line", "The first line of a CSV file names its columns.")
    "".join(found or []).encode()  # half a surrogate pair stands for what is no UTF-8
    return found or []


@contextmanager
def _opened(file: Path, entity: Entity) -> Iterator[TextIO]:
    """Open a file behind its byte order mark; bytes that are no UTF-8 are left to the reading of their line."""
    errors = "surrogateescape" if is_utf8(entity) else "strict"
    with file.open(encoding=entity.encoding, newline="", errors=errors) as text:
        if text.read(1) != "\ufeff":
            text.seek(0)
        yield text


def is_utf8(entity: Entity) -> bool:
    """Say whether an entity's files can be read as they are: as UTF-8, of which ASCII is a part."""
    return codecs.lookup(entity.encoding).name in ("utf-8", "utf-8-sig", "ascii")


def _parquet_columns(file: Path, _: Entity) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return list(pq.read_schema(file).names)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise _unreadable(file, "is not a Parquet file", "Correct `format` or `path` of the entity.") from None


def _json_columns(file: Path, entity: Entity) -> list[str]:
    wanted = {name for name in entity.attributes if not entity.attribute(name).optional}
    columns: dict[str, None] = {}
    with _opened(file, entity) as lines:
        for number, line in enumerate(lines):
            if number >= SAMPLED_LINES and columns and wanted <= columns.keys():
                break
            columns.update(dict.fromkeys(_keys(line)))
    if not columns and file.stat().st_size:
        raise _unreadable(file, "holds no JSON object", "Every line is one JSON object.")
    return list(columns)


def _keys(line: str) -> list[str]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return []
    return list(row) if isinstance(row, dict) else []


def _escaped(folder: Path) -> Path:
    return Path(glob.escape(str(folder)))


def _unreadable(file: Path, what: str, hint: str) -> OvertideError:
    return OvertideError("unreadable_file", f"{file} {what}.", str(file), hint)
