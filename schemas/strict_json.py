"""JSON that came from outside: parsed strictly, and limited in size."""

import json
import math
from typing import Any, NoReturn

from overtide.schemas.errors import InvalidValueError, TooLargeError
from overtide.schemas.numbers import Number
from overtide.schemas.values import canonical, checked_text, written

MAX_BYTES = 1024 * 1024
"""Limit of one event's document, in bytes of its canonical JSON."""
BYTE_ORDER_MARK = "Unexpected UTF-8 BOM (decode using utf-8-sig)"
"""What `json.loads` says of one."""
MOST_OF_LETTER, MOST_OF_NUMBER = 6, 32
"""Bytes of a letter as JSON, and letters of a double with what stands around it, at most."""
LONGEST_INTEGER = 4000
"""Digits that Python reads as a whole number; it refuses a few more."""


def parse_json(text: str | bytes, line: int = 1) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Parse one JSON document; bytes are UTF-8, maybe with a byte order mark.

    Raise `invalid_json` for NaN, Infinity, a key given twice and all that is no JSON.

    A number with a fraction or exponent becomes a `Number`, which remembers its text. It may be of
    any size: it is left to its type whether it is too large. `line` is the text's first line in
    what was sent.
    """
    if type(text) is bytes:
        try:
            letters = text.decode()
            document, end = _STRICT.raw_decode(letters)
        except (ValueError, RecursionError):
            return _loaded(_STRICT, text, line)
        # A whole document of UTF-8 with nothing around it: most are.
        if end == len(letters):
            return document
    return _loaded(_STRICT, text, line)


def parse_line(text: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Parse a line of a file as `parse_json` does.

    But NaN and Infinity, which some writers of JSON know, are floats.
    """
    return _loaded(_OF_FILES, text, 1)


def _whole(digits: str) -> float:
    return int(digits) if len(digits) <= LONGEST_INTEGER else Number(digits)


def _loaded(reader: json.JSONDecoder, text: str | bytes, line: int) -> Any:  # noqa: ANN401
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig", "surrogatepass")
        elif text.startswith("\ufeff"):
            raise json.JSONDecodeError(BYTE_ORDER_MARK, text, 0)
        return reader.decode(text)
    except (ValueError, RecursionError) as error:
        raise InvalidValueError(
            "invalid_json",
            f"This is no JSON document: {_reason(error, line)}.",
            None,
            "Send one JSON object per record.",
        ) from None


def _reason(error: Exception, line: int) -> str:
    if isinstance(error, json.JSONDecodeError):
        if not error.doc.strip():
            return "it is empty"
        return f"{error.msg} (line {error.lineno + line - 1}, column {error.colno})"
    reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    return reason if line == 1 else f"{reason} (line {line})"


def parse_lines(text: str) -> list[Any]:
    """Parse JSON lines, or one JSON array or object.

    A list of records, each of them a value or its `OvertideError`.

    A text that is one JSON document, or begins like an array, may go over many lines; otherwise
    every line that is not blank is a document.
    """
    text = text.removeprefix("\ufeff")
    try:
        whole = parse_json(text)
    except InvalidValueError as error:
        lines = [
            (number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()
        ]
        broken_array = text.lstrip().startswith("[")
        return (
            [error]
            if broken_array or len(lines) == 1
            else [_parsed(line, number) for number, line in lines]
        )
    return whole if isinstance(whole, list) else [whole]


def _parsed(text: str, line: int) -> Any:  # noqa: ANN401 - a value, or the error of its line
    try:
        return parse_json(text, line)
    except InvalidValueError as error:
        return error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is given twice")
    return document


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


_STRICT = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Number, parse_int=_whole, parse_constant=_constant
)
_OF_FILES = json.JSONDecoder(object_pairs_hook=_object, parse_float=Number, parse_int=_whole)
"""Made once: `json.loads` makes one for each document that is not read as it likes."""


def checked_object(document: object) -> dict[str, Any]:
    """Return a record as a dict, also from a JSON text that holds one.

    Raise `invalid_json` or `too_large`.
    """
    if isinstance(document, str) and document.lstrip().startswith("{"):
        document = parse_json(document)
    if not isinstance(document, dict):
        raise InvalidValueError(
            "invalid_json",
            f"Expected a JSON object but found {_kind(document)}.",
            None,
            'Send an object such as {"EMail": "someone@example.com"}.',
        )
    if not _is_small(document):
        _expect_fitting(document)
    return document


def _expect_fitting(document: dict[Any, Any]) -> None:
    """Raise what is wrong with an object that surely is in order only after a closer look."""
    if not all(isinstance(name, str) for name in document):
        raise InvalidValueError(
            "invalid_json", "The names of a JSON object are texts.", None, "Name fields by texts."
        )
    if len(_bytes(document)) > MAX_BYTES:
        raise TooLargeError(
            "too_large", "The document is larger than 1 MiB.", None, "Send less at once."
        )


def _is_small(document: dict[Any, Any]) -> bool:
    """Say whether a document surely can be written, within the limit; most can.

    It is flat, of texts without halves of letters, of numbers, true, false and null. No letter of
    a text takes more bytes than `MOST_OF_LETTER`.
    """
    values = document.values()
    try:
        texts = "".join([*document, *[one for one in values if isinstance(one, str)]])
    except TypeError:  # a name that is no text
        return False
    if checked_text(texts) is None:
        return False
    letters = 2 * len(document) * MOST_OF_NUMBER + len(texts)
    for one in values:
        if one is None or isinstance(one, str):
            continue
        if isinstance(one, float):
            if not math.isfinite(one):
                return False
        elif isinstance(one, int):
            letters += one.bit_length()
        else:
            return False
    return letters * MOST_OF_LETTER < MAX_BYTES


def _bytes(document: dict[str, Any]) -> bytes:
    try:
        return canonical(written(document)).encode()
    except UnicodeEncodeError as error:
        half = repr(error.object[error.start])
        raise InvalidValueError(
            "invalid_json",
            f"A text holds {half}, which is half a letter.",
            None,
            "Send texts of Unicode; a surrogate stands beside its other half.",
        ) from None
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidValueError(
            "invalid_json",
            f"This cannot be written as JSON: {error}.",
            None,
            "Use texts, finite numbers, true, false, null, lists and objects.",
        ) from None


def _kind(document: object) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(
        type(document), "a number" if isinstance(document, int | float) else type(document).__name__
    )
