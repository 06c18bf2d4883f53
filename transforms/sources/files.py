"""Which files an entity has, their columns, and what is wrong with those.

This is found before anything is read.
"""

import errno
import glob
import hashlib
import os
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from stat import S_ISREG
from typing import Literal

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import SourceError
from overtide.schemas.instants import Instant
from overtide.schemas.mistakes import one_of, short
from overtide.schemas.suggestions import closest
from overtide.schemas.wording import waiting_told
from overtide.transforms.sources.contents import unreadable
from overtide.transforms.sources.contract import Layout
from overtide.transforms.sources.deliveries import (
    delivery_of,
    find_deliveries,
    of_deletes,
)
from overtide.transforms.sources.formats import format_of
from overtide.transforms.sources.layout import layout_of
from overtide.transforms.sources.staged import origin_of

AHEAD = 2 << 30
"""Bytes that are loaded before they are needed; of more the system might drop some again."""
SUGGESTED = 20
"""For so many missing columns another name is sought.

Each is compared with every column of the file.
"""


@dataclass(frozen=True)
class Finding:
    """One thing that a look at an entity's files found; a note stops nothing."""

    severity: Literal["mistake", "note"]
    code: str
    message: str
    column: str | None = None
    expected: str | None = None
    suggestion: str | None = None

    def error(self, entity: str) -> SourceError:
        """Return a mistake as the error of a refresh."""
        hint = f"Did you mean `{self.suggestion}`?" if self.suggestion else None
        return SourceError(self.code, self.message, entity, hint)


def files_of(folder: Path, entity: Entity, now: Instant | None) -> list[Path]:
    """Return the files of an entity's path or glob, sorted by name.

    Of full data and changes those of the hours that have ended at an instant, or of all hours where
    none is given. Raise `no_files` where there are none.

    Raises `unreadable_file` for what matches and is no file, and for a folder that could hold files
    and lets nobody look: without them customers would vanish.
    """
    pattern = entity.path or ""
    exact = folder / pattern
    if entity.is_remote:
        raise SourceError("no_files", f"{entity.origin} is in no file.", entity.origin)
    try:
        if entity.deliveries is not None:
            return list(find_deliveries(folder, entity, now).files)
        if exact.is_file():
            return [exact]
        files = [path for path in _matches(folder, pattern) if not path.is_dir()]
        for path in files:
            if not S_ISREG(path.stat().st_mode):
                raise unreadable(
                    within(folder, path), "is no regular file", "Remove it, or correct `path`."
                )
    except OSError as error:
        place = within(folder, Path(error.filename)) if error.filename else pattern
        raise unreadable(
            place,
            f"cannot be read ({error.strerror})",
            "Check the file, its folder, and their permissions.",
        ) from None
    if files:
        return files
    hint = (
        f"It is a folder: name the files in it, such as {pattern.rstrip('/')}/*."
        if exact.is_dir()
        else "Correct `path` of the entity; a relative one is within the project's folder."
    )
    raise SourceError("no_files", f"No file matches {pattern}.", pattern, hint)


def _matches(folder: Path, pattern: str) -> list[Path]:
    """Return what matches a pattern, sorted by name.

    Raise `OSError` where a folder on the way cannot be searched.
    """
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
    """Return how a file is named to people.

    By its path within the project's folder where it lies there, a copy by where it comes from.
    """
    origin = origin_of(file)
    if origin is not None:
        return origin
    name = file.relative_to(folder) if file.is_relative_to(folder) else file
    return os.fsencode(name).decode(errors="backslashreplace")


def expected_layout(file: Path, shown: str, name: str, entity: Entity) -> Layout:
    """Return how a file is laid out.

    Raise the first thing that is wrong with its columns, naming the file `shown`.
    """
    layout = layout_of(file, shown, entity)
    for finding in _check_columns(file, shown, layout, entity):
        if finding.severity == "mistake":
            raise finding.error(name)
    return layout


def check_columns(
    folder: Path,
    entity: Entity,
    copies: Sequence[Path] | None = None,
    now: Instant | None = None,
) -> list[Finding]:
    """Compare an entity's configured attributes with the columns that its files really have.

    Its files are `copies` of what another machine has, if any, else those that count `now`, or all.
    What is wrong with several files in the same way is found once.
    """
    try:
        files = files_of(folder, entity, now) if copies is None else copies
    except SourceError as error:
        return [Finding("mistake", error.code, str(error))]
    found: dict[tuple[str, str | None], list[Finding]] = {}
    for file in files:
        for finding in _check_file(file, folder, entity):
            found.setdefault((finding.code, finding.column), []).append(finding)
    return [_joined(same) for same in found.values()]


def check_deliveries(folder: Path, entity: Entity, now: Instant | None) -> list[Finding]:
    """Return what a folder of full data and changes has that a refresh would not read `now`."""
    if entity.deliveries is None or entity.is_remote:
        return []
    try:
        found = find_deliveries(folder, entity, now)
    except (SourceError, OSError):
        return []  # it is said where the files are looked at
    notes = []
    if found.waiting:
        notes.append(Finding("note", "hour_not_ended", waiting_told(found.told_waiting)))
    if found.passed_over:
        message = f"Beside the deliveries in {entity.path}, and not read: "
        notes.append(Finding("note", "passed_over", f"{message}{one_of(found.passed_over, 3)}."))
    return notes


def about_rows(file: Path, entity: Entity) -> int:
    """Return how many rows a file has: exactly where it says so, else about."""
    return format_of(entity).about_rows(file)


def _joined(same: list[Finding]) -> Finding:
    more = len(same) - 1
    alike = f" ({more:,} more {'file' if more == 1 else 'files'} alike)"
    return replace(same[0], message=same[0].message + alike) if more else same[0]


def _check_file(file: Path, folder: Path, entity: Entity) -> list[Finding]:
    shown = within(folder, file)
    reading = of_deletes(entity) if is_of_deletes(folder, entity, file) else entity
    try:
        layout = layout_of(file, shown, reading)
    except SourceError as error:
        return [Finding("mistake", error.code, str(error))]
    return [
        finding
        for finding in _check_columns(file, shown, layout, reading)
        if reading is entity or finding.code != "new_column"
    ]


def is_of_deletes(folder: Path, entity: Entity, file: Path) -> bool:
    """Say whether a file of an entity names records that are gone."""
    return delivery_of(entity, root_of(folder, entity), within(folder, file)).deletes


def root_of(folder: Path, entity: Entity) -> str:
    """Return how the folder of an entity of full data and changes is named to people."""
    path = (entity.path or "").rstrip("/")
    return path if entity.is_remote else within(folder, folder / path)


def _check_columns(file: Path, shown: str, layout: Layout, entity: Entity) -> Iterator[Finding]:
    yield from _twice(shown, layout.columns, entity)
    there = set(layout.columns)
    missing = [
        name
        for name, one in entity.inputs.items()
        if one.column not in there and not one.attribute.optional
    ]
    source_format, other = format_of(entity), None
    if missing:
        other = source_format.other_delimiter(file, layout, entity, len(missing))
    if other is None:
        yield from _missing(shown, missing, layout.columns, entity)
        yield from _new(shown, layout.columns, entity)
    else:
        correct = (
            "Correct `delimiter` of the entity."
            if layout.before == 0
            else "Correct its first line (`sep=`)."
        )
        message = (
            f"The columns of {shown} are separated by {other!r}, not by "
            f"{layout.delimiter!r}. {correct}"
        )
        yield Finding("mistake", "wrong_delimiter", message, expected=other)


def _twice(shown: str, columns: Sequence[str], entity: Entity) -> Iterator[Finding]:
    for column, other in same_names(columns, entity):
        message = (
            f"{shown} has the columns {short(other)!r} and {short(column)!r}, which are one name. "
            "Give each its own."
        )
        yield Finding("mistake", "duplicate_column", message, column, "every name once")


def same_names(columns: Sequence[str], entity: Entity) -> Iterator[tuple[str, str]]:
    """Give the columns of a file with the name of an earlier one, and that.

    Columns without a name, as spreadsheets like to write them, are never read.
    """
    seen: dict[str, str] = {}
    for column in columns:
        name = format_of(entity).name_of(column)
        if column and name in seen:
            yield column, seen[name]
        seen.setdefault(name, column)


def new_columns(columns: Sequence[str], entity: Entity) -> list[str]:
    """Return the named columns that the configuration does not know; they are not read."""
    return [column for column in columns if column and column not in entity.columns]


def _missing(
    shown: str, missing: list[str], columns: Sequence[str], entity: Entity
) -> Iterator[Finding]:
    unknown = [column for column in columns if column not in entity.columns]
    there = one_of(map(short, columns))
    for number, name in enumerate(missing):
        column = entity.inputs[name].column
        message = (
            f"{shown} has no column {short(column)!r}; it has {there}. "
            "Correct the name, or mark the attribute `optional: true`."
        )
        meant = closest(column, unknown) if number < SUGGESTED else None
        owner = entity.inputs[name].owner
        yield Finding("mistake", "missing_column", message, owner, there, meant)


def _new(shown: str, columns: Sequence[str], entity: Entity) -> Iterator[Finding]:
    for column in new_columns(columns, entity):
        message = f"{shown} has a column {short(column)!r} that is not configured; it is not read."
        yield Finding("note", "new_column", message, column)


@contextmanager
def reading_ahead(
    files: Sequence[Path], unknown: Collection[Path] = ()
) -> Iterator[dict[Path, str]]:
    """Load files from disk while the block works on those before them.

    The system does so, and the block waits less for a disk.

    Gives a dictionary that holds, once the block has ended well, the SHA-256 of the contents of
    those that are `unknown`, which are read to their ends. What cannot be read is left to whoever
    needs it.
    """
    stopped, failed = threading.Event(), threading.Event()
    found: dict[Path, str] = {}

    def load() -> None:
        left, block = AHEAD, memoryview(bytearray(1 << 20))
        for path in dict.fromkeys([*files, *unknown]):
            content = hashlib.sha256() if path in unknown else None
            with suppress(OSError), path.open("rb", buffering=0) as file:
                while (content or (left > 0 and not stopped.is_set())) and not failed.is_set():
                    if not (read := file.readinto(block)):
                        if content:
                            found[path] = content.hexdigest()
                        break
                    left -= read
                    if content:
                        content.update(block[:read])

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    try:
        yield found
    except BaseException:
        failed.set()
        raise
    finally:
        stopped.set()
        thread.join()
