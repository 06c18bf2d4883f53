"""An open card that stays right: the events of a watched customer, as parts of its page."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import cast

from overtide.serving.operations.contract import Reply
from overtide.serving.pages.card import CARD, Shown, columns_of_customer
from overtide.serving.pages.page import Page, Visit
from overtide.serving.wire.server_sent import EVENT_STREAM

LOOK_SECONDS = 2.0
"""How often a stream asks whether its session still lasts."""
AGAIN = b"retry: 1000\n\n"
"""Tells a browser to come back a second after a connection was lost."""
SIGNED_OUT = b"event: signed-out\ndata:\n\n"


async def live(visit: Visit) -> Reply:
    """Send the card whenever another one is to be shown, until the session ends.

    A browser that comes back to it signed out is told so, since it could follow to no other page.
    """
    if visit.principal is None:
        return Reply(200, headers=EVENT_STREAM, stream=_signed_out())
    seen = visit.headers.get("last-event-id")
    reply = await visit.reply(
        "Watch-a-customer",
        {"entityId": visit.path["customer"]},
        {"activities": "true"},
        headers={} if seen is None else {"Last-Event-ID": seen},
    )
    events = cast("AsyncGenerator[bytes]", reply.stream)  # what this operation always answers
    return Reply(200, headers=reply.headers, stream=_shown(visit, events))


async def _signed_out() -> AsyncIterator[bytes]:
    yield SIGNED_OUT


async def _shown(visit: Visit, events: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    yield AGAIN
    async for sent in _while_signed_in(visit, events):
        for kind, tag, data in told(sent):
            yield (
                await _rendered(visit, tag, data) if kind == "card" else sent_event(kind, tag, data)
            )
        if sent.startswith(b":"):
            yield sent


async def _while_signed_in(visit: Visit, events: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    """Give what comes for as long as the session lasts; then say that it does not."""
    coming: asyncio.Future[bytes | None] = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            done, _ = await asyncio.wait({coming}, timeout=LOOK_SECONDS)
            if not await visit.lasts():
                yield SIGNED_OUT
                return
            if not done:
                continue
            sent = coming.result()
            if sent is None:
                return
            yield sent
            coming = asyncio.ensure_future(anext(events, None))
    finally:
        coming.cancel()
        await asyncio.wait({coming})
        await events.aclose()


def told(sent: bytes) -> Iterator[tuple[str, str, str]]:
    """Give the kind, the id and the data of each event in what was sent."""
    for block in sent.decode().split("\n\n"):
        lines = (line.partition(": ") for line in block.split("\n") if not line.startswith(":"))
        fields = {name: value for name, _, value in lines if name}
        if fields:
            yield fields.get("event", ""), fields.get("id", ""), fields.get("data", "")


def sent_event(kind: str, tag: str, data: str) -> bytes:
    """Return an event of some lines of data."""
    head = f"event: {kind}\n" + (f"id: {tag}\n" if tag else "")
    return (head + "".join(f"data: {line}\n" for line in data.splitlines()) + "\n").encode()


async def _rendered(visit: Visit, tag: str, data: str) -> bytes:
    described = await columns_of_customer(visit)
    shown = Shown(json.loads(data), described, {}, "", "")
    text = visit.rendered("_card.html", **shown.values)
    return sent_event("card", tag, text.decode())


PAGES = (Page("GET", f"{CARD}/live", live, open=True),)
