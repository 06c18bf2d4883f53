"""Which run is published.

A small file beside the catalog that says what the catalog says, so a read needs no DuckDB.

The catalog is the only point of truth. The file also keeps what the system said of the catalog's
files (their signatures) when both last said the same; where they are others now, somebody else
changed or restored the catalog, and it is asked. Its journal may have grown: what a publish appends
is announced in this file first, and what the stream appends changes no publish
(docs/decisions/restored-catalog.md).

Nothing but DuckDB opens the catalog's own file in a process that uses it: two SQLite libraries in
one process (Python's beside DuckDB's) do not see each other's locks, and each releases the other's
when it closes the file. Seen: reads of an old base for ever, and "database disk image is
malformed".

The commit lock is held over all of: announce in the file the instant that the publish takes,
commit, write the file anew. A reader of an earlier instant goes on with the publish before. Who
must know whether there was a commit, or finds no file, waits a moment for the lock; where the file
says no more then, the catalog is asked and the file written
(docs/decisions/an-instant-without-waiting.md).
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.lake.catalog import METADATA, Publish, connect, expect_no_catalog, publish_of_comment
from overtide.lake.coordination import coordination
from overtide.schemas.crash import crash_point
from overtide.schemas.errors import UnavailableError
from overtide.schemas.folders import sync_folder
from overtide.schemas.instants import Instant, microseconds
from overtide.schemas.paths import Paths
from overtide.schemas.signatures import Signature, grown
from overtide.schemas.small_files import content_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LOOKS, PAUSE = 20, 0.005
"""How often, and every how many seconds, a reader looks for a commit's announcement.

The commit is the one that changed the catalog.
"""
FORMAT = 2


@dataclass(frozen=True)
class Standing:
    """What the catalog says.

    Its publish, None before the first, and the end of what the stream carried into it.

    `accepted_at` is the acceptance of the last event carried; None where it is not known.
    """

    publish: Publish | None
    position: int = 0
    accepted_at: int | None = None

    @property
    def marks(self) -> list[tuple[int, int | None]]:
        """What an event log must go on from.

        Positions, and the acceptance of the last event before each.
        """
        published = (
            [(self.publish.log_position, self.publish.log_accepted_at)] if self.publish else []
        )
        return [(self.position, self.accepted_at), *published]


@dataclass(frozen=True)
class Note:
    """The file's content: the catalog's standing, and the signatures of what was looked into.

    `generations` are those of serving generations that were read to their end and are whole.
    `taken` is the instant that a publish in progress takes: of it, and of later ones, only the
    catalog knows.
    """

    standing: Standing
    catalog: Signature
    journal: Signature
    generations: Mapping[str, Signature] = field(default_factory=dict)
    taken: Instant | None = None

    def fits(self, paths: Paths) -> bool:
        """Say whether the catalog still is the one noted, and surely says the same."""
        return (
            self.taken is None
            and bool(self.catalog)
            and paths.catalog.signature() == self.catalog
            and grown(self.journal, paths.catalog.journal_signature())
        )

    def text(self) -> str:
        """Return the note as the file keeps it."""
        return json.dumps({"format": FORMAT, **asdict(self)})


_noted: dict[Paths, Note] = {}
"""What this process found out itself.

Where it may write nothing, the next read need not ask again.
"""


def current_publish(paths: Paths) -> Publish | None:
    """Return the publish that the catalog names now, or None before the first.

    See `current_standing`.
    """
    return current_standing(paths).publish


def current_standing(paths: Paths) -> Standing:
    """Return what the catalog says now. Not to be called under the commit lock.

    Takes microseconds, but half a second after the catalog was restored or a committing process
    died, and where nothing was published yet. Raises `lake_unreadable` where the catalog is lost.
    """
    note = known(paths)
    if note is None and not paths.catalog.exists():
        expect_no_catalog(paths)
        return Standing(None)
    return (note or _asked(paths)).standing


def standing_before(paths: Paths, known_at: Instant, ended: Callable[[], bool]) -> Standing:
    """Return what the catalog says at the instant `known_at` or a later one.

    It does not wait for a publish in progress.

    One in progress takes an instant after `known_at`; `ended` says, where that was announced,
    whether nobody publishes.
    """
    note = _read(paths)
    if note is not None and note.taken is None and note.fits(paths):
        return note.standing
    if note is not None and note.taken is not None and known_at < note.taken and not ended():
        return note.standing
    return current_standing(paths)


def publish_before(paths: Paths, known_at: Instant, ended: Callable[[], bool]) -> Publish | None:
    """Return the publish in force at an instant or a later one; see `standing_before`."""
    return standing_before(paths, known_at, ended).publish


def is_in_force(paths: Paths, run: int) -> bool:
    """Say whether a run is the one published last and no other is about to be."""
    note = known(paths)
    return (
        note is not None and note.standing.publish is not None and note.standing.publish.run == run
    )


def last_taken(paths: Paths) -> Instant:
    """Return the last instant that a publish took, or may have taken before it died.

    0 before the first.

    Waits for nobody, so that the log may ask with its lock held. The catalog is asked where no file
    says it; what the file says of another catalog was answered too.
    """
    said, noted = _read(paths), known(paths)
    if noted is None and (said is None or said.taken is None) and paths.catalog.exists():
        noted = _noted_anew(paths)
    publishes = [note.standing.publish for note in (said, noted) if note is not None]
    return max(
        said.taken or 0 if said else 0,
        *(one.published_at for one in publishes if one is not None),
        0,
    )


def known(paths: Paths) -> Note | None:
    """Return what was noted of this very catalog; None where only the catalog knows."""
    note = _read(paths)
    if note is not None:
        return note if note.fits(paths) else None
    note = _noted.get(paths)
    # No file says that a publish begins: what it appends to the journal could be that.
    same = (
        note is not None and note.fits(paths) and paths.catalog.journal_signature() == note.journal
    )
    return note if same else None


def doubt(paths: Paths, taken: Instant | None = None, before: Note | None = None) -> None:
    """Say, durably and under the commit lock, that only the catalog knows what is published.

    With the instant that a publish takes, and with what was known before it, readers of earlier
    ones know that still; where that cannot be written, or is not known, the file goes.
    """
    _noted.pop(paths, None)
    try:
        if taken is None or before is None:
            raise FileNotFoundError(paths.published)
        draft = _drafted(paths, replace(before, taken=taken), durable=True)
        crash_point("published.doubt_written")
        draft.replace(paths.published)
    except OSError:
        paths.published.unlink(missing_ok=True)
    sync_folder(paths.published.parent)


def announce(
    paths: Paths, standing: Standing, whole: Mapping[str, Signature] | None = None
) -> None:
    """Say under the commit lock what the catalog says; where that fails, readers ask the catalog.

    `whole` are the signatures of the serving generations that are known to be whole.
    """
    write(
        paths,
        Note(standing, paths.catalog.signature(), paths.catalog.journal_signature(), whole or {}),
    )


def write(paths: Paths, note: Note) -> None:
    """Write a note down under the commit lock, if that may be. A power cut may take it.

    Then the catalog is asked.
    """
    with suppress(OSError):
        draft = _drafted(paths, note)
        crash_point("published.draft_written")
        draft.replace(paths.published)


def _drafted(paths: Paths, note: Note, durable: bool = False) -> Path:
    """Write what is to be the file."""
    draft = paths.published.with_name(paths.published.name + ".part")
    with draft.open("w") as file:
        file.write(note.text())
        if durable:
            file.flush()
            os.fsync(file.fileno())
    return draft


@contextmanager
def committing(paths: Paths) -> Iterator[None]:
    """Hold the commit lock over work that changes the catalog's files and publishes nothing.

    What was known before is known afterwards: the change is ours. A block that raises leaves
    readers to ask.
    """
    with coordination(paths).commit():
        before = known(paths)
        yield
        if (
            before is not None
            and not before.fits(paths)
            and paths.catalog.signature()[:1] == before.catalog[:1]
        ):
            announce(paths, before.standing, before.generations)


def carried(paths: Paths, before: Note | None, position: int, accepted_at: datetime | None) -> None:
    """Note under the commit lock, after a commit of the stream, how far it carried.

    `before` was known before it.
    """
    if before is not None and paths.catalog.signature()[:1] == before.catalog[:1]:
        instant = (
            None
            if accepted_at is None
            else microseconds(accepted_at.astimezone(UTC).replace(tzinfo=None))
        )
        announce(paths, Standing(before.standing.publish, position, instant), before.generations)


def note_whole(paths: Paths, generation: str, seen: Signature) -> None:
    """Note that a serving generation is whole, for later reads."""
    note = known(paths)
    if note is not None:
        _note(paths, replace(note, generations={**note.generations, generation: seen}))


def _note(paths: Paths, note: Note) -> None:
    """Keep a note in this process, and write it down where that may be and nobody is committing."""
    _noted[paths] = note
    with coordination(paths).commit_at_once() as sole:
        if sole and note.fits(paths):
            write(paths, note)


def _read(paths: Paths) -> Note | None:
    """Return what the file says; None where it says nothing that this version wrote."""
    try:
        return _said(content_of(paths.published))
    except NotADirectoryError:
        raise
    except OSError:
        return None


@lru_cache(maxsize=8)
def _said(content: bytes) -> Note | None:
    """Return what a file of this content says; every read asks, and it seldom changes."""
    try:
        document = json.loads(content)
        if document.pop("format") != FORMAT:
            return None
        standing = document.pop("standing")
        publish = standing.pop("publish")
        return Note(
            Standing(None if publish is None else Publish(**publish), **standing), **document
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _asked(paths: Paths) -> Note:
    """Ask the catalog, and write its answer down where that is safe and allowed.

    It is safe where nothing may have changed meanwhile.

    A commit in progress is waited for a moment, since it is about to say itself what it did, and no
    longer.
    """
    for _ in range(LOOKS):
        with coordination(paths).commit_at_once() as sole:
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
    before = Note(Standing(None), paths.catalog.signature(), paths.catalog.journal_signature())
    note = replace(before, standing=_named_by_catalog(paths))
    if before.fits(paths) and paths.catalog.journal_signature() == before.journal:
        _noted[paths] = note
    return note


def _named_by_catalog(paths: Paths) -> Standing:
    try:
        connection = connect(paths, threads=1)
    except UnavailableError as error:
        # Whoever made the file died before the lake was in it.
        try:
            connection = connect(paths, read_only=False, threads=1)
        except OSError:
            raise error from None
    try:
        return standing_of(connection)
    finally:
        connection.close()


def standing_of(connection: "DuckDBPyConnection") -> Standing:
    """Return what a catalog says, through a connection to it."""
    row = connection.execute(f"""
        SELECT g.value FROM {METADATA}.ducklake_tag g JOIN {METADATA}.ducklake_table t
          ON t.table_id = g.object_id
        WHERE t.table_name = 'runs' AND t.end_snapshot IS NULL AND g.key = 'comment'
          AND g.end_snapshot IS NULL
        """).fetchone()
    return Standing(publish_of_comment(row[0] if row else None), *carried_by(connection))


def carried_by(connection: "DuckDBPyConnection") -> tuple[int, int | None]:
    """Return the end of what the stream carried into the lake, and its last acceptance.

    That is the acceptance of the last event that was carried.
    """
    there = connection.execute(f"""SELECT count(*) FROM {METADATA}.ducklake_table
        WHERE table_name = 'stream_commits' AND end_snapshot IS NULL""").fetchone()
    if not there or not there[0]:
        return 0, None
    row = connection.execute("""SELECT "ToPosition", epoch_us("AcceptedAt")
      FROM lake.main.stream_commits
        ORDER BY "ToPosition" DESC LIMIT 1""").fetchone()
    return (int(row[0]), row[1]) if row else (0, None)
