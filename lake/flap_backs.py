"""Fields that fell back.

Their last update has ended, and the base still holds the value from before it.
"""

from collections.abc import Callable, Sequence

from overtide.lake.merged import CHANGE, LIVE, TARGET, resolving, with_query
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
    fits = _case(updatable, 'u."Field"', lambda field: type_of(field.type).fits_sql('u."Value"'))
    return with_query(
        {
            "resolved": resolving(LIVE, _begun(), [*CHANGE, "ValidUntil", "Now"]),
            "ended": f"""
            SELECT u."CustomerId", u."Field", u."EventId", u."Value", u."ValidFrom", u."AcceptedAt",
              u."Now",
                   least(u."ValidUntil", min(w."ValidFrom")) AS "EndedAt"
            FROM resolved u LEFT JOIN resolved w ON w."Value" IS NULL
              AND w."CustomerId" = u."CustomerId"
                AND coalesce(w."Field", u."Field") = u."Field" AND w."ValidFrom" >= u."ValidFrom"
            WHERE u."Value" IS NOT NULL AND {fits}
            GROUP BY u."CustomerId", u."Field", u."EventId", u."Value", u."ValidFrom",
              u."AcceptedAt", u."Now",
                     u."ValidUntil" """,
            "last": """
            SELECT e.* FROM ended e QUALIFY row_number()
              OVER (PARTITION BY e."CustomerId", e."Field"
                ORDER BY e."ValidFrom" DESC, e."AcceptedAt" DESC, e."EventId" DESC) = 1""",
            "all_ended": """
            SELECT e."CustomerId", e."Field" FROM ended e
            GROUP BY e."CustomerId", e."Field" HAVING max(e."EndedAt") <= max(e."Now")""",
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
        LEFT JOIN before h ON h."CustomerId" = l."CustomerId" AND h."FirstRun" <= n."Run"
          AND h."ReplacedRun" > n."Run"
        WHERE (c."FirstRun" <= n."Run" OR h."CustomerId" IS NOT NULL)
          AND {_case(updatable, 'l."Field"', _fell_back)}""",
    )


def _begun() -> str:
    """Return the updates and withdrawals that have begun by now.

    A withdrawal's value is SQL null.
    """
    names = columns([*TARGET, *CHANGE], "o.")
    withdrawal = names.replace('o."Value"', "NULL")
    return f"""SELECT {names}, o."ValidUntil", i."Now" FROM {SCHEMA}.updates o, instants i
      WHERE {LIVE.started()}
        UNION ALL SELECT {withdrawal}, NULL, i."Now" FROM {SCHEMA}.withdrawals o, instants i
          WHERE {LIVE.started()}"""


def _fell_back(field: ProfileField) -> str:
    name = quoted(field.name)
    return f"""c.{name} IS DISTINCT FROM {type_of(field.type).typed_sql('l."Value"')}
        AND (h."CustomerId" IS NULL OR h.{name} IS NOT DISTINCT FROM c.{name})"""


def _case(
    fields: Sequence[ProfileField], name: str, condition: Callable[[ProfileField], str]
) -> str:
    cases = " ".join(f"WHEN {literal(field.name)} THEN {condition(field)}" for field in fields)
    return f"CASE {name} {cases} ELSE false END" if fields else "false"
