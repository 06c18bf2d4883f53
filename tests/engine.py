"""The engine under test.

Log, acceptance, refresh, stream, reads and SQL over one project, with a test's clock.
"""

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from overtide import runner_configs
from overtide.eventlog.sqlite import SqliteEventLog
from overtide.lake.catalog import connect
from overtide.lake.overlay import Span, committed_position, open_overlay
from overtide.lake.standing import last_taken
from overtide.schemas import events
from overtide.schemas.configuration import Configuration
from overtide.schemas.errors import OvertideError
from overtide.schemas.instants import format_instant
from overtide.schemas.paths import Paths
from overtide.schemas.table import ProfileField
from overtide.schemas.tables import OVERLAY
from overtide.serving.acceptance import Acceptance, Answer, Target, Terms
from overtide.serving.reader import Reader
from tests import shop
from tests.oracle import Request
from tests.oracle_base import ACTIVITY_COLUMNS, Base, Row, Sources
from tests.oracle_base import Target as OracleTarget

CONFIGURATION = Configuration.model_validate(shop.configuration())
TYPES = dict(shop.world().types)
COLUMNS = [
    *TYPES,
    *(f"{name}_{shop.NAMES[name][0]}" for name in (shop.CONTACTS, shop.ACCOUNTS, shop.VISITORS)),
    "PreviousCustomerId",
]
FIELDS = [
    ProfileField("CustomerId", "string", False),
    *(ProfileField(name, TYPES.get(name, "string"), name in TYPES) for name in COLUMNS),
]


@dataclass
class TestClock:
    """A clock that a test sets, also back."""

    __test__ = False
    now: int

    def __call__(self) -> int:
        """Return the instant that was set."""
        return self.now


class Engine:
    """The real thing: every part is opened when it is needed, and `restart` closes them all."""

    def __init__(self, folder: Path, clock: TestClock) -> None:
        self.paths, self.clock = Paths.of(folder), clock
        self._numbers = itertools.count()
        self._restarts = 0

    # -- processes --

    @cached_property
    def log(self) -> SqliteEventLog:
        """The event log; ids are counted, so that runs of one history give the same."""
        return SqliteEventLog(
            self.paths.log,
            self.clock,
            events.id_source(lambda: next(self._numbers)),
            lambda: last_taken(self.paths),
        )

    @cached_property
    def reader(self) -> Reader:
        """The reader of cards and timelines."""
        return Reader(self.paths, self.log, self.clock)

    @cached_property
    def acceptance(self) -> Acceptance:
        """The front of the log."""
        return Acceptance(self.log, self.reader.current)

    def restart(self) -> None:
        """Close every file, as if all processes had ended."""
        for name in ("reader", "log"):
            if name in self.__dict__:
                getattr(self, name).close()
        for name in ("reader", "log", "acceptance"):
            self.__dict__.pop(name, None)

    close = restart

    # -- writing --

    def accept(self, request: Request) -> Answer:
        """Send a request; a refusal is part of the answer, also one of the whole request."""
        until = f"{request.ttl // 1_000_000}s" if request.ttl is not None else None
        until = until if request.until is None else format_instant(request.until)
        start = None if request.event_time is None else format_instant(request.event_time)
        terms = Terms(until, start, request.caller, request.idempotency_key)
        try:
            return self._send(request, terms)
        except OvertideError as refusal:
            return Answer(refusal=refusal)

    def _send(self, request: Request, terms: Terms) -> Answer:
        if request.kind == "update":
            return self.acceptance.update(target_of(request.target), dict(request.fields), terms)
        if request.kind == "withdrawal":
            return self.acceptance.withdraw(target_of(request.target), request.only, terms)
        return self.acceptance.post(str(request.entity), [dict(request.record)], terms)[0]

    def publish(self, sources: Sources, expected: Base) -> None:  # noqa: ARG002 - by hand it is what is published
        """Refresh from the sources; the base `expected` is what the oracle makes of them."""
        from overtide.pipelines.refresh import refresh

        shop.write_sources(self.paths.project, sources)
        refresh(CONFIGURATION, self.paths, runner_configs.load(), self.clock, allow_shrink=True)

    def stream(self, batch: int, ticks: int = 1_000_000) -> int:
        """Carry events into the lake in ticks of a few events; return the position reached."""
        with opened(open_overlay(self.paths)) as connection:
            position = committed_position(connection)
            for _ in range(ticks):
                span = Span(position, min(position + batch, self.log.end()))
                if span.end == span.start:
                    break
                self.carry(connection, span)
                position = span.end
            return position

    def carry(self, connection: DuckDBPyConnection, span: Span) -> None:
        """Run one tick of the stream."""
        from apache_beam.options.pipeline_options import PipelineOptions
        from apache_beam.runners.portability.fn_api_runner import FnApiRunner

        from overtide.lake.maintenance import Upkeep
        from overtide.pipelines.realtime import Driver, Tick

        driver = Driver(
            self.paths, self.log, self.clock, FnApiRunner(), PipelineOptions([]), Tick(), Upkeep()
        )
        driver.carry(connection, span)

    def rebuilt(self, folder: Path, batch: int) -> "Engine":
        """Return an engine over a copy of the project, its overlay written anew from the log."""
        shutil.copytree(self.paths.project, folder)
        copy = type(self)(folder, self.clock)
        with opened(open_overlay(copy.paths)) as connection:
            connection.execute("BEGIN")
            for table in OVERLAY:
                connection.execute(f"DELETE FROM lake.main.{table.name}")
            connection.execute("COMMIT")
        copy.stream(batch)
        return copy

    # -- reading --

    def moment(self, t: int | None, k: int | None) -> tuple[int, int]:
        """Return the instants for which a question for t and k is answered."""
        now = self.reader.now()
        return now.as_of if t is None else t, now.known_at if k is None else min(k, now.known_at)

    def card(self, target: OracleTarget, t: int | None, k: int | None) -> tuple[str, Row] | None:
        """Return the id and the columns of a card; None when there is none."""
        with missing_is_none():
            card = self.reader.get(target_of(target), t, k)
            return card.customer_id, {name: view.value for name, view in card.fields.items()}
        return None

    def timeline(self, target: OracleTarget, t: int | None, k: int | None) -> list[Row] | None:
        """Return the activities of a timeline; None when there is no such customer."""
        with missing_is_none():
            return [
                dict(entry.activity)
                for entry in self.reader.timeline(target_of(target), t, k).entries
            ]
        return None

    @contextmanager
    def sql(self) -> Iterator["Sql"]:
        """Open the lake as an analyst does."""
        with opened(connect(self.paths)) as connection:
            yield Sql(connection)


@dataclass
class Sql:
    """What SQL shows, as canonical values."""

    connection: DuckDBPyConnection

    def position(self) -> int:
        """Return the log position that SQL knows."""
        return self._rows('SELECT "Position" FROM lake.overlay_state')[0][0]

    def customers(self, t: int, k: int) -> dict[str, Row]:
        """Return all profiles at (t, k)."""
        return self._customers(f"lake.customer_as_of({literal(t)}, {literal(k)})")

    def customers_now(self) -> dict[str, Row]:
        """Return all profiles now."""
        return self._customers('lake."Customer_live"')

    def timeline(self, customer_id: str, t: int, k: int) -> list[Row]:
        """Return one timeline at (t, k), in its order."""
        return [
            row
            for _, row in self._activities(
                f"lake.timeline_as_of('{customer_id}', {literal(t)}, {literal(k)})"
            )
        ]

    def activities_now(self) -> dict[str, tuple[str, Row]]:
        """Return all activities now, by ActivityId."""
        rows = self._activities('lake."UnifiedActivity_live"')
        found = {str(row["ActivityId"]): (customer, row) for customer, row in rows}
        assert len(found) == len(rows), "an activity appears twice"
        return found

    def flap_backs(self) -> set[tuple[str, str, int]]:
        """Return customer, field and position of the update of every field that fell back."""
        rows = self._rows("""SELECT f."CustomerId", f."Field", u."Position" FROM lake.flap_backs f
            JOIN lake.updates u ON u."EventId" = f."EventId" AND u."Field" = f."Field" """)
        assert len(set(rows)) == len(rows), "a field appears twice"
        return set(rows)

    def _customers(self, table: str) -> dict[str, Row]:
        names = ", ".join(f'"{name}"' for name in ("CustomerId", *COLUMNS))
        rows = self._rows(f"SELECT {names} FROM {table}")
        found = {
            one: dict(zip(COLUMNS, map(canonical, values), strict=True)) for one, *values in rows
        }
        assert len(found) == len(rows), "a customer appears twice"
        return found

    def _activities(self, table: str) -> list[tuple[str, Row]]:
        names = ", ".join(f'"{name}"' for name in ("CustomerId", *ACTIVITY_COLUMNS))
        return [
            (one, dict(zip(ACTIVITY_COLUMNS, map(canonical, values), strict=True)))
            for one, *values in self._rows(f"SELECT {names} FROM {table}")
        ]

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(statement).fetchall()


def target_of(target: OracleTarget) -> Target:
    """Return the oracle's target as the engine's."""
    return Target(target) if isinstance(target, str) else Target(None, *target)


@contextmanager
def opened(connection: DuckDBPyConnection) -> Iterator[DuckDBPyConnection]:
    """Close a connection at the end."""
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def missing_is_none() -> Iterator[None]:
    """Leave the block when what was asked for is not there."""
    try:
        yield
    except OvertideError as error:
        if error.code not in ("customer_not_found", "before_first_publish", "nothing_published"):
            raise


def literal(microseconds: int) -> str:
    """Return an instant as an SQL literal."""
    return f"TIMESTAMPTZ '{format_instant(microseconds)}'"


def canonical(value: object) -> object:
    """Return a value that DuckDB gave as a canonical one."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
