"""What must be true when everything was restarted and has caught up, whatever died.

The oracle knows, and is asked.

The oracle gets the requests in the order in which the log holds them, and the attempts to refresh
that were published.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from duckdb import DuckDBPyConnection

from overtide.eventlog.sqlite import SqliteEventLog
from overtide.lake.activity_files import named_by
from overtide.lake.coordination import holder_of
from overtide.lake.orphans import KNOWN
from overtide.lake.sealed import with_those_beneath
from overtide.project import Project
from overtide.schemas import tables
from overtide.schemas.events import Event
from overtide.schemas.paths import Paths
from overtide.service import workflows_of
from overtide.serving.workflows.job import Status
from overtide.transforms.realtime import overlay_rows
from tests import shop
from tests.crash_processes import Acknowledged, Batch
from tests.crash_readers import Read, Readers, Snapshot
from tests.engine import TYPES, Engine, Sql, TestClock
from tests.engine_by_hand import base_rows
from tests.oracle import Event as Truthful
from tests.oracle import Request, Truth, posted, validity
from tests.oracle_base import Base, Sources, activity_id
from tests.questions import activities, customers, same

Rows = list[tuple[object, ...]]


@dataclass(frozen=True)
class Witness:
    """What is known beside the project itself.

    What was sent and heard, and what each attempt to refresh read.
    """

    sent: Mapping[str, list[list[Batch]]]
    heard: Mapping[str, list[Acknowledged]]
    sources: Callable[[int], Sources]
    readers: Readers | None


def check(folder: Path, witness: Witness, now: int) -> None:
    """Compare everything with the truth; raises AssertionError."""
    engine = Engine(folder, TestClock(now))
    try:
        expect_heard(engine.log, witness)
        with engine.sql() as sql:
            truth = the_truth(sql.connection, engine.log, witness)
            expect_tables(sql.connection, truth)
            expect_overlay(sql.connection, engine.log)
            expect_no_waste(sql.connection, engine.paths)
            expect_sql(sql, truth)
            expect_jobs(sql.connection, folder)
        expect_reader(engine, truth)
    finally:
        engine.close()
    if witness.readers is not None:
        expect_readings(witness.readers, truth)


# ---- the log


def events_of(log: SqliteEventLog) -> list[Event]:
    """Return every event of the log."""
    return log.read(0, 1_000_000)


def expect_heard(log: SqliteEventLog, witness: Witness) -> None:
    """Every acknowledged event is in the log, once and in order; nothing else is.

    Positions leave no gap.
    """
    events = events_of(log)
    assert [event.position for event in events] == list(range(log.end()))
    assert all(one.accepted_at < two.accepted_at for one, two in pairwise(events))
    heard = {
        (writer, one.thread, one.batch, one.place): one
        for writer, found in witness.heard.items()
        for one in found
    }
    for writer, found in witness.heard.items():
        for one in found:
            first = heard[writer, one.thread, one.batch, one.place]
            assert (one.event_id, one.position, one.accepted_at) == (
                first.event_id,
                first.position,
                first.accepted_at,
            )
            event = events[one.position]
            assert (event.event_id, event.accepted_at) == (one.event_id, one.accepted_at)
    assert sorted(one.position for one in heard.values()) == list(range(len(events)))
    for key, later in pairwise(sorted(heard)):
        assert key[:2] != later[:2] or heard[key].position < heard[later].position, (key, later)


# ---- jobs


def expect_jobs(connection: DuckDBPyConnection, folder: Path) -> None:
    """Every job that began has an end, and those that succeeded are those that published."""
    with Project(folder) as project:
        workflows = workflows_of(project)
        assert workflows.settle() is None
        jobs = workflows.jobs.recent(1000)
    rows = connection.execute("""
        SELECT json_extract_string("Manifest", '$.job') AS job, "Run" FROM lake.runs
        WHERE job IS NOT NULL""").fetchall()
    assert {(one.id, one.run) for one in jobs if one.status is Status.SUCCESSFUL} == set(rows)
    assert all(one.error for one in jobs if one.status is Status.FAILED)
    assert {one.status for one in jobs} <= {Status.QUEUED, Status.SUCCESSFUL, Status.FAILED}


# ---- what really happened, told to the oracle


def the_truth(connection: DuckDBPyConnection, log: SqliteEventLog, witness: Witness) -> Truth:
    """Return the oracle with the attempts that were published and the events that were accepted."""
    truth = Truth(shop.world())
    runs = connection.execute(
        'SELECT "Run", epoch_us("PublishedAt") FROM lake.runs ORDER BY "Run"'
    ).fetchall()
    attempts = attempts_of(connection, len(runs))
    assert [run for run, _ in runs] == list(range(1, len(runs) + 1))
    assert attempts == sorted(set(attempts))
    for attempt, (_, published_at) in zip(attempts, runs, strict=True):
        assert truth.publish(witness.sources(attempt), published_at).published_at == published_at
    requests = requests_of(witness.sent)
    keys = dict(keys_of(log))
    for event in events_of(log):
        truth.events.append(
            truthful(truth, event, requests[keys[event.position] or str(event.activity_id)])
        )
    return truth


def attempts_of(connection: DuckDBPyConnection, runs: int) -> list[int]:
    """Return the attempt that each run published: the lonely contact says it."""
    rows = connection.execute(f"""
        SELECT "Points", "FirstRun", {runs + 1} FROM lake."Customer"
          WHERE "{shop.CONTACTS}_ContactId" = '0' UNION ALL
        SELECT "Points", "FirstRun", "ReplacedRun" FROM lake."Customer_history"
        WHERE "{shop.CONTACTS}_ContactId" = '0'""").fetchall()
    said = {run: attempt for attempt, first, replaced in rows for run in range(first, replaced)}
    return [said[run] for run in range(1, runs + 1)]


def requests_of(sent: Mapping[str, list[list[Batch]]]) -> dict[str, Request]:
    """Return every request by its idempotency key, or by its ActivityId."""
    requests = [
        request
        for threads in sent.values()
        for batches in threads
        for batch in batches
        for request in batch
    ]
    return {
        one.idempotency_key or activity_id(str(one.entity), str(one.record["OrderId"])): one
        for one in requests
    }


def keys_of(log: SqliteEventLog) -> Iterator[tuple[int, str | None]]:
    """Give position and idempotency key of every event; the key is the log's alone."""
    yield from log._readers.ask(
        lambda connection: connection.execute(
            "SELECT position, idempotency_key FROM event"
        ).fetchall(),
        [],
    )


def truthful(truth: Truth, event: Event, request: Request) -> Truthful:
    """Return the oracle's event of a request, accepted when the log says it was."""
    target, activity = posted(truth.world, request, event.event_id)
    times = validity(request, event.accepted_at)
    assert times is not None
    assert (event.valid_from, event.valid_until) == (
        times[0],
        None if request.kind == "withdrawal" else times[1],
    )
    return Truthful(event.position, request, target, event.accepted_at, *times, activity)


# ---- the lake


def expect_tables(connection: DuckDBPyConnection, truth: Truth) -> None:
    """Tables and ids given are what undisturbed refreshes would have made.

    The tables are the base tables, their histories and the registry.
    """
    for name, rows in expected_tables(truth.bases).items():
        found = connection.execute(f'SELECT * FROM lake."{name}"').fetchall()
        expect_same(found, rows, name)


def expect_same(found: Rows, expected: Rows, name: str) -> None:
    """The rows of a table are the expected ones, in any order."""
    more, less = Counter(found) - Counter(expected), Counter(expected) - Counter(found)
    assert not more, f"{name} has {list(more)[:3]}"
    assert not less, f"{name} lacks {list(less)[:3]}"


def expected_tables(bases: Sequence[Base]) -> dict[str, Rows]:
    """Return the rows of the tables that refreshes add to, after these publishes."""
    found: dict[str, Rows] = {"Registry": [], "Departure": [], "Identity": []}
    current: dict[str, dict[object, tuple[tuple[object, ...], int]]] = {}
    for before, base in pairwise([None, *bases]):
        assert base is not None
        for table, now in base_rows(base):
            then = current.get(table.name, {})
            found.setdefault(f"{table.name}_history", []).extend(
                (*row, first, base.run) for key, (row, first) in then.items() if now.get(key) != row
            )
            current[table.name] = {
                key: (row, then[key][1] if key in then and then[key][0] == row else base.run)
                for key, row in now.items()
            }
        known = before.registry.ids if before else {}
        found["Registry"] += [
            (*record, one, base.run)
            for record, one in base.registry.ids.items()
            if known.get(record) != one
        ]
        had = before.registry.has if before else {}
        found["Departure"] += [
            (*record, one, base.run)
            for record, ids in had.items()
            for one in ids.keys() - base.registry.has[record].keys()
        ]
    found["Identity"] += [
        (one, run, *record) for one, (run, record) in bases[-1].registry.given.items()
    ]
    return found | {
        name: [(*row, first) for row, first in rows.values()] for name, rows in current.items()
    }


def expect_overlay(connection: DuckDBPyConnection, log: SqliteEventLog) -> None:
    """The overlay is what the log gives when it is decoded anew."""
    events = events_of(log)
    expected: dict[str, Rows] = {
        table.name: [] for table in tables.OVERLAY if table is not tables.STREAM_COMMITS
    }
    for event in events:
        for table, row in overlay_rows(event, TYPES):
            expected[table].append(row)
    for name, rows in expected.items():
        instants = [
            column.name
            for table in tables.OVERLAY
            if table.name == name
            for column in table.columns
            if column.type == "TIMESTAMPTZ"
        ]
        replaced = ", ".join(f'epoch_us("{column}") AS "{column}"' for column in instants)
        found = connection.execute(f"SELECT * REPLACE ({replaced}) FROM lake.{name}").fetchall()
        expect_same(found, rows, name)
    assert connection.execute('SELECT "Position" FROM lake.overlay_state').fetchall() == [
        (len(events),)
    ]


def expect_sql(sql: Sql, truth: Truth) -> None:
    """Views and macros show what is true now, and for profiles at the last publish.

    The latter is what was true when the last publish began to hold.
    """
    now, then = truth.now(0), truth.bases[-1].published_at
    same(sql.customers_now(), customers(truth, now, now), "Customer_live")
    same(sql.activities_now(), activities(truth, now), "UnifiedActivity_live")
    same(
        sql.customers(then - 1, now),
        customers(truth, then - 1, now),
        "customer_as_of before the last publish",
    )
    one = min(truth.bases[-1].profiles)
    same(
        sql.timeline(one, then, now),
        truth.timeline(one, then, now),
        "timeline_as_of the last publish",
    )


def expect_reader(engine: Engine, truth: Truth) -> None:
    """Every id and record has the card that is true now, and that of before the last publish.

    Some timelines too.
    """
    base, now = truth.bases[-1], truth.now(engine.clock.now)
    before = base.published_at - 1
    for number, target in enumerate([*sorted(base.registry.given), *sorted(base.registry.ids)]):
        same(engine.card(target, None, None), truth.card(target, now, now), f"{target} now")
        same(engine.card(target, before, now), truth.card(target, before, now), f"{target} before")
        if number % 5 == 0:
            same(
                engine.timeline(target, None, None),
                truth.timeline(target, now, now),
                f"timeline of {target}",
            )


def expect_no_waste(connection: DuckDBPyConnection, paths: Paths) -> None:
    """Nothing is left of what died.

    No file that the catalog does not know, no intermediate one, no lock.
    """
    known = {paths.storage.file(path) for (path,) in connection.execute(KNOWN).fetchall()}
    there = {file for file in paths.storage.folder.rglob("*") if file.is_file()}
    there -= {paths.storage.mark}
    assert there <= known, f"files that no commit names: {sorted(map(str, there - known))}"
    assert not any(paths.scratch.rglob("*")), "scratch is not empty"
    assert not paths.tick.exists(), "a tick is left"
    assert not [file for file in paths.project.rglob("*") if ".part" in file.name], (
        "drafts are left"
    )
    runs = connection.execute(
        'SELECT "Generation" FROM lake.runs ORDER BY "Run" DESC LIMIT 2'
    ).fetchall()
    serving = {file.name for file in paths.serving.iterdir()}
    generations = with_those_beneath(paths, [name for (name,) in runs])
    needed = {f"{name}.sqlite" for name in generations} | named_by(paths, [one for (one,) in runs])
    assert serving <= needed, "generations or activities that nobody needs"
    assert f"{runs[0][0]}.sqlite" in serving
    locks = [*paths.locks.iterdir(), *paths.log.parent.glob("*.lock")]
    assert [lock for lock in locks if holder_of(lock) is not None] == [], "locks are held"


# ---- what readers saw


def expect_readings(readers: Readers, truth: Truth) -> None:
    """Readers met no error, and each saw what was true at its instants.

    What each saw is of one publish and one position.
    """
    assert readers.faults == [], readers.faults
    for read in readers.reads:
        expect_read(read, truth)
    for found in readers.snapshots:
        expect_snapshot(found, truth)


def expect_read(read: Read, truth: Truth) -> None:
    """A card or a timeline is what was true at (t, k), also now that more is known."""
    base = truth.base(min(read.as_of, read.known_at))
    assert base is not None
    assert base.run == read.run, read
    if read.card is not None:
        assert read.card == truth.card(read.target, read.as_of, read.known_at), read
    else:
        assert read.timeline == truth.timeline(read.target, read.as_of, read.known_at), read


def expect_snapshot(found: Snapshot, truth: Truth) -> None:
    """Everything that SQL showed at once belongs to one publish and to one position of the log."""
    then = replace(truth, bases=truth.bases[: found.run], events=truth.events[: found.position])
    now = then.now(found.now)
    said = (
        f"run {found.run}, position {found.position}, "
        f"{[len(base.profiles) for base in truth.bases]} profiles"
    )
    assert found.updates == sum(event.request.kind == "update" for event in then.events), said
    assert found.profiles == len(then.bases[-1].profiles), said
    if found.customers is not None:
        same(found.customers, customers(then, now, now), f"Customer_live of {said}")
        same(found.activities, activities(then, now), f"UnifiedActivity_live of {said}")
