"""What a call from Python names: a customer, a record, an instant or an end."""

from datetime import datetime, timedelta

from overtide.arguments import in_utc
from overtide.schemas.errors import UsageError
from overtide.schemas.instants import (
    EARLIEST,
    LATEST,
    Instant,
    format_instant,
    microseconds,
    parse_instant,
)
from overtide.schemas.values import checked_text
from overtide.serving.acceptance import Target
from overtide.serving.terms import parameter

Key = tuple[str, str] | str
"""A source record: (entity, primary key), or the text `ENTITY=KEY`."""
When = Instant | str | datetime | None
"""An instant as a number, a text or a datetime, or None for now.

A number counts microseconds since 1970 UTC, a text is RFC 3339 with an offset, and a datetime is
aware.
"""
End = When | timedelta
"""An instant, or a duration from acceptance: text such as `4h`, or a timedelta."""


def target_of(customer_id: str | None, key: Key | None) -> Target:
    """Return what a call is about; raise `invalid_target` unless it names exactly one thing."""
    if (customer_id is None) == (key is None):
        raise UsageError(
            "invalid_target",
            "Name the customer by a CustomerId or by a source record's key"
            f"{', not by both' if key is not None else ''}.",
            None,
            "A key is written ENTITY=KEY.",
        )
    if key is None:
        return Target(_name(customer_id))
    entity, value = _parts(key)
    if not (entity and value):
        raise UsageError(
            "invalid_target",
            f"{key!r} is no key of a source record.",
            None,
            "Write ENTITY=KEY, such as Shop_Contacts=4711.",
        )
    return Target(None, entity, value)


def _parts(key: object) -> tuple[str, str]:
    """Return the entity and the primary key of a record; a whole number is its digits.

    Empty ones where it is no key.
    """
    if isinstance(key, str):
        entity, _, value = key.partition("=")
        return _name(entity), _name(value)
    if not (isinstance(key, tuple) and len(key) == 2):
        return "", ""
    entity, value = key
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return _name(entity), _name(str(value) if is_number else value)


def _name(text: object) -> str:
    """Return a name as it is; raise `invalid_target` for what is no text that can be kept."""
    if not isinstance(text, str) or checked_text(text) is None:
        raise UsageError(
            "invalid_target", f"{text!r} names nothing.", None, "Give a text of Unicode."
        )
    return text


def given_instant(when: When, name: str) -> Instant | None:
    """Return an instant in microseconds, None for now.

    Raise `invalid_instant` for a naive datetime, and for what is not within the years 1 to 9999.
    """
    if when is None:
        return None
    if isinstance(when, str):
        return parameter(name, parse_instant, when)
    if isinstance(when, datetime) and when.tzinfo is not None:
        return microseconds(in_utc(when, name).replace(tzinfo=None))
    if isinstance(when, int) and not isinstance(when, bool) and EARLIEST <= when <= LATEST:
        return when
    raise UsageError(
        "invalid_instant",
        f"{when!r} is no instant.",
        name,
        "Give an aware datetime, RFC 3339 text, or microseconds since 1970.",
    )


def instant_text(when: When, name: str) -> str | None:
    """Return an instant as the text of a request; text stays as it is."""
    if isinstance(when, str):
        return when
    instant = given_instant(when, name)
    return None if instant is None else format_instant(instant)


def end_text(end: End) -> str | None:
    """Return an end as the text of a request.

    Raise `invalid_duration` for a timedelta of a fraction of a second, or of less than none.
    """
    if not isinstance(end, timedelta):
        return instant_text(end, "validUntil")
    if end % timedelta(seconds=1) or end < timedelta():
        raise UsageError(
            "invalid_duration", f"{end} is not a duration.", "validUntil", "Give whole seconds."
        )
    return f"{end // timedelta(seconds=1)}s"
