"""The members of a JSON object that a request carries, checked one by one."""

from collections.abc import Mapping

from overtide.schemas.errors import UsageError
from overtide.schemas.strict_json import parse_json
from overtide.schemas.values import checked_text

LONGEST, MOST = 1024, 1000
"""Characters of a text, texts of a list."""


def parsed(body: bytes) -> object:
    """Return a JSON document, or one in a JSON text, as the product's clients send it."""
    document = parse_json(body)
    return parse_json(document) if isinstance(document, str) else document


def members(document: object, known: set[str]) -> Mapping[str, object]:
    """Return a JSON object; raise `invalid_parameter` for what is none or has other members."""
    if not isinstance(document, Mapping):
        raise UsageError("invalid_parameter", "A JSON object is expected.", "body", "Send one.")
    for name in document:
        if name not in known:
            raise UsageError(
                "invalid_parameter", f"There is no member {name!r}.", name, "Leave it out."
            )
    return document


def truth(document: Mapping[str, object], name: str, default: bool) -> bool:
    """Return a member that is true or false."""
    value = document.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise UsageError("invalid_parameter", "It is neither true nor false.", name, "Give one.")
    return value


def text_of(value: object, name: str) -> str:
    """Return a text that can be kept."""
    if not isinstance(value, str) or len(value) > LONGEST or checked_text(value) is None:
        raise UsageError(
            "invalid_parameter",
            f"A text of at most {LONGEST} characters is expected.",
            name,
            "Give one.",
        )
    return value


def texts_of(value: object, name: str) -> tuple[str, ...]:
    """Return a list of texts, empty where there is none."""
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MOST:
        raise UsageError(
            "invalid_parameter", f"A list of at most {MOST} texts is expected.", name, "Give one."
        )
    return tuple(text_of(one, name) for one in value)
