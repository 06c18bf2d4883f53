"""A lake for tests, built by hand.

Base tables with history, and overlay rows through the stream's own steps.
"""

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pyarrow as pa
from duckdb import DuckDBPyConnection

from overtide.lake.definitions import insert_rows
from overtide.lake.overlay import Span, commit, committed_position, open_overlay
from overtide.lake.views import define_views
from overtide.schemas import tables
from overtide.schemas.events import Event
from overtide.schemas.instants import SECOND, format_instant
from overtide.schemas.paths import Paths
from overtide.schemas.table import ProfileField, create_table_sql, history_of
from overtide.schemas.values import canonical
from overtide.transforms.realtime import overlay_rows, to_batch

START = 1_800_000_000 * SECOND
"""Instants of the tests count from here, in seconds.

2027-01-15, later than any clock that runs them.
"""

PROFILE = (
    ProfileField("CustomerId", "string", False),
    ProfileField("Name", "string", True),
    ProfileField("City", "string", True),
    ProfileField("Points", "integer", True),
    ProfileField("Paid", "decimal(12,2)", True),
    ProfileField("Share", "decimal(4,4)", True),
    ProfileField("Rate", "double", True),
    ProfileField("Born", "date", True),
    ProfileField("Seen", "datetime", True),
    ProfileField("Vip", "boolean", True),
    ProfileField("Token", "guid", True),
    ProfileField("crm_people_id", "string", False),
    ProfileField("PreviousCustomerId", "string", False),
)


def at(seconds: float) -> int:
    """Return the instant so many seconds after START."""
    return START + round(seconds * SECOND)


def sql(seconds: float) -> str:
    """Return that instant as an SQL literal."""
    return f"TIMESTAMPTZ '{format_instant(at(seconds))}'"


def customer_id(number: int) -> str:
    """Return the id of the customer with this number."""
    return f"{number:032x}"


@dataclass
class SmallLake:
    """Writes base rows by hand and events as the stream does, and answers queries."""

    paths: Paths
    events: list[Event] = field(default_factory=list)

    @cached_property
    def connection(self) -> DuckDBPyConnection:
        """The one connection of the test.

        Opening another for every step would take most of its time.
        """
        return open_overlay(self.paths)

    @classmethod
    def create(cls, folder: Path, profile: tuple[ProfileField, ...] = PROFILE) -> "SmallLake":
        """Create the tables that a refresh creates, empty."""
        lake = cls(Paths.of(folder))
        lake.connection.execute("BEGIN")
        customer = tables.customer(profile)
        for table in (
            customer,
            history_of(customer),
            *tables.VERSIONED,
            *map(history_of, tables.VERSIONED),
            tables.RUNS,
        ):
            lake.connection.execute(create_table_sql(table.name, table.columns))
        lake.connection.execute("COMMIT")
        return lake

    def publish(
        self, run: int, seconds: float, profile: tuple[ProfileField, ...] = PROFILE
    ) -> None:
        """Add the row of a run and define the views."""
        self.connection.execute("BEGIN")
        insert_rows(
            self.connection,
            tables.RUNS,
            [(run, format_instant(at(seconds)), f"g{run}", "", "", "{}")],
        )
        define_views(self.connection, run, profile, 400)
        self.connection.execute("COMMIT")

    def insert(self, table: str, **values: object) -> None:
        """Insert one row of a base table; columns not given are null."""
        names = ", ".join(f'"{name}"' for name in values)
        self.connection.execute(
            f'INSERT INTO lake.main."{table}" ({names}) VALUES ({", ".join("?" * len(values))})',
            list(values.values()),
        )

    def update(
        self,
        customer: int | None = None,
        *,
        accepted: float,
        fields: dict[str, object],
        since: float | None = None,
        until: float = 10_000,
        record: tuple[str, str] | None = None,
    ) -> None:
        """Accept an update, at an instant later than the one before."""
        self._accept("update", {"fields": fields}, customer, accepted, since, until, record)

    def withdraw(
        self,
        customer: int | None = None,
        *,
        accepted: float,
        name: str | None = None,
        since: float | None = None,
        record: tuple[str, str] | None = None,
    ) -> None:
        """Accept a withdrawal."""
        self._accept("withdrawal", {"field": name}, customer, accepted, since, None, record)

    def activity(
        self,
        customer: int | None = None,
        *,
        accepted: float,
        name: str,
        since: float | None = None,
        until: float = 10_000,
        record: tuple[str, str] | None = None,
        time: float = 0,
    ) -> None:
        """Accept an activity whose ActivityId is `name`."""
        body = {
            "ActivityId": name,
            "ActivityType": "Order",
            "ActivityTime": format_instant(at(time)),
            "Title": "live",
        }
        self._accept("activity", body, customer, accepted, since, until, record, name)

    def _accept(
        self,
        kind: str,
        body: object,
        customer: int | None,
        accepted: float,
        since: float | None,
        until: float | None,
        record: tuple[str, str] | None,
        activity_id: str | None = None,
    ) -> None:
        position, (entity, key) = len(self.events), record or (None, None)
        self.events.append(
            Event(
                position,
                f"event-{position:06d}",
                at(accepted),
                kind,
                None if customer is None else customer_id(customer),
                entity,
                key,
                at(accepted if since is None else since),
                None if until is None else at(until),
                "test",
                canonical(body),
                activity_id,
            )
        )

    def stream(self) -> None:
        """Commit the events accepted since the last time, without a runner."""
        start = committed_position(self.connection)
        rows = defaultdict(list)
        for table, row in itertools.chain.from_iterable(
            overlay_rows(event, None) for event in self.events[start:]
        ):
            rows[table].append(row)
        commit(
            self.connection,
            self.paths,
            Span(start, len(self.events)),
            {
                table: [pa.Table.from_batches([to_batch(table, found)])]
                for table, found in rows.items()
            },
        )

    def query(self, statement: str) -> list[tuple]:
        """Return the rows of a query."""
        return self.connection.execute(statement).fetchall()

    def value(self, name: str, t: float, k: float, customer: int = 1) -> object:
        """Return one field of a customer at (t, k); KeyError when there is no such profile."""
        rows = self.query(
            f'SELECT "{name}" FROM lake.customer_as_of({sql(t)}, {sql(k)}) '
            f"WHERE \"CustomerId\" = '{customer_id(customer)}'"
        )
        if not rows:
            raise KeyError(customer)
        return rows[0][0]

    def timeline(self, customer: int, t: float, k: float) -> list[str]:
        """Return the ActivityIds of a customer's timeline at (t, k), in order."""
        return [
            row[0]
            for row in self.query(
                f"SELECT \"ActivityId\" FROM lake.timeline_as_of('{customer_id(customer)}', "
                f"{sql(t)}, {sql(k)})"
            )
        ]
