"""What joined the records of a customer: the surest pairs by which they hang together.

Read from the published pairs alone. Of all pairs those are kept that join what surer ones leave
apart, so that every record but the first has one that it was joined to.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from overtide.schemas import tables
from overtide.schemas.names import literal, quoted
from overtide.schemas.table import SCHEMA
from overtide.serving.service import Ask

MOST_LINKS = 1_000_000
"""Pairs of one customer that are looked at, those of the best scores."""
Reference = tuple[str, str]
"""A record: its entity and its key."""
BETWEEN = f"{SCHEMA}.{tables.CONFLATION_MATCH_PAIRS.name}"
WITHIN = f"{SCHEMA}.{tables.DEDUPLICATION_PAIRS.name}"
RECORD = """record AS (SELECT unnest(?::VARCHAR[]) AS entity, unnest(?::VARCHAR[]) AS key,
        unnest(?::INTEGER[]) AS place)"""
AMONG = """JOIN record one ON one.entity = "EntityName" AND one.key = "PrimaryKey"
    JOIN record other ON other.entity = "MatchedEntityName" AND other.key = "MatchedPrimaryKey" """
COLUMNS = ('"EntityName"', '"PrimaryKey"', '"MatchedEntityName"', '"MatchedPrimaryKey"')


@dataclass(frozen=True, slots=True)
class Link:
    """A pair: within an entity (`deduplication`), or `other` of the entity that comes later."""

    kind: str
    one: Reference
    other: Reference
    rule: str
    score: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """A record by its place, and that of the record that it was joined to; None of the first."""

    record: int
    to: int | None


def pairs_sql(ask: Ask, entities: Iterable[str]) -> str:
    """Return the query of all published pairs, with their kind.

    What earlier versions published says only which group of duplicates a record is in, and so it
    stands for a pair with the group's winner.
    """
    there = ask(
        "SELECT 1 FROM duckdb_tables() WHERE table_name = ?", (tables.DEDUPLICATION_PAIRS.name,)
    )
    columns = '"EntityName", "PrimaryKey", "EntityName" AS "MatchedEntityName", "MatchedPrimaryKey"'
    within = (
        [f'SELECT \'deduplication\' AS kind, {columns}, "Rule", "Score" FROM {WITHIN}']
        if there
        else map(_of_groups, entities)
    )
    matched = f"""SELECT 'match' AS kind, "EntityName", "PrimaryKey", "MatchedEntityName",
        "MatchedPrimaryKey", "Rule", "Score" FROM {BETWEEN}"""
    return " UNION ALL ".join([matched, *within])


def _of_groups(entity: str) -> str:
    table = f"{SCHEMA}.{quoted(tables.deduplication(entity).name)}"
    return f"""SELECT 'deduplication', {literal(entity)}, "Deduplication_WinnerId"::VARCHAR,
        {literal(entity)}, "PrimaryKey"::VARCHAR, "Rule", "Score" FROM {table}
        WHERE "PrimaryKey" <> "Deduplication_WinnerId" """


def steps_of(ask: Ask, pairs: str, records: Sequence[Reference], first: int) -> list[Step]:
    """Return all records, `first` and what was joined to it before what was joined to those.

    What no pair leads to comes last. `pairs` is `pairs_sql`.
    """
    import numpy as np

    from overtide.transforms.clusters import joining

    ((ones, others, scores),) = ask(
        f"""WITH {RECORD}, link AS (
            SELECT one.place AS one, other.place AS other, "Score" AS score FROM ({pairs})
            {AMONG} ORDER BY score DESC, one, other LIMIT {MOST_LINKS})
        SELECT coalesce(list(one), []), coalesce(list(other), []), coalesce(list(score), [])
        FROM link""",
        _placed(records),
    )
    one, other, score = (np.array(some, np.int64) for some in (ones, others, scores))
    order = np.lexsort((other, one, -score))
    taken = order[joining(one[order], other[order])]
    beside: dict[int, list[int]] = defaultdict(list)
    for left, right in zip(one[taken].tolist(), other[taken].tolist(), strict=True):
        beside[left].append(right)
        beside[right].append(left)
    return _from(first, len(records), beside)


def _placed(records: Sequence[Reference]) -> tuple[list[object], ...]:
    """Return the parameters of `RECORD`."""
    entities, keys = ([one[end] for one in records] for end in (0, 1))
    return entities, keys, [*range(len(records))]


def links_among(ask: Ask, records: Sequence[Reference]) -> list[Link]:
    """Return all pairs that any two of these records make, matches first; at most `MOST_LINKS`."""
    pairs = pairs_sql(ask, dict.fromkeys(entity for entity, _ in records))
    rows = ask(
        f"""WITH {RECORD} SELECT kind, {", ".join(COLUMNS)}, "Rule", "Score" FROM ({pairs}) {AMONG}
        ORDER BY kind DESC, {", ".join(COLUMNS)} LIMIT {MOST_LINKS}""",
        _placed(records),
    )
    return [_link(row) for row in rows]


def _link(row: Sequence[Any]) -> Link:
    kind, entity, key, other, other_key, rule, score = row
    return Link(kind, (entity, key), (other, other_key), rule, score)


def _from(first: int, number: int, beside: dict[int, list[int]]) -> list[Step]:
    found: list[Step] = []
    known: set[int] = set()
    for start in (first, *range(number)):
        if start in known:
            continue
        known.add(start)
        waiting = deque([Step(start, None)])
        while waiting:
            step = waiting.popleft()
            found.append(step)
            for there in sorted(beside.get(step.record, ())):
                if there not in known:
                    known.add(there)
                    waiting.append(Step(there, step.record))
    return found


def links_of(
    ask: Ask, pairs: str, wanted: Iterable[tuple[Reference, Reference]]
) -> dict[frozenset[Reference], Link]:
    """Return the pairs of these records, in whichever order each pair names them."""
    both = [end for one, other in wanted for end in ((*one, *other), (*other, *one))]
    if not both:
        return {}
    columns = ", ".join(f"unnest(?::VARCHAR[]) AS {name}" for name in COLUMNS)
    rows = ask(
        f"""WITH wanted AS (SELECT {columns})
        SELECT kind, {", ".join(COLUMNS)}, "Rule", "Score" FROM ({pairs})
        SEMI JOIN wanted USING ({", ".join(COLUMNS)})""",
        [*map(list, zip(*both, strict=True))],
    )
    return {frozenset((link.one, link.other)): link for link in map(_link, rows)}
