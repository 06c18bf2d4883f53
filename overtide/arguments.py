"""Refuse arguments of wrong types from Python in a sentence, before anything is begun."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from os import PathLike

from overtide.schemas.errors import OvertideError, UsageError


def expect_text(value: object, name: str) -> None:
    """Raise `invalid_parameter` for what is no text, or holds half a letter."""
    if not isinstance(value, str) or _is_broken(value):
        raise _unexpected(value, name, "a text of Unicode")


def expect_path(value: object, name: str) -> None:
    """Raise `invalid_parameter` for what names no file or folder."""
    if not isinstance(value, str | PathLike) or not str(value) or "\0" in str(value):
        raise _unexpected(value, name, "a path: a text, or a pathlib.Path")


def expect_mapping(value: object, name: str) -> None:
    """Raise `invalid_parameter` for what does not map names to values."""
    if not isinstance(value, Mapping):
        raise _unexpected(value, name, 'a mapping, such as {"City": "Utrecht"}')


def expect_values(value: object, name: str) -> None:
    """Raise `invalid_parameter` for what is no list or tuple of values, or holds a broken one.

    Raise `invalid_instant` for a datetime that is none in UTC.
    """
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise _unexpected(value, name, "a list of values")
    for one in value:
        if isinstance(one, str) and _is_broken(one):
            raise _unexpected(one, name, "a text of Unicode")
        if isinstance(one, datetime) and one.tzinfo is not None:
            in_utc(one, name)


def in_utc(when: datetime, name: str) -> datetime:
    """Return an aware datetime in UTC; raise `invalid_instant` outside the years 1 to 9999."""
    try:
        return when.astimezone(UTC)
    except OverflowError:
        raise UsageError(
            "invalid_instant",
            f"{when!r} is no instant: in UTC it is not within the years 1 to 9999.",
            name,
            "Give one that is.",
        ) from None


def _is_broken(text: str) -> bool:
    """Say whether a text holds half a surrogate pair."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def expect_bool(value: object, name: str) -> None:
    """Raise `invalid_parameter` for what is neither True nor False."""
    if not isinstance(value, bool):
        raise _unexpected(value, name, "True or False")


def expect_callable(value: object, name: str) -> None:
    """Raise `invalid_parameter` for what cannot be called."""
    if not callable(value):
        raise _unexpected(value, name, "a function")


def expect_event(value: object, name: str) -> None:
    """Raise `invalid_parameter` for what is neither None nor like a `threading.Event`."""
    if value is not None and not callable(getattr(value, "wait", None)):
        raise _unexpected(value, name, "a threading.Event")


def _unexpected(value: object, name: str, expected: str) -> OvertideError:
    shown = repr(value)
    shown = shown if len(shown) <= 100 else shown[:97] + "..."
    return UsageError("invalid_parameter", f"{name} is {shown}; {expected} is expected.", name)
