"""The rules of who knows households: what a number says goes before what a home has in common.

Where date of birth and tax number are known, a score alone has to choose: what contradicts strictly
parts people whose date is mistyped, and what distinguishes loosely joins those of one home. So
identifiers have rules of their own, and of those who share a home there are two scores: one for
what is told by a name, a date or a number, and one for what is told only as nothing contradicts it.
"""

import copy
from collections.abc import Mapping
from typing import Any

Rule = dict[str, Any]
DATE_APART, NUMBER_APART = 75, 70
"""What is less alike is no typing error: three digits of a date or of a tax number."""
NEARLY = 90
"""A typing error in ten letters."""
NAMES: Rule = {"fields": ["GivenName", "Surname"], "ignore_word_order": True, "all_parts": True}
BOTH_NAMES = NAMES | {"weight": 0.1, "precision": NEARLY, "distinguishes": NEARLY}
NAME_AND_DATE: Rule = {
    "fields": ["GivenName", "DateOfBirth"],
    "swapped_with": ["Surname", "DateOfBirth"],
    "all_parts": True,
    "weight": 0.1,
    "precision": NEARLY,
    "distinguishes": NEARLY,
}
"""One typing error in both together, whatever the surname is."""
TOLD_BY: dict[str, str | int] = {"DateOfBirth": "exact", "TaxNumber": "high"}
"""What tells people of one household apart, beside their names: of two dates some are a digit apart
by chance, of two long numbers hardly any."""
AT_HOME = TOLD_BY | {"GivenName": "exact", "DateOfBirth": NEARLY}
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
]
"""What one identifier says together with a name, whatever another one says."""
DATES_AND_NUMBERS: list[Rule] = [
    {"fields": "DateOfBirth", "precision": DATE_APART},
    {"fields": "TaxNumber", "precision": NUMBER_APART},
]
OTHER_NAMES: list[Rule] = [
    {"fields": "GivenName", "swapped_with": "Surname"},
    {"fields": "Surname", "swapped_with": "GivenName", "precision": "high"},
]


def strong_rules(score: Mapping[str, Any]) -> list[Rule]:
    """Return rules of a score that knows nothing of households, for sets with identifiers."""
    told = _distinguished(score, TOLD_BY)
    told["score"]["fields"] += [BOTH_NAMES, NAME_AND_DATE]
    told["contradictions"] = [one | {"through_others": True} for one in DATES_AND_NUMBERS]
    home = _distinguished(score, AT_HOME) | {"name": "At home"}
    home["contradictions"] = [*DATES_AND_NUMBERS, *OTHER_NAMES]
    return [*IDENTIFIERS, told, home]


def weak_rule(score: Mapping[str, Any]) -> Rule:
    """Return the rule for sets where names alone tell the people of a household apart."""
    against = {"fields": "GivenName", "precision": "high", "swapped_with": "Surname"}
    contradictions = {"contradictions": [against | {"through_others": True}]}
    return _distinguished(score, {"GivenName": "high"}) | contradictions


def _distinguished(score: Mapping[str, Any], by: Mapping[str, str | int]) -> Rule:
    """Return a copy of a rule in which these fields distinguish."""
    rule = copy.deepcopy(dict(score))
    for field in rule["score"]["fields"]:
        if field["fields"] in by:
            field["distinguishes"] = by[field["fields"]]
    return rule
