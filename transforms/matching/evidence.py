"""What a rule compared of two records that it joined, told from their own values.

For who has the values of the records, but not the files of a refresh. What many records share is
named by the caller, since two records do not show it; what only counts where it is known is left
out.
"""

from collections.abc import Collection, Sequence
from typing import Any

import pyarrow as pa

from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.comparisons import Comparison
from overtide.schemas.configuration.rules import Rule
from overtide.transforms.matching import explaining, pairs
from overtide.transforms.matching.compared import Compared
from overtide.transforms.matching.pairs import Search
from overtide.transforms.matching.rules import RuleMatcher
from overtide.transforms.matching.scoring import Scoring
from overtide.transforms.matching.sizes import block_label, label
from overtide.transforms.matching.two_records import Texts, Two, Values

Shared = Collection[tuple[str, str, str]]
"""Values that too many records share: the entity, its attributes, the value as it is compared."""
Block = tuple[str, str | None, str, str]
"""The earlier entity, the later one (None within one entity), the rule, the values as one."""
BETWEEN = "\x1f"
"""What stands between the values of a block."""
Row = dict[str, Any]


def matcher_of(configuration: Configuration) -> RuleMatcher:
    """Return the rules of a configuration, to be asked what they compare."""
    return RuleMatcher.of(configuration, 1, 1)


def search_of(matcher: RuleMatcher, lower: str, upper: str, name: str) -> Search | None:
    """Return the rule of a name between two entities, `lower` the later one; None without."""
    for search, rule in matcher.searches.values():
        if (search.lower, search.upper, rule.name) == (lower, upper, name):
            return search
    return None


def fields_of(matcher: RuleMatcher, entity: str) -> list[str]:
    """Return the attributes of an entity that any rule compares, in the order of the entity."""
    sides = (side for some in matcher.sides.get(entity, {}).values() for side in some)
    named = {field for side in sides for field in side.fields}
    return [name for name in matcher.entities[entity].attributes if name in named]


def evidence(matcher: RuleMatcher, search: Search, two: Two, shared: Shared) -> Row:
    """Return how a rule compares two records: `threshold`, `blocks` and `comparisons`.

    `threshold` is None of a rule of conditions; `blocks` are those that both records share.
    """
    rule = matcher.searches[search.pair, search.rule][1]
    sides = [matcher.sides[name][search] for name in two.entities]
    found = [_values(side, texts, shared) for side, texts in zip(sides, two.values, strict=True)]
    values = Values((found[0][0], found[1][0]), (found[0][1], found[1][1]))
    scoring = matcher.scorings.get(search)
    compared = (
        explaining.of_conditions(rule, values)
        if scoring is None
        else explaining.of_score(scoring, values)
    )
    return {
        "threshold": None if rule.score is None else float(rule.score.threshold),
        "blocks": _blocks(rule, scoring, search, values),
        "comparisons": [
            explaining.told(one, search, two, values)
            for one in compared
            if one.comparison.known_by is None
        ],
    }


def blocks_of(matcher: RuleMatcher, entity: str, texts: Texts, shared: Shared) -> set[Block]:
    """Return the blocks of a record by all rules, as `oversized_blocks` names them."""
    found = set()
    for search, sides in matcher.sides.get(entity, {}).items():
        rule = matcher.searches[search.pair, search.rule][1]
        values, _ = _values(sides, texts, shared)
        for *_, parts in _kinds(rule, matcher.scorings.get(search), search):
            made = _made(values, parts)
            if made is not None:
                other = None if search.within else search.lower
                found.add((search.upper, other, rule.name, BETWEEN.join(made)))
    return found


def _values(
    sides: Sequence[Compared], texts: Texts, shared: Shared
) -> tuple[list[str | None], list[str | None]]:
    """Return what is compared of one record, and what of it is ignored."""
    kept: list[str | None] = []
    ignored: list[str | None] = []
    for side in sides:
        columns = [pa.array([texts.get(field)], pa.string()) for field in side.fields]
        value, listed = (column[0].as_py() for column in side.values(columns))
        if side.shared_by is not None and (side.name, ", ".join(side.fields), value) in shared:
            value, listed = None, value
        kept.append(value)
        ignored.append(listed)
    return kept, ignored


def _blocks(rule: Rule, scoring: Scoring | None, search: Search, values: Values) -> list[Row]:
    """Return the blocks that both records share: what they are made of, and the values."""
    found = []
    for name, comparisons, parts in _kinds(rule, scoring, search):
        one, other = (_made(side, parts) for side in values.compared)
        if one is not None and one == other:
            found.append(
                {"block": name, "parts": _parts(comparisons, parts, search), "values": one}
            )
    return found


def _kinds(
    rule: Rule, scoring: Scoring | None, search: Search
) -> list[tuple[str, Sequence[Comparison], list[tuple[int, int | None]]]]:
    """Return what each block of a rule is made of: places of values, and how many letters."""
    if rule.score is None or scoring is None:
        exact, _ = pairs.split(rule)
        whole: list[tuple[int, int | None]] = [(place, None) for place in range(len(exact))]
        return [(block_label(exact, search), exact, whole)]
    return [
        (block_label(block.on, search), block.on, [*parts])
        for block, parts in zip(rule.score.blocks, scoring.blocks, strict=True)
    ]


def _parts(
    comparisons: Sequence[Comparison], parts: Sequence[tuple[int, int | None]], search: Search
) -> list[Row]:
    """Return the attributes of a block, each with how many letters of it count; None for all."""
    return [
        {"attributes": label(comparison, search), "letters": letters}
        for comparison, (_, letters) in zip(comparisons, parts, strict=True)
    ]


def _made(side: Sequence[str | None], parts: Sequence[tuple[int, int | None]]) -> list[str] | None:
    """Return the values of a block, None where the record has not got all of them."""
    found = []
    for place, letters in parts:
        value = side[place]
        if value is None:
            return None
        found.append(value[:letters])
    return found
