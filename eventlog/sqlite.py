"""The event log in one SQLite file, for any number of threads and processes of one machine.

The order of an append, each step with what would be lost otherwise:
1. queue behind the commit in progress (else every event pays for its own wait for the disk);
   who gathers requests himself is asked for them only in step 3 (else those that came while another
   process wrote would wait for one more commit, docs/decisions/gathering-late.md);
2. lock `<log>.lock` exclusively and write the clock into it (else a reader cannot know without
   waiting that a smaller accepted_at is still on its way); a publish holds it too, so that it and
   an event never take their instants at once;
3. begin the write transaction and read the end of the log (else two processes take one position);
4. decide each draft: repetition, refusal, or its accepted_at, later than all events and publishes,
   with position and id (else clocks disagree with positions);
5. write events and the new end, commit with WAL and synchronous=FULL (else a power cut loses what
  was answered);
6. unlock, then answer.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from overtide.eventlog import known_activities
from overtide.eventlog.changed import expect_unchanged, of_targets, still_changed
from overtide.eventlog.contract import Come, Decision, Request, Tail
from overtide.eventlog.decisions import repetition
from overtide.eventlog.extent import place
from overtide.eventlog.failures import clear_errors, damaged_events
from overtide.eventlog.group_commit import GroupCommit
from overtide.eventlog.layout import entry_of
from overtide.eventlog.opening import Connection
from overtide.eventlog.queries import (
    FROM_POSITION,
    accepted_until,
    events_of,
    remembered_of,
    rows_of,
    rows_of_customer,
    tail_of,
)
from overtide.eventlog.read_connections import ReadConnections
from overtide.eventlog.taking import hold, is_free, none_before
from overtide.eventlog.writer import Writer
from overtide.schemas.errors import OvertideError
from overtide.schemas.events import KINDS, Draft, Event, IdSource, Kind
from overtide.schemas.instants import Clock, Instant
from overtide.schemas.signatures import signature

GROUP_EVENTS = 10_000
"""Events after which a group of waiting requests is committed."""


class Sent(NamedTuple):
    """What one thread appends, and how many events it counts for, about."""

    come: Come
    weight: int


class SqliteEventLog:
    """All contracts of the log on the file `path`, which the first append creates.

    The file is readable by its owner alone.

    `published` gives the last instant that a publish took, or may have taken before it died; it is
    called with the lock held, so it must not wait for a publish.
    """

    def __init__(
        self, path: Path, clock: Clock, ids: IdSource, published: Callable[[], Instant] = lambda: 0
    ) -> None:
        self.path = path
        self.lock_path = path.with_name(path.name + ".lock")
        self._clock, self._ids, self._published = clock, ids, published
        self._writer: Writer | None = None
        self._readers = ReadConnections(path, self.lock_path)
        self._commits = GroupCommit[Sent, list[list[Decision]]](
            self._commit, lambda sent: sent.weight, GROUP_EVENTS
        )

    def append(self, drafts: Sequence[Draft], atomic: bool = False) -> list[Decision]:
        """Accept drafts durably, one answer each; see the contract."""
        if not drafts:
            return []
        return self._commits.submit(Sent(lambda: [(drafts, atomic)], len(drafts)))[0]

    def append_together(self, come: Come) -> list[list[Decision]]:
        """Accept several requests in one transaction; see the contract."""
        return self._commits.submit(Sent(come, 1))

    def decided_before(self, draft: Draft) -> Decision | None:
        """Return the first answer to the same request or activity, or its conflict.

        None for a new one.
        """
        if draft.idempotency_key is None and draft.activity_id is None:
            return None
        return self._readers.ask(
            lambda connection: repetition(
                draft, remembered_of(connection, [draft], self._readers.changed)
            ),
            None,
        )

    def read(self, from_position: int, limit: int) -> list[Event]:
        """Return up to `limit` events from a position on.

        One that was changed is of the kind DAMAGED.
        """
        return self._readers.ask(
            lambda connection: list(
                events_of(connection, rows_of(connection, FROM_POSITION, from_position, limit))
            ),
            [],
        )

    def reader(self) -> Callable[[int, int], list[Event]]:
        """Return what reads this log in another process."""
        return partial(read_log, self.path)

    def identity(self) -> object:
        """Return the number of the log's file."""
        return signature(self.path)[:1]

    def end(self) -> int:
        """Return one past the last position."""
        return self.tail().position

    def tail(self) -> Tail:
        """Return where the log ends and its last acceptance, asked at once."""
        return self._readers.ask(tail_of, Tail(0, 0))

    def of_customer(
        self,
        customer_ids: Iterable[str],
        records: Iterable[tuple[str, str]] = (),
        kinds: Sequence[Kind] = KINDS,
    ) -> list[Event]:
        """Return the events of ids and source records, in order of position."""
        ids, keys = list(customer_ids), list(records)
        wanted = {*ids, *keys}
        of_activities = sorted({kind == "activity" for kind in kinds})

        def led_to(connection: Connection) -> list[Event]:
            if self._readers.changed:
                asked = of_targets(ids, keys, kinds)
                expect_unchanged(connection, self._readers.changed, asked)
            rows = rows_of_customer(connection, ids, keys, of_activities)
            return [entry_of(row).event for row in rows]

        found: list[Event] = self._readers.ask(led_to, [])
        # Compared here and not in SQL: an event that was changed would be passed over there.
        return [
            event
            for event in found
            if event.kind in kinds
            and (event.customer_id in wanted or (event.entity, event.key) in wanted)
        ]

    def damage(self) -> OvertideError | None:
        """Return `log_corrupt` for events that are known to be changed, None where none is."""
        positions: list[int] = self._readers.ask(
            lambda connection: still_changed(connection, self._readers.changed), []
        )
        return damaged_events(self.path, positions) if positions else None

    def take_for_whole(self) -> None:
        """Forget how far the log reached."""
        place(self.path).unlink(missing_ok=True)

    def durable_until(self, now: Instant) -> tuple[Instant, int]:
        """Return the latest instant up to which all is durable, and where the log ended then.

        The instant lies at or before `now`, or is the last acceptance.
        """
        with clear_errors(self.path):
            known = none_before(self.lock_path, now) - 1
        tail = self.tail()  # read after the lock was looked at, so that nothing falls between
        return max(known, tail.accepted_at), tail.position

    def is_idle(self) -> bool:
        """Say whether nobody takes an instant at the moment."""
        with clear_errors(self.path):
            return is_free(self.lock_path)

    @contextlib.contextmanager
    def taking(self) -> Iterator[Instant]:
        """Let nothing be accepted while a publish takes its instant; see the contract."""
        with hold(self.lock_path, self._clock) as since:
            yield max(since, self.tail().accepted_at + 1)

    def forget(self, before: Instant, committed: int) -> int:
        """Remove what ended at or before an instant below a position; withdrawals stay."""
        if not self.path.exists():
            return 0
        with (
            clear_errors(self.path),
            Writer.open(self.path, self.lock_path) as writer,
            writer.transaction(self._clock),
        ):
            end = min(committed, accepted_until(writer.connection, before))
            known_activities.forget(writer.connection, before, end)
            gone = writer.connection.execute(
                "DELETE FROM event WHERE valid_until <= ? AND position < ?", (before, end)
            ).rowcount
            writer.connection.execute(
                "DELETE FROM repeat WHERE position NOT IN (SELECT position FROM event)"
            )
            return gone

    def close(self) -> None:
        """Close the files of all threads that read, then the writer's.

        Closed last, the writer's leaves no journal.
        """
        self._readers.close()
        self._drop_writer()

    def _commit(self, group: list[Sent]) -> list[list[list[Decision]]]:
        """Decide and write the requests of a group in one transaction."""
        parts: list[Sequence[Request]] = []

        def come() -> list[Request]:
            parts.extend(sent.come() for sent in group)
            return [request for part in parts for request in part]

        with clear_errors(self.path):
            try:
                if self._writer is not None and not self._writer.connection.is_of(self.path):
                    self._drop_writer()
                changed = self._readers.looked_through()
                writer = self._writer = self._writer or Writer.open(self.path, self.lock_path)
                answers = iter(
                    writer.append(come, self._clock, self._ids, self._published, changed)
                )
                return [list(islice(answers, len(part))) for part in parts]
            except BaseException:
                self._drop_writer()
                raise

    def _drop_writer(self) -> None:
        """Close a connection that failed; the next append opens a fresh one."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()


def read_log(path: Path, position: int, limit: int) -> list[Event]:
    """Read a range of the log that is there, which is opened once per process."""
    there = path.stat()
    return _opened(path, there.st_dev, there.st_ino).read(position, limit)


@cache
def _opened(path: Path, _device: int, _inode: int) -> SqliteEventLog:
    return log_to_read(path)


def log_to_read(path: Path) -> SqliteEventLog:
    """Return a log for reading alone: the clock is the writers'."""
    return log_to_publish(path, clock=lambda: 0)


def log_to_publish(path: Path, clock: Clock) -> SqliteEventLog:
    """Open a log for everything but appending, for which it would need ids."""
    return SqliteEventLog(path, clock, ids=lambda _accepted_at: "")
