"""What is answered to a change: CreatedResult, AcceptedResult, and what a batch says of a row.

Of the product's results only `value` and `statusCode` have a meaning here; the other names are
there for its clients.
"""

from collections.abc import Mapping
from json.encoder import encode_basestring

from overtide.schemas.instants import format_instant
from overtide.serving.acceptance import Answer, answer_document
from overtide.serving.wire.json_texts import json_bytes


def created_result(answer: Answer) -> dict[str, object]:
    """Return the CreatedResult (201) or AcceptedResult (202) of one accepted activity."""
    return {
        "location": None,
        "value": answer_document(answer),
        "formatters": [],
        "contentTypes": [],
        "declaredType": None,
        "statusCode": answer.status,
    }


def batch_line(document: Mapping[str, object]) -> bytes:
    """Return a line of what a batch is answered."""
    return json_bytes(document) + b"\n"


def answer_line(answer: Answer, index: int) -> bytes:
    """Return the line of one answer to a batch: `answer_document`, written at once where it can."""
    event = answer.event
    if event is None or event.activity_id is None or event.valid_until is None:
        return batch_line(answer_document(answer, index))
    accepted = format_instant(event.accepted_at)
    begin = accepted if event.valid_from == event.accepted_at else format_instant(event.valid_from)
    # Of the texts only the last one may come from a client.
    return (
        f'{{"index":{index},"status":{answer.status},'
        f'"repeated":{"true" if answer.repeated else "false"},'
        f'"eventId":"{event.event_id}","position":{event.position},"acceptedAt":"{accepted}",'
        f'"validFrom":"{begin}","validUntil":"{format_instant(event.valid_until)}",'
        f'"activityId":{encode_basestring(event.activity_id)}}}\n'
    ).encode()
