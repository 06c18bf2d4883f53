"""WatchCustomer: a customer's card again whenever it changes, over one connection.

It ends with the token by which it was begun: before anything is sent it is asked whether that still
holds, also before the words that are sent where nothing changed.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from overtide.lake.cards_and_timelines import Card
from overtide.schemas.errors import OvertideError
from overtide.serving.acceptance import Target
from overtide.serving.access.roles import Role
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
    card_event,
    error_event,
)

PAUSE_SECONDS = 15.0
"""After which a word is sent where nothing changed: a connection without one may be cut."""
LAST_EVENT_ID = Parameter(
    "Last-Event-ID", "The id of the last event that came: it is not sent again.", "header"
)


async def live(call: Call) -> Reply:
    """Send the card, and again whenever another one is to be shown."""
    cards = call.service.live_cards.cards(Target(call.path["entityId"]), PAUSE_SECONDS)
    first = await anext(cards)  # what is wrong with the request is an answer
    return Reply(200, headers=EVENT_STREAM, stream=_events(call, first, cards))


async def _events(
    call: Call, first: Card | None, others: AsyncGenerator[Card | None]
) -> AsyncIterator[bytes]:
    async with aclosing(others):
        sent = call.headers.get("Last-Event-ID")
        try:
            shown, sent = _news(call, first, sent)
            yield shown
            async for card in others:
                if call.admitted is not None:
                    await call.admitted()
                shown, sent = _news(call, card, sent)
                yield shown
        except OvertideError as error:
            yield error_event(error)


def _news(call: Call, card: Card | None, sent: str | None) -> tuple[bytes, str | None]:
    """Return what to send of a card, and the tag that the client has then."""
    if card is None:
        return STILL_HERE, sent
    entity, tag = tagged(call, card)
    return (STILL_HERE, sent) if tag == sent else (card_event(entity, tag), tag)


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
        (INSTANCE, CUSTOMER_ID, LAST_EVENT_ID),
        statuses=(400, 404),
        content=(EVENT_STREAM["Content-Type"],),
    ),
)
