"""A page of a query: its rows, where the next one begins, and what is expanded in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from overtide.schemas.errors import InvalidRequestError, OvertideError
from overtide.schemas.names import quoted
from overtide.schemas.values import Value
from overtide.serving.odata.entity_sets import Property
from overtide.serving.odata.expressions import Scope, condition
from overtide.serving.odata.paging import Term, Token, after
from overtide.serving.odata.queries import MOST, USUAL, Options
from overtide.serving.odata.scans import Scan
from overtide.serving.odata.sql import TRUE, Sql, joined, written

Row = dict[str, Value]
"""Canonical values by name of the property."""
MOST_ROWS = 100_000
"""Rows of everything that is expanded in one page."""
NEWEST_FIRST = (("ActivityTime", True), ("ActivityId", False))
"""How expanded activities are ordered where nothing is said."""


@dataclass(frozen=True)
class Rows:
    """The rows of a page, and the last one's place where there are more."""

    rows: list[Row]
    place: tuple[tuple[str, str | None], ...] | None = None


@dataclass(frozen=True)
class Expansion:
    """What is expanded of one customer."""

    rows: list[Row]
    more: bool
    count: int


def terms(options: Options, scope: Scope) -> list[Term]:
    """Return what rows are ordered by: as asked, then by their key."""
    asked = [
        Term(condition(expression, scope, sure=False), descending)
        for expression, descending in options.order
    ]
    keys = [options.entities.named(name) for name in options.entities.key]
    return [*asked, *(Term(Sql(f"{scope.row}.{one.sql}")) for one in keys)]


def wanted(options: Options, scope: Scope, also: Sql = TRUE) -> Sql:
    """Return the condition of the rows that a query asks for."""
    if options.filter is None:
        return also
    return joined(" AND ", (written("({})", condition(options.filter, scope)), also))


def fetched(
    scan: Scan,
    rows: str,
    options: Options,
    scope: Scope,
    size: int,
    token: Token | None = None,
    also: Sql = TRUE,
) -> Rows:
    """Return up to so many rows, from the token's place on."""
    order, where = terms(options, scope), wanted(options, scope, also)
    if token is not None:
        where = joined(" AND ", (where, after(order, token.place)))
    properties = _needed(options)
    places = [written("CAST({} AS VARCHAR), typeof({})", term.sql, term.sql) for term in order]
    listed = joined(", ", [*(Sql(_value(one, scope.row)) for one in properties), *places])
    query = joined(
        "",
        (
            Sql("SELECT "),
            listed,
            Sql(f" FROM ({rows}) {scope.row} WHERE "),
            where,
            Sql(" ORDER BY "),
            joined(", ", (term.ordered() for term in order)),
            Sql(" LIMIT ? OFFSET ?", (size + 1, options.skip if token is None else 0)),
        ),
    )
    found = scan.rows(query)
    page = [_row(properties, row) for row in found[:size]]
    if len(found) <= size or not page:
        return Rows(page)
    last = found[size - 1][len(properties) :]
    return Rows(page, tuple(zip(last[1::2], last[::2], strict=True)))


def counted(scan: Scan, rows: str, options: Options, scope: Scope, also: Sql = TRUE) -> int:
    """Return how many rows a query asks for in all."""
    begin = Sql(f"SELECT count(*) FROM ({rows}) {scope.row} WHERE ")
    return int(scan.one(joined("", (begin, wanted(options, scope, also)))))


def expansions(
    scan: Scan, rows: str, options: Options, scope: Scope, ids: Sequence[str]
) -> dict[str, Expansion]:
    """Return what is expanded of each customer; raise `query_too_large` where that is too much."""
    if not ids:
        return {}
    of_ids = written(
        f"{scope.row}.{quoted('CustomerId')} IN ({{}})", Sql(", ".join("?" * len(ids)), tuple(ids))
    )
    where = wanted(options, scope, of_ids)
    top = USUAL if options.top is None else min(options.top, MOST)
    found = _of_customers(scan, rows, options, scope, where, top)
    counts = _counts(scan, rows, scope, where) if options.count else {}
    made: dict[str, Expansion] = {}
    for one in ids:
        own = found.get(one, [])
        more = options.top is None and len(own) > top
        made[one] = Expansion(own[:top], more, counts.get(one, 0))
    return made


def _of_customers(
    scan: Scan, rows: str, options: Options, scope: Scope, where: Sql, top: int
) -> dict[str, list[Row]]:
    properties = _needed(options)
    order = terms(options, scope)
    if not options.order:
        names = [(options.entities.named(name), down) for name, down in NEWEST_FIRST]
        order = [Term(Sql(f"{scope.row}.{one.sql}"), down) for one, down in names]
    owner = f"{scope.row}.{quoted('CustomerId')}"
    listed = [_value(one, scope.row) for one in properties]
    query = joined(
        "",
        (
            Sql(f"SELECT {', '.join([owner, *listed])}, row_number() OVER (PARTITION BY {owner} "),
            Sql("ORDER BY "),
            joined(", ", (term.ordered() for term in order)),
            Sql(f") place FROM ({rows}) {scope.row} WHERE "),
            where,
            Sql(
                " QUALIFY place > ? AND place <= ? ORDER BY 1, place LIMIT ?",
                (options.skip, options.skip + top + 1, MOST_ROWS + 1),
            ),
        ),
    )
    rows_found = scan.rows(query)
    if len(rows_found) > MOST_ROWS:
        raise _too_large()
    found: dict[str, list[Row]] = {}
    for row in rows_found:
        found.setdefault(row[0], []).append(_row(properties, row[1:]))
    return found


def _counts(scan: Scan, rows: str, scope: Scope, where: Sql) -> dict[str, int]:
    owner = f"{scope.row}.{quoted('CustomerId')}"
    begin = Sql(f"SELECT {owner}, count(*) FROM ({rows}) {scope.row} WHERE ")
    return dict(scan.rows(joined("", (begin, where, Sql(" GROUP BY 1")))))


def _needed(options: Options) -> list[Property]:
    """Return the properties that a page must have: those that are shown, and the key."""
    names = {*options.shown, *options.entities.key}
    return [one for one in options.entities.properties if one.name in names]


def _value(one: Property, row: str) -> str:
    return one.kind.fetched_sql(f"{row}.{one.sql}")


def _row(properties: Sequence[Property], row: Sequence[Any]) -> Row:
    return {
        one.name: one.kind.from_lake(value) for one, value in zip(properties, row, strict=False)
    }


def _too_large() -> OvertideError:
    return InvalidRequestError(
        "query_too_large",
        f"More than {MOST_ROWS} activities would be expanded in one page.",
        "$expand",
        "Give $expand a $top, or ask for fewer customers at once.",
    )
