"""One customer: its card, its activities, its keys."""

import asyncio
import hashlib
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from overtide.lake.cards_and_timelines import MergedProfile
from overtide.lake.own_activities import UNTIMED, Page, Wanted
from overtide.schemas.instants import Instant, parse_instant
from overtide.serving.acceptance import Target
from overtide.serving.access.roles import Role
from overtide.serving.activity_months import month_counts
from overtide.serving.operations.contract import (
    CUSTOMER_ID,
    INSTANCE,
    READ,
    Call,
    Operation,
    Parameter,
    Reply,
)
from overtide.serving.terms import parameter
from overtide.serving.wire.customers import activity_entities, customer_entity, moment_headers
from overtide.serving.wire.json_texts import json_bytes
from overtide.serving.wire.refusals import Errors
from overtide.serving.workflows.time_zones import zone_of

MOST, USUAL = 10_000, 100
"""Activities in one answer: at most, and where `$top` is not given."""
CUSTOMER = "/instances/{instanceId}/data/Customer('{entityId}')"
IF_NONE_MATCH = Parameter(
    "If-None-Match", "The ETag of an answer: 304 where it would be the same.", "header"
)
TOP = Parameter("$top", f"How many at most (default {USUAL}, at most {MOST}).", kind=int)
SKIP = Parameter("$skip", "How many of the newest to leave out.", kind=int)
COUNT = Parameter("$count", "Count all of them, too.", kind=bool)
ACTIVITY_TYPE = Parameter("activityType", "Only activities of this type, such as SalesOrder.")
SINCE = Parameter("since", "Only activities that happened at this instant or later.")
BEFORE = Parameter("before", "Only activities that happened before this instant.")
AFTER = Parameter(
    "after",
    "Go on behind an activity: its ActivityTime and its ActivityId with a comma between, nothing "
    "before the comma where it has no time. With a time zone, for one that has only a date, the "
    "instant at which that day begins there. Right also while activities come and go.",
    example="2026-11-29T10:00:00.000000Z,4711",
)
TIME_ZONE = Parameter(
    "timeZone",
    "Put activities that have only a date (`ActivityTime@overtide.date`) where that day begins in "
    "this time zone, such as Europe/Amsterdam: they are in order, and since and before take them, "
    "by that.",
)
MONTHS_OF = Parameter(
    TIME_ZONE.name,
    f"{TIME_ZONE.text} Count by the months of its calendar, too.",
)
OF_ACTIVITIES = (ACTIVITY_TYPE, SINCE, BEFORE)
KEYRING = tuple(
    Parameter(name, text, required=True)
    for name, text in (
        ("dataSourceName", "The data source of the record, such as Shop."),
        ("entityName", "Its entity, such as Contacts, or the full name."),
        ("key", "Its primary key."),
    )
)
ID = Parameter("customerId", "Id of the customer, a current or a previous one.", required=True)


async def customer(call: Call) -> Reply:
    """Return one customer; 304 where the client has the same already."""
    as_of, known_at, base = moment_of(call)
    target = Target(call.path["entityId"])
    now = as_of is None and known_at is None
    read = partial(call.service.reader.merged, target, as_of, known_at, base, shared=now)
    # The base of another instant may be in the lake alone, and nobody else waits for that.
    card = read() if now else await asyncio.to_thread(read)
    content, etag = tagged(call, card)
    headers = {"ETag": etag, **moment_headers(card)}
    asked = call.headers.get("If-None-Match")
    if asked is not None:
        known = [one.strip().removeprefix("W/") for one in asked.split(",")]
        if etag in known or "*" in known:
            return Reply(304, headers=headers)
    return Reply(200, headers=headers, content=content)


def tagged(call: Call, card: MergedProfile) -> tuple[bytes, str]:
    """Return a customer as JSON, an OData entity, and its ETag: equal where nothing in it changed.

    Written once: every read of a customer asks for both.
    """
    entity = customer_entity(card, _context(call, "Customer/$entity"))
    text = json_bytes(entity)
    digest = hashlib.sha256(text).hexdigest()[:32]
    return b'{"@odata.etag":"\\"%s\\"",%s' % (digest.encode(), text[1:]), f'"{digest}"'


def activities(call: Call) -> Reply:
    """Return a page of a customer's activities, newest first."""
    top, skip = call.number("$top", USUAL, MOST), call.number("$skip", 0, 10**9)
    counted = call.flag("$count")
    wanted = _wanted(call)
    found = call.service.reader.activities(Target(call.path["entityId"]), *moment_of(call))
    if TIME_ZONE.name in call.query:
        found = found.in_calendar(_zone(call).key)
    timeline, number = found.timeline(Page(wanted, skip, top, _after(call)))
    document: dict[str, Any] = {"@odata.context": _context(call, "UnifiedActivity")}
    if counted:
        document["@odata.count"] = number
    document["value"] = activity_entities(timeline.entries, found.merged.dated)
    return Reply(200, document, moment_headers(timeline))


def _after(call: Call) -> tuple[Instant, str] | None:
    """Return the time and the ActivityId behind which a call goes on."""
    text = call.query.get(AFTER.name)
    if text is None:
        return None
    time, _, name = text.partition(",")
    return parameter(AFTER.name, parse_instant, time) if time else UNTIMED, name


def _wanted(call: Call) -> Wanted:
    """Return which activities a call asks for."""
    since, before = (
        parameter(one.name, parse_instant, call.query[one.name]) if one.name in call.query else None
        for one in (SINCE, BEFORE)
    )
    return Wanted(call.query.get(ACTIVITY_TYPE.name), since, before)


def _zone(call: Call) -> ZoneInfo:
    return zone_of(call.query[TIME_ZONE.name], TIME_ZONE.name)


def keyring(call: Call) -> Reply:
    """Return the customer of a source record, and all keys that lead to it."""
    source, name = call.query["dataSourceName"], call.query["entityName"]
    entity = name if name.startswith(f"{source}_") else f"{source}_{name}"
    card = call.service.reader.get(Target(None, entity, call.query["key"]))
    return Reply(
        200,
        {
            "instanceId": call.service.instance_id,
            "customerId": card.customer_id,
            "keyRing": _keys(card.records),
        },
    )


def _keys(records: tuple[tuple[str, str, bool], ...]) -> list[dict[str, Any]]:
    """Return the keys by entity; the preferred one is that of its entity's winner."""
    rings: dict[str, dict[str, Any]] = {}
    for entity, key, winner in records:
        source, _, name = entity.partition("_")
        ring = rings.setdefault(
            entity, {"dataSourceName": source, "entityName": name, "preferredKey": key, "keys": []}
        )
        ring["keys"].append(key)
        if winner:
            ring["preferredKey"] = key
    return list(rings.values())


def activity_counts(call: Call) -> Reply:
    """Return how many activities of each type a customer has."""
    wanted = _wanted(call)
    found = call.service.reader.activities(Target(call.query["customerId"]), *moment_of(call))
    zone = _zone(call) if TIME_ZONE.name in call.query else None
    if zone is not None:
        found = found.in_calendar(zone.key)
    counts = found.merged.counts(wanted)
    document: dict[str, Any] = {
        "instanceId": call.service.instance_id,
        "customerId": found.customer_id,
        "totalCount": sum(counts.values()),
        "activityTypes": [
            {"activityType": kind, "count": count} for kind, count in sorted(counts.items())
        ],
    }
    if zone is not None:
        document["months"] = month_counts(found.merged.times_and_types(wanted), zone)
    return Reply(200, document)


def moment_of(call: Call) -> tuple[Instant | None, Instant | None, bool]:
    """Return which view a call asks for: asOf, knownAt, and whether the base alone."""
    as_of, known_at = (
        parameter(name, parse_instant, call.query[name]) if name in call.query else None
        for name in ("asOf", "knownAt")
    )
    return as_of, known_at, call.flag("base")


def _context(call: Call, what: str) -> str:
    return f"/v1/instances/{call.service.instance_id}/data/$metadata#{what}"


OPERATIONS = (
    Operation(
        "Get-a-customer",
        "GET",
        CUSTOMER,
        Role.VIEWER,
        "Read a customer",
        "Reads one customer as it is now, or as of another instant, with what is live.",
        customer,
        {200: "The customer.", 304: "It is as the client knows it."},
        (INSTANCE, CUSTOMER_ID, *READ, IF_NONE_MATCH),
        statuses=(400, 404),
    ),
    Operation(
        "Get-activities-of-a-customer",
        "GET",
        f"{CUSTOMER}/UnifiedActivity",
        Role.VIEWER,
        "Read the activities of a customer",
        "Reads a customer's activities, newest first, those of the sources and real-time ones.",
        activities,
        {200: "A page of them."},
        (INSTANCE, CUSTOMER_ID, *OF_ACTIVITIES, TIME_ZONE, AFTER, TOP, SKIP, COUNT, *READ),
        blocks=True,
        statuses=(400, 404),
    ),
    Operation(
        "Get-keyring",
        "GET",
        "/instances/{instanceId}/profile/keyring",
        Role.VIEWER,
        "Find a customer by a source record",
        "Finds the customer of a source record, and all keys that lead to it.",
        keyring,
        {200: "The customer's id and keys."},
        (INSTANCE, *KEYRING),
        errors=Errors.MANAGEMENT,
        statuses=(400, 404),
    ),
    Operation(
        "Get-activity-types-and-counts",
        "GET",
        "/instances/{instanceId}/profile/activityresponsemetadata",
        Role.VIEWER,
        "Count the activities of a customer",
        "Counts a customer's activities, in all and by type; by month, too, with a time zone.",
        activity_counts,
        {200: "The counts."},
        (INSTANCE, ID, SINCE, BEFORE, MONTHS_OF, *READ),
        errors=Errors.MANAGEMENT,
        blocks=True,
        statuses=(400, 404),
    ),
)
