"""Which files an entity has, which columns they have, and what is wrong with those before anything is read."""

import codecs
import csv
import glob
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from schemas.configuration import Entity
from schemas.errors import OvertideError
from schemas.mistakes import closest, one_of

SAMPLED_LINES = 1000
"""JSON lines name their columns row by row: so many are read, and more only while a configured column is missing."""


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
    return [*_twice(file, columns), *_missing(file, columns, entity), *_new(file, columns, entity)]


def _twice(file: Path, columns: list[str]) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for column in columns:
        other = seen.setdefault(column.casefold(), column)
        if other is not column:
            message = f"{file.name} has the columns {other!r} and {column!r}, which are one name; give each its own."
            yield Finding("mistake", "duplicate_column", message, file, column, "every name once")


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
    for column in columns:
        if column not in entity.attributes:
            message = f"{file.name} has a column {column!r} that is not configured; it is not read."
            yield Finding("note", "new_column", message, file, column)


def _csv_columns(file: Path, entity: Entity) -> list[str]:
    with file.open(encoding=_encoding(entity), newline="") as text:
        try:
            return next(csv.reader(text, delimiter=entity.delimiter), [])
        except csv.Error as error:
            raise _unreadable(file, f"has a first line that is no header ({error})",
                              "Check `delimiter`, `encoding` and `format` of the entity.") from None


def _parquet_columns(file: Path, _: Entity) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return list(pq.read_schema(file).names)
    except pa.ArrowInvalid:
        raise _unreadable(file, "is not a Parquet file", "Correct `format` or `path` of the entity.") from None


def _json_columns(file: Path, entity: Entity) -> list[str]:
    wanted = set(entity.attributes)
    columns: dict[str, None] = {}
    with file.open(encoding=_encoding(entity)) as lines:
        for line in islice(lines, SAMPLED_LINES):
            columns.update(dict.fromkeys(_keys(line)))
        for line in lines:
            if wanted <= columns.keys():
                break
            columns.update(dict.fromkeys(_keys(line)))
    return list(columns)


def _keys(line: str) -> list[str]:
    try:
        row = json.loads(line)
    except ValueError:
        return []
    return list(row) if isinstance(row, dict) else []


def _encoding(entity: Entity) -> str:
    """A byte order mark is never part of the first column's name."""
    return "utf-8-sig" if codecs.lookup(entity.encoding).name == "utf-8" else entity.encoding


def _escaped(folder: Path) -> Path:
    return Path(glob.escape(str(folder)))


def _unreadable(file: Path, what: str, hint: str) -> OvertideError:
    return OvertideError("unreadable_file", f"{file} {what}.", str(file), hint)
