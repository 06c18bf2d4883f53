"""Refuse arguments of wrong types from Python in a sentence, before anything is begun."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from os import PathLike, fsencode, fspath

from overtide.schemas.errors import OvertideError, UsageError


def expect_text(value: object, name: str) -> None:
    """Raise `invalid_parameter` for what is no text, or holds half a letter."""
    if not isinstance(value, str) or _is_broken(value):
        raise _unexpected(value, name, "a text of Unicode")


def expect_path(value: object, name: str) -> None:
    """Raise `invalid_parameter` for what names no file or folder."""
    if not isinstance(value, str | PathLike) or not _is_path(fspath(value)):
        raise _unexpected(value, name, "a path: a text, or a pathlib.Path")


def _is_path(path: str | bytes) -> bool:
    """Say whether the system can be asked for a path; a bad letter of a real one is kept by it."""
    try:
        return isinstance(path, str) and b"\0" not in fsencode(path) != b""
    except UnicodeEncodeError:
        return False


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
    try:
        for one in value:
            _expect_whole(one, name)
    except RecursionError:
        raise _unexpected(value, name, "a list of values") from None


def _expect_whole(value: object, name: str) -> None:
    """Raise for a broken text or datetime, also within lists and mappings."""
    if isinstance(value, str) and _is_broken(value):
        raise _unexpected(value, name, "a text of Unicode")
    if isinstance(value, datetime) and value.tzinfo is not None:
        in_utc(value, name)
    if isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    for one in value if isinstance(value, list | tuple) else ():
        _expect_whole(one, name)


def in_utc(when: datetime, name: str) -> datetime:
    """Return an aware datetime in UTC.

    Raise `invalid_instant` outside the years 1 to 9999, and where its zone says no offset.
    """
    with suppress(OverflowError):
        if when.utcoffset() is not None:
            return when.astimezone(UTC)
    raise UsageError(
        "invalid_instant",
        f"{when!r} is no instant: in UTC it is not within the years 1 to 9999.",
        name,
        "Give one that is.",
    )


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
