"""What joined the records of a customer: the surest pairs by which they hang together.

Read from the published pairs alone. Of all pairs those are kept that join what surer ones leave
apart, so that every record but the first has one that it was joined to.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from overtide.schemas import match_tables
from overtide.schemas.names import literal, quoted
from overtide.schemas.table import SCHEMA
from overtide.serving.service import Ask, Asked

MOST_LINKS = 5_000_000
"""Pairs of one customer that are looked at."""
Reference = tuple[str, str]
"""A record: its entity and its key."""
BETWEEN = f"{SCHEMA}.{match_tables.CONFLATION_MATCH_PAIRS.name}"
WITHIN = f"{SCHEMA}.{match_tables.DEDUPLICATION_PAIRS.name}"
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
    """A record, and the pair that joined it to one before it; None of the first."""

    record: Reference
    link: Link | None

    @property
    def to(self) -> Reference | None:
        """The record that it was joined to."""
        if self.link is None:
            return None
        return self.link.other if self.record == self.link.one else self.link.one


def pairs_sql(ask: Ask, entities: Iterable[str]) -> str:
    """Return the query of all published pairs, with their kind.

    What earlier versions published says only which group of duplicates a record is in, and so it
    stands for a pair with the group's winner.
    """
    there = ask(
        "SELECT 1 FROM duckdb_tables() WHERE table_name = ?",
        (match_tables.DEDUPLICATION_PAIRS.name,),
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
    table = f"{SCHEMA}.{quoted(match_tables.deduplication(entity).name)}"
    return f"""SELECT 'deduplication', {literal(entity)}, "Deduplication_WinnerId"::VARCHAR,
        {literal(entity)}, "PrimaryKey"::VARCHAR, "Rule", "Score" FROM {table}
        WHERE "PrimaryKey" <> "Deduplication_WinnerId" """


def steps_of(ask: Asked, pairs: str, records: Sequence[Reference], first: Reference) -> list[Step]:
    """Return all records, `first` and what was joined to it before what was joined to those.

    What no pair leads to comes last. `pairs` is `pairs_sql`.
    """
    beside: dict[Reference, list[tuple[Reference, Link]]] = defaultdict(list)
    for link in _surest(ask, pairs, records):
        beside[link.one].append((link.other, link))
        beside[link.other].append((link.one, link))
    found: dict[Reference, Step] = {}
    for start in (first, *records):
        waiting = deque([Step(start, None)] if start not in found else [])
        while waiting:
            step = waiting.popleft()
            found[step.record] = step
            for there, link in sorted(beside[step.record], key=lambda one: one[0]):
                if there not in found:
                    waiting.append(Step(there, link))
    return [*found.values()]


def _surest(ask: Asked, pairs: str, records: Sequence[Reference]) -> list[Link]:
    """Return the pairs of the best scores that join these records, of equal ones the first."""
    import numpy as np

    from overtide.transforms.clusters import joining

    links = ask.table(
        f"""WITH {RECORD} SELECT one.place AS one, other.place AS other, kind, "Rule", "Score"
        FROM ({pairs}) {AMONG} LIMIT {MOST_LINKS}""",
        _placed(records),
    )
    one, other, score = (np.asarray(links[name], np.int64) for name in ("one", "other", "Score"))
    order = np.argsort(((100 - score) * len(records) + one) * len(records) + other, kind="stable")
    taken = order[joining(one[order], other[order])]
    return [
        Link(row["kind"], records[row["one"]], records[row["other"]], row["Rule"], row["Score"])
        for row in links.take(taken).to_pylist()
    ]


def _placed(records: Sequence[Reference]) -> tuple[list[str], list[str], list[int]]:
    """Return the parameters of `RECORD`."""
    entities, keys = [entity for entity, _ in records], [key for _, key in records]
    return entities, keys, [*range(len(records))]


def links_among(ask: Ask, records: Sequence[Reference]) -> list[Link]:
    """Return all pairs that any two of these records make, matches first."""
    pairs = pairs_sql(ask, dict.fromkeys(entity for entity, _ in records))
    rows = ask(
        f"""WITH {RECORD} SELECT kind, {", ".join(COLUMNS)}, "Rule", "Score" FROM ({pairs}) {AMONG}
        ORDER BY kind DESC, {", ".join(COLUMNS)}""",
        _placed(records),
    )
    return [
        Link(kind, (entity, key), (other, other_key), rule, score)
        for kind, entity, key, other, other_key, rule, score in rows
    ]
