"""The timeline of a customer: pages of activities, newest first, by month, type and date."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from overtide.serving.operations.contract import Reply
from overtide.serving.pages.card import CARD, address_of
from overtide.serving.pages.customer_fields import web_address
from overtide.serving.pages.formats import local
from overtide.serving.pages.moments import asked_moments, day_begins
from overtide.serving.pages.page import Page, Visit
from overtide.serving.pages.preferences import Preferences

SIZE, MOST = 100, 10**9
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
LIVE = "@overtide.live"
HIDDEN = ("RangeIndex", "ActivityId", "SemanticData", "Icon", "URL", "Title", LIVE)
"""What the details of an activity do not repeat."""


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


def month_key(preferences: Preferences, text: object) -> str:
    """Return the month of an instant in the person's zone, such as `2026-11`; empty for none."""
    if not text:
        return ""
    return local(preferences, dt.datetime.fromisoformat(str(text))).date().isoformat()[:7]


def entries(
    preferences: Preferences, activities: Sequence[Mapping[str, Any]], last: str | None
) -> Iterator[Entry]:
    """Give activities, each first one of a month with it; `last` is the month shown before."""
    for one in activities:
        month = month_key(preferences, one.get("ActivityTime"))
        icon = ICONS.get(str(one.get("ActivityType")), USUAL_ICON)
        yield Entry(one, month if month != last else None, icon)
        last = month


async def timeline(visit: Visit) -> Reply:
    """Show the first page with counts and filters, or (`skip`) the page that follows."""
    skip = visit.query.get("skip", "")
    customer = visit.path["customer"]
    moments, span = asked_moments(visit), _span(visit)
    kind = visit.query.get("type") or None
    asked = {**moments, **span, "$top": str(SIZE), "$skip": skip or "0", "$count": "true"}
    if kind is not None:
        asked["activityType"] = kind
    page = await visit.ask("Get-activities-of-a-customer", {"entityId": customer}, asked)
    rows, last = page["value"], visit.query.get("last")
    shown = list(entries(visit.preferences, rows, last))
    values: dict[str, Any] = {
        "entries": shown,
        "count": page["@odata.count"],
        "more": None,
        "address": address_of(customer),
    }
    if rows and int(skip or 0) + len(rows) < page["@odata.count"]:
        kept = {name: text for name, text in visit.query.items() if name not in ("skip", "last")}
        ends = month_key(visit.preferences, rows[-1].get("ActivityTime"))
        kept |= {"skip": str(int(skip or 0) + len(rows)), "last": ends}
        values["more"] = f"{address_of(customer)}/timeline?{urlencode(kept)}"
    if skip:
        return visit.shown("_activities.html", **values)
    counts = await visit.ask(
        "Get-activity-types-and-counts", {}, {**moments, **span, "customerId": customer}
    )
    values |= {"counts": counts, "kind": kind, "moments": moments, "query": visit.query}
    return visit.shown("_timeline.html", **values)


def _span(visit: Visit) -> dict[str, str]:
    """Return from when and before when the activities are that the days of a form name."""
    found = {}
    if visit.query.get("from"):
        found["since"] = day_begins(visit.preferences, visit.query["from"], "from")
    if visit.query.get("to"):
        found["before"] = day_begins(visit.preferences, visit.query["to"], "to", 1)
    return found


async def held(visit: Visit) -> Reply:
    """Show the activities of all customers that are held."""
    skip = visit.query.get("skip", "0")
    asked = {"$top": str(SIZE), "$skip": skip}
    found = await visit.ask("Get-held-activities", {}, asked)
    shown = int(skip) + len(found["value"])
    more = f"/held?skip={shown}" if shown < found["count"] else None
    return visit.shown("_held.html", found=found, more=more, first=skip == "0")


PAGES = (Page("GET", f"{CARD}/timeline", timeline), Page("GET", "/held", held))
