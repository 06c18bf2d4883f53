"""The arguments of a macro, bound once where no name of ours can meet one of the caller's.

DuckDB puts the text of an argument wherever a macro names its parameter, and binds it there: beside
a table that we call `c` the argument `c.CustomerId` would mean our column. So the parameters stand
in one place only, in the innermost SELECT of the first item of FROM, which has no FROM and no alias
of its own. The rest of the query stands LATERAL beside this item: it is answered once for all rows
of a query that depends on others, and DuckDB still reads no column that nobody asks for, as it
would do above a CTE that is named twice.
"""

from overtide.lake.decide.present import BEFORE_HISTORY, FIRST_PUBLISH, history_begins_sql
from overtide.schemas.instants import (
    EARLIEST,
    HOUR_MINUTE,
    ISO_DATE,
    LATEST,
    Instant,
    format_instant,
)
from overtide.schemas.names import literal, quoted
from overtide.schemas.table import SCHEMA

INVALID_INSTANT = "invalid_instant"
"""A code with which instants are refused; the message of DuckDB's error begins with it."""
TIME = rf"[T ]{HOUR_MINUTE}(:[0-5]\d(\.\d*)?)?"
ZONE = r" ?(Z|UTC|[+-]([01]\d|2[0-3])(:?[0-5]\d(:[0-5]\d)?)?|[A-Z_]+(/[A-Z0-9_+-]+)+)"
WITHOUT_ZONE, WITH_ZONE = rf"\s*{ISO_DATE}({TIME})?\s*", rf"\s*{ISO_DATE}{TIME}{ZONE}\s*"
"""Texts that are instants to the commands, or would be with an offset, and those with the name of a
time zone; DuckDB takes many more."""


def instants_asked(history_days: int, forgotten: Instant) -> str:
    """Return the query of the arguments t and k: the row ("T", "K", "Run").

    `Run` is the run whose base was published at min(t, k), null before the first. An instant that
    is null or none, or whose base may have gone (`Publish` says which), raises an error: never is
    another base shown. Before the first publish there was none that could have gone.
    """
    return _asked("", "", history_days, forgotten)


def customer_asked(history_days: int, forgotten: Instant) -> str:
    """Return the query of the arguments customer_id, t and k.

    As `instants_asked`, after the id as text ("Id").
    """
    return _asked("customer_id, ", '"Id", ', history_days, forgotten)


def beside(asked: str, query: str) -> str:
    """Return a query that names the row of the arguments `i`."""
    return f"SELECT z.* FROM ({asked}) i CROSS JOIN LATERAL ({query}) z"


def _asked(parameter: str, name: str, history_days: int, forgotten: Instant) -> str:
    bound = f'(SELECT {parameter}t, k) a({name}"T", "K")'
    known = 'CAST(a."Id" AS VARCHAR) AS "Id", ' if name else ""
    read = f"""SELECT {known}{instant_sql('a."T"')} AS "T", {instant_sql('a."K"')} AS "K"
        FROM {bound}"""
    run = f'SELECT max(n."Run") FROM {SCHEMA}.runs n WHERE n."PublishedAt" <= least(r."T", r."K")'
    return f"""SELECT r.*, ({run}) AS "Run" FROM ({read}) r
        WHERE CASE {_refused("T")} {_refused("K")} {_gone(history_days, forgotten)} ELSE true END"""


def _refused(name: str) -> str:
    text = (
        f"{INVALID_INSTANT}: the argument {name.lower()} is null or no instant, such as "
        "'2026-11-24T10:00:00Z' is"
    )
    first, last = (f"TIMESTAMPTZ {literal(format_instant(one))}" for one in (EARLIEST, LATEST))
    known = f"r.{quoted(name)} BETWEEN {first} AND {last}"
    return f"WHEN ({known}) IS NOT TRUE THEN error({literal(text)})"


def _gone(history_days: int, forgotten: Instant) -> str:
    horizon = history_begins_sql(history_days, forgotten)
    text = (
        f"{BEFORE_HISTORY}: the base of this instant is no longer kept, history reaches back "
        f"{history_days} days at most"
    )
    base = 'least(r."T", r."K")'
    return f"WHEN {base} < {horizon} AND {base} >= {FIRST_PUBLISH} THEN error({literal(text)})"


def instant_sql(value: str) -> str:
    """Return the expression of an argument of any type as TIMESTAMPTZ, null where it is no instant.

    What says no time zone (a date, a timestamp, such a text) is UTC, whatever the time zone of the
    session.
    """
    text = f"upper(CAST({value} AS VARCHAR))"
    return f"""CASE WHEN typeof({value}) = 'TIMESTAMP WITH TIME ZONE'
      THEN TRY_CAST({value} AS TIMESTAMPTZ)
            WHEN regexp_full_match({text}, {literal(WITHOUT_ZONE)})
              THEN timezone('UTC', TRY_CAST({text} AS TIMESTAMP))
            WHEN regexp_full_match({text}, {literal(WITH_ZONE)})
              THEN TRY_CAST({text} AS TIMESTAMPTZ) END"""
