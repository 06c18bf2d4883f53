"""What a rule keeps apart also where others join both: which columns contradict each other."""

from collections.abc import Mapping, Sequence

from overtide.schemas.configuration.rules import Rule
from overtide.transforms.matching.blocks import BlockFile
from overtide.transforms.matching.contract import KeptApart
from overtide.transforms.matching.pairs import Pairs, Search
from overtide.transforms.matching.scoring import Scoring, contradictions


def kept_apart_by(
    found: Sequence[Pairs],
    searches: Mapping[tuple[int, int], tuple[Search, Rule]],
    scorings: Mapping[Search, Scoring],
) -> tuple[KeptApart, ...]:
    """Return what contradicts also through others, of every rule that says so."""
    files: dict[Search, list[BlockFile]] = {}
    for one in found:
        files.setdefault(one.search, []).extend(one.compared)
    return tuple(
        _kept_apart(search, searches[search.pair, search.rule][1], scorings.get(search), some)
        for search, some in sorted(files.items(), key=lambda one: one[0].rule)
        if {file.entity for file in some} == {search.lower, search.upper}
    )


def _kept_apart(
    search: Search, rule: Rule, scoring: Scoring | None, files: Sequence[BlockFile]
) -> KeptApart:
    """Return what contradicts also through others, by the files that a search compares."""
    against = (
        contradictions(rule, len(rule.conditions))[1] if scoring is None else scoring.contradictions
    )
    sides = [
        [file for file in files if file.entity == name] for name in (search.lower, search.upper)
    ]
    lower, upper = (some[0].columns for some in sides)
    tests = tuple(
        (
            lower[alike.column],
            upper[alike.column],
            None if alike.crossed is None else lower[alike.crossed],
            None if alike.crossed is None else upper[alike.crossed],
            alike.percent,
        )
        for one, alike in zip(rule.contradictions, against, strict=True)
        if one.through_others
    )
    paths = [tuple(sorted({file.path for file in some})) for some in sides]
    return KeptApart(paths[0], paths[1], tests)
