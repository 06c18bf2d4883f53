"""How large blocks are, and which values many records share: known before anything is compared."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from overtide.schemas.configuration.comparisons import Comparison
from overtide.schemas.configuration.scores import BlockPart
from overtide.schemas.names import literal, parquet_rows
from overtide.transforms.matching.blocks import BlockFile
from overtide.transforms.matching.contract import Key
from overtide.transforms.matching.pairs import Search, comparable, comparisons, split
from overtide.transforms.matching.rules import RuleMatcher
from overtide.transforms.matching.scored_pairs import blocked

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SHOWN = 3
"""How many of the largest blocks are named, and how many values of each attribute."""
Files = Sequence[BlockFile]


@dataclass(frozen=True)
class BlockSizes:
    """The blocks of one kind, those that only one record has left out.

    `pairs` are those that are compared, `oversized` the blocks with too many records, whose pairs
    are not; `largest` are values with the number of their records.
    """

    search: Search
    block: int
    on: str
    blocks: int
    records: int
    pairs: int
    oversized: int
    largest: tuple[tuple[str, int], ...]

    def as_json(self, rule: str) -> dict[str, object]:
        """Return it as documents name it."""
        return {
            **ends(self.search),
            "rule": rule,
            "block": self.on,
            "blocks": self.blocks,
            "records": self.records,
            "pairs": self.pairs,
            "oversized": self.oversized,
            "largest": [{"value": value, "records": size} for value, size in self.largest],
        }


def ends(search: Search) -> dict[str, object]:
    """Return the entities of a search as documents name them."""
    return {"entity": search.lower, "to": search.upper}


def block_kinds(
    matcher: RuleMatcher, pieces: Mapping[Key, Iterable[BlockFile]]
) -> dict[tuple[Search, int], list[BlockFile]]:
    """Return the files of each kind of block: of a search, and of a score rule which one of it."""
    found: dict[tuple[Search, int], list[BlockFile]] = {}
    for (pair, place, _, *more), files in pieces.items():
        search, _ = matcher.searches[pair, place]
        found.setdefault((search, more[0] if more else 0), []).extend(files)
    return found


def block_sizes(
    connection: "DuckDBPyConnection",
    matcher: RuleMatcher,
    pieces: Mapping[Key, Iterable[BlockFile]],
) -> list[BlockSizes]:
    """Return the sizes of all blocks, of every rule in its order."""
    return [
        _sizes(connection, matcher, search, block, files)
        for (search, block), files in block_kinds(matcher, pieces).items()
    ]


def block_rows(matcher: RuleMatcher, search: Search, block: int, files: Files) -> str:
    """Return the SQL of the records of one entity that have a block: record, block and more."""
    if search in matcher.scorings:
        return blocked(matcher.scorings[search], block, files)
    return comparable(matcher.searches[search.pair, search.rule][1], files)


def _sizes(
    connection: "DuckDBPyConnection", matcher: RuleMatcher, search: Search, block: int, files: Files
) -> BlockSizes:
    rule = matcher.searches[search.pair, search.rule][1]
    on = block_label(rule.score.blocks[block].on if rule.score else split(rule)[0], search)
    sides = dict.fromkeys((search.lower, search.upper))
    several = [[file for file in files if file.entity == name] for name in sides]
    if not all(several):
        return BlockSizes(search, block, on, 0, 0, 0, 0, ())
    rows = " UNION ALL ".join(
        f"SELECT block, {place} AS side FROM ({block_rows(matcher, search, block, some)})"
        for place, some in enumerate(several)
    )
    lower = "count(*) FILTER (side = 0)"
    pairs = "n * (n - 1) // 2" if search.within else "l * (n - l)"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE sized AS SELECT block, n, {pairs} AS pairs FROM "
        f"(SELECT block, count(*) AS n, {lower} AS l FROM ({rows}) GROUP BY block) WHERE pairs > 0"
    )
    most = matcher.limits.block_size
    kinds, records, compared, oversized = connection.execute(
        f"""
        SELECT count(*), coalesce(sum(n), 0)::BIGINT,
               coalesce(sum(pairs) FILTER (n <= {most}), 0)::BIGINT, count(*) FILTER (n > {most})
        FROM sized"""
    ).fetchone() or (0, 0, 0, 0)
    largest = connection.execute(
        f"SELECT block, n FROM sized ORDER BY n DESC, block LIMIT {SHOWN}"
    ).fetchall()
    return BlockSizes(search, block, on, kinds, records, compared, oversized, tuple(largest))


def block_label(parts: Iterable[Comparison], search: Search) -> str:
    """Say what the records of a block share."""
    return " + ".join(_part_label(part, search) for part in parts)


def _part_label(part: Comparison, search: Search) -> str:
    letters = part.letters if isinstance(part, BlockPart) else None
    named = label(part, search)
    return named if letters is None else f"{named} (first {letters})"


def label(part: Comparison, search: Search) -> str:
    """Say what is compared: the attributes, of both entities where they are called differently."""
    several = [
        ", ".join(part.fields_of(name)) for name in dict.fromkeys((search.lower, search.upper))
    ]
    return " / ".join(dict.fromkeys(several))


def common_values(
    connection: "DuckDBPyConnection",
    matcher: RuleMatcher,
    pieces: Mapping[Key, Iterable[BlockFile]],
) -> list[dict[str, object]]:
    """Return the values that most records of an entity share, of everything that is compared.

    They come as they are compared, those of more records first; ignored ones are not among them.
    """
    queries = [
        f"SELECT {literal(entity)} AS entity, {literal(attributes)} AS attributes, "
        f"v{column} AS value, count(*) AS records FROM {parquet_rows([*paths])} "
        f"WHERE value IS NOT NULL GROUP BY value HAVING records > 1"
        for (entity, attributes, column, paths) in sorted(set(_columns(matcher, pieces)))
    ]
    if not queries:
        return []
    rows = connection.execute(
        f"""
        SELECT entity, attributes, value, max(records) AS records
        FROM ({" UNION ALL ".join(queries)}) GROUP BY entity, attributes, value
        QUALIFY row_number() OVER (PARTITION BY entity, attributes
                                   ORDER BY max(records) DESC, value) <= {SHOWN}
        ORDER BY records DESC, entity, attributes, value"""
    ).fetchall()
    names = ("entity", "attributes", "value", "records")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _columns(
    matcher: RuleMatcher, pieces: Mapping[Key, Iterable[BlockFile]]
) -> Iterator[tuple[str, str, int, tuple[str, ...]]]:
    """Give what is compared of each entity: its attributes, the column, and its files."""
    for (search, block), files in block_kinds(matcher, pieces).items():
        if block:
            continue
        compared = (
            matcher.scorings[search].compared
            if search in matcher.scorings
            else comparisons(matcher.searches[search.pair, search.rule][1])
        )
        for name in dict.fromkeys((search.lower, search.upper)):
            own = [file for file in files if file.entity == name]
            paths = tuple(sorted({file.path for file in own}))
            for number, comparison in zip(own[0].columns if own else (), compared, strict=False):
                yield name, ", ".join(comparison.fields_of(name)), number, paths
