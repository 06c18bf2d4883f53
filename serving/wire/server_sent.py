"""Events for a client that stays connected: server-sent events of the HTML standard (9.2)."""

import json

from overtide.schemas.errors import OvertideError

EVENT_STREAM = {"Content-Type": "text/event-stream"}
STILL_HERE = b":\n\n"
"""What means nothing, but shows on both sides whether the other one is there."""


def card_event(entity: bytes, tag: str) -> bytes:
    """Return the event that shows a customer, a line of JSON; its id is the ETag."""
    return b"event: card\nid: %s\ndata: %s\n\n" % (tag.encode(), entity)


def activities_event(tag: str) -> bytes:
    """Return the event that says which activities there are: with another tag, read them again."""
    return b'event: activities\ndata: {"tag":"%s"}\n\n' % tag.encode()


def error_event(error: OvertideError) -> bytes:
    """Return the event that ends a stream: the customer cannot be shown any more."""
    document = json.dumps(error.as_json(), ensure_ascii=False, separators=(",", ":"))
    return f"event: error\ndata: {document}\n\n".encode()
