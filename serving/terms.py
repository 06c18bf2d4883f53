"""When a change holds and who sent it: the parameters that every real-time request has."""

from collections.abc import Callable
from dataclasses import dataclass

from overtide.schemas.errors import InvalidValueError, UsageError
from overtide.schemas.instants import Instant, parse_duration, parse_instant
from overtide.schemas.values import checked_text

MAX_LABEL = 256
"""Characters of a caller's name or of an idempotency key."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The parameters as texts of the request.

    What is missing is decided by configuration and acceptance.

    `valid_until` is an instant, or a duration from acceptance such as `4h`; `event_time` is an
    instant.
    """

    valid_until: str | None = None
    event_time: str | None = None
    caller: str | None = None
    idempotency_key: str | None = None

    def document(self) -> dict[str, str | None]:
        """Return what of the terms is part of a request's hash."""
        return {"validUntil": self.valid_until, "eventTime": self.event_time}


NO_TERMS = Terms()


@dataclass(frozen=True, slots=True)
class Period:
    """Terms read: an end, or else a duration from acceptance.

    And the start where the client gave one.
    """

    valid_until: Instant | None
    ttl: int | None
    event_time: Instant | None


def period(terms: Terms, default_ttl: str) -> Period:
    """Read the times of a request; raise `invalid_instant` or `invalid_duration`."""
    start = (
        None
        if terms.event_time is None
        else parameter("eventTime", parse_instant, terms.event_time)
    )
    end = default_ttl if terms.valid_until is None else terms.valid_until
    if "-" in end or ":" in end:
        return Period(parameter("validUntil", parse_instant, end), None, start)
    return Period(None, parameter("validUntil", parse_duration, end), start)


def parameter(name: str, parse: Callable[[str], int], text: str) -> int:
    """Read a time that was given as a parameter.

    One that cannot be read is wrong usage of the parameter `name`.
    """
    try:
        return parse(text)
    except InvalidValueError as error:
        raise UsageError(error.code, error.message, name, error.hint) from None


def check_labels(terms: Terms) -> None:
    """Raise `invalid_parameter` for a caller or an idempotency key that cannot be taken.

    That is one that is empty, too long or cannot be kept.
    """
    for name, text in (("caller", terms.caller), ("idempotencyKey", terms.idempotency_key)):
        if text is not None and not (
            isinstance(text, str) and 0 < len(text) <= MAX_LABEL and checked_text(text)
        ):
            raise UsageError(
                "invalid_parameter",
                f"A text of 1 to {MAX_LABEL} characters is expected.",
                name,
                "Shorten it, or leave it out.",
            )
