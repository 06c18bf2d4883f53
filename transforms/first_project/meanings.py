"""What columns mean, by their names and what stands in them."""

import re
from collections.abc import Sequence
from dataclasses import replace

from overtide.schemas.types import type_of
from overtide.transforms.first_project.columns import Found
from overtide.transforms.first_project.samples import Column

EMAIL, PHONE = "Identity.Service.Email", "Identity.Service.Phone"
FIRST, LAST, FULL = "Person.FirstName", "Person.LastName", "Person.FullName"
BIRTH = "Person.BirthDate"
STREET, CITY, POSTCODE = "Location.Address", "Location.City", "Location.PostalCode"
STATE, COUNTRY = "Location.State", "Location.Country"
OF_ADDRESSES = (STREET, POSTCODE, CITY, STATE, COUNTRY)
OF_PEOPLE = (EMAIL, PHONE, FIRST, LAST, FULL, BIRTH)
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
    (CITY, r"city|town|suburb|ort|stadt|plaats|woonplaats|ville|locality"),
    (POSTCODE, r"(post|postal|zip) ?code|zip|plz|postleitzahl|post ?nr"),
    (STATE, r"state|province|bundesland|provincie"),
    (COUNTRY, r"country|land|pays|country ?code"),
)
BORN = re.compile(r"birth|\bdob\b|\bborn\b|\bgeb\b|geburt|geboorte|naissance")
CALLED_PHONE = re.compile(r"phone|\btel\b|telefon|telefoon|mobile?\b|handy|\bcell\b|\bfax\b")
CALLED_EMAIL = re.compile(r"e ?mail")
TEXT = type_of("string")


def words_of(name: str) -> str:
    """Return the words of a name in lower case: `customer.EMail_Address` is `e mail address`."""
    parted = re.sub(r"([a-zà-ÿ0-9])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3 \2\4", name)
    return " ".join(re.findall(r"[^\W_]+", parted)).lower()


def meaning_of(column: Column, found: Found) -> str | None:
    """Return the semantic type of a column, None where it has none that is known."""
    words, kind = words_of(column.name), type_of(found.type)
    filled = column.filled[:1000]
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
    if not kind.is_text:
        return POSTCODE if re.fullmatch(dict(NAMES)[POSTCODE], words) else None
    last = words.split(" ")
    tails = [" ".join(last[place:]) for place in range(len(last))]
    of_tails = ((tail, meaning, rule) for tail in tails for meaning, rule in NAMES)
    return next((meaning for tail, meaning, rule in of_tails if re.fullmatch(rule, tail)), None)


def as_meant(found: Found, meaning: str | None) -> Found:
    """Return a type as it must be for what the column means: digits of phones are no numbers."""
    if meaning not in (PHONE, POSTCODE):
        return found
    if type_of(found.type).is_text:
        return replace(found, check="")
    return Found("string", why="digits that are not calculated with")
