"""A first rule of a score: what names, addresses and numbers say together."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from rapidfuzz.distance import OSA

from overtide.schemas.types import type_of
from overtide.transforms.first_project.keys import Proposed
from overtide.transforms.first_project.meanings import (
    BIRTH,
    CITY,
    EMAIL,
    FIRST,
    FULL,
    HOUSE_NUMBER,
    LAST,
    PHONE,
    POSTCODE,
    STREET,
)

NAME = ["name", "ascii"]
LIKE_EMAIL = ["lower", "whitespace", "email"]
COMPARED: dict[str, tuple[float, dict[str, Any]]] = {
    FIRST: (2, {"normalize": NAME}),
    LAST: (3, {"normalize": NAME}),
    FULL: (5, {"normalize": NAME}),
    HOUSE_NUMBER: (2, {"normalize": ["lower", "whitespace"]}),
    STREET: (3, {"normalize": ["address"]}),
    CITY: (1, {"normalize": ["lower"], "precision": "high"}),
    POSTCODE: (1.5, {"normalize": ["lower", "whitespace"], "precision": "exact"}),
    PHONE: (4, {"normalize": ["phone"], "precision": 85}),
    EMAIL: (4, {"normalize": LIKE_EMAIL, "precision": 90}),
    BIRTH: (4, {"precision": 90}),
}
"""What is compared of people, with weights and precisions of docs/matching.md."""
BLOCKS: Sequence[Sequence[tuple[str, int | None]]] = (
    ((PHONE, None),),
    ((EMAIL, None),),
    ((LAST, 4), (POSTCODE, None)),
    ((LAST, 4), (CITY, None)),
    ((FIRST, 3), (STREET, 5)),
    ((FULL, None),),
    ((POSTCODE, None), (STREET, 4)),
    ((POSTCODE, None), (HOUSE_NUMBER, None)),
    ((LAST, None), (STREET, 4)),
    ((LAST, 5), (FIRST, 1)),
    ((BIRTH, None), (POSTCODE, 2)),
    ((BIRTH, None), (LAST, 3)),
)
"""Meanings and first letters: blocks that are wrong for different reasons."""
SETTINGS = {"threshold": 55, "agreeing": 33}
TOGETHER = 0.05
"""The share of rows from which on people are taken to live together."""
UNLIKE = 0.6
"""Given names that are less alike are those of two people."""
KNOWN_BY = 5
"""A given name that so many rows have is no typing error of another such one."""
NEARLY = 60
"""Given names may be so little alike, in percent, where one of both is not known."""
Names = list[str]


def score_of(one: Proposed, other: Proposed, together: bool) -> dict[str, Any] | None:
    """Return a rule that adds up what two entities know of people, None where that is too little.

    Names and an address are the least. Where people live `together`, one of what tells them apart
    must be alike.
    """
    known = _known(one, other)
    named = {FIRST, LAST} <= known.keys() or FULL in known
    if not named or STREET not in known or not {POSTCODE, CITY} & known.keys():
        return None
    fields = [_field(meaning, known, one, other, together) for meaning in known]
    if together and names_are_known(one, other):
        same = {"weight": 0.1, "precision": "exact", "distinguishes": "exact"}
        fields.append(_known_name(one, other) | same)
    if {FIRST, LAST} <= known.keys():
        known[FULL] = tuple(known[FIRST][side] + known[LAST][side] for side in (0, 1))
    blocks = [
        {"on": [_part(meaning, letters, known, one, other) for meaning, letters in parts]}
        for parts in BLOCKS
        if all(meaning in known for meaning, _ in parts)
    ]
    rule: dict[str, Any] = {"score": {"fields": fields, "blocks": blocks, **SETTINGS}}
    alone = apart(one, other, BIRTH not in known) if together else []
    return rule | ({"contradictions": alone} if alone else {})


def _known(one: Proposed, other: Proposed) -> dict[str, tuple[Names, ...]]:
    """Return the columns of both by what they mean, in the order in which they are compared.

    A house number that one alone has by itself belongs to its street.
    """
    found: dict[str, tuple[Names, ...]] = {}
    numbered = [each.meaning(HOUSE_NUMBER) for each in (one, other)]
    for meaning in COMPARED:
        names = [each.meaning(meaning) for each in (one, other)]
        if None in names or (meaning == FULL and {FIRST, LAST} <= found.keys()):
            continue
        kinds = {each.kind(str(name)) for each, name in zip((one, other), names, strict=True)}
        if len(kinds) == 1 and (type_of(kinds.pop()).is_text or meaning == BIRTH):
            found[meaning] = tuple([str(name)] for name in names)
    if STREET in found and HOUSE_NUMBER not in found and any(numbered):
        sides = zip(found[STREET], numbered, strict=True)
        found[STREET] = tuple([*street, *([number] if number else [])] for street, number in sides)
    return found


def _field(
    meaning: str,
    known: dict[str, tuple[Names, ...]],
    one: Proposed,
    other: Proposed,
    together: bool,
) -> dict[str, Any]:
    weight, more = COMPARED[meaning]
    made = {"fields": fields_of(one, other, *known[meaning]), "weight": weight, **more}
    if meaning == BIRTH and not type_of(one.kind(known[BIRTH][0][0])).is_text:
        del made["precision"]
    if meaning == STREET and max(map(len, known[STREET])) > 1:
        made["ignore_word_order"] = True
    crossed = {FIRST: LAST, LAST: FIRST}.get(meaning)
    if crossed in known:
        made["swapped_with"] = fields_of(one, other, *known[crossed])
        made["half_swapped"] = True
    if together and meaning in (FIRST, FULL, BIRTH):
        nearly = NEARLY if meaning == FIRST and names_are_known(one, other) else "high"
        made["distinguishes"] = "exact" if meaning == BIRTH else nearly
    return made


def _part(
    meaning: str,
    letters: int | None,
    known: dict[str, tuple[Names, ...]],
    one: Proposed,
    other: Proposed,
) -> dict[str, Any]:
    normalize = COMPARED[meaning][1].get("normalize")
    made = {"fields": fields_of(one, other, *known[meaning])}
    made |= {"normalize": normalize} if normalize else {}
    several = max(map(len, known[meaning])) > 1
    made |= {"all_parts": True} if meaning == FULL and several else {}
    made |= {"ignore_word_order": True} if meaning == STREET and several else {}
    return made | ({"letters": letters} if letters else {})


def born_at_home(one: Proposed, other: Proposed) -> dict[str, list[dict[str, Any]]]:
    """Return conditions by which who was born on a day lives at home, whatever the names are.

    They are for who lives together and has a known name: the score parts those of another one.
    A street is the same in many places, so its number must be there.
    """
    known = _known(one, other)
    if BIRTH not in known or not names_are_known(one, other):
        return {}
    numbered = (HOUSE_NUMBER,) if HOUSE_NUMBER in known else ()
    homes = {"telephone": (PHONE,), "address": (STREET, *numbered)}
    return {
        what: [
            _part(meaning, None, known, one, other)
            | ({"precision": "high"} if meaning == STREET and numbered else {})
            for meaning in (BIRTH, *meanings)
        ]
        for what, meanings in homes.items()
        if all(meaning in known for meaning in meanings)
    }


def apart(one: Proposed, other: Proposed, through_others: bool = True) -> list[dict[str, Any]]:
    """Return what no two records of one person have, where people live together: other names.

    Where names are not known, nothing but another one says so, and only `through_others`: days of
    birth tell enough, and a name with a typing error must not keep a person in two.
    """
    through = {"through_others": True} if through_others else {}
    if names_are_known(one, other):
        return [_known_name(one, other) | through]
    known = _known(one, other)
    if not {FIRST, LAST} <= known.keys() or not through_others:
        return []
    given, family = (fields_of(one, other, *known[meaning]) for meaning in (FIRST, LAST))
    named = {"fields": given, "normalize": NAME, "precision": "high", "swapped_with": family}
    return [named | through]


def _known_name(one: Proposed, other: Proposed) -> dict[str, Any]:
    given = fields_of(one, other, *_known(one, other)[FIRST])
    return {"fields": given, "normalize": NAME, "known_by": KNOWN_BY}


def names_are_known(one: Proposed, other: Proposed) -> bool:
    """Say whether given names of most rows are those of several: a rare one is a typing error."""
    return {FIRST, LAST} <= _known(one, other).keys() and all(map(_repeats_names, (one, other)))


def _repeats_names(one: Proposed) -> bool:
    counted = Counter(given for (given,) in _rows(one, [str(one.meaning(FIRST))]))
    known = sum(rows for rows in counted.values() if rows >= KNOWN_BY)
    return known > counted.total() / 2


def fields_of(one: Proposed, other: Proposed, own: Names, theirs: Names) -> Any:  # noqa: ANN401 - as `fields` is
    """Return columns of two entities as `fields` has them."""
    short = [some[0] if len(some) == 1 else some for some in (own, theirs)]
    return short[0] if own == theirs else {other.entity: short[1], one.entity: short[0]}


def lives_together(customers: Sequence[Proposed]) -> bool:
    """Say whether people live together: others of one name in enough rows with an address."""
    rows, shared = 0, 0
    for one in customers:
        for given in _homes(one).values():
            rows += len(given)
            others = {
                name
                for pair in combinations(sorted(set(given)), 2)
                if OSA.normalized_similarity(*pair) < UNLIKE
                for name in pair
            }
            shared += sum(name in others for name in given)
    return shared > TOGETHER * rows


def _homes(one: Proposed) -> dict[tuple[str, ...], Names]:
    """Return the given names of who shares a family name and an address."""
    meanings = (FIRST, LAST, STREET, HOUSE_NUMBER, POSTCODE if one.meaning(POSTCODE) else CITY)
    names = [one.meaning(meaning) for meaning in meanings]
    if any(name is None for name, of in zip(names, meanings, strict=True) if of != HOUSE_NUMBER):
        return {}
    homes: dict[tuple[str, ...], Names] = {}
    for given, *home in _rows(one, [name for name in names if name]):
        homes.setdefault(tuple(home), []).append(given)
    return homes


def _rows(one: Proposed, names: Names) -> Iterator[list[str]]:
    columns = (one.sample.column(name).texts for name in names)
    for row in zip(*columns, strict=True):
        filled = [text.strip().lower() for text in row if text is not None]
        if len(filled) == len(names) and all(filled):
            yield filled
