"""Events for a client that stays connected: server-sent events of the HTML standard (9.2)."""

import json
from collections.abc import Mapping

from overtide.schemas.errors import OvertideError

EVENT_STREAM = {"Content-Type": "text/event-stream"}
STILL_HERE = b":\n\n"
"""What means nothing, but shows on both sides whether the other one is there."""


def card_event(entity: Mapping[str, object], tag: str) -> bytes:
    """Return the event that shows a customer; its id is the ETag."""
    return _event("card", entity, tag)


def error_event(error: OvertideError) -> bytes:
    """Return the event that ends a stream: the customer cannot be shown any more."""
    return _event("error", error.as_json())


def _event(kind: str, document: Mapping[str, object], name: str | None = None) -> bytes:
    data = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    named = "" if name is None else f"id: {name}\n"
    return f"event: {kind}\n{named}data: {data}\n\n".encode()
