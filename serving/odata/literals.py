"""Literals of a query as parameters of SQL: what DuckDB makes of a Python value is not left open.

It takes `Decimal("1E+5")` for 1.00000, and whole numbers for the smallest type that holds them.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from odatapy.server.uri.expression import Literal

from overtide.serving.odata.refusals import not_supported
from overtide.serving.odata.sql import NULL, Sql

INTEGERS = ("Edm.SByte", "Edm.Byte", "Edm.Int16", "Edm.Int32", "Edm.Int64")
MOST_DIGITS = 38
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def literal_sql(literal: Literal) -> Sql:
    """Return a literal as a parameter of its type; refuse those of types that no column has."""
    value, kind = literal.value, literal.type_name
    if value is None:
        return NULL
    if kind in INTEGERS or kind == "Edm.Decimal":
        return number_sql(Decimal(value))
    for types, python, write in _WRITTEN:
        if kind in types and isinstance(value, python):
            return write(value)
    if kind == "Edm.Guid":
        return Sql("?", (str(value),))
    raise not_supported(f"The literal {literal.text}, of type {kind},")


def number_sql(value: Decimal) -> Sql:
    """Return a number as a BIGINT where it is one, else with exactly its digits, else a DOUBLE."""
    places = max(0, -int(value.as_tuple().exponent))
    digits = max(value.adjusted() + 1, 0) + places
    if not places and abs(value) < 2**63:
        return Sql("CAST(? AS BIGINT)", (int(value),))
    if digits > MOST_DIGITS:
        return Sql("CAST(? AS DOUBLE)", (float(value),))
    return Sql(f"CAST(? AS DECIMAL({digits},{places}))", (f"{value:f}",))


def _duration(value: timedelta) -> Sql:
    """Return a duration in microseconds, as all durations are here."""
    return Sql("CAST(? AS BIGINT)", (value // MICROSECOND,))


_WRITTEN: tuple[tuple[tuple[str, ...], type, Callable[..., Sql]], ...] = (
    (("Edm.String",), str, lambda value: Sql("?", (value,))),
    (("Edm.Boolean",), bool, lambda value: Sql("CAST(? AS BOOLEAN)", (value,))),
    (("Edm.Double", "Edm.Single"), float, lambda value: Sql("CAST(? AS DOUBLE)", (value,))),
    (
        ("Edm.DateTimeOffset",),
        datetime,
        lambda value: Sql("make_timestamptz(CAST(? AS BIGINT))", ((value - EPOCH) // MICROSECOND,)),
    ),
    (("Edm.Duration",), timedelta, _duration),
    (("Edm.Date",), date, lambda value: Sql("CAST(? AS DATE)", (value.isoformat(),))),
    (("Edm.TimeOfDay",), time, lambda value: Sql("CAST(? AS TIME)", (value.isoformat(),))),
)
