"""The functions of OData in SQL."""

from collections.abc import Callable

from odatapy.server.uri.expression import Expression, Literal, Method, MethodKind, TypeLiteral

from overtide.schemas.instants import EARLIEST, LATEST, Instant
from overtide.schemas.names import literal
from overtide.schemas.values import BLANKS
from overtide.serving.odata.refusals import not_supported
from overtide.serving.odata.sql import Sql, written

Write = Callable[[Expression], Sql]
"""Writes an argument."""
TEMPLATES = {
    MethodKind.CONTAINS: "contains({}, {})",
    MethodKind.STARTSWITH: "starts_with({}, {})",
    MethodKind.ENDSWITH: "suffix({}, {})",
    MethodKind.LENGTH: "length({})",
    MethodKind.INDEXOF: "(strpos({}, {}) - 1)",
    MethodKind.TOLOWER: "lower({})",
    MethodKind.TOUPPER: "upper({})",
    MethodKind.TRIM: f"trim({{}}, {literal(BLANKS)})",
    MethodKind.CONCAT: "({} || {})",
    MethodKind.MATCHESPATTERN: "regexp_matches({}, {})",
    MethodKind.TOTALOFFSETMINUTES: "CASE WHEN {} IS NOT NULL THEN 0 END",
    MethodKind.TOTALSECONDS: "({} / 1000000.0::DOUBLE)",
    MethodKind.ROUND: "round({})",
    MethodKind.FLOOR: "floor({})",
    MethodKind.CEILING: "ceil({})",
}
PARTS = {
    MethodKind.YEAR: "year({})",
    MethodKind.MONTH: "month({})",
    MethodKind.DAY: "day({})",
    MethodKind.HOUR: "hour({})",
    MethodKind.MINUTE: "minute({})",
    MethodKind.SECOND: "second({})",
    MethodKind.FRACTIONALSECONDS: (
        "(CAST(microsecond({}) % 1000000 AS DECIMAL(6,0)) * CAST('0.000001' AS DECIMAL(7,6)))"
    ),
    MethodKind.DATE: "CAST({} AS DATE)",
    MethodKind.TIME: "CAST({} AS TIME)",
}
"""Parts of a time, which is one in UTC without saying so."""
CASTS = {
    "Edm.String": "VARCHAR",
    "Edm.Int64": "BIGINT",
    "Edm.Int32": "INTEGER",
    "Edm.Double": "DOUBLE",
    "Edm.Boolean": "BOOLEAN",
    "Edm.Date": "DATE",
}


def called(expression: Method, now: Instant, write: Write) -> Sql:
    """Return the SQL of a call; refuse a function that is not served."""
    method, arguments = expression.method, expression.parameters
    instants = {
        MethodKind.NOW: now,
        MethodKind.MINDATETIME: EARLIEST,
        MethodKind.MAXDATETIME: LATEST,
    }
    if method in instants:
        return Sql(f"make_timestamptz({instants[method]})")
    if method in TEMPLATES:
        return written(TEMPLATES[method], *map(write, arguments))
    if method in PARTS:
        return written(PARTS[method], _local(arguments[0], write))
    if method is MethodKind.SUBSTRING:
        return _substring(arguments, write)
    if method is MethodKind.CAST:
        return _cast(arguments, write)
    raise not_supported(f"The function {method.value}", "$filter")


def _local(argument: Expression, write: Write) -> Sql:
    if argument.type_fqn == "Edm.DateTimeOffset":
        return written("timezone('UTC', {})", write(argument))
    return write(argument)


def _substring(arguments: list[Expression], write: Write) -> Sql:
    """Return the SQL of a part of a text, which begins at the first letter at the earliest."""
    numbers = [_not_negative(one, write) for one in arguments[1:]]
    start = written("{} + 1", numbers[0])
    if len(numbers) == 1:
        return written("substring({}, {})", write(arguments[0]), start)
    return written("substring({}, {}, {})", write(arguments[0]), start, numbers[1])


def _not_negative(argument: Expression, write: Write) -> Sql:
    number = write(argument)
    if isinstance(argument, Literal):
        return written("greatest({}, 0)", number) if argument.value is not None else number
    return written("CASE WHEN {} < 0 THEN 0 ELSE {} END", number, number)


def _cast(arguments: list[Expression], write: Write) -> Sql:
    """Return the SQL of a cast, null where it fails."""
    kind = arguments[-1]
    wanted = kind.type_name if isinstance(kind, TypeLiteral) else None
    given = arguments[0].type_fqn
    if (
        len(arguments) != 2
        or wanted not in CASTS
        or given in ("Edm.DateTimeOffset", "Edm.Duration")
    ):
        raise not_supported(f"cast of {given} to {wanted}", "$filter")
    return written(f"TRY_CAST({{}} AS {CASTS[wanted]})", write(arguments[0]))
