"""Which run is published: a small file beside the catalog that says what the catalog says, so a read needs no DuckDB.

The catalog is the only point of truth. The file also keeps what the system said of the catalog's files (their
signatures) when both last said the same; where they are others now, somebody else changed or restored the catalog, and
it is asked. Its journal may have grown: what a publish appends is announced by removing this file first, and what the
stream appends changes no publish (docs/decisions/restored-catalog.md).

Nothing but DuckDB opens the catalog's own file in a process that uses it: two SQLite libraries in one process (Python's
beside DuckDB's) do not see each other's locks, and each releases the other's when it closes the file. Seen: reads of an
old base for ever, and "database disk image is malformed".

The commit lock is held over all of: remove the file, commit, write the file anew.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lake.catalog import METADATA, Publish, connect, expect_no_catalog, publish_of_comment
from lake.locks import commit_lock, commit_lock_at_once
from schemas.crash import crash_point
from schemas.errors import OvertideError
from schemas.folders import sync_folder
from schemas.instants import microseconds
from schemas.paths import Paths
from schemas.signatures import Signature, grown, journal_signature, signature

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LOOKS, PAUSE = 20, 0.005
"""How often, and every how many seconds, a reader looks whether the commit that changed the catalog is announced."""
FORMAT = 2


@dataclass(frozen=True)
class Standing:
    """What the catalog says: its publish, None before the first, and the end of what the stream carried into it.

    `accepted_at` is the acceptance of the last event carried; None where it is not known.
    """

    publish: Publish | None
    position: int = 0
    accepted_at: int | None = None

    @property
    def marks(self) -> list[tuple[int, int | None]]:
        """What an event log must go on from: positions, and the acceptance of the last event before each."""
        published = [(self.publish.log_position, self.publish.log_accepted_at)] if self.publish else []
        return [(self.position, self.accepted_at), *published]


@dataclass(frozen=True)
class Note:
    """The file's content: the catalog's standing, and the signatures of what was looked into.

    `generations` are those of serving generations that were read to their end and are whole.
    """

    standing: Standing
    catalog: Signature
    journal: Signature
    generations: Mapping[str, Signature] = field(default_factory=dict)

    def fits(self, paths: Paths) -> bool:
        """Say whether the catalog still is the one of which this was noted."""
        return bool(self.catalog) and signature(paths.catalog) == self.catalog and \
            grown(self.journal, journal_signature(paths.catalog))

    def text(self) -> str:
        """Return the note as the file keeps it."""
        return json.dumps({"format": FORMAT, **asdict(self)})


_noted: dict[Paths, Note] = {}
"""What this process found out itself: where it may write nothing, the next read need not ask again."""


def current_publish(paths: Paths) -> Publish | None:
    """Return the publish that the catalog names now, or None before the first; see `current_standing`."""
    return current_standing(paths).publish


def current_standing(paths: Paths) -> Standing:
    """Return what the catalog says now. Not to be called under the commit lock.

    Takes microseconds, but half a second after the catalog was restored or a committing process died, and where nothing
    was published yet. Raises `lake_unreadable` where the catalog is lost.
    """
    note = known(paths)
    if note is None and not paths.catalog.exists():
        expect_no_catalog(paths)
        return Standing(None)
    return (note or _asked(paths)).standing


def known(paths: Paths) -> Note | None:
    """Return what was noted of this very catalog; None where only the catalog knows."""
    note = _read(paths)
    if note is not None and note.fits(paths):
        return note
    note = _noted.get(paths)
    return note if note is not None and note.fits(paths) else None


def doubt(paths: Paths) -> None:
    """Say, durably and under the commit lock, that only the catalog knows what is published."""
    _noted.pop(paths, None)
    paths.published.unlink(missing_ok=True)
    sync_folder(paths.published.parent)


def announce(paths: Paths, standing: Standing, whole: Mapping[str, Signature] | None = None) -> None:
    """Say under the commit lock what the catalog says; where that fails, readers ask the catalog.

    `whole` are the signatures of the serving generations that are known to be whole.
    """
    write(paths, Note(standing, signature(paths.catalog), journal_signature(paths.catalog), whole or {}))


def write(paths: Paths, note: Note) -> None:
    """Write a note down under the commit lock, if that may be. A power cut may take it: then the catalog is asked."""
    draft = paths.published.with_name(paths.published.name + ".part")
    with suppress(OSError):
        draft.write_text(note.text())
        crash_point("published.draft_written")
        draft.replace(paths.published)


@contextmanager
def committing(paths: Paths) -> Iterator[None]:
    """Hold the commit lock over work that changes the catalog's files and publishes nothing.

    What was known before is known afterwards: the change is ours. A block that raises leaves readers to ask.
    """
    with commit_lock(paths):
        before = known(paths)
        yield
        if before is not None and not before.fits(paths) and signature(paths.catalog)[:1] == before.catalog[:1]:
            announce(paths, before.standing, before.generations)


def carried(paths: Paths, before: Note | None, position: int, accepted_at: datetime | None) -> None:
    """Note under the commit lock, after a commit of the stream, how far it carried; `before` was known before it."""
    if before is not None and signature(paths.catalog)[:1] == before.catalog[:1]:
        instant = None if accepted_at is None else microseconds(accepted_at.astimezone(UTC).replace(tzinfo=None))
        announce(paths, Standing(before.standing.publish, position, instant), before.generations)


def note_whole(paths: Paths, generation: str, seen: Signature) -> None:
    """Note that a serving generation is whole, for later reads."""
    note = known(paths)
    if note is not None:
        _note(paths, replace(note, generations={**note.generations, generation: seen}))


def _note(paths: Paths, note: Note) -> None:
    """Keep a note in this process, and write it down where that may be and nobody is committing."""
    _noted[paths] = note
    with commit_lock_at_once(paths) as sole:
        if sole and note.fits(paths):
            write(paths, note)


def _read(paths: Paths) -> Note | None:
    """Return what the file says; None where it says nothing that this version wrote."""
    try:
        document = json.loads(paths.published.read_bytes())
        if document.pop("format") != FORMAT:
            return None
        standing = document.pop("standing")
        publish = standing.pop("publish")
        return Note(Standing(None if publish is None else Publish(**publish), **standing), **document)
    except NotADirectoryError:
        raise
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _asked(paths: Paths) -> Note:
    """Ask the catalog, and write down what it says where nothing may have changed meanwhile and that may be.

    A commit in progress is waited for a moment, since it is about to say itself what it did, and no longer.
    """
    for _ in range(LOOKS):
        with commit_lock_at_once(paths) as sole:
            note = known(paths)
            if note is None and sole:
                note = _noted_anew(paths)
                crash_point("published.catalog_asked")
                write(paths, note)
            if note is not None:
                return note
            if sole is None:
                break
        time.sleep(PAUSE)
    return _noted_anew(paths)


def _noted_anew(paths: Paths) -> Note:
    before = Note(Standing(None), signature(paths.catalog), journal_signature(paths.catalog))
    note = replace(before, standing=_named_by_catalog(paths))
    if before.fits(paths) and journal_signature(paths.catalog) == before.journal:
        _noted[paths] = note
    return note


def _named_by_catalog(paths: Paths) -> Standing:
    try:
        connection = connect(paths)
    except OvertideError as error:
        # Whoever made the file died before the lake was in it.
        try:
            connection = connect(paths, read_only=False)
        except OSError:
            raise error from None
    try:
        return standing_of(connection)
    finally:
        connection.close()


def standing_of(connection: "DuckDBPyConnection") -> Standing:
    """Return what a catalog says, through a connection to it."""
    row = connection.execute(f"""
        SELECT g.value FROM {METADATA}.ducklake_tag g JOIN {METADATA}.ducklake_table t ON t.table_id = g.object_id
        WHERE t.table_name = 'runs' AND t.end_snapshot IS NULL AND g.key = 'comment' AND g.end_snapshot IS NULL
        """).fetchone()
    return Standing(publish_of_comment(row[0] if row else None), *carried_by(connection))


def carried_by(connection: "DuckDBPyConnection") -> tuple[int, int | None]:
    """Return the end of what the stream carried into the lake, and the acceptance of the last event of that."""
    there = connection.execute(f"""SELECT count(*) FROM {METADATA}.ducklake_table
        WHERE table_name = 'stream_commits' AND end_snapshot IS NULL""").fetchone()
    if not there or not there[0]:
        return 0, None
    row = connection.execute("""SELECT "ToPosition", epoch_us("AcceptedAt") FROM lake.main.stream_commits
        ORDER BY "ToPosition" DESC LIMIT 1""").fetchone()
    return (int(row[0]), row[1]) if row else (0, None)
