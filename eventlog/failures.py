"""What goes wrong with the log's files, as errors that a user can understand and mend."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from overtide.schemas.errors import (
    BusyError,
    CorruptError,
    OvertideError,
    ReplacedLogError,
    UnavailableError,
)

CORRUPT = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_MISMATCH,
}
"""What SQLite says of damage.

Also that a table or column is missing, and that an event is there already.
"""
SHOWN = 5
"""Positions of changed events that a message names."""
BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class DamagedError(ValueError):
    """A row of the log is not as it was written: that of the event at `position`."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


class clear_errors:  # noqa: N801 - used as a function; a generator's block takes ten times longer
    """Turn failures of the file into `log_corrupt`, `log_busy` (exit 75) or `log_unwritable`."""

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Begin what may fail."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, sqlite3.Error):
            raise _from_sqlite(self._path, error) from None
        if isinstance(error, DamagedError):
            raise damaged(self._path, error.position) from None
        if isinstance(error, UnicodeDecodeError):  # what SQLite says of names that were changed
            raise damaged(self._path, None, "its tables are not those of an event log") from None
        if isinstance(error, OSError):
            raise unwritable(self._path, error) from None


def _from_sqlite(path: Path, error: sqlite3.Error) -> OvertideError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in CORRUPT:
        return CorruptError(
            "log_corrupt",
            f"The event log {path} is damaged or is no event log ({error}).",
            str(path),
            "Restore it from a backup, or move it away to begin a new log.",
        )
    if code in BUSY:
        return BusyError(
            "log_busy",
            f"Another program keeps the event log {path} locked.",
            str(path),
            "Close it and try again.",
        )
    return unwritable(path, error)


def damaged(path: Path, position: int | None, fault: str | None = None) -> OvertideError:
    """Return the error of a log whose event at a position was changed, or that is not whole."""
    what = (
        f"The event at position {position:,} of the event log {path} is not as it was written."
        if position is not None
        else f"The event log {path} is damaged: {fault}."
    )
    return CorruptError(
        "log_corrupt",
        what,
        str(path),
        "Restore the newest backup of the log, or read without real-time changes (`--base`).",
    )


def damaged_events(path: Path, positions: Sequence[int]) -> OvertideError:
    """Return the error of a log some of whose events were changed; it names the first few."""
    if len(positions) == 1:
        return damaged(path, positions[0])
    shown = ", ".join(f"{position:,}" for position in positions[:SHOWN])
    more = f" and {len(positions) - SHOWN} more" if len(positions) > SHOWN else ""
    fault = f"its events at the positions {shown}{more} are not as they were written"
    return damaged(path, None, fault)


def shortened(path: Path, end: int, known: int) -> OvertideError:
    """Return the error of a log that ends before events that were accepted or carried."""
    return _replaced(
        f"The event log {path} ends at position {end:,}, but events up to position {known:,} were "
        "accepted: it was lost, cut, or comes from an older backup.",
        str(path),
    )


def another(position: int) -> OvertideError:
    """Return the error of a log other than the one the lake has events from.

    The lake has events of the other log up to a position.
    """
    return _replaced(
        f"The lake holds events up to position {position:,} of another event log: this one was "
        "lost and begun anew, or comes from an older backup.",
        None,
    )


def _replaced(message: str, target: str | None) -> OvertideError:
    return ReplacedLogError(
        "log_replaced",
        message,
        target,
        "Restore the newest backup of the log. Where there is "
        "none, `overtide stream --accept-log` begins anew with the log that is there.",
    )


def unwritable(path: Path, error: Exception) -> OvertideError:
    """Return the error of a log that cannot be opened, written or extended."""
    reason = getattr(error, "strerror", None) or str(error)
    return UnavailableError(
        "log_unwritable",
        f"The event log {path} cannot be used: {reason}.",
        str(path),
        "Check the disk's free space and the permissions of the file and of its folder.",
    )


def interrupted() -> OvertideError:
    """Return the error of requests whose writing thread was interrupted.

    Another thread was writing them with its own requests.
    """
    return UnavailableError(
        "log_unwritable",
        "The thread that wrote the event log for several others was interrupted.",
        None,
        "Send it again; with the same idempotency key it is accepted once.",
    )


def wrong_version(path: Path, version: int) -> OvertideError:
    """Return the error of a log that another version of the program made."""
    return CorruptError(
        "log_version",
        f"The event log {path} has layout {version}, which this version cannot read.",
        str(path),
        "Use the version of Overtide that wrote it.",
    )
