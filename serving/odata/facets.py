"""Facets of a search: how many of the rows found have each value, or lie in each interval.

A specification is a product's text, `City,count:5` or `Income,interval:10000`: the attribute's
name, which may be left out, and options. Values are listed by their number (`count`) in an order
(`sort`: `count`, the most first, `-count`, `value` or `-value`). A number has intervals of a width,
a date or an instant those of the calendar in UTC.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from overtide.schemas.names import literal
from overtide.schemas.values import Value
from overtide.serving.odata.entity_sets import Property
from overtide.serving.odata.scans import Scan
from overtide.serving.odata.sql import Sql, joined, written

MOST, USUAL = 100, 10
"""Values of one facet: at most, and where its specification says nothing."""
ORDERS = {
    "count": "n DESC, v ASC",
    "-count": "n ASC, v ASC",
    "value": "v ASC",
    "-value": "v DESC",
}
UNITS = ("minute", "hour", "day", "week", "month", "quarter", "year")
STEPS = {"quarter": "3 MONTHS"}
NUMBERS = ("Edm.Int64", "Edm.Int32", "Edm.Double", "Edm.Decimal")
TIMES = ("Edm.Date", "Edm.DateTimeOffset")
WIDTH = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Facet:
    """What is counted of one property: its values, or its intervals."""

    field: Property
    count: int = USUAL
    order: str = "count"
    interval: str | None = None

    @property
    def specification(self) -> str:
        """Its text, with every option that is not left as it is."""
        options = [f"count:{self.count}", f"sort:{self.order}"]
        options += [] if self.interval is None else [f"interval:{self.interval}"]
        return ",".join([self.field.name, *options])

    def grouped(self, row: str) -> tuple[str, str, str | None]:
        """Return the SQL of what is grouped by, of its text, and of where an interval ends."""
        value = f"{row}.{self.field.sql}"
        edm = self.field.kind.edm
        if self.interval is None:
            return value, self.field.kind.json_text_sql("v"), None
        if edm in NUMBERS:
            width, digits = self.interval, len(self.interval.partition(".")[2])
            begin = f"round(floor({value}::DOUBLE / {width}) * {width}, {digits})"
            return begin, "v::VARCHAR", f"round(v + {width}, {digits})::VARCHAR"
        zoned = edm == "Edm.DateTimeOffset"
        local = f"timezone('UTC', {value})" if zoned else value
        begin = f"date_trunc({literal(self.interval)}, {local})"
        shape = "'%Y-%m-%dT%H:%M:%SZ'" if zoned else "'%Y-%m-%d'"
        step = STEPS.get(self.interval, f"1 {self.interval}")
        end = f"strftime(v + INTERVAL {step}, {shape})"
        return begin, f"strftime(v, {shape})", end


def facet_of(field: Property, specification: str) -> Facet:
    """Read a specification; raise ValueError, which says what is wrong with it."""
    first, *rest = (one.strip() for one in specification.split(","))
    options = rest if ":" not in first else [first, *rest]
    if ":" not in first and first not in ("", field.name):
        raise ValueError(f"It is one of {first!r}.")
    found: dict[str, str] = {}
    for one in options:
        name, _, value = one.partition(":")
        if name not in ("count", "sort", "interval") or name in found:
            raise ValueError(
                f"{one!r} is no option: there are count, sort and interval, each once."
            )
        found[name] = value
    count = found.get("count", str(USUAL))
    if not (count.isascii() and count.isdigit() and 1 <= int(count[:9]) <= MOST):
        raise ValueError(f"The count is a whole number from 1 to {MOST}, not {count!r}.")
    order = found.get("sort", "value" if "interval" in found else "count")
    if order not in ORDERS:
        raise ValueError(f"{order!r} is no order: there are {', '.join(ORDERS)}.")
    return Facet(field, int(count), order, _interval(field, found.get("interval")))


def _interval(field: Property, text: str | None) -> str | None:
    edm = field.kind.edm
    if text is None:
        return None
    if edm in NUMBERS:
        if WIDTH.fullmatch(text) is None or Decimal(text) == 0:
            raise ValueError(f"The interval of a number is a width such as 10, not {text!r}.")
        return text
    if edm in TIMES:
        known = UNITS[2:] if edm == "Edm.Date" else UNITS
        if text not in known:
            raise ValueError(f"The interval of a time is one of {', '.join(known)}, not {text!r}.")
        return text
    raise ValueError(f"{field.name} is neither a number nor a time: it has no intervals.")


def facets_found(
    scan: Scan, rows: str, row: str, wanted: Sql, facets: Sequence[Facet]
) -> tuple[int, list[dict[str, Any]]]:
    """Return how many rows are wanted, and the documents of their facets; one scan counts all."""
    parts = [one.grouped(row) for one in facets]
    names = [f"f{number}" for number in range(len(facets))]
    columns = ", ".join(f"{part[0]} AS {name}" for part, name in zip(parts, names, strict=True))
    sets = ", ".join(["()", *(f"({name})" for name in names)])
    which = f"GROUPING({', '.join(names)})" if names else "0"
    found = written(
        f"WITH found AS MATERIALIZED (SELECT {columns or '1 AS one'} FROM ({rows}) {row} "
        f"WHERE {{}}), grouped AS MATERIALIZED (SELECT {', '.join([*names, which])} AS g, "
        f"count(*) AS n FROM found GROUP BY GROUPING SETS ({sets})) ",
        wanted,
    )
    everything = (1 << len(names)) - 1
    listed = [Sql(f"(SELECT -1, '', '', n FROM grouped WHERE g = {everything})")]
    for number, (facet, (_, text, end)) in enumerate(zip(facets, parts, strict=True)):
        mask = everything & ~(1 << (len(names) - 1 - number))
        listed.append(
            Sql(
                f"(SELECT {number}, {text}, {end or 'NULL'}, n FROM (SELECT f{number} AS v, n "
                f"FROM grouped WHERE g = {mask} AND f{number} IS NOT NULL) "
                f"ORDER BY {ORDERS[facet.order]} LIMIT {facet.count})"
            )
        )
    answered = scan.rows(joined("", (found, joined(" UNION ALL ", listed))))
    total = next((n for number, _, _, n in answered if number == -1), 0)
    return int(total), [_document(one, number, answered) for number, one in enumerate(facets)]


def _document(facet: Facet, number: int, answered: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    own = [one for one in answered if one[0] == number]
    return {
        "name": facet.field.name,
        "dataType": facet.field.kind.edm,
        "interval": facet.interval,
        "values": [
            {"value": json.loads(text), "count": n}
            if end is None
            else {"from": _bound(facet, text), "to": _bound(facet, end), "count": n}
            for _, text, end, n in own
        ],
    }


def _bound(facet: Facet, text: str) -> Value:
    """Return where an interval begins or ends: of a number as one, whole where it can be."""
    if facet.field.kind.edm in TIMES:
        return text
    number = float(text)
    return int(number) if number.is_integer() else number


def default_facets(
    properties: Sequence[Property], meanings: Mapping[str, str | None]
) -> dict[str, str]:
    """Return the facets of Customer where none were set: what has few values by its meaning."""
    return {
        one.name: one.name
        for one in properties
        if one.kind.edm == "Edm.Boolean" or meanings.get(one.column) in FEW
    }


FEW = (
    "Person.Gender",
    "Location.City",
    "Location.State",
    "Location.Country",
)
"""Semantic types that have few values, so that facets of them help."""
