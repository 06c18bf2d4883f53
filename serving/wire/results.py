"""What is answered to a change: CreatedResult, AcceptedResult, and what a batch says of a row.

Of the product's results only `value` and `statusCode` have a meaning here; the other names are
there for its clients.
"""

from collections.abc import Mapping

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
    """Return the line of one answer to a batch."""
    return json_bytes(document) + b"\n"
