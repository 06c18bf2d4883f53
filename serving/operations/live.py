"""WatchCustomer: a customer's card again whenever it changes, over one connection.

It ends with the token by which it was begun: before anything is sent it is asked whether that still
holds, also before the words that are sent where nothing changed.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from overtide.schemas.errors import OvertideError, UnavailableError
from overtide.serving.acceptance import Target
from overtide.serving.access.roles import Role
from overtide.serving.live_cards import Watched
from overtide.serving.operations.contract import (
    CUSTOMER_ID,
    INSTANCE,
    Call,
    Operation,
    Parameter,
    Reply,
)
from overtide.serving.operations.customers import CUSTOMER, tagged
from overtide.serving.wire.server_sent import (
    EVENT_STREAM,
    STILL_HERE,
    activities_event,
    card_event,
    error_event,
)

PAUSE_SECONDS = 15.0
"""After which a word is sent where nothing changed: a connection without one may be cut."""
LAST_EVENT_ID = Parameter(
    "Last-Event-ID", "The id of the last event that came: it is not sent again.", "header"
)


ACTIVITIES = Parameter(
    "activities",
    "Send an event of the kind `activities`, too, at the beginning and whenever others are to be "
    "shown.",
    kind=bool,
)


async def live(call: Call) -> Reply:
    """Send the card, and again whenever another one is to be shown."""
    told = Told(call.headers.get("Last-Event-ID"), None, call.flag(ACTIVITIES.name))
    found = call.service.live_cards.cards(Target(call.path["entityId"]), PAUSE_SECONDS)
    # What is wrong with the request is an answer; there is no card where the server stops.
    first = await anext(found, None)
    if first is None:
        raise UnavailableError(
            "stopping",
            "The server is being stopped.",
            None,
            "Try again after Retry-After, when it or another one is there.",
        )
    return Reply(200, headers=EVENT_STREAM, stream=_events(call, told, first, found))


@dataclass
class Told:
    """What a client knows: the tags of the card and, where it is told of them, the activities."""

    card: str | None
    activities: str | None
    of_activities: bool

    def news(self, call: Call, seen: Watched | None) -> bytes:
        """Return what to send, which the client knows then."""
        if seen is None:
            return STILL_HERE
        events = b""
        entity, tag = tagged(call, seen.card)
        if tag != self.card:
            self.card = tag
            events += card_event(entity, tag)
        if self.of_activities and seen.activities != self.activities:
            self.activities = seen.activities
            events += activities_event(seen.activities)
        return events or STILL_HERE


async def _events(
    call: Call, told: Told, first: Watched | None, others: AsyncGenerator[Watched | None]
) -> AsyncIterator[bytes]:
    async with aclosing(others):
        try:
            yield told.news(call, first)
            async for seen in others:
                if call.admitted is not None:
                    await call.admitted()
                yield told.news(call, seen)
        except OvertideError as error:
            yield error_event(error)


OPERATIONS = (
    Operation(
        "Watch-a-customer",
        "GET",
        f"{CUSTOMER}/live",
        Role.VIEWER,
        "Watch a customer",
        "Sends the customer as server-sent events: now, and again within a quarter of a second "
        "whenever it changes, also where a change ends by itself.",
        live,
        {
            200: "Events of the kind `card`; one of the kind `error` is the last, also once the "
            "token has ended or was revoked."
        },
        (INSTANCE, CUSTOMER_ID, ACTIVITIES, LAST_EVENT_ID),
        statuses=(400, 404),
        content=(EVENT_STREAM["Content-Type"],),
    ),
)
