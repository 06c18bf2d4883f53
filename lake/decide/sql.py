"""The decision in SQL: the fragments of which views, macros, counts and flap-backs are made.

Rows of the overlay are `o`, the row of the instants is `i`. A row of `changes` is an update of one
field, or a withdrawal, whose "Value" is SQL null: an update's is JSON text, `null` for null.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from overtide.lake.decide.present import NOW_SQL
from overtide.schemas import tables
from overtide.schemas.names import columns, literal, quoted
from overtide.schemas.table import SCHEMA, Column, ProfileField, Table, history_of
from overtide.schemas.types import type_of

Ctes = Mapping[str, str]
"""Common table expressions by name, in the order in which they are written."""

OF_ACTIVITIES = (tables.ALTERNATE_KEY, tables.VANISHED_KEY, tables.RELATED_KEY)
"""The tables of what activities may name; updates name records alone, those of the first two."""
CUSTOMER_ID = Table("Customer", "", (Column("CustomerId", "VARCHAR", ""),))
ACTIVITY_ID = Table("UnifiedActivity", "", (Column("ActivityId", "VARCHAR", ""),))
TARGET = ("CustomerId", "EntityName", "PrimaryKey")
CHANGE = ("EventId", "Field", "Value", "ValidFrom", "AcceptedAt")
RANK = ("ValidFrom", "AcceptedAt", "EventId")
"""The update with the greatest of these decides its field."""
NEVER = 2**31 - 1
"""The run that replaces what is current.

DuckDB joins by hash only where all conditions are plain comparisons.
"""


@dataclass(frozen=True)
class Frame:
    """How a query says its instants t and k, and which base rows it takes.

    Those rows of the base were published at min(t, k).

    What the log holds beyond the stream's last commit is in tables whose names begin with `beyond`;
    empty where the lake alone is asked.

    `instants` is the CTE that gives them as a row `i`; empty where the whole query stands beside
    such a row (`asked`), then with the "Run" of a `past` base.

    `empty` are tables of the base and histories that hold no row, and are not read.
    """

    at: str
    known: str
    instants: str = ""
    pruning: str = ""
    past: bool = False
    beyond: str = ""
    empty: Collection[str] = ()

    def base(self, table: Table, past: Sequence[str] | None = None) -> str:
        """Return the rows of a base table without run numbers.

        `past` gives the expressions for its history.
        """
        names = [name for name in table.names if name != "FirstRun"]
        if not self.past:
            return f"SELECT {columns(names, 'b.')} FROM {SCHEMA}.{quoted(table.name)} b"
        return (
            f"SELECT {columns(names, 'v.')} FROM ({self.versions(table, past)}) v WHERE "
            f"{in_force('v', 'i')}"
        )

    def versions(self, table: Table, past: Sequence[str] | None = None) -> str:
        """Return current and replaced rows of a base table, with the runs that bound them.

        Each row has "FirstRun" and "ReplacedRun".
        """
        names = [name for name in table.names if name != "FirstRun"]
        now = f"""SELECT {columns(names, "b.")}, b."FirstRun", {NEVER} AS "ReplacedRun"
            FROM {SCHEMA}.{quoted(table.name)} b"""
        history = history_of(table).name
        if history in self.empty:
            return now
        then = ", ".join(past or [f"b.{quoted(name)}" for name in names])
        return f"""{now}
            UNION ALL SELECT {then}, b."FirstRun", b."ReplacedRun"
              FROM {SCHEMA}.{quoted(history)} b"""

    def holds(self, table: Table) -> bool:
        """Return whether a base table may have rows, now or in its history."""
        there = {table.name, history_of(table).name} if self.past else {table.name}
        return not there.issubset(self.empty)

    def valid(self, names: Sequence[str], table: Table, joined: str = "") -> str:
        """Return the rows of an overlay table that are valid at t and known at k.

        `joined` are further items of its FROM.
        """
        return (
            f"SELECT {columns(names, 'o.')} FROM {self.beside(table)}{joined} "
            f"WHERE {self.pruning} {self.is_valid()}"
        )

    def beside(self, table: Table) -> str:
        """Return what to select the rows `o` of an overlay table from, beside the instants."""
        rows = f"{SCHEMA}.{table.name}"
        if self.beyond:
            rows = f"(FROM {rows} UNION ALL BY NAME FROM {self.beyond}{table.name})"
        return f"{rows} o{', instants i' if self.instants else ''}"

    def is_valid(self) -> str:
        """Return the condition that an update or activity `o` is valid at t and known at k."""
        return f'o."ValidUntil" > {self.at} AND {self.started()}'

    def started(self) -> str:
        """Return the condition that an overlay row `o` was known at k and had begun at t."""
        return f'o."AcceptedAt" <= {self.known} AND o."ValidFrom" <= {self.at}'


LIVE = Frame(
    'i."Now"', 'i."Now"', f'SELECT {NOW_SQL} AS "Now"', pruning='o."ValidUntil" > now() AND'
)
"""Now; `now()` never lies behind it, so it may prune files early."""
AS_OF = Frame('i."T"', 'i."K"', past=True)
"""Any instants t and k."""


def in_force(row: str, instants: str) -> str:
    """Return the condition that a row of `versions` belonged to the base of the asked run."""
    return f'{row}."FirstRun" <= {instants}."Run" AND {row}."ReplacedRun" > {instants}."Run"'


def with_query(ctes: Ctes, select: str) -> str:
    """Return a query over named CTEs.

    DuckDB prunes no columns above a CTE that it materialises (one that is named twice), so those
    stand in a query of their own, within a CTE that is named once.
    """
    return (
        "WITH " + ",\n".join(f"{name} AS ({body})" for name, body in ctes.items()) + f"\n{select}"
    )


def resolving(
    frame: Frame,
    source: str,
    carried: Sequence[str],
    keys: Sequence[Table] = (tables.ALTERNATE_KEY, tables.VANISHED_KEY),
) -> str:
    """Return the query of overlay rows, each with the id that its target leads to in the base.

    An id is itself where a profile has it, else the heir that it was merged into; a source record
    is its profile's (one that is gone: that of its id), by the tables of `keys`. A target that
    leads nowhere keeps an id that no profile has, or is dropped: it is held. The tables of keys and
    aliases are not read while there is nothing to look up in them.
    """
    kept = columns(carried, "s.")
    by_key = "".join(
        f"""UNION ALL SELECT a."CustomerId", {kept} FROM source s
          JOIN ({frame.base(table)}) a
              ON a."EntityName" = s."EntityName" AND a."PrimaryKey" = s."PrimaryKey"
            WHERE s."CustomerId" IS NULL """
        for table in keys
        if frame.holds(table)
    )
    instants = {"instants": frame.instants} if frame.instants else {}
    heirs = _heirs(frame) if frame.holds(tables.IDENTITY_ALIAS) else {}
    led = 'coalesce(h."CustomerId", s."CustomerId")' if heirs else 's."CustomerId"'
    to = 'LEFT JOIN heirs h ON h."PreviousCustomerId" = s."CustomerId"' if heirs else ""
    return with_query(
        {**instants, "source": source, **heirs},
        f"""SELECT {led} AS "CustomerId", {kept} FROM source s {to}
            WHERE s."CustomerId" IS NOT NULL {by_key}""",
    )


def _heirs(frame: Frame) -> Ctes:
    """Return the CTEs of the ids that have no profile any more, each with its heir's."""
    return {
        "aliases": frame.base(tables.IDENTITY_ALIAS),
        "alive": f"""SELECT a."PreviousCustomerId" FROM aliases a
            JOIN ({frame.base(CUSTOMER_ID)}) c ON c."CustomerId" = a."PreviousCustomerId" """,
        "heirs": """SELECT a."PreviousCustomerId", a."CustomerId" FROM aliases a
            LEFT JOIN alive l ON l."PreviousCustomerId" = a."PreviousCustomerId"
            WHERE l."PreviousCustomerId" IS NULL""",
    }


UPDATABLE = f"""
    SELECT f."Name", f."Run" AS "FirstRun", coalesce(
        (SELECT min(p."Run") FROM {SCHEMA}.profile_fields p WHERE p."Run" > f."Run"), {NEVER}
      ) AS "ReplacedRun"
    FROM {SCHEMA}.profile_fields f WHERE f."IsUpdatable" """
"""The fields that updates may change, with the runs that bound them as in `Frame.versions`.

Joined by name, they are hashed once; `IN` a query that depends on the run hashes every update.
"""


def changes(frame: Frame) -> str:
    """Return the updates that are valid at t and the withdrawals in force, as they were posted."""
    names = [*TARGET, *CHANGE]
    updates = frame.valid(names, tables.UPDATES)
    if frame.past:
        updates = frame.valid(names, tables.UPDATES, f", ({UPDATABLE}) f")
        updates += f""" AND f."Name" = o."Field" AND {in_force("f", "i")}"""
    return f"{updates} UNION ALL {withdrawals(frame)}"


def withdrawals(frame: Frame, also: str = "") -> str:
    """Return the withdrawals in force as rows of changes; `also` gives further expressions."""
    names = columns([*TARGET, *CHANGE], "o.").replace('o."Value"', "NULL")
    return f"SELECT {names}{also} FROM {frame.beside(tables.WITHDRAWALS)} WHERE {frame.started()}"


def withdraws(withdrawal: str, update: str) -> str:
    """Return the condition that a withdrawal ends an update of the same customer."""
    return f"""coalesce({withdrawal}."Field", {update}."Field") = {update}."Field"
        AND {withdrawal}."ValidFrom" >= {update}."ValidFrom" """


def deciding_value(field: ProfileField) -> str:
    """Return the aggregate over a customer's changes `r` of the value that decides a field.

    SQL null where the base does. A withdrawal stands in the order of rank before the updates of its
    own valid_from: where it comes first, it has ended all others. `arg_max` alone would skip its
    null.
    """
    begin, *then = (f'r."{name}"' for name in RANK)
    return f"""
        arg_max_null(r."Value", ROW({begin}, r."Value" IS NULL, {", ".join(then)}))
        FILTER ((r."Field" IS NULL OR r."Field" = {literal(field.name)})
            AND (r."Value" IS NULL OR {fits("r", field)}))"""


def fits(row: str, field: ProfileField) -> str:
    """Return the condition that an update's value still is one of the field's type."""
    return type_of(field.type).fits_sql(f'{row}."Value"')


def latest_update(row: str, partition: str) -> str:
    """Return the clause that keeps the update of the greatest rank."""
    order = ", ".join(f'{row}."{name}" DESC' for name in RANK)
    return f"QUALIFY row_number() OVER (PARTITION BY {partition} ORDER BY {order}) = 1"


def first_accepted(row: str, partition: str) -> str:
    """Return the clause that keeps, of several events that name one activity, the first."""
    return (
        f'QUALIFY row_number() OVER (PARTITION BY {partition} ORDER BY {row}."AcceptedAt" ASC) = 1'
    )
