"""Scores of pairs in plain Python, as they are described: what the engine must find."""

from collections import Counter
from itertools import combinations, product

from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.comparisons import Comparison
from overtide.schemas.configuration.rules import Rule
from overtide.schemas.configuration.scores import Block, Crossing, ScoreField, least
from tests.plain_pairs import Found, Oversized, Record, text


def edits(one: str, other: str) -> int:
    """The distance of optimal string alignment in code points, by the book."""
    rows = [list(range(len(other) + 1))]
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, second in enumerate(other, 1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (letter != second))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == second:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


def alike(one: str | None, other: str | None, percent: int) -> int:
    """How much alike two texts are in ten-thousandths, 0 below a percentage."""
    if one is None or other is None:
        return 0
    longer = max(len(one), len(other))
    near = longer - edits(one, other)
    return near * 10_000 // longer if near * 100 >= percent * longer else 0


class OneOf(dict[str, str | None]):
    """A record that knows all those of its entity."""

    def __init__(self, row: Record, rows: list[Record]) -> None:
        """Keep them."""
        super().__init__(row)
        self.rows = rows


def value(comparison: Comparison, entity: str, row: Record) -> str | None:
    """What is compared of a record, None where too few or too many records have it."""
    found = written(comparison, entity, row)
    if found is None or not isinstance(row, OneOf):
        return found
    same = sum(written(comparison, entity, other) == found for other in row.rows)
    most, least = comparison.shared_by or same, comparison.known_by or same
    return found if least <= same <= most else None


def written(comparison: Comparison, entity: str, row: Record) -> str | None:
    if comparison.all_parts and None in [row[name] for name in comparison.fields_of(entity)]:
        return None
    return text(comparison, entity, row)  # type: ignore[arg-type]


def counted(
    field: ScoreField, lower: str, upper: str, one: Record, other: Record, percent: int
) -> tuple[int, int]:
    """How much alike a field of a score is, and how many thousandths of weight it has, doubled."""
    units = 2 * field.units
    found = similarity(field, lower, upper, one, other, percent)
    if not field.half_swapped or field.crossed is None:
        return (0, 0) if found is None else (found, units)
    here, there = value(field, lower, one), value(field, upper, other)
    others, beyond = value(field.crossed, lower, one), value(field.crossed, upper, other)
    across, back = alike(here, beyond, percent), alike(others, there, percent)
    if found is None:
        if here and beyond and not others and not there:
            return across, units // 2
        if others and there and not here and not beyond:
            return back, units // 2
        return 0, 0
    return max(alike(here, there, percent), (across + back) // 2), units


def similarity(
    field: Crossing, lower: str, upper: str, one: Record, other: Record, percent: int
) -> int | None:
    """How much alike a field is, None where one of both has none."""
    here, there = value(field, lower, one), value(field, upper, other)
    if here is None or there is None:
        return None
    found = alike(here, there, percent)
    if field.crossed is not None:
        across = alike(here, value(field.crossed, upper, other), percent)
        back = alike(value(field.crossed, lower, one), there, percent)
        found = max(found, min(across, back))
    return found


def points(rule: Rule, lower: str, upper: str, one: Record, other: Record) -> int | None:
    """The score of two records, None where the rule does not join them."""
    assert rule.score is not None
    gained = weight = 0
    for field in rule.score.fields:
        found, units = counted(field, lower, upper, one, other, least(field, True))
        gained, weight = gained + units * found, weight + units
    whole = 2 * sum(field.units for field in rule.score.fields)
    agreeing, at_least = rule.score.agreeing, rule.score.at_least
    if at_least is None:
        at_least = 50 if agreeing is None else 0
    if not weight or weight * 100 < at_least * whole:
        return None
    if gained < (agreeing or 0) * whole * 100:
        return None
    if not distinguished(rule.score.fields, lower, upper, one, other):
        return None
    if gained < rule.score.points * weight or contradicted(rule, lower, upper, one, other):
        return None
    return gained // weight


def distinguished(
    fields: list[ScoreField], lower: str, upper: str, one: Record, other: Record
) -> bool:
    percents = {"low": 30, "medium": 60, "high": 80, "exact": 100}
    several = [
        similarity(field, lower, upper, one, other, percents.get(asked, asked))  # type: ignore[call-overload]
        for field in fields
        if (asked := field.distinguishes) is not None
    ]
    return not several or any(several)


def contradicted(rule: Rule, lower: str, upper: str, one: Record, other: Record) -> bool:
    several = [
        (found, against.percent)
        for against in rule.contradictions
        if (found := similarity(against, lower, upper, one, other, 1)) is not None
    ]
    return any(found < percent * 100 for found, percent in several)


def block_of(block: Block, entity: str, row: Record) -> str | None:
    parts = [(value(part, entity, row), part.letters) for part in block.on]
    if any(part is None for part, _ in parts):
        return None
    return "\x1f".join(str(part)[:letters] for part, letters in parts)


def sizes_of(block: Block, rows: dict[str, list[OneOf]]) -> dict[str, int]:
    """Return how many records share what a block compares, where all entities have some."""
    sides = [
        Counter(filter(None, (block_of(block, name, row) for row in rows[name])))
        for name in sorted(rows)
    ]
    return {
        shared: size
        for shared, size in sum(sides, Counter()).items()
        if size > 1 and all(shared in side for side in sides)
    }


def expected(
    document: Configuration,
    lower: str,
    upper: str,
    rules: list[Rule],
    rows: dict[str, list[Record]],
) -> tuple[Found, Oversized]:
    """The pairs of one pair of entities, with their scores in percent, and its large blocks."""
    rows = {name: [OneOf(row, some) for row in some] for name, some in rows.items()}
    found: dict[tuple[str, str], tuple[int, int]] = {}
    large: Oversized = set()
    for place, rule in enumerate(rules):
        if not rule.enabled:
            continue
        assert rule.score is not None
        taken = {pair[0] for pair in found} if lower != upper else set()
        for block in rule.score.blocks:
            sizes = sizes_of(block, {name: rows[name] for name in (lower, upper)})
            most = document.unification.limits.block_size
            large |= {(place, shared, size) for shared, size in sizes.items() if size > most}
            several = (
                combinations(rows[lower], 2)
                if lower == upper
                else product(rows[lower], rows[upper])
            )
            for one, other in several:
                shared = block_of(block, lower, one)
                score = points(rule, lower, upper, one, other)
                if (
                    score is not None
                    and shared is not None
                    and shared == block_of(block, upper, other)
                    and sizes.get(shared, most + 1) <= most
                    and one["Id"] not in taken
                ):
                    found.setdefault((str(one["Id"]), str(other["Id"])), (place, score))
    if lower != upper and document.unification.match[0].best_only:
        found = best(found)
    return {(*pair, place, score // 100) for pair, (place, score) in found.items()}, large


def best(found: dict[tuple[str, str], tuple[int, int]]) -> dict[tuple[str, str], tuple[int, int]]:
    """The pairs that are the best one of both of their records."""

    def first(end: int, key: str) -> tuple[str, str]:
        several = [pair for pair in found if pair[end] == key]
        return min(several, key=lambda pair: (-found[pair][1], pair[1 - end]))

    return {
        pair: score
        for pair, score in found.items()
        if first(0, pair[0]) == pair == first(1, pair[1])
    }
