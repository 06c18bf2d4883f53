"""JSON as the service writes it: no blanks, letters as they are."""

import json

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
"""Made once: `json.dumps` makes one for each document that is not written as it likes."""


def json_bytes(document: object) -> bytes:
    """Return a document as JSON."""
    return _ENCODER.encode(document).encode()
