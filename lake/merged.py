"""The queries of the merged view.

Profiles and activities with the overlay laid over the base, now and at (t, k).

A query is a list of named CTEs. Those of the merged view are the same for now and for any instants
(t, k); what differs is the `Frame`: how the instants are said and which rows of the base were
published then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from overtide.lake.asked import LAST_PUBLISH, latest
from overtide.schemas import tables
from overtide.schemas.names import columns, literal, quoted
from overtide.schemas.table import SCHEMA, Column, ProfileField, Table
from overtide.schemas.types import type_of

Ctes = Mapping[str, str]
"""Common table expressions by name, in the order in which they are written."""


@dataclass(frozen=True)
class Frame:
    """How a query says its instants t and k, and which base rows it takes.

    Those rows of the base were published at min(t, k).

    `instants` is the CTE that gives them as a row `i`; empty where the whole query stands beside
    such a row (`asked`), then with the "Run" of a `past` base.
    """

    at: str
    known: str
    instants: str = ""
    pruning: str = ""
    past: bool = False

    def base(self, table: Table, past: Sequence[str] | None = None) -> str:
        """Return the rows of a base table without run numbers.

        `past` gives the expressions for its history.
        """
        names = [name for name in table.names if name != "FirstRun"]
        if not self.past:
            return f"SELECT {columns(names, 'b.')} FROM {SCHEMA}.{quoted(table.name)} b"
        return (
            f"SELECT {columns(names, 'v.')} FROM ({versions(table, past)}) v WHERE "
            f"{in_force('v', 'i')}"
        )

    def valid(self, names: Sequence[str], table: Table) -> str:
        """Return the rows of an overlay table that are valid at t and known at k."""
        return (
            f"SELECT {columns(names, 'o.')} FROM {self.beside(table)} "
            f'WHERE {self.pruning} o."ValidUntil" > {self.at} AND {self.started()}'
        )

    def beside(self, table: Table) -> str:
        """Return what to select the rows `o` of an overlay table from, beside the instants."""
        return f"{SCHEMA}.{table.name} o{', instants i' if self.instants else ''}"

    def started(self) -> str:
        """Return the condition that an overlay row `o` was known at k and had begun at t."""
        return f'o."AcceptedAt" <= {self.known} AND o."ValidFrom" <= {self.at}'


NEVER = 2**31 - 1
"""The run that replaces what is current.

DuckDB joins by hash only where all conditions are plain comparisons.
"""


def versions(table: Table, past: Sequence[str] | None = None) -> str:
    """Return current and replaced rows of a base table, with the runs that bound them.

    Each row has "FirstRun" and "ReplacedRun".
    """
    names = [name for name in table.names if name != "FirstRun"]
    then = ", ".join(past or [f"b.{quoted(name)}" for name in names])
    return f"""SELECT {columns(names, "b.")}, b."FirstRun", {NEVER} AS "ReplacedRun"
            FROM {SCHEMA}.{quoted(table.name)} b
            UNION ALL SELECT {then}, b."FirstRun", b."ReplacedRun"
              FROM {SCHEMA}.{quoted(table.name + "_history")} b"""


def in_force(row: str, instants: str) -> str:
    """Return the condition that a row of `versions` belonged to the base of the asked run."""
    return f'{row}."FirstRun" <= {instants}."Run" AND {row}."ReplacedRun" > {instants}."Run"'


LIVE = Frame(
    'i."Now"',
    'i."Now"',
    f"""
    SELECT greatest(now(), {latest("AcceptedAt", tables.STREAM_COMMITS)}, {LAST_PUBLISH}) AS "Now"
      """,
    'o."ValidUntil" > now() AND',
)
"""Now = max(clock, last acceptance, last publish).

`now()` never lies behind it, so it may prune files early.
"""
AS_OF = Frame('i."T"', 'i."K"', past=True)
"""Any instants t and k."""


def with_query(ctes: Ctes, select: str) -> str:
    """Return a query over named CTEs.

    DuckDB prunes no columns above a CTE that it materialises (one that is named twice), so those
    stand in a query of their own, within a CTE that is named once.
    """
    return (
        "WITH " + ",\n".join(f"{name} AS ({body})" for name, body in ctes.items()) + f"\n{select}"
    )


def resolving(frame: Frame, source: str, carried: Sequence[str]) -> str:
    """Return the query of overlay rows, each with the id that its target leads to in the base.

    An id is itself where a profile has it, else the heir that it was merged into; a source record
    is its profile's. (one that is gone: that of its id). A target that leads nowhere keeps an id
    that no profile has, or is dropped: it is held. The tables of keys and aliases are not read
    while there is nothing to look up in them.
    """
    kept = columns(carried, "s.")

    def by_key(table: Table) -> str:
        return f"""UNION ALL SELECT a."CustomerId", {kept} FROM source s
          JOIN ({frame.base(table)}) a
              ON a."EntityName" = s."EntityName" AND a."PrimaryKey" = s."PrimaryKey"
            WHERE s."CustomerId" IS NULL"""

    ctes = {
        **({"instants": frame.instants} if frame.instants else {}),
        "source": source,
        "aliases": frame.base(tables.IDENTITY_ALIAS),
        "alive": f"""SELECT a."PreviousCustomerId" FROM aliases a
            JOIN ({frame.base(CUSTOMER_ID)}) c ON c."CustomerId" = a."PreviousCustomerId" """,
        "heirs": """SELECT a."PreviousCustomerId", a."CustomerId" FROM aliases a
            LEFT JOIN alive l ON l."PreviousCustomerId" = a."PreviousCustomerId"
            WHERE l."PreviousCustomerId" IS NULL""",
    }
    return with_query(
        ctes,
        f"""SELECT coalesce(h."CustomerId", s."CustomerId") AS "CustomerId", {kept}
            FROM source s LEFT JOIN heirs h ON h."PreviousCustomerId" = s."CustomerId"
            WHERE s."CustomerId" IS NOT NULL
            {by_key(tables.ALTERNATE_KEY)} {by_key(tables.VANISHED_KEY)}""",
    )


CUSTOMER_ID = Table("Customer", "", (Column("CustomerId", "VARCHAR", ""),))
ACTIVITY_ID = Table("UnifiedActivity", "", (Column("ActivityId", "VARCHAR", ""),))
CHANGE = ("EventId", "Field", "Value", "ValidFrom", "AcceptedAt")
TARGET = ("CustomerId", "EntityName", "PrimaryKey")


def changes(frame: Frame) -> str:
    """Return the updates valid at t and the withdrawals in force.

    A withdrawal's value is SQL null.
    """
    of_record = columns(TARGET, "o.")
    updates = frame.valid([*TARGET, *CHANGE], tables.UPDATES)
    if frame.past:
        updates += f""" AND o."Field" IN (SELECT f."Name" FROM {SCHEMA}.profile_fields f
          WHERE f."IsUpdatable"
            AND f."Run" = (SELECT max(p."Run") FROM {SCHEMA}.profile_fields p
              WHERE p."Run" <= i."Run"))"""
    return (
        f"{updates} UNION ALL "
        f'SELECT {of_record}, o."EventId", o."Field", NULL, o."ValidFrom", o."AcceptedAt" '
        f"FROM {frame.beside(tables.WITHDRAWALS)} WHERE {frame.started()}"
    )


def overrides(profile: Sequence[ProfileField]) -> str:
    """Return, per customer, the canonical value that decides each field.

    SQL null where the base does.

    The greatest (valid_from, accepted_at, event_id) wins. A withdrawal stands in the same order,
    before the updates of its own valid_from: where it comes first, it has ended all others.
    `arg_max` alone would skip its null.
    """
    deciding = "".join(_deciding(field) for field in profile if field.updatable)
    return f'SELECT r."CustomerId"{deciding} FROM resolved r GROUP BY r."CustomerId"'


def _deciding(field: ProfileField) -> str:
    return f""",
        arg_max_null(r."Value", ROW(r."ValidFrom", r."Value" IS NULL, r."AcceptedAt", r."EventId"))
        FILTER ((r."Field" IS NULL OR r."Field" = {literal(field.name)})
            AND (r."Value" IS NULL OR {type_of(field.type).fits_sql('r."Value"')})) AS
              {quoted(field.name)}"""


def customer_query(
    frame: Frame, profile: Sequence[ProfileField], past: Sequence[str] | None = None
) -> str:
    """Return the query of the merged profiles.

    `past` gives the columns' expressions over Customer_history.
    """
    ctes = {
        "customers": frame.base(tables.customer(profile), past),
        "resolved": resolving(frame, changes(frame), CHANGE),
        "overrides": overrides(profile),
    }
    shown = ", ".join(_shown(field) for field in profile)
    return with_query(
        ctes,
        f'SELECT {shown} FROM customers c LEFT JOIN overrides o ON o."CustomerId" = c."CustomerId"',
    )


def _shown(field: ProfileField) -> str:
    name = quoted(field.name)
    if not field.updatable:
        return f"c.{name}"
    changed = type_of(field.type).typed_sql(f"o.{name}")
    return f"CASE WHEN o.{name} IS NULL THEN c.{name} ELSE {changed} END AS {name}"


ACTIVITY = [column[0] for column in tables.ACTIVITY_COLUMNS]


def live_activities(frame: Frame) -> str:
    """Return the query of real-time activities whose customer the base has.

    An activity that the base has itself is the base's; of two valid events that name one activity
    the first stands.
    """
    carried = [*ACTIVITY, "AcceptedAt"]
    posted = frame.valid([*TARGET, *carried], tables.REALTIME_ACTIVITIES)
    return with_query(
        {"resolved": resolving(frame, posted, carried)},
        f"""
        SELECT r."CustomerId", {columns(ACTIVITY, "r.")} FROM resolved r
        SEMI JOIN ({frame.base(CUSTOMER_ID)}) c ON c."CustomerId" = r."CustomerId"
        ANTI JOIN ({frame.base(ACTIVITY_ID)}) b ON b."ActivityId" = r."ActivityId"
        QUALIFY row_number() OVER (PARTITION BY r."CustomerId", r."ActivityId"
          ORDER BY r."AcceptedAt" ASC) = 1""",
    )


def activity_query(frame: Frame) -> str:
    """Return the query of the merged activities of all customers."""
    names = columns(["CustomerId", *ACTIVITY], "a.")
    ctes = {
        "activities": frame.base(tables.UNIFIED_ACTIVITY),
        "live_activities": live_activities(frame),
    }
    return with_query(
        ctes, f"SELECT {names} FROM activities a UNION ALL SELECT {names} FROM live_activities a"
    )
