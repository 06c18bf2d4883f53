"""Telephone numbers as they compare.

Country code and number without prefixes, by the rules of their country.

The rules are those of the library `phonenumbers`, a port of Google's libphonenumber, whose import
takes as long as a small step and is left to who needs it.
"""

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

EXTENSION = re.compile(r"([0-9][^0-9a-z#]*)(?:ext|x|#).*", re.DOTALL)
INTERNATIONAL = re.compile(r"^[^0-9+]*\+[^0-9]*0*")


def regions() -> frozenset[str]:
    """Return the countries and territories whose numbers are known, by their two letters."""
    import phonenumbers

    return frozenset(phonenumbers.SUPPORTED_REGIONS)


def country_of(text: str) -> str | None:
    """Return the country whose code a number begins with, behind `+` or `00`, where it has one."""
    import phonenumbers

    start = re.sub(r"^[^0-9+]*00", "+", text)
    found = _parsed(start, None) if start.lstrip(" (").startswith("+") else None
    return None if found is None else phonenumbers.region_code_for_number(found)


def is_possible(text: str, country: str) -> bool:
    """Say whether a number without a country's code may be one of a country."""
    return _parsed(text, country) is not None


def number(text: str, country: str | None) -> str:
    """Return a number's digits, with its country's code where known, else as they stand.

    It is known by a `+`, or by the country that numbers without one are of. Extensions and leading
    zeros go.
    """
    import phonenumbers

    text = "".join(str(unicodedata.decimal(letter, letter)) for letter in text)
    plain = INTERNATIONAL.sub("+", text) if _significant(text) else ""
    if plain.startswith("+") or (country and plain):
        found = _parsed(plain, country)
        if found is None and not plain.startswith("+") and digits(text).startswith("00"):
            found = _parsed(f"+{_significant(text)}", None)
        if found is not None:
            return f"{found.country_code}{phonenumbers.national_significant_number(found)}"
    return _significant(text)


def _parsed(text: str, country: str | None) -> "PhoneNumber | None":
    """Return a number that has as many digits as one of its country may have, else None."""
    import phonenumbers

    try:
        found = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    possible = (
        phonenumbers.is_possible_number_with_reason(found)
        == phonenumbers.ValidationResult.IS_POSSIBLE
    )
    return found if possible else None


def digits(text: str) -> str:
    """Return the digits of a number without its extension."""
    return re.sub("[^0-9]", "", EXTENSION.sub(r"\1", text.lower(), count=1))


def _significant(text: str) -> str:
    return digits(text).lstrip("0")
