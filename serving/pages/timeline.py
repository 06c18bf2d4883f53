"""The timeline of a customer: pages of activities, newest first, by month, type and date."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from overtide.schemas.instants import format_instant
from overtide.schemas.local_times import midnight
from overtide.serving.operations.contract import Reply
from overtide.serving.pages.card import CARD, address_of
from overtide.serving.pages.customer_fields import web_address
from overtide.serving.pages.formats import local
from overtide.serving.pages.moments import asked_moments, day_begins
from overtide.serving.pages.page import Page, Visit
from overtide.serving.pages.preferences import Preferences

SIZE, MOST = 100, 1000
"""Activities of a page, and as many as are brought at once to renew what is there."""
ICONS = {
    "SalesOrder": "shopping-cart",
    "SalesOrderLine": "shopping-cart",
    "Feedback": "star",
    "Subscription": "refresh-cw",
    "Support": "ticket",
    "SupportCase": "ticket",
    "WebPageView": "globe",
    "Phone": "phone",
    "Email": "mail",
    "Appointment": "calendar",
    "Task": "check",
    "Note": "file-text",
}
"""Icons of types of activities; every other one has the same."""
USUAL_ICON = "activity"
LIVE, DATE = "@overtide.live", "ActivityTime@overtide.date"


@dataclass(frozen=True, slots=True)
class Entry:
    """An activity as it is shown; `month` is that of its time where it is the first of one."""

    activity: Mapping[str, Any]
    month: str | None
    icon: str

    @property
    def link(self) -> str | None:
        """The page of the web that the activity names."""
        return web_address(self.activity.get("URL"))

    @property
    def semantic(self) -> dict[str, Any]:
        """What the activity says by the names of its meaning."""
        try:
            found = json.loads(self.activity.get("SemanticData") or "{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def live(self) -> Mapping[str, Any] | None:
        """What is known of the event while no source has the activity."""
        found: Mapping[str, Any] | None = self.activity.get(LIVE)
        return found

    @property
    def date(self) -> str | None:
        """The date, where nothing more is known of its time."""
        found: str | None = self.activity.get(DATE)
        return found


def month_key(preferences: Preferences, activity: Mapping[str, Any]) -> str:
    """Return the month of an activity in the person's zone, such as `2026-11`; empty for none.

    A date is of the same month in every zone.
    """
    text = activity.get("ActivityTime")
    if not text:
        return ""
    if DATE in activity:
        return str(activity[DATE])[:7]
    return local(preferences, dt.datetime.fromisoformat(str(text))).date().isoformat()[:7]


def entries(
    preferences: Preferences, activities: Sequence[Mapping[str, Any]], last: str | None
) -> Iterator[Entry]:
    """Give activities, each first one of a month with it; `last` is the month shown before."""
    for one in activities:
        month = month_key(preferences, one)
        icon = ICONS.get(str(one.get("ActivityType")), USUAL_ICON)
        yield Entry(one, month if month != last else None, icon)
        last = month


async def timeline(visit: Visit) -> Reply:
    """Show the newest (as many as are there, `top`) with counts and filters, or what follows one.

    What follows is asked for by the activity before it (`after`), so that no row is there twice or
    missing, whatever came or went meanwhile.
    """
    customer = visit.path["customer"]
    moments, span = asked_moments(visit), _span(visit)
    kind, after = visit.query.get("type") or None, visit.query.get("after")
    size = _size(visit.query.get("top", ""))
    asked = {**moments, **span, "timeZone": visit.preferences.zone.key, "$top": str(size + 1)}
    asked |= {} if kind is None else {"activityType": kind}
    asked |= {} if after is None else {"after": after}
    page = await visit.ask("Get-activities-of-a-customer", {"entityId": customer}, asked)
    rows = page["value"][:size]
    values: dict[str, Any] = {
        "entries": list(entries(visit.preferences, rows, visit.query.get("last"))),
        "more": _more(visit, rows[-1]) if len(page["value"]) > size else None,
        "address": address_of(customer),
    }
    if after is not None:
        return visit.shown("_activities.html", **values)
    counted = {**moments, **span, "customerId": customer, "timeZone": asked["timeZone"]}
    counts = await visit.ask("Get-activity-types-and-counts", {}, counted)
    values |= {"counts": counts, "kind": kind, "moments": moments, "query": visit.query}
    values |= {"months": months(counts, kind), "count": _count(counts, kind)}
    return visit.shown("_timeline.html", **values)


def _size(text: str) -> int:
    """Return how many activities are shown: a page of them, or as many as are there already."""
    return min(max(int(text), SIZE), MOST) if text.isascii() and text.isdigit() else SIZE


def _more(visit: Visit, last: Mapping[str, Any]) -> str:
    """Return the address of what follows an activity."""
    kept = {name: text for name, text in visit.query.items() if name not in ("top", "last")}
    begins = DATE in last and format_instant(midnight(last[DATE], visit.preferences.zone.key))
    kept["after"] = f"{begins or last.get('ActivityTime') or ''},{last.get('ActivityId') or ''}"
    kept["last"] = month_key(visit.preferences, last)
    return f"{address_of(visit.path['customer'])}/timeline?{urlencode(kept)}"


def months(counts: Mapping[str, Any], kind: str | None) -> dict[str, int]:
    """Return how many activities, of a type where one is chosen, each month has.

    Months are as `month_key` gives them.
    """
    return {one["month"] or "": _count(one, kind) for one in counts["months"]}


def _count(counts: Mapping[str, Any], kind: str | None) -> int:
    """Return how many activities are counted: all of them, or those of a type."""
    of_types = {one["activityType"]: one["count"] for one in counts["activityTypes"]}
    return sum(of_types.values()) if kind is None else of_types.get(kind, 0)


def _span(visit: Visit) -> dict[str, str]:
    """Return from when and before when the activities are that the days of a form name."""
    found = {}
    if visit.query.get("from"):
        found["since"] = day_begins(visit.preferences, visit.query["from"], "from")
    if visit.query.get("to"):
        found["before"] = day_begins(visit.preferences, visit.query["to"], "to", 1)
    return found


async def held(visit: Visit) -> Reply:
    """Show the activities of all customers that are held: a page, and parts of it."""
    skip = visit.query.get("skip", "0")
    asked = {"$top": str(SIZE), "$skip": skip}
    found = await visit.ask("Get-held-activities", {}, asked)
    shown = int(skip) + len(found["value"])
    more = f"/data/held?skip={shown}" if shown < found["count"] else None
    template = "_held.html" if visit.fragment else "held.html"
    return visit.shown(template, found=found, more=more, first=skip == "0")


PAGES = (Page("GET", f"{CARD}/timeline", timeline), Page("GET", "/data/held", held))
