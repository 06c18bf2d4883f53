"""How far a log reached.

A small file beside it, so that one which lost events is not taken for a shorter one.

Each commit also notes what the system says of the log's files (their signatures). Where they are
others, somebody else touched the log, or a writer died before its note: then the log is looked
through once, and that is noted.
"""

import json
import os
import sqlite3
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from overtide.eventlog.changed import changed_events
from overtide.eventlog.known_activities import misses
from overtide.eventlog.layout import DDLS, fits
from overtide.eventlog.opening import Connection
from overtide.schemas.signatures import Signature, signatures

LENGTH = 512
"""Bytes of the note, more where many events were changed.

Written over in place, which a full disk does not hinder.
"""


@dataclass(frozen=True)
class Extent:
    """One past the last accepted position, its acceptance, and the files after the commit.

    The files are as the commit left them. `changed` are the positions of events that somebody else
    has changed since they were written.
    """

    position: int
    accepted_at: int
    log: Signature
    journal: Signature
    changed: Sequence[int] = ()

    def fits(self, path: Path) -> bool:
        """Say whether the files of the log are as they were noted."""
        return [self.log, self.journal] == signatures(path)


def place(path: Path) -> Path:
    """Return the file that says how far a log reached."""
    return path.with_name(path.name + ".end")


def read_extent(path: Path) -> Extent | None:
    """Return how far a log reached; None where nothing readable says so."""
    try:
        text, _, found = place(path).read_text("ascii").strip().rpartition(" ")
        return Extent(**json.loads(text)) if zlib.crc32(text.encode()) == int(found, 16) else None
    except (OSError, ValueError, TypeError):
        return None


def write_extent(path: Path, position: int, accepted_at: int, changed: Sequence[int] = ()) -> None:
    """Note how far a log reaches now; under its lock.

    Where that fails, the next reader looks through the log.
    """
    log, journal = signatures(path)
    document = asdict(Extent(position, accepted_at, log, journal, changed))
    if not changed:
        del document["changed"]  # which an earlier version does not know
    text = json.dumps(document)
    note = f"{text} {zlib.crc32(text.encode()):08x}"
    with suppress(OSError):
        descriptor = os.open(place(path), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            length = max(LENGTH, os.fstat(descriptor).st_size)
            os.pwrite(descriptor, note.ljust(length).encode(), 0)
        finally:
            os.close(descriptor)


def untouched(path: Path) -> Extent | None:
    """Return how far a log reached where its files are as they were noted.

    None where they are not.
    """
    extent = read_extent(path)
    return extent if extent is not None and extent.fits(path) else None


def faults(connection: Connection) -> str | None:
    """Look through a whole log and return what is wrong with it.

    None where every event is found that should be.

    Events that do not fit their checksums are no fault of the log: whoever reads one is told.
    """
    checked = connection.version in DDLS
    if checked and {
        sql for (sql,) in connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
    } != set(DDLS[connection.version]):
        return "its tables are not those of an event log"
    found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
    if found == ["ok"]:
        return _misfits(connection) or _missed(connection) if checked else None
    of_rows = all(" index " in one or "NULL value" in one for one in found)
    # An index that differs from the events is right where those do not fit their checksums.
    return None if of_rows and checked and changed_events(connection) else found[0]


def _missed(connection: Connection) -> str | None:
    """Say where an activity would not be found; one of a changed event leads to it as it was."""
    if not misses(connection) or changed_events(connection):
        return None
    return "an activity would not be found by its identity"


def _misfits(connection: sqlite3.Connection) -> str | None:
    rows = connection.execute(
        "SELECT sender, sent_key, sent_hash, position, sent_checksum FROM repeat"
    )
    return (
        "a request that it remembers was changed"
        if any(not fits(row[:4], row[4]) for row in rows)
        else None
    )
