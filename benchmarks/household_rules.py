"""The rules of who knows households: what a number says goes before what a home has in common.

Where date of birth and tax number are known, a score alone has to choose: what contradicts strictly
parts people whose date is mistyped, and what distinguishes loosely joins those of one home. So
identifiers have rules of their own, and of those who share a home there are two scores: one for
what is told by a name, a date or a number, and one for what is told only as nothing contradicts it.
"""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

Rule = dict[str, Any]
DATE_APART, NUMBER_APART = 75, 70
"""What is less alike is no typing error: three digits of a date or of a tax number."""
NEARLY = 90
"""A typing error in ten letters."""
KNOWN: Rule = {"fields": "GivenName", "known_by": 5}
"""A name that so many records have; a typing error is rarer than that."""
NAMES: Rule = {"fields": ["GivenName", "Surname"], "ignore_word_order": True, "all_parts": True}
BOTH_NAMES = NAMES | {"weight": 0.1, "precision": NEARLY, "distinguishes": NEARLY}
SAME_NAME = KNOWN | {"weight": 0.1, "precision": "exact", "distinguishes": "exact"}
"""A name that is known, whatever the surname is: of two members whose names are both swapped, what
stands for the given name is the same, and is no such name."""
LIKE_NAME: Rule = {"fields": "GivenName", "weight": 0.1, "precision": 60, "distinguishes": 60}
"""Two typing errors in five letters, which no two names are that both are known."""
TOLD_BY: dict[str, str | int] = {"DateOfBirth": "exact", "TaxNumber": "high"}
"""What tells people of one household apart, beside their names: of two dates some are a digit apart
by chance, of two long numbers hardly any."""
AT_HOME: dict[str, str | int] = {"DateOfBirth": NEARLY}
"""The same where other names contradict."""
IDENTIFIERS: list[Rule] = [
    {"name": "Tax number", "conditions": [{"fields": "TaxNumber"}]},
    {
        "name": "Birth date and name",
        "conditions": [{"fields": "DateOfBirth"}, NAMES | {"precision": "high"}],
    },
    {
        "name": "Name and nearly the tax number",
        "conditions": [NAMES, {"fields": "TaxNumber", "precision": 85}],
    },
    {
        "name": "Birth date and half of the tax number",
        "conditions": [{"fields": "DateOfBirth"}, {"fields": "TaxNumber", "precision": 60}],
    },
]
"""What one identifier says together with a name or another one, whatever the rest says."""


def dates_and_numbers(number: int) -> list[Rule]:
    """Return what contradicts; `number` is how much alike two tax numbers must be."""
    return [
        {"fields": "DateOfBirth", "precision": DATE_APART},
        {"fields": "TaxNumber", "precision": number},
    ]


OTHER_SURNAME: Rule = {"fields": "Surname", "swapped_with": "GivenName", "precision": "high"}
NUMBER_AT_HOME = 60
"""Where given names are alike, a tax number may have three errors."""


def strong_rules(score: Mapping[str, Any]) -> list[Rule]:
    """Return rules of a score that knows nothing of households, for sets with identifiers."""
    told = _distinguished(score, TOLD_BY, [SAME_NAME])
    apart = dates_and_numbers(NUMBER_APART)
    told["contradictions"] = [one | {"through_others": True} for one in apart]
    home = _distinguished(score, AT_HOME, [LIKE_NAME, BOTH_NAMES]) | {"name": "At home"}
    home["contradictions"] = [*dates_and_numbers(NUMBER_AT_HOME), KNOWN, OTHER_SURNAME]
    return [*IDENTIFIERS, told, home]


def weak_rule(score: Mapping[str, Any]) -> Rule:
    """Return the rule for sets where names alone tell the people of a household apart."""
    contradictions = {"contradictions": [KNOWN | {"through_others": True}]}
    return _distinguished(score, {"GivenName": 60}) | contradictions


def _distinguished(
    score: Mapping[str, Any], by: Mapping[str, str | int], more: Iterable[Rule] = ()
) -> Rule:
    """Return a copy of a rule in which these fields distinguish, with `more` fields."""
    rule = copy.deepcopy(dict(score))
    for field in rule["score"]["fields"]:
        if field["fields"] in by:
            field["distinguishes"] = by[field["fields"]]
    rule["score"]["fields"] += copy.deepcopy([*more])
    return rule
