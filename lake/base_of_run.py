"""The base in the lake, at any run.

Profiles and keys of past runs, and the activities of every run.

Rows of a run n are those of the current table with FirstRun <= n and those of its history with
FirstRun <= n < ReplacedRun, so an answer stays right when a newer run is published while it is
read.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from overtide.lake.catalog import Publish, connect, is_outdated, unreadable
from overtide.lake.definitions import TABLE_COLUMNS, columns_by_table
from overtide.lake.generation import Generation, Profile
from overtide.schemas.activities import COLUMNS
from overtide.schemas.errors import UnavailableError
from overtide.schemas.events import activity_id
from overtide.schemas.instants import Instant
from overtide.schemas.names import folded, quoted
from overtide.schemas.paths import Paths
from overtide.schemas.table import SCHEMA, ProfileField
from overtide.schemas.tables import HIDDEN_ACTIVITY, RELATED_KEY
from overtide.schemas.types import type_of
from overtide.schemas.values import Value

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ATTEMPTS = 3
"""How often a query is tried.

Files that an old snapshot named may be cleared away while it runs.
"""
REMEMBERED = 100_000
"""Number of activities of which is remembered whether a run has them."""
ACTIVITY_TYPES = {name: "datetime" if name == "ActivityTime" else "string" for name in COLUMNS}


class Lake:
    """Answers questions about the base through one read-only DuckDB, opened at the first question.

    Any thread.
    """

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._lock = threading.Lock()
        self._connection: DuckDBPyConnection | None = None
        self._inode: list[int] = []
        self._runs: list[Publish] = []
        self._has: dict[tuple[int, str], bool] = {}
        self._sources: dict[int, set[str]] = {}

    def query(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query over one snapshot of the lake."""
        import duckdb

        with self._lock:
            for attempt in range(ATTEMPTS):
                try:
                    if is_outdated(self._paths.catalog) or not self._is_of_catalog():
                        self._close()
                    self._connection = self._connection or self._connected()
                    return self._connection.execute(statement, list(parameters)).fetchall()
                except (duckdb.Error, UnavailableError) as error:
                    self._close()
                    if attempt == ATTEMPTS - 1:
                        raise (
                            error if isinstance(error, UnavailableError) else unreadable(error)
                        ) from None
        raise AssertionError

    def publish_at(self, instant: Instant, current: Publish) -> Publish | None:
        """Return the publish in force at an instant, None before the first.

        `current` is the one published last. Its run alone does not tell it: where an older catalog
        was restored, another one has that number.
        """
        known = {(one.published_at, one.generation) for one in self._runs}
        if (current.published_at, current.generation) not in known:
            rows = self.query(
                f'SELECT "Run", epoch_us("PublishedAt"), "Generation" FROM {SCHEMA}.runs'
            )
            self._runs = sorted((Publish(*row) for row in rows), key=lambda publish: publish.run)
        return max(
            (one for one in self._runs if one.published_at <= instant),
            key=lambda one: one.run,
            default=None,
        )

    def activities(self, run: int, customer_id: str, current: bool) -> list[dict[str, Value]]:
        """Return the activities of one customer in the base of a run; `current`.

        The run published last.
        """
        names = list(ACTIVITY_TYPES)
        columns, keys = _expressions(ACTIVITY_TYPES), {"CustomerId": customer_id}
        rows = self.query(
            *(
                _current("UnifiedActivity", run, columns, keys)
                if current
                else _rows("UnifiedActivity", run, columns, keys)
            )
        )
        return [
            dict(zip(names, _canonical_row(ACTIVITY_TYPES.values(), row), strict=True))
            for row in rows
        ]

    def having(self, run: int, activities: Iterable[Mapping[str, Value]]) -> set[str]:
        """Return those of these ActivityIds that the base of a run has, for any customer.

        Nothing is sorted by ActivityId, so a whole column is read, but only for ids that the run
        can have: one that is named by a source without activities in it is of an activity that no
        refresh has brought.
        """
        wanted = {str(one["ActivityId"]): _source(one) for one in activities}
        new = [
            one
            for one, source in wanted.items()
            if (run, one) not in self._has and (source is None or source in self._sources_of(run))
        ]
        if new:
            if len(self._has) > REMEMBERED:
                self._has.clear()
            found = {
                row[0]
                for row in self.query(
                    *_rows("UnifiedActivity", run, ["ActivityId"], {"ActivityId": new})
                )
            }
            self._has.update({(run, one): one in found for one in new})
        return {one for one in wanted if self._has.get((run, one))}

    def _sources_of(self, run: int) -> set[str]:
        """Return the entities from which the base of a run has activities."""
        if run not in self._sources:
            statement, parameters = _rows("UnifiedActivity", run, ["SourceEntityName"], {})
            self._sources[run] = {
                row[0] for row in self.query(f"SELECT DISTINCT * FROM ({statement})", parameters)
            }
        return self._sources[run]

    def close(self) -> None:
        """Close the DuckDB, if it was opened."""
        with self._lock:
            self._close()

    def _connected(self) -> "DuckDBPyConnection":
        self._inode = self._paths.catalog.signature()[:1]
        return connect(self._paths)

    def _is_of_catalog(self) -> bool:
        """Say whether the catalog that was opened still is the one that is there."""
        return self._inode == self._paths.catalog.signature()[:1]

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@dataclass
class Past:
    """The base of one run that has no serving generation any more, with the look-ups of one.

    `serving` is the generation of the run published last: it knows which records a customer has
    now, so that only their rows of AlternateKey are read, which is not sorted by customer. None
    where there is none: then all are.
    """

    lake: Lake
    run: int
    serving: Generation | None

    def resolve_id(self, customer_id: str) -> str | None:
        """Return the id of the profile that a current or previous id leads to, or None."""
        own = self.lake.query(
            *_rows("Customer", self.run, ["CustomerId"], {"CustomerId": customer_id})
        )
        heir = own or self.lake.query(
            *_rows("IdentityAlias", self.run, ["CustomerId"], {"PreviousCustomerId": customer_id})
        )
        return heir[0][0] if heir else None

    def resolve_record(self, entity: str, key: str) -> str | None:
        """Return the id of the profile that a source record belongs to, or did when it was there.

        None else.
        """
        keys = {"EntityName": entity, "PrimaryKey": key}
        found = self.lake.query(*_rows("AlternateKey", self.run, ["CustomerId"], keys))
        found = found or self._gone(["CustomerId"], keys)
        return found[0][0] if found else None

    def resolve_activity(self, entity: str, key: str) -> str | None:
        """Return the id of the profile that an activity of a target belongs to, or None.

        The target is a source record, or another value by which activities find customers.
        """
        keys = {"EntityName": entity, "PrimaryKey": key}
        found = self._in_later(RELATED_KEY.name, ["CustomerId"], keys)
        return found[0][0] if found else self.resolve_record(entity, key)

    @cached_property
    def hidden_activities(self) -> frozenset[str]:
        """The entities whose activities timelines do not show in this run."""
        rows = self._in_later(HIDDEN_ACTIVITY.name, ["SourceEntityName"], {})
        return frozenset(row[0] for row in rows)

    def profile(self, customer_id: str) -> Profile | None:
        """Return the profile of a current id, or None."""
        types = {
            name: field.type for name, field in self.profile_fields.items() if name != "CustomerId"
        }
        now, past = (
            self._expressions_in(table, types) for table in ("Customer", "Customer_history")
        )
        found = self.lake.query(
            *_rows("Customer", self.run, now, {"CustomerId": customer_id}, past)
        )
        if not found:
            return None
        fields = dict(zip(types, _canonical_row(types.values(), found[0]), strict=True))
        previous = str(fields.get("PreviousCustomerId") or "")
        record = ["EntityName", "PrimaryKey"]
        vanished, related = (
            tuple((entity, key) for entity, key in sorted(rows))
            for rows in (
                self._gone(record, {"CustomerId": customer_id}),
                self._in_later(RELATED_KEY.name, record, {"CustomerId": customer_id}),
            )
        )
        return Profile(
            customer_id,
            fields,
            self._records(customer_id),
            tuple(filter(None, previous.split(";"))),
            vanished,
            related,
        )

    def _gone(self, names: list[str], keys: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """Return rows of the records that are gone."""
        return self._in_later("VanishedKey", names, keys)

    def _in_later(
        self, table: str, names: list[str], keys: Mapping[str, object]
    ) -> list[tuple[Any, ...]]:
        """Return rows of a table that a lake which an earlier version published does not have."""
        known = self._columns(table)
        return self.lake.query(*_rows(table, self.run, names, keys)) if known else []

    def _records(self, customer_id: str) -> tuple[tuple[str, str, bool], ...]:
        columns, keys = ["EntityName", "PrimaryKey", "IsWinner"], {"CustomerId": customer_id}
        found = self.lake.query(*_history("AlternateKey", self.run, columns, keys))
        now = None if self.serving is None else self.serving.profile(customer_id)
        if self.serving is None:
            found += self.lake.query(*_current("AlternateKey", self.run, columns, keys))
        elif now is not None:
            known = [key for _, key, _ in now.records]
            found += self.lake.query(
                *_current("AlternateKey", self.run, columns, {**keys, "PrimaryKey": known})
            )
        return tuple(
            sorted({tuple(row) for row in found}, key=lambda row: (not row[2], row[0], row[1]))
        )

    @cached_property
    def profile_fields(self) -> dict[str, ProfileField]:
        """The columns that Customer had in this run, as far as the lake still keeps them."""
        rows = self.lake.query(
            f"""SELECT "Name", "Type", "IsUpdatable" FROM {SCHEMA}.profile_fields
            WHERE "Run" = (SELECT max("Run") FROM {SCHEMA}.profile_fields WHERE "Run" <= ?)""",
            [self.run],
        )
        declared = {name: ProfileField(name, kind, updatable) for name, kind, updatable in rows}
        there = {
            folded(column)
            for table in ("Customer", "Customer_history")
            for column in self._columns(table)
        }
        return {name: field for name, field in declared.items() if folded(name) in there}

    def _expressions_in(self, table: str, types: Mapping[str, str]) -> list[str]:
        """Return expressions for columns that a table may lack or have in another type.

        In another type they are read as text.
        """
        there = {folded(name): kind for name, kind in self._columns(table).items()}
        return [
            _expression(name, kind)
            if there.get(folded(name)) == type_of(kind).duckdb
            else _expression_of_text(name, kind)
            if folded(name) in there
            else "NULL"
            for name, kind in types.items()
        ]

    def _columns(self, table: str) -> dict[str, str]:
        return columns_by_table(self.lake.query(TABLE_COLUMNS, [table])).get(table, {})


def _source(activity: Mapping[str, Value]) -> str | None:
    """Return the entity that names an activity together with its key there.

    None where its id says nothing of that.
    """
    source, key = str(activity["SourceEntityName"]), str(activity["SourceActivityId"])
    return source if activity_id(source, key) == activity["ActivityId"] else None


Query = tuple[str, list[object]]
"""The text of a query and its parameters."""


def _rows(
    table: str,
    run: int,
    expressions: Sequence[str],
    keys: Mapping[str, object],
    past: Sequence[str] | None = None,
) -> Query:
    """Return the query of the rows of a run with these keys (a list: any of them)."""
    now, history = (
        _current(table, run, expressions, keys),
        _history(table, run, past or expressions, keys),
    )
    return f"{now[0]} UNION ALL {history[0]}", now[1] + history[1]


def _current(table: str, run: int, expressions: Sequence[str], keys: Mapping[str, object]) -> Query:
    return (
        (
            f'SELECT {_list(expressions)} FROM {SCHEMA}.{quoted(table)} WHERE "FirstRun" <= '
            f"?{_conditions(keys)}"
        ),
        [run, *_parameters(keys)],
    )


def _history(table: str, run: int, expressions: Sequence[str], keys: Mapping[str, object]) -> Query:
    return (
        f"""SELECT {_list(expressions)} FROM {SCHEMA}.{quoted(table + "_history")}
                WHERE "FirstRun" <= ? AND "ReplacedRun" > ?{_conditions(keys)}""",
        [run, run, *_parameters(keys)],
    )


def _conditions(keys: Mapping[str, object]) -> str:
    return "".join(
        f" AND {quoted(name)} "
        + (f"IN ({', '.join('?' * len(key))})" if isinstance(key, list) else "= ?")
        for name, key in keys.items()
    )


def _parameters(keys: Mapping[str, object]) -> list[object]:
    return [one for key in keys.values() for one in (key if isinstance(key, list) else [key])]


def _list(expressions: Sequence[str]) -> str:
    return ", ".join(one if "(" in one or one == "NULL" else quoted(one) for one in expressions)


def _expressions(types: Mapping[str, str]) -> list[str]:
    return [_expression(name, kind) for name, kind in types.items()]


def _expression(name: str, kind: str) -> str:
    """Return the SQL expression that brings a column to Python."""
    return type_of(kind).fetched_sql(f"({quoted(name)})")


def _expression_of_text(name: str, kind: str) -> str:
    cast = f"TRY_CAST({quoted(name)} AS {type_of(kind).duckdb})"
    return type_of(kind).fetched_sql(cast)


def _canonical_row(kinds: Iterable[str], row: Sequence[Any]) -> list[Value]:
    return [type_of(kind).from_lake(value) for kind, value in zip(kinds, row, strict=True)]
