"""What is answered to a change: CreatedResult, AcceptedResult, and what a batch says of a row.

Of the product's results only `value` and `statusCode` have a meaning here; the other names are
there for its clients.
"""

import json
from collections.abc import Mapping

from overtide.serving.acceptance import Answer, answer_document


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
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
