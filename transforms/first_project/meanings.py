"""What columns mean, by their names and what stands in them."""

import re
from collections.abc import Sequence
from dataclasses import replace

from overtide.schemas.types import type_of
from overtide.transforms.first_project.columns import BORN, stands_for_null, without, words_of
from overtide.transforms.first_project.found import Found
from overtide.transforms.first_project.samples import Column

EMAIL, PHONE = "Identity.Service.Email", "Identity.Service.Phone"
FIRST, LAST, FULL = "Person.FirstName", "Person.LastName", "Person.FullName"
BIRTH = "Person.BirthDate"
STREET, CITY, POSTCODE = "Location.Address", "Location.City", "Location.PostalCode"
STATE, COUNTRY = "Location.State", "Location.Country"
HOUSE_NUMBER = "Location.HouseNumber"
OF_ADDRESSES = (STREET, HOUSE_NUMBER, POSTCODE, CITY, STATE, COUNTRY)
OF_DIGITS = (POSTCODE, HOUSE_NUMBER)
"""What may look like a number, and is none."""
LOOKS_LIKE_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+")
NAMES: Sequence[tuple[str, str]] = (
    (
        FIRST,
        r"(first|fore) ?name|given ?names?|vorname|voornaam|pr[eé]nom|fname|name (first|given)",
    ),
    (LAST, r"last ?name|sur ?name|family ?name|nachname|achternaam|lname|name (last|family)"),
    (FULL, r"full ?name|name|customer ?name|contact ?name|display ?name|client ?name"),
    ("Person.Gender", r"gender|sex|geschlecht|geslacht"),
    ("Person.Occupation", r"occupation|job ?title|profession|beruf"),
    (STREET, r"street|street ?address|address|address ?(line ?)?1|strasse|straße|adresse?|straat"),
    (HOUSE_NUMBER, r"(house|street) ?(no|nr|num(ber)?)|haus ?(nr|nummer)|huis ?(nr|nummer)"),
    (CITY, r"city|town|suburb|ort|stadt|plaats|woonplaats|ville|locality"),
    (POSTCODE, r"(post|postal|zip) ?code|zip|plz|postleitzahl|post ?nr"),
    (STATE, r"state|province|bundesland|provincie"),
    (COUNTRY, r"country|land|pays|country ?code"),
)
CALLED_PHONE = re.compile(r"phone|\btel\b|telefon|telefoon|mobile?\b|handy|\bcell\b|\bfax\b")
CALLED_EMAIL = re.compile(r"e ?mail")
TEXT = type_of("string")


def meaning_of(column: Column, found: Found) -> str | None:
    """Return the semantic type of a column, None where it has none that is known."""
    words, kind = words_of(column.name), type_of(found.type)
    filled = [one for one in column.filled[:1000] if not stands_for_null(one)]
    if not filled:
        return None
    if kind.is_text:
        emails = sum(bool(LOOKS_LIKE_EMAIL.fullmatch(one.strip())) for one in filled)
        if emails >= (0.5 if CALLED_EMAIL.search(words) else 0.8) * len(filled):
            return EMAIL
    if CALLED_PHONE.search(words) and not kind.is_time:
        digits = sum(len(re.sub(r"\D", "", one)) >= 6 for one in filled)
        return PHONE if digits >= 0.6 * len(filled) else None
    if BORN.search(words):
        return BIRTH if kind.is_time else None
    parts = words.split(" ")
    tails = [" ".join(parts[place:]) for place in range(len(parts))]
    rules = [(each, rule) for each, rule in NAMES if kind.is_text or each in OF_DIGITS]
    of_tails = ((tail, meaning, rule) for tail in tails for meaning, rule in rules)
    return next((meaning for tail, meaning, rule in of_tails if re.fullmatch(rule, tail)), None)


def as_meant(found: Found, meaning: str | None, column: Column) -> Found:
    """Return a type as it must be for what the column means: digits of phones are no numbers.

    What stands for null is null where it can be no address and no number.
    """
    if meaning in (EMAIL, PHONE):
        words = list(dict.fromkeys(filter(stands_for_null, column.filled)))
        plain = Found("string", why="text") if type_of(found.type).is_text else found
        found = without(plain, words) if words else found
    if meaning not in (PHONE, *OF_DIGITS):
        return found
    if type_of(found.type).is_text:
        return replace(found, check="")
    kept = {name: found.settings[name] for name in ("null_words",) if name in found.settings}
    return Found("string", kept, why="digits that are not calculated with")
