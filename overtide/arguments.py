"""Refuse arguments of wrong types from Python in a sentence, before anything is begun."""

from collections.abc import Mapping, Sequence
from os import PathLike

from overtide.schemas.errors import OvertideError, UsageError


def expect_text(value: object, name: str) -> None:
    """Raise `invalid_parameter` for what is no text."""
    if not isinstance(value, str):
        raise _unexpected(value, name, "a text")


def expect_path(value: object, name: str) -> None:
    """Raise `invalid_parameter` for what names no file or folder."""
    if not isinstance(value, str | PathLike) or not str(value):
        raise _unexpected(value, name, "a path: a text, or a pathlib.Path")


def expect_mapping(value: object, name: str) -> None:
    """Raise `invalid_parameter` for what does not map names to values."""
    if not isinstance(value, Mapping):
        raise _unexpected(value, name, 'a mapping, such as {"City": "Utrecht"}')


def expect_values(value: object, name: str) -> None:
    """Raise `invalid_parameter` for what is no list or tuple of values."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise _unexpected(value, name, "a list of values")


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
