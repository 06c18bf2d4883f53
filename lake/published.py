"""Which run is published: a small file beside the catalog that says what the catalog says, so a read needs no DuckDB.

Nothing but DuckDB opens the catalog's own file in a process that uses it: two SQLite libraries in one process (Python's
beside DuckDB's) do not see each other's locks, and each releases the other's when it closes the file. Seen: reads of an
old base for ever, and "database disk image is malformed".

The commit lock is held over all of: remove the file, commit, write the file anew. Who finds it missing waits for the
lock; where it is missing then too, the publisher died in between, and the catalog is asked and the file written.
"""

import errno
import json
import os
from contextlib import suppress
from dataclasses import asdict

from lake.catalog import Publish, connect, expect_no_catalog, publish_of_comment
from lake.locks import commit_lock, wait_for_commit
from schemas.crash import crash_point
from schemas.errors import OvertideError
from schemas.folders import sync_folder
from schemas.paths import Paths

FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
"""What the system says where nothing may be written."""


def current_publish(paths: Paths) -> Publish | None:
    """Return the publish that the catalog names now, or None before the first. Not to be called under the commit lock.

    Takes microseconds, but half a second after a publisher died, and once where nothing was published yet. Raises
    `lake_unreadable` where the catalog is lost.
    """
    try:
        return _read(paths)
    except FileNotFoundError:
        if not paths.catalog.exists():
            expect_no_catalog(paths)
            return None
    wait_for_commit(paths)
    try:
        return _read(paths)
    except FileNotFoundError:
        return _settled(paths)


def doubt(paths: Paths) -> None:
    """Say, durably and under the commit lock, that only the catalog knows what is published."""
    paths.published.unlink(missing_ok=True)
    sync_folder(paths.published.parent)


def announce(paths: Paths, publish: Publish | None) -> None:
    """Say under the commit lock what the catalog names as published; where that fails, readers ask the catalog."""
    draft = paths.published.with_name(paths.published.name + ".part")
    with suppress(OSError):
        with draft.open("w") as file:
            json.dump(None if publish is None else asdict(publish), file)
            file.flush()
            os.fsync(file.fileno())
        crash_point("published.draft_written")
        draft.replace(paths.published)


def _read(paths: Paths) -> Publish | None:
    """Return what the file says; one that says nothing readable is as good as none."""
    try:
        document = json.loads(paths.published.read_bytes())
        return None if document is None else Publish(**document)
    except (ValueError, TypeError):
        raise FileNotFoundError(paths.published) from None


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
