"""Why a customer shows what it does: the decision of a field, and what joined its records."""

import asyncio
from functools import partial
from typing import Any

from overtide.lake.decide.updates import Change, Decision, Loser, Overlay
from overtide.schemas.errors import InvalidRequestError
from overtide.schemas.instants import format_instant
from overtide.schemas.suggestions import did_you_mean
from overtide.schemas.values import Value
from overtide.serving.access.roles import Role
from overtide.serving.fields import Target
from overtide.serving.joining_links import Link, links_among
from overtide.serving.operations.contract import (
    AS_OF,
    CUSTOMER_ID,
    INSTANCE,
    KNOWN_AT,
    Call,
    Operation,
    Parameter,
    Reply,
)
from overtide.serving.operations.customers import CUSTOMER, moment_of
from overtide.serving.reader import CHANGES, Beneath

FIELD = Parameter("field", "A column of Customer.", "path")
MOST_RECORDS = 1_000
"""Records of a customer whose links are looked for."""


async def explained(call: Call) -> Reply:
    """Return who decides a field, why every other update of it lost, and when that changes."""
    as_of, known_at, _ = moment_of(call)
    target = Target(call.path["entityId"])
    read = partial(call.service.reader.beneath, target, as_of, known_at, *CHANGES)
    now = as_of is None and known_at is None
    found = read() if now else await asyncio.to_thread(read)
    return Reply(200, explanation(found, call.path["field"]))


def explanation(found: Beneath, field: str) -> dict[str, Any]:
    """Return the document of a field's decision; raise `unknown_field`."""
    fields, moment = found.base.profile_fields, found.moment
    if field not in fields:
        raise InvalidRequestError(
            "unknown_field",
            f"Customers have no field {field!r}.",
            field,
            did_you_mean(field, fields),
        )
    overlay = Overlay(found.events, fields, moment.known_at)
    decision = overlay.decision(field, moment.as_of)
    beneath = found.profile.fields.get(field)
    return {
        "customerId": found.profile.customer_id,
        "field": field,
        "asOf": format_instant(moment.as_of),
        "knownAt": format_instant(moment.known_at),
        "run": found.base.run,
        "value": _value(decision, beneath),
        "baseValue": beneath,
        "winner": None if decision.winner is None else _change(decision.winner),
        "losers": [_loser(one) for one in decision.losers],
        **_next(overlay, decision, field, beneath),
    }


def _next(overlay: Overlay, decision: Decision, field: str, beneath: Value) -> dict[str, Any]:
    """Return when another one decides, and what is shown then, by what is known."""
    if decision.changes_at is None:
        return {"changesAt": None, "changesTo": None}
    then = overlay.decision(field, decision.changes_at)
    return {
        "changesAt": format_instant(decision.changes_at),
        "changesTo": _value(then, beneath),
    }


def _value(decision: Decision, beneath: Value) -> Value:
    return beneath if decision.winner is None else decision.winner.value


def _loser(loser: Loser) -> dict[str, Any]:
    return {**_change(loser.change), "reason": loser.reason.value}


def _change(change: Change) -> dict[str, Any]:
    event = change.event
    return {
        "value": change.value,
        "validFrom": format_instant(event.valid_from),
        "validUntil": None if event.valid_until is None else format_instant(event.valid_until),
        "acceptedAt": format_instant(event.accepted_at),
        "eventId": event.event_id,
        "caller": event.caller,
    }


def records(call: Call) -> Reply:
    """Return the source records of a customer, and by which rule and score they were joined."""
    card = call.service.reader.get(Target(call.path["entityId"]))
    known = card.records[:MOST_RECORDS]
    with call.service.asking() as ask:
        links = links_among(ask, [(entity, key) for entity, key, _ in known])
    return Reply(
        200,
        {
            "customerId": card.customer_id,
            "run": card.run,
            "records": [
                {"entity": entity, "key": key, "winner": winner} for entity, key, winner in known
            ],
            "recordCount": len(card.records),
            "links": [_link(one) for one in links],
        },
    )


def _link(link: Link) -> dict[str, Any]:
    return {
        "kind": link.kind,
        "entity": link.one[0],
        "key": link.one[1],
        "matchedEntity": link.other[0],
        "matchedKey": link.other[1],
        "rule": link.rule,
        "score": link.score,
    }


OPERATIONS = (
    Operation(
        "Explain-a-field",
        "GET",
        f"{CUSTOMER}/explanation/{{field}}",
        Role.VIEWER,
        "Explain a value",
        "Says which change shows the value of a field, or that none does, why every other change "
        "of it lost, and when another value is shown next, and which.",
        explained,
        {200: "The decision."},
        (INSTANCE, CUSTOMER_ID, FIELD, AS_OF, KNOWN_AT),
        statuses=(400, 404),
    ),
    Operation(
        "Get-records-of-a-customer",
        "GET",
        f"{CUSTOMER}/records",
        Role.VIEWER,
        "List the source records of a customer",
        "Lists the source records that a customer was made of, and by which rule and score, in "
        f"percent, they were joined; the links of at most {MOST_RECORDS:,} of them.",
        records,
        {200: "The records, and the links between them."},
        (INSTANCE, CUSTOMER_ID),
        blocks=True,
        statuses=(404,),
    ),
)
