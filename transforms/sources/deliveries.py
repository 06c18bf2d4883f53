"""Folders of full data and changes: to which delivery each file of an entity belongs.

`FullData` holds all rows, `IncrementalData/yyyy/mm/dd/hh/Upserts` those that are new or other since
an hour (UTC) began, and `…/Deletes` those that are gone. Folders below these, and what files are
called, mean nothing, but that a name with `.` or `_` before it is passed over, as of what Spark
leaves beside its data. A file that is in none of them is refused: its rows would vanish.
"""

import errno
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from stat import S_ISREG
from typing import Any, Generic, TypeVar

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import SourceError
from overtide.schemas.instants import HOUR, Instant, microseconds
from overtide.schemas.suggestions import closest
from overtide.transforms.sources.contents import unreadable

FULL, CHANGES = "FullData", "IncrementalData"
UPSERTS, DELETES = "Upserts", "Deletes"
AN_HOUR = f"{CHANGES}/yyyy/mm/dd/hh/{UPSERTS} or {DELETES}"
LEVELS = (
    ("year of four digits", r"\d{4}"),
    ("month of two digits", r"0[1-9]|1[0-2]"),
    ("day of two digits", r"0[1-9]|[12]\d|3[01]"),
    ("hour from 00 to 23", r"[01]\d|2[0-3]"),
)
"""What the folders below `IncrementalData` are called, one within the other."""
SHOWN = 3
"""Misplaced files that an error names."""
File = TypeVar("File")


class MisplacedError(Exception):
    """A file is in no folder of a delivery; the text says why."""


@dataclass(frozen=True, order=True)
class Delivery:
    """What a file belongs to: all rows (no hour), or what is other or gone since an hour began."""

    hour: str = ""
    """`yyyy/mm/dd/hh`"""
    deletes: bool = False

    @property
    def ends(self) -> Instant | None:
        """When the hour has ended, None of all rows."""
        if not self.hour:
            return None
        return microseconds(datetime.strptime(self.hour, "%Y/%m/%d/%H")) + HOUR  # noqa: DTZ007


@dataclass(frozen=True)
class Deliveries(Generic[File]):
    """The files of an entity, in the order of their deliveries.

    Beside them those whose hours have not ended, and what is passed over.
    """

    files: tuple[File, ...]
    waiting: tuple[tuple[str, File], ...]
    """Each with its hour."""
    passed_over: tuple[str, ...]

    @property
    def told_waiting(self) -> dict[str, Any]:
        """What a manifest says of hours that have files already and have not ended."""
        hours = sorted({hour for hour, _ in self.waiting})
        return {"files": len(self.waiting), "hours": len(hours), "first": hours[0]}


def delivery_at(parts: Sequence[str]) -> Delivery | None:
    """Return the delivery of a file by its path within the entity's folder.

    None of one that is passed over. Raises `MisplacedError`.
    """
    if any(part.startswith((".", "_")) for part in parts):
        return None
    first, *others = parts
    if first == FULL and others:
        return Delivery()
    if first == CHANGES and others:
        return _of_hour(others)
    meant = closest(first, (FULL, CHANGES))
    if meant is None or not others:
        return None
    raise MisplacedError(f"`{first}` is neither {FULL} nor {CHANGES}; did you mean `{meant}`?")


def _of_hour(parts: Sequence[str]) -> Delivery:
    """Return the delivery of a file by its path within `IncrementalData`."""
    for (what, pattern), part in zip(LEVELS, parts[:-1], strict=False):
        if not re.fullmatch(pattern, part, re.ASCII):
            raise MisplacedError(f"`{part}` is no {what}")
    hour = "/".join(parts[:4])
    if len(parts) < 6:
        raise MisplacedError(f"it is above {AN_HOUR}")
    try:
        Delivery(hour).ends  # noqa: B018 - a day that its month does not have
    except (ValueError, OverflowError):
        raise MisplacedError(f"there is no hour {hour}") from None
    if parts[4] not in (UPSERTS, DELETES):
        meant = closest(parts[4], (UPSERTS, DELETES))
        hint = f"; did you mean `{meant}`?" if meant else ""
        raise MisplacedError(f"`{parts[4]}` is neither {UPSERTS} nor {DELETES}{hint}")
    return Delivery(hour, parts[4] == DELETES)


def sort_out(
    shown: str, found: Iterable[tuple[Sequence[str], File]], now: Instant | None
) -> Deliveries[File]:
    """Return what of a folder, `shown` as that, counts now: hours that have ended.

    `found` are files with their paths within it. All hours count where no instant is given. Raises
    `misplaced_file`, and `no_files` where the folder has no full data.
    """
    taken: list[tuple[Delivery, tuple[str, ...], File]] = []
    passed_over, wrong = [], []
    for parts, file in found:
        try:
            delivery = delivery_at(parts)
        except MisplacedError as error:
            wrong.append((parts, str(error)))
            continue
        if delivery is None:
            passed_over.append("/".join(parts))
        else:
            taken.append((delivery, tuple(parts), file))
    if wrong:
        raise _misplaced(shown, sorted(wrong))
    taken.sort(key=lambda one: one[:2])
    if not any(not delivery.hour for delivery, _, _ in taken):
        raise SourceError(
            "no_files",
            f"No file is in {shown}/{FULL}.",
            shown,
            f"`incremental` needs all rows there, and changes in {shown}/{AN_HOUR}.",
        )
    counts = [(one, now is None or (one.ends or now) <= now, file) for one, _, file in taken]
    return Deliveries(
        tuple(file for _, ended, file in counts if ended),
        tuple((one.hour, file) for one, ended, file in counts if not ended),
        tuple(sorted(passed_over)),
    )


def _misplaced(shown: str, wrong: Sequence[tuple[Sequence[str], str]]) -> SourceError:
    errors = [
        SourceError(
            "misplaced_file",
            f"{shown}/{'/'.join(parts)} is in no delivery: {why.rstrip('?')}"
            f"{'?' if why.endswith('?') else '.'}",
            f"{shown}/{'/'.join(parts)}",
        )
        for parts, why in wrong
    ]
    more = len(errors) - 1
    alike = f" {more:,} more {'file is' if more == 1 else 'files are'} in none." if more else ""
    hint = f"Files belong into {shown}/{FULL} or {shown}/{AN_HOUR}; move or remove it."
    return SourceError(
        "misplaced_file",
        errors[0].message + alike,
        errors[0].target,
        hint,
        details=tuple(errors[1 : SHOWN + 1]),
    )


def find_deliveries(folder: Path, entity: Entity, now: Instant | None) -> Deliveries[Path]:
    """Return the files of an entity of full data and changes.

    Raise what `sort_out` does, `no_files` where there is no such folder, and `OSError` where one
    cannot be searched.
    """
    path = entity.path or ""
    root, shown = folder / path, path.rstrip("/") or path
    if not root.is_dir():
        raise SourceError(
            "no_files",
            f"There is no folder {path}.",
            path,
            f"`incremental` needs a folder that holds {FULL} and {CHANGES}.",
        )
    found = sort_out(shown, ((file.relative_to(root).parts, file) for file in _files(root)), now)
    for file in found.files:
        if not S_ISREG(file.stat().st_mode):
            raise unreadable(
                f"{shown}/{file.relative_to(root)}", "is no regular file", "Remove it."
            )
    return found


def _files(folder: Path, above: tuple[str, ...] = ()) -> Iterator[Path]:
    """Give all files that may be of a delivery, and the folders beside these, unsearched.

    `above` are the folders that lead here. Raises `OSError` of a link to one of them.
    """
    here = (*above, os.path.realpath(folder))
    with os.scandir(folder) as entries:
        there = sorted(entries, key=lambda entry: entry.name)
    for entry in there:
        hidden = entry.name.startswith((".", "_"))
        beside = not above and closest(entry.name, (FULL, CHANGES)) is None
        if entry.is_dir() and not hidden and not beside:
            if entry.is_symlink() and os.path.realpath(entry.path) in here:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), entry.path)
            yield from _files(Path(entry.path), here)
        else:
            yield Path(entry.path)


def delivery_of(entity: Entity, root: str, shown: str) -> Delivery:
    """Return the delivery of a file that is `shown` as that, of an entity whose folder is `root`.

    Of other entities all files are all rows.
    """
    if entity.deliveries is None:
        return Delivery()
    parts = shown if root in ("", ".") else shown.removeprefix(root).lstrip("/")
    return delivery_at(parts.split("/")) or Delivery()


def of_deletes(entity: Entity) -> Entity:
    """Return how the files of deleted records are read: their keys, and when they were deleted."""
    if entity.deliveries is None:
        return entity
    key, modified = entity.primary_key, entity.deliveries.last_modified
    when = entity.attribute(modified).model_copy(update={"optional": True})
    attributes = {key: entity.attributes[key], modified: when}
    update = {"attributes": attributes, "filter": None, "incremental": None}
    return entity.model_copy(update=update)
