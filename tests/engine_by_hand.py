"""The engine with bases published by hand.

What the oracle computed instead of a refresh, in a tenth of its time.
"""

import hashlib
import itertools
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from duckdb import DuckDBPyConnection

from overtide.lake.activity_build import build_activities
from overtide.lake.generation import Profile
from overtide.lake.overlay import Span, commit
from overtide.lake.publish import Change, RunRow, publish
from overtide.lake.views import define_views
from overtide.schemas import tables
from overtide.schemas.names import parquet_rows
from overtide.schemas.serving_metadata import decoded
from overtide.schemas.table import Table, history_of
from overtide.transforms.realtime import overlay_rows, to_batch
from tests.engine import COLUMNS, CONFIGURATION, FIELDS, TYPES, Engine, TestClock, opened
from tests.generations import write_generation
from tests.oracle_base import ACTIVITY_COLUMNS, Base, Sources, instant
from tests.oracle_identities import Ref


class HandEngine(Engine):
    """Publishes the oracle's bases through the lake's own publish, and streams without a runner."""

    def __init__(self, folder: Path, clock: TestClock) -> None:
        super().__init__(folder, clock)
        self._published: dict[str, dict[object, tuple[tuple[object, ...], int]]] = defaultdict(dict)

    def publish(self, sources: Sources, expected: Base) -> None:  # noqa: ARG002 - a refresh reads them
        """Publish the tables and the serving generation of a base."""
        folder = self.paths.project / "by hand"
        folder.mkdir(exist_ok=True)
        meta = serving_meta(expected.run)
        changes = [
            change
            for table, rows in base_rows(expected)
            for change in self._changes(table, rows, expected.run)
        ]
        generation = write_generation(
            self.paths.generation(f"run{expected.run:06d}"),
            meta,
            profiles(expected),
            [(*record, one) for record, one in expected.records.items()],
            expected.alias.items(),
            sealed=True,
            # Both ways to read timelines are asked: every other run has no files of activities.
            timelines=self._timelines(expected) if expected.run % 2 else None,
        )
        row = RunRow(expected.run, generation, "", "", {"tables": {}}, serving=decoded(meta))
        publish(
            self.paths,
            changes,
            row,
            self.clock,
            self.log.taking,
            lambda connection, forgotten: define_views(
                connection, expected.run, FIELDS, 400, forgotten
            ),
        )

    def _timelines(self, expected: Base) -> str:
        """Write the activities of a base in place, from the file that the lake is given."""
        content = hashlib.sha256(repr(sorted(expected.activities.items())).encode()).hexdigest()
        file = self.paths.project / "by hand" / f"{tables.UNIFIED_ACTIVITY.name}.parquet"
        rows = f"FROM {parquet_rows([str(file)])}"
        with opened(duckdb.connect(config={"threads": 1})) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return build_activities(connection, self.paths, content, lambda join: f"{rows}{join}")

    def _changes(
        self, table: Table, rows: dict[object, tuple[object, ...]], run: int
    ) -> list[Change]:
        before = self._published[table.name]
        now = {
            key: (row, before[key][1] if key in before and before[key][0] == row else run)
            for key, row in rows.items()
        }
        gone = [
            (*row, first, run)
            for key, (row, first) in before.items()
            if now.get(key, (None,))[0] != row
        ]
        self._published[table.name] = now
        return [
            self._change(table, [(*row, first) for row, first in now.values()], True),
            self._change(history_of(table), gone, False),
        ]

    def _change(self, table: Table, rows: list[tuple[object, ...]], replace: bool) -> Change:
        file = self.paths.project / "by hand" / f"{table.name}.parquet"
        columns = [
            pa.array([row[place] for row in rows], ARROW[column.type])
            for place, column in enumerate(table.columns)
        ]
        pq.write_table(pa.table(columns, names=table.names), file)
        return Change(table, (str(file),), replace)

    def carry(self, connection: DuckDBPyConnection, span: Span) -> None:
        """Run the stream's steps over a range without a runner."""
        rows = defaultdict(list)
        found = self.log.read(span.start, span.end - span.start)
        for table, row in itertools.chain.from_iterable(
            overlay_rows(event, TYPES) for event in found
        ):
            rows[table].append(row)
        commit(
            connection,
            self.paths,
            span,
            {
                table: [pa.Table.from_batches([to_batch(table, some)])]
                for table, some in rows.items()
            },
        )


ARROW = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "BOOLEAN": pa.bool_(),
    "DOUBLE": pa.float64(),
    "DATE": pa.date32(),
    "DECIMAL(9,2)": pa.decimal128(9, 2),
    "TIMESTAMPTZ": pa.timestamp("us", "UTC"),
}


def base_rows(base: Base) -> Iterator[tuple[Table, dict[object, tuple[object, ...]]]]:
    """Return the rows of the base tables by key, without run numbers."""
    yield tables.customer(FIELDS), dict(_customers(base))
    yield tables.UNIFIED_ACTIVITY, dict(_activities(base))
    winners = {
        (entity, key): winner
        for profile in base.profiles.values()
        for entity, key, winner in profile.records
    }
    yield (
        tables.ALTERNATE_KEY,
        {record: (*record, one, winners[record]) for record, one in base.records.items()},
    )
    yield tables.VANISHED_KEY, {record: (*record, one) for record, one in base.vanished.items()}
    yield tables.RELATED_KEY, {}
    yield tables.HIDDEN_ACTIVITY, {}
    yield tables.IDENTITY_ALIAS, {old: (old, new) for old, new in base.alias.items()}


def _customers(base: Base) -> Iterator[tuple[object, tuple[object, ...]]]:
    for one, profile in base.profiles.items():
        values = (
            python_value(TYPES.get(name, "string"), profile.columns[name]) for name in COLUMNS
        )
        yield one, (one, *values)


def _activities(base: Base) -> Iterator[tuple[object, tuple[object, ...]]]:
    """Give activities in the order of the table: by customer and time."""
    order = sorted(
        base.activities.items(), key=lambda item: (item[1][0], str(item[1][1]["ActivityTime"]))
    )
    for one, (customer, row) in order:
        values = (
            python_value("datetime" if name == "ActivityTime" else "string", row[name])
            for name in ACTIVITY_COLUMNS
        )
        yield one, (customer, *values)


def profiles(base: Base) -> Iterator[Profile]:
    """Return the profiles as a serving generation keeps them."""
    gone: dict[str, list[Ref]] = defaultdict(list)
    for record, one in sorted(base.vanished.items()):
        gone[one].append(record)
    for one, profile in base.profiles.items():
        previous = str(profile.columns["PreviousCustomerId"] or "")
        yield Profile(
            one,
            dict(profile.columns),
            tuple(profile.records),
            tuple(filter(None, previous.split(";"))),
            tuple(gone[one]),
        )


def serving_meta(run: int) -> dict[str, object]:
    """Return the metadata of a serving generation."""
    entities = {
        name: {
            "attributes": {
                column: entity.attribute(column).model_dump() for column in entity.attributes
            },
            "time_zone": entity.time_zone,
            "primary_key": entity.primary_key,
        }
        for name, entity in CONFIGURATION.entities().items()
    }
    related = {one.name: one for one in CONFIGURATION.relationships}
    activities = {
        one.entity: one.model_dump()
        | {"foreign_key": related[one.relationship].foreign_key, "to": related[one.relationship].to}
        for one in CONFIGURATION.activities
    }
    profile = [{"name": one.name, "type": one.type, "updatable": one.updatable} for one in FIELDS]
    return {
        "run": run,
        "instance": str(CONFIGURATION.instance.id),
        "profile": profile,
        "entities": entities,
        "activities": activities,
        "real_time": CONFIGURATION.real_time.model_dump(),
    }


def python_value(kind: str, value: object) -> object:
    """Return a canonical value as the Python value that Arrow takes for a column."""
    if value is None:
        return None
    if kind == "date":
        return date.fromisoformat(str(value))
    if kind == "datetime":
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant(str(value)))
    return Decimal(str(value)) if kind.startswith("decimal") else value
