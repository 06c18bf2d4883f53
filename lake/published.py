"""Which run is published: a small file beside the catalog that says what the catalog says, so a read needs no DuckDB.

Nothing but DuckDB opens the catalog's own file in a process that uses it: two SQLite libraries in one process (Python's
beside DuckDB's) do not see each other's locks, and each releases the other's when it closes the file. Seen: reads of an
old base for ever, and "database disk image is malformed".

The commit lock is held over all of: announce in the file the instant that the publish takes, commit, write the file
anew. A reader of an earlier instant goes on with the publish before. Who must know whether there was a commit, or finds
no file, waits for the lock; where the file says no more then, the publisher died in between, and the catalog is asked
and the file written.
"""

import errno
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lake.catalog import Publish, connect, expect_no_catalog, publish_of_comment
from lake.locks import commit_lock
from schemas.crash import crash_point
from schemas.errors import OvertideError
from schemas.folders import sync_folder
from schemas.instants import Instant
from schemas.paths import Paths

FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
"""What the system says where nothing may be written."""


@dataclass(frozen=True)
class Said:
    """What the file says: the publish in force, and the instant that the next one takes, if one was announced."""

    publish: Publish | None
    taken: Instant | None = None


def current_publish(paths: Paths) -> Publish | None:
    """Return the publish that the catalog names now, or None before the first. Not to be called under the commit lock.

    Takes microseconds, but half a second after a publisher died, and once where nothing was published yet; waits for a
    publish in progress. Raises `lake_unreadable` where the catalog is lost.
    """
    try:
        return _read(paths)
    except FileNotFoundError:
        if paths.catalog.exists():
            return _settled(paths)
    expect_no_catalog(paths)
    return None


def publish_before(paths: Paths, known: Instant, ended: Callable[[], bool]) -> Publish | None:
    """Return the publish in force at the instant `known` or a later one, without waiting for one in progress.

    One in progress takes an instant after `known`; `ended` says, where that was announced, whether nobody publishes.
    """
    with suppress(FileNotFoundError):
        said = _said(paths)
        if said.taken is None or (known < said.taken and not ended()):
            return said.publish
    return current_publish(paths)


def is_in_force(paths: Paths, run: int) -> bool:
    """Say whether a run is the one published last and no other is about to be."""
    try:
        publish = _read(paths)
    except FileNotFoundError:
        return False
    return publish is not None and publish.run == run


def last_taken(paths: Paths) -> Instant:
    """Return the last instant that a publish took, or may have taken before it died; 0 before the first.

    Waits for nobody, so that the log may ask with its lock held. The catalog is asked where no file says it.
    """
    try:
        said = _said(paths)
    except FileNotFoundError:
        said = Said(_named_by_catalog(paths) if paths.catalog.exists() else None)
    return max(said.taken or 0, said.publish.published_at if said.publish else 0)


def doubt(paths: Paths, taken: Instant, first: bool) -> None:
    """Say, durably and under the commit lock, which instant a publish takes: from it on only the catalog knows.

    `first`: nothing was published before. Where the file says nothing sure of that, or none can be written, it goes.
    """
    try:
        draft = _drafted(paths, Said(None if first else _read(paths), taken))
        crash_point("published.doubt_written")
        draft.replace(paths.published)
    except OSError:
        paths.published.unlink(missing_ok=True)
    sync_folder(paths.published.parent)


def announce(paths: Paths, publish: Publish | None) -> None:
    """Say under the commit lock what the catalog names as published; where that fails, readers ask the catalog."""
    with suppress(OSError):
        draft = _drafted(paths, Said(publish))
        crash_point("published.draft_written")
        draft.replace(paths.published)


def _drafted(paths: Paths, said: Said) -> Path:
    """Write, durably, what is to be the file."""
    draft = paths.published.with_name(paths.published.name + ".part")
    document = None if said.publish is None else asdict(said.publish)
    with draft.open("w") as file:
        json.dump(document if said.taken is None else {"publish": document, "taken": said.taken}, file)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _said(paths: Paths) -> Said:
    """Return what the file says; one that says nothing readable is as good as none."""
    try:
        document = json.loads(paths.published.read_bytes())
        if document is None or "taken" not in document:
            return Said(_publish(document))
        return Said(_publish(document["publish"]), int(document["taken"]))
    except (ValueError, TypeError, KeyError):
        raise FileNotFoundError(paths.published) from None


def _publish(document: dict[str, Any] | None) -> Publish | None:
    return None if document is None else Publish(**document)


def _read(paths: Paths) -> Publish | None:
    """Return the publish that the file names; one in doubt is as good as no file."""
    said = _said(paths)
    if said.taken is not None:
        raise FileNotFoundError(paths.published)
    return said.publish


def _settled(paths: Paths) -> Publish | None:
    """Ask the catalog and write down what it says; where nothing can be written, ask again the next time."""
    try:
        with commit_lock(paths):
            return _written_anew(paths)
    except OSError as error:
        if error.errno not in FORBIDDEN:
            raise
        return _named_by_catalog(paths)


def _written_anew(paths: Paths) -> Publish | None:
    with suppress(FileNotFoundError):
        return _read(paths)
    publish = _named_by_catalog(paths)
    crash_point("published.catalog_asked")
    announce(paths, publish)
    return publish


def _named_by_catalog(paths: Paths) -> Publish | None:
    try:
        connection = connect(paths)
    except OvertideError:
        # Whoever made the file died before the lake was in it.
        connection = connect(paths, read_only=False)
    try:
        row = connection.execute("SELECT comment FROM duckdb_tables() WHERE database_name = 'lake' "
                                 "AND schema_name = 'main' AND table_name = 'runs'").fetchone()
    finally:
        connection.close()
    return publish_of_comment(row[0] if row else None)
