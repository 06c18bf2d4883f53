"""The views and macros that every DuckDB finds in the lake.

The table `lake_help` describes them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from overtide.lake.asked import beside, instants_asked
from overtide.lake.decide.sql import AS_OF, LIVE
from overtide.lake.definitions import (
    calling_own_functions,
    columns_of,
    create_table,
    define_view,
    insert_rows,
    table_columns,
    without_rows,
)
from overtide.lake.flap_backs import FLAP_BACKS, flap_back_query
from overtide.lake.merged import activity_query, customer_query
from overtide.lake.overlay import OVERLAY_STATE, create_overlay
from overtide.lake.timelines import timeline_query
from overtide.schemas import match_tables, tables
from overtide.schemas.instants import Instant
from overtide.schemas.names import quoted
from overtide.schemas.service_tables import API_USAGE, AUDIT
from overtide.schemas.table import SCHEMA, ProfileField, Table, history_of
from overtide.schemas.types import type_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Macro:
    """A table macro of the lake: how it is called and what it gives."""

    name: str
    parameters: tuple[str, ...]
    comment: str

    @property
    def signature(self) -> str:
        """The call, such as `customer_as_of(t, k)`."""
        return f"{self.name}({', '.join(self.parameters)})"


CUSTOMER_AS_OF = Macro(
    "customer_as_of",
    ("t", "k"),
    (
        "Profiles at the instant t as they were known at k: the base published at min(t, k) with "
        "the updates laid over it."
    ),
)
TIMELINE_AS_OF = Macro(
    "timeline_as_of",
    ("customer_id", "t", "k"),
    (
        "Activities of one customer (a current or previous id) at the instant t as they were known "
        "at k, newest first."
    ),
)
MACROS = (CUSTOMER_AS_OF, TIMELINE_AS_OF)

_SPARSE = (
    tables.IDENTITY_ALIAS,
    tables.VANISHED_KEY,
    tables.RELATED_KEY,
    tables.HIDDEN_ACTIVITY,
)
_READ = ("Customer", tables.ALTERNATE_KEY.name, tables.UNIFIED_ACTIVITY.name)
MAY_BE_EMPTY = (
    *(f"{name}_history" for name in _READ),
    *(name for table in _SPARSE for name in (table.name, history_of(table).name)),
)
"""What views and macros read of the base that many a lake has no rows of.

DuckLake asks the catalog about a table without rows again for every column of every scan, which for
all of these takes longer than a million profiles.
"""

UNIFIED_ACTIVITY_LIVE = Table(
    "UnifiedActivity_live",
    "Activities of the sources and the real-time ones that are valid now.",
    tuple(column for column in tables.UNIFIED_ACTIVITY.columns if column.name != "FirstRun"),
)
CUSTOMER_LIVE_COMMENT = (
    "One row per unified customer, with the updates laid over it that are valid now."
)


def customer_live(profile: Sequence[ProfileField]) -> Table:
    """Return what the view Customer_live shows."""
    columns = tuple(
        column for column in tables.customer(profile).columns if column.name != "FirstRun"
    )
    return Table("Customer_live", CUSTOMER_LIVE_COMMENT, columns)


def define_views(
    connection: "DuckDBPyConnection",
    run: int,
    profile: Sequence[ProfileField],
    history_days: int,
    forgotten: Instant = 0,
) -> None:
    """Define views and macros for the columns that Customer has from this run on.

    They are defined within the publishing transaction.

    Macros refuse instants that lie more than `history_days` back and before the current base, or
    before `forgotten`. The base tables and their histories must exist, also where they are empty:
    these are not read then. Only a publish writes them, and defines the views after that.
    """
    create_overlay(connection)
    create_table(connection, tables.PROFILE_FIELDS)
    create_table(connection, tables.LAKE_HELP)
    _remember_fields(connection, run, profile)
    past = past_columns(connection, profile)
    empty = without_rows(connection, MAY_BE_EMPTY)
    live, as_of = (replace(frame, empty=empty) for frame in (LIVE, AS_OF))
    define_view(connection, customer_live(profile), customer_query(live, profile))
    define_view(connection, UNIFIED_ACTIVITY_LIVE, activity_query(live))
    define_view(connection, FLAP_BACKS, flap_back_query(profile, past))
    asked = instants_asked(history_days, forgotten)
    _define_macro(connection, CUSTOMER_AS_OF, beside(asked, customer_query(as_of, profile, past)))
    _define_macro(connection, TIMELINE_AS_OF, timeline_query(as_of, history_days, forgotten))
    _write_help(connection, profile)


def _remember_fields(
    connection: "DuckDBPyConnection", run: int, profile: Sequence[ProfileField]
) -> None:
    fields = [(field.name, field.type, field.updatable) for field in profile]
    last = connection.execute(f"""SELECT "Name", "Type", "IsUpdatable" FROM {SCHEMA}.profile_fields
        WHERE "Run" = (SELECT max("Run") FROM {SCHEMA}.profile_fields)""").fetchall()
    if sorted(last) != sorted(fields):
        insert_rows(connection, tables.PROFILE_FIELDS, [(run, *field) for field in fields])


def past_columns(connection: "DuckDBPyConnection", profile: Sequence[ProfileField]) -> list[str]:
    """Return expressions for today's columns of Customer over the history table.

    They work whatever columns the history table has.
    """
    there = columns_of(connection, "Customer_history")
    return [
        _past_column(field.name, type_of(field.type).duckdb, there.get(field.name))
        for field in profile
    ]


def _past_column(name: str, kind: str, past_kind: str | None) -> str:
    if past_kind == kind:
        return f"b.{quoted(name)}"
    value = "NULL" if past_kind is None else f"b.{quoted(name)}"
    return f"TRY_CAST({value} AS {kind}) AS {quoted(name)}"


def _define_macro(connection: "DuckDBPyConnection", macro: Macro, query: str) -> None:
    connection.execute(
        f"CREATE OR REPLACE MACRO {SCHEMA}.{macro.signature} AS TABLE "
        f"{calling_own_functions(query)}"
    )


def _write_help(connection: "DuckDBPyConnection", profile: Sequence[ProfileField]) -> None:
    there = connection.execute(f"SELECT * FROM {SCHEMA}.lake_help").fetchall()
    told = {name: comment for name, kind, _, comment in there if kind == "table"}
    rows = help_rows(profile, _entity_tables(connection, profile, told))
    if sorted(there) != sorted(rows):
        connection.execute(f"DELETE FROM {SCHEMA}.lake_help")
        insert_rows(connection, tables.LAKE_HELP, rows)


def _entity_tables(
    connection: "DuckDBPyConnection", profile: Sequence[ProfileField], told: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Return the tables that other lakes may not have, in order, and what they hold.

    That is the first line of a comment. DuckDB tells comments only with the sizes of all tables,
    which takes long, so those that were `told` before are not asked for.
    """
    views = {view.name for view in (customer_live(profile), UNIFIED_ACTIVITY_LIVE, FLAP_BACKS)}
    known = {OVERLAY_STATE.name, *views, *(table.name for table in documented_tables(profile))}
    names = sorted(table_columns(connection).keys() - known)
    if not told.keys() >= set(names):
        told = dict(
            connection.execute(
                """SELECT table_name, split_part(coalesce(comment, ''), chr(10), 1)
                FROM duckdb_tables() WHERE database_name = 'lake' AND schema_name = 'main'"""
            ).fetchall()
        )
    return [(name, told[name]) for name in names]


def help_rows(
    profile: Sequence[ProfileField], entity_tables: Sequence[tuple[str, str]]
) -> list[tuple[str, str, str, str]]:
    """Return the rows of `lake_help`.

    Every table, view and macro that analysts use, in the order of docs/sql.md.

    `entity_tables` are the names of the entities' tables and what they hold.
    """
    views = (customer_live(profile), UNIFIED_ACTIVITY_LIVE, OVERLAY_STATE, FLAP_BACKS)
    return [
        *((view.name, "view", view.name, view.comment) for view in views),
        *((macro.name, "macro", macro.signature, macro.comment) for macro in MACROS),
        *((table.name, "table", table.name, table.comment) for table in documented_tables(profile)),
        *((name, "table", name, comment) for name, comment in entity_tables),
        *((view.name, "view", view.name, view.comment) for view in (API_USAGE, AUDIT)),
    ]


def documented_tables(profile: Sequence[ProfileField]) -> list[Table]:
    """Return the tables that every lake has, in the order of docs/sql.md."""
    base = [tables.customer(profile), *tables.VERSIONED]
    return [
        *base,
        *(history_of(table) for table in base),
        *match_tables.MATCHED,
        match_tables.MATCH_BLOCK,
        match_tables.MATCH_VALUE,
        match_tables.DECIDED_PAIRS,
        tables.REGISTRY,
        tables.DEPARTURE,
        tables.IDENTITY,
        tables.CLUSTER_REGISTRY,
        tables.PROFILE_FIELDS,
        tables.RUNS,
        tables.SERVING_META,
        *tables.OVERLAY,
        tables.LAKE_HELP,
    ]
