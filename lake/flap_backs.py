"""Fields that fell back.

Their last update has ended, and the base still holds the value from before it.
"""

from collections.abc import Callable, Sequence

from overtide.lake.decide.sql import (
    CHANGE,
    LIVE,
    TARGET,
    fits,
    in_force,
    latest_update,
    resolving,
    with_query,
    withdrawals,
    withdraws,
)
from overtide.schemas import tables
from overtide.schemas.names import columns, literal, quoted
from overtide.schemas.table import SCHEMA, Column, ProfileField, Table
from overtide.schemas.types import type_of

FLAP_BACKS = Table(
    "flap_backs",
    (
        "Fields that show an older value again: their last update has ended, and no source took it "
        "over."
    ),
    (
        Column("CustomerId", "VARCHAR", "the customer"),
        Column("Field", "VARCHAR", "the column of Customer"),
        Column("EventId", "VARCHAR", "the last update of the field"),
        Column("Value", "VARCHAR", "canonical JSON text of the value that it showed"),
        Column("ValidFrom", "TIMESTAMPTZ", "instant from which it held"),
        Column("EndedAt", "TIMESTAMPTZ", "instant at which it expired or was withdrawn"),
    ),
)


def flap_back_query(profile: Sequence[ProfileField], past: Sequence[str]) -> str:
    """Return the query of `flap_backs`.

    `past` gives the columns' expressions over Customer_history.

    The value is older than the update when the base had it already at the update's start. An update
    that no longer fits its field is none, as everywhere.
    """
    updatable = [field for field in profile if field.updatable]
    return with_query(
        {
            "resolved": resolving(LIVE, _begun(), [*CHANGE, "ValidUntil", "Now"]),
            "ended": _ended(updatable),
            "last": f"SELECT e.* FROM ended e {latest_update('e', FIELD)}",
            "all_ended": f"""SELECT {FIELD} FROM ended e
                GROUP BY {FIELD} HAVING max(e."EndedAt") <= max(e."Now")""",
            "before": (
                f'SELECT {", ".join(past)}, b."FirstRun", b."ReplacedRun" FROM '
                f'{SCHEMA}."Customer_history" b'
            ),
        },
        f"""
        SELECT {columns((column.name for column in FLAP_BACKS.columns), "l.")}
        FROM last l JOIN all_ended w ON w."CustomerId" = l."CustomerId" AND w."Field" = l."Field"
        ASOF JOIN {SCHEMA}.runs n ON l."ValidFrom" >= n."PublishedAt"
        JOIN {SCHEMA}."Customer" c ON c."CustomerId" = l."CustomerId"
        LEFT JOIN before h ON h."CustomerId" = l."CustomerId" AND {in_force("h", "n")}
        WHERE (c."FirstRun" <= n."Run" OR h."CustomerId" IS NOT NULL)
          AND {_case(updatable, 'l."Field"', _fell_back)}""",
    )


FIELD = 'e."CustomerId", e."Field"'


def _begun() -> str:
    """Return the updates and withdrawals that have begun by now, also those that have ended."""
    return f"""SELECT {columns([*TARGET, *CHANGE], "o.")}, o."ValidUntil", i."Now"
        FROM {LIVE.beside(tables.UPDATES)} WHERE {LIVE.started()}
        UNION ALL {withdrawals(LIVE, ', NULL, i."Now"')}"""


def _ended(updatable: Sequence[ProfileField]) -> str:
    """Return the updates that fit their field, each with the instant at which it ends."""
    update = columns(["CustomerId", *CHANGE, "Now"], "u.")
    return f"""
        SELECT {update}, least(u."ValidUntil", min(w."ValidFrom")) AS "EndedAt"
        FROM resolved u LEFT JOIN resolved w ON w."Value" IS NULL
          AND w."CustomerId" = u."CustomerId" AND {withdraws("w", "u")}
        WHERE u."Value" IS NOT NULL
          AND {_case(updatable, 'u."Field"', lambda field: fits("u", field))}
        GROUP BY {update}, u."ValidUntil" """


def _fell_back(field: ProfileField) -> str:
    name = quoted(field.name)
    return f"""c.{name} IS DISTINCT FROM {type_of(field.type).typed_sql('l."Value"')}
        AND (h."CustomerId" IS NULL OR h.{name} IS NOT DISTINCT FROM c.{name})"""


def _case(
    fields: Sequence[ProfileField], name: str, condition: Callable[[ProfileField], str]
) -> str:
    cases = " ".join(f"WHEN {literal(field.name)} THEN {condition(field)}" for field in fields)
    return f"CASE {name} {cases} ELSE false END" if fields else "false"
