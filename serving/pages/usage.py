"""API usage: calls, data transfer and operations of a span, and the history of one operation."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from overtide.serving.operations.contract import Reply
from overtide.serving.pages.moments import instant_of
from overtide.serving.pages.page import Page, Visit
from overtide.serving.pages.preferences import Preferences

SPANS = ("24h", "7d", "30d")
OWN = "own"
GROUPS = ("method", "entity", "caller", "result", "errorCode")
"""What the drill-down tells apart, as the product does."""
RESULTS = ("Success", "ClientError", "Failure")
HOURLY = dt.timedelta(days=2)
"""Up to so long a span is shown by the hour, a longer one by the day."""
LONGEST = dt.timedelta(days=31)
SUMS = ("calls", "errors", "requestBytes", "responseBytes")


@dataclass(frozen=True, slots=True)
class Span:
    """What is looked at: one of `SPANS`, or a range of one's own as its form has it."""

    name: str
    begin: str = ""
    end: str = ""

    def asked(self, preferences: Preferences) -> dict[str, str]:
        """Return it as the operation takes it; raise `invalid_parameter`."""
        if self.name != OWN:
            return {"from": self.name}
        return {
            "from": instant_of(preferences, self.begin, "from"),
            "to": instant_of(preferences, self.end, "to"),
        }

    def query(self) -> dict[str, str]:
        """Return it as the address of the page has it."""
        own = {"from": self.begin, "to": self.end} if self.name == OWN else {}
        return {"span": self.name, **own}


def span_of(query: Mapping[str, str]) -> Span:
    """Return the span that an address asks for: the last 24 hours where it says nothing."""
    if query.get("span") == OWN or ("span" not in query and "from" in query):
        return Span(OWN, query.get("from", ""), query.get("to", ""))
    return Span(query["span"] if query.get("span") in SPANS else SPANS[0])


@dataclass(frozen=True, slots=True)
class Bucket:
    """An hour or a day of a history, from its beginning, with sums by name."""

    start: dt.datetime
    sums: Mapping[str, int]


def buckets(
    rows: Iterable[Mapping[str, Any]],
    begin: str,
    end: str,
    zone: ZoneInfo,
    names: Sequence[str] = SUMS,
) -> list[Bucket]:
    """Return the hours or the person's days of a range, those without a call too, in order.

    `rows` have `hour`, and numbers by name.
    """
    first, last = (dt.datetime.fromisoformat(one).astimezone(zone) for one in (begin, end))
    hourly = last - first <= HOURLY
    # By their instants: times of a repeated hour are equal, as Python compares them in one zone.
    starts = {one.timestamp(): one for one in _starts(first, last, hourly)}
    found = {one: dict.fromkeys(names, 0) for one in starts}
    for row in rows:
        start = _floor(dt.datetime.fromisoformat(row["hour"]).astimezone(zone), hourly)
        starts.setdefault(start.timestamp(), start)
        sums = found.setdefault(start.timestamp(), dict.fromkeys(names, 0))
        for name in names:
            sums[name] += int(row.get(name, 0))
    return [Bucket(starts[one], found[one]) for one in sorted(found)]


def _starts(first: dt.datetime, last: dt.datetime, hourly: bool) -> Iterable[dt.datetime]:
    start = _floor(first, hourly)
    if last - first > LONGEST:  # no more than this is kept
        start = _floor(last - LONGEST, hourly)
    while start.timestamp() < last.timestamp():
        yield start
        if hourly:  # of time that passes, not of the clock on the wall
            utc = start.astimezone(dt.UTC) + dt.timedelta(hours=1)
            start = utc.astimezone(start.tzinfo)
        else:
            start = (start + dt.timedelta(days=1)).replace(hour=0)


def _floor(moment: dt.datetime, hourly: bool) -> dt.datetime:
    if hourly:
        return moment.replace(minute=0, second=0, microsecond=0)
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def chart(
    found: Sequence[Bucket], names: Sequence[str], labels: Sequence[str], kind: str
) -> dict[str, Any]:
    """Return what the script draws: the beginnings in seconds, and a row of numbers per name."""
    daily = len(found) > 1 and found[1].start - found[0].start > dt.timedelta(hours=2)
    return {
        "kind": kind,
        "daily": daily,
        "times": [int(one.start.timestamp()) for one in found],
        "series": [
            {"label": label, "values": [one.sums[name] for one in found]}
            for name, label in zip(names, labels, strict=True)
        ],
    }


async def usage(visit: Visit) -> Reply:
    """Show how the service is used, and how one operation is where the address names it."""
    span = span_of(visit.query)
    asked = span.asked(visit.preferences)
    hours = await visit.ask("Get-usage", None, {**asked, "groupBy": "hour"})
    operations = await visit.ask("Get-usage", None, {**asked, "groupBy": "operation"})
    history = _buckets(visit, hours, hours["rows"])
    calls = [visit.text("usage.answered"), visit.text("usage.refused")]
    bytes_ = [visit.text("usage.received"), visit.text("usage.sent")]
    answered = [
        Bucket(one.start, {"answered": one.sums["calls"] - one.sums["errors"], **one.sums})
        for one in history
    ]
    return visit.shown(
        "usage.html",
        span=span,
        spans=(*SPANS, OWN),
        begin=hours["from"],
        end=hours["to"],
        total=hours["total"],
        history=history,
        calls=chart(answered, ("answered", "errors"), calls, "bars"),
        transfer=chart(history, ("requestBytes", "responseBytes"), bytes_, "bytes"),
        operations=operations["rows"],
        drill=await _drill(visit, asked),
    )


async def _drill(visit: Visit, asked: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the history of the operation that the address names, and its groups."""
    name = visit.query.get("operation")
    if not name:
        return None
    by = visit.query.get("by", GROUPS[0])
    by = by if by in GROUPS else GROUPS[0]
    of_one = {**asked, "operation": name}
    found = await visit.ask("Get-usage", None, {**of_one, "groupBy": "hour,result"})
    groups = await visit.ask("Get-usage", None, {**of_one, "groupBy": by})
    rows = [{"hour": row["hour"], row["result"]: row["calls"]} for row in found["rows"]]
    history = _buckets(visit, found, rows, RESULTS)
    labels = [visit.text(f"usage.result.{one}") for one in RESULTS]
    return {
        "operation": name,
        "by": by,
        "groups": GROUPS,
        "rows": [{**row, "group": row[by]} for row in groups["rows"]],
        "total": found["total"],
        "history": history,
        "columns": [(one, f"usage.result.{one}") for one in RESULTS],
        "chart": chart(history, RESULTS, labels, "bars"),
    }


def _buckets(
    visit: Visit,
    report: Mapping[str, Any],
    rows: Iterable[Mapping[str, Any]],
    names: Sequence[str] = SUMS,
) -> list[Bucket]:
    return buckets(rows, report["from"], report["to"], visit.preferences.zone, names)


PAGES = (Page("GET", "/usage", usage),)
