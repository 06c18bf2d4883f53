"""Which files an entity has, which columns they have, and what is wrong with those before anything is read."""

import codecs
import csv
import errno
import glob
import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from stat import S_ISREG
from typing import Literal, TextIO

from schemas.configuration import Entity
from schemas.errors import OvertideError
from schemas.mistakes import one_of
from schemas.suggestions import closest

SAMPLED_LINES = 1000
"""JSON lines name their columns row by row: so many are read, and more while a column is missing that must be there."""
SAMPLED_BYTES = 1 << 20
AHEAD = 2 << 30
"""Bytes that are loaded before they are needed; of more the system might drop some again."""
DELIMITERS = ",;\t|"
"""What separates columns where it is not the configured delimiter."""


@dataclass(frozen=True)
class Finding:
    """One thing that a look at an entity's files found; a note stops nothing."""

    severity: Literal["mistake", "note"]
    code: str
    message: str
    column: str | None = None
    expected: str | None = None
    suggestion: str | None = None

    def error(self, entity: str) -> OvertideError:
        """Return a mistake as the error of a refresh."""
        hint = f"Did you mean `{self.suggestion}`?" if self.suggestion else None
        return OvertideError(self.code, self.message, entity, hint)


@dataclass
class _UnreadableError(Exception):
    """What is wrong with a file as a whole, without its name, and what to do."""

    what: str
    hint: str


def files_of(folder: Path, entity: Entity) -> list[Path]:
    """Return the files of an entity's path or glob, sorted by name; raise `no_files` where there are none.

    Raises `unreadable_file` for what matches and is no file, and for a folder that could hold files and lets nobody
    look: without them customers would vanish.
    """
    exact = folder / entity.path
    try:
        if exact.is_file():
            return [exact]
        files = [path for path in _matches(folder, entity.path) if not path.is_dir()]
        for path in files:
            if not S_ISREG(path.stat().st_mode):
                raise _unreadable(within(folder, path), "is no regular file", "Remove it, or correct `path`.")
    except OSError as error:
        place = within(folder, Path(error.filename)) if error.filename else entity.path
        raise _unreadable(place, f"cannot be read ({error.strerror})", "Check the file, its folder, and their "
                          "permissions.") from None
    if files:
        return files
    hint = f"It is a folder: name the files in it, such as {entity.path.rstrip('/')}/*." if exact.is_dir() \
        else "Correct `path` of the entity; a relative one is within the project's folder."
    raise OvertideError("no_files", f"No file matches {entity.path}.", entity.path, hint)


def _matches(folder: Path, pattern: str) -> list[Path]:
    """Return what matches a pattern, sorted by name; raise `OSError` where a folder on the way cannot be searched."""
    parts, start = Path(pattern).parts, Path(glob.escape(str(folder)))
    first = next((number for number, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    for number in range(first, len(parts)):
        for parent in filter(Path.is_dir, _globbed(start.joinpath(*parts[:number]))):
            if not os.access(parent, os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(parent))
            if glob.has_magic(parts[number]):
                os.scandir(parent).close()
    return _globbed(start / pattern)


def _globbed(pattern: Path) -> list[Path]:
    return sorted(map(Path, glob.glob(str(pattern), recursive=True)))  # noqa: PTH207 (Path.glob: no absolute pattern)


def within(folder: Path, file: Path) -> str:
    """Return how a file is named to people: by its path within the project's folder where it lies there."""
    return str(file.relative_to(folder)) if file.is_relative_to(folder) else str(file)


def expected_columns(file: Path, shown: str, name: str, entity: Entity) -> list[str]:
    """Return the names of a file's columns; raise the first thing that is wrong with them, naming the file `shown`."""
    columns = columns_of(file, shown, entity)
    for finding in _check_columns(file, shown, columns, entity):
        if finding.severity == "mistake":
            raise finding.error(name)
    return columns


def columns_of(file: Path, shown: str, entity: Entity) -> list[str]:
    """Return the names of a file's columns, in its order; raise `empty_file` or `unreadable_file` of `shown`."""
    readers = {"csv": _csv_columns, "parquet": _parquet_columns, "jsonl": _json_columns}
    try:
        columns = readers[entity.format](file, entity)
    except _UnreadableError as error:
        raise _unreadable(shown, error.what, error.hint) from None
    except UnicodeError:
        raise _unreadable(shown, f"is not {entity.encoding}", "Correct `encoding` of the entity.") from None
    except OSError as error:
        raise _unreadable(shown, f"cannot be read ({error.strerror})", "Check the file and its permissions.") from None
    if not columns:
        raise OvertideError("empty_file", f"{shown} has no columns: it is empty.", shown, "Correct or remove it.")
    return columns


def check_columns(folder: Path, entity: Entity) -> list[Finding]:
    """Compare an entity's configured attributes with the columns that its files really have.

    What is wrong with several files in the same way is found once.
    """
    try:
        files = files_of(folder, entity)
    except OvertideError as error:
        return [Finding("mistake", error.code, str(error))]
    found: dict[tuple[str, str | None], list[Finding]] = {}
    for file in files:
        for finding in _check_file(file, folder, entity):
            found.setdefault((finding.code, finding.column), []).append(finding)
    return [_joined(same) for same in found.values()]


def about_rows(file: Path, entity: Entity) -> int:
    """Return how many rows a file has: exactly from its metadata, or about, from its size and its first lines."""
    if entity.format == "parquet":
        import pyarrow.parquet as pq

        return int(pq.read_metadata(file).num_rows)
    with file.open("rb") as opened:
        beginning = opened.read(SAMPLED_BYTES)
    lines = beginning.count(b"\n") * file.stat().st_size // max(1, len(beginning))
    return max(0, lines - (entity.format == "csv"))


def _joined(same: list[Finding]) -> Finding:
    more = len(same) - 1
    alike = f" ({more:,} more {'file' if more == 1 else 'files'} alike)"
    return replace(same[0], message=same[0].message + alike) if more else same[0]


def _check_file(file: Path, folder: Path, entity: Entity) -> list[Finding]:
    shown = within(folder, file)
    try:
        columns = columns_of(file, shown, entity)
    except OvertideError as error:
        return [Finding("mistake", error.code, str(error))]
    return list(_check_columns(file, shown, columns, entity))


def _check_columns(file: Path, shown: str, columns: list[str], entity: Entity) -> Iterator[Finding]:
    yield from _twice(shown, columns, entity)
    missing = [name for name in entity.attributes if name not in columns and not entity.attribute(name).optional]
    other = _other_delimiter(file, entity, len(missing)) if missing else None
    if other is None:
        yield from _missing(shown, missing, columns, entity)
        yield from _new(shown, columns, entity)
    else:
        message = f"The columns of {shown} are separated by {other!r}, not by {entity.delimiter!r}. " \
                  "Correct `delimiter` of the entity."
        yield Finding("mistake", "wrong_delimiter", message, expected=other)


def _other_delimiter(file: Path, entity: Entity, missing: int) -> str | None:
    """Return the delimiter by which fewer columns are missing, or None."""
    if entity.format != "csv":
        return None
    for other in DELIMITERS.replace(entity.delimiter, ""):
        with suppress(_UnreadableError):
            columns = _csv_columns(file, entity.model_copy(update={"delimiter": other}))
            if sum(name not in columns for name in entity.attributes) < missing:
                return other
    return None


def _twice(shown: str, columns: list[str], entity: Entity) -> Iterator[Finding]:
    for column, other in same_names(columns, entity):
        message = f"{shown} has the columns {other!r} and {column!r}, which are one name. Give each its own."
        yield Finding("mistake", "duplicate_column", message, column, "every name once")


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


def _missing(shown: str, missing: list[str], columns: list[str], entity: Entity) -> Iterator[Finding]:
    unknown = [column for column in columns if column not in entity.attributes]
    for name in missing:
        message = f"{shown} has no column {name!r}; it has {one_of(columns)}. " \
                  "Correct the name, or mark the attribute `optional: true`."
        yield Finding("mistake", "missing_column", message, name, one_of(columns), closest(name, unknown))


def _new(shown: str, columns: list[str], entity: Entity) -> Iterator[Finding]:
    for column in new_columns(columns, entity):
        message = f"{shown} has a column {column!r} that is not configured; it is not read."
        yield Finding("note", "new_column", message, column)


def _csv_columns(file: Path, entity: Entity) -> list[str]:
    with opened(file, entity) as text:
        first = text.readline()
        if _keys(first):
            raise _UnreadableError("holds JSON lines, not CSV", "Set `format: jsonl` of the entity.")
        try:
            found = next(csv.reader(chain([first] * bool(first), text), delimiter=entity.delimiter, strict=True), None)
        except csv.Error as error:
            raise _UnreadableError(f"has a first line that is no header ({error})",
                                   "Check `delimiter`, `encoding` and `format` of the entity.") from None
    if found == []:
        raise _UnreadableError("begins with a blank line", "The first line of a CSV file names its columns.")
    "".join(found or []).encode()  # half a surrogate pair stands for what is no UTF-8
    return found or []


@contextmanager
def opened(file: Path, entity: Entity) -> Iterator[TextIO]:
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
        raise _UnreadableError("is not a Parquet file", "Correct `format` or `path` of the entity.") from None


def _json_columns(file: Path, entity: Entity) -> list[str]:
    wanted = {name for name in entity.attributes if not entity.attribute(name).optional}
    columns: dict[str, None] = {}
    with opened(file, entity) as lines:
        for number, line in enumerate(lines):
            if number >= SAMPLED_LINES and columns and wanted <= columns.keys():
                break
            columns.update(dict.fromkeys(_keys(line)))
    if not columns and file.stat().st_size:
        raise _UnreadableError("holds no JSON object", "Every line is one JSON object.")
    return list(columns)


def _keys(line: str) -> list[str]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return []
    return list(row) if isinstance(row, dict) else []


def _unreadable(shown: str, what: str, hint: str) -> OvertideError:
    return OvertideError("unreadable_file", f"{shown} {what}.", shown, hint)


@contextmanager
def reading_ahead(files: Sequence[Path]) -> Iterator[None]:
    """Let the system load files from disk while the block works on those before them, so that it waits less for a disk.

    What cannot be read is left to whoever needs it.
    """
    stopped = threading.Event()

    def load() -> None:
        left, block = AHEAD, bytearray(1 << 20)
        for path in files:
            with suppress(OSError), path.open("rb", buffering=0) as file:
                while left > 0 and not stopped.is_set() and (read := file.readinto(block)):
                    left -= read

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
