"""The blocks of records as hashes: by them a refresh finds whom a change may concern.

Two blocks that have one hash cost records that are compared for nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.names import literal, parquet_rows
from overtide.transforms.affected import record_node
from overtide.transforms.kernel import write_parquet
from overtide.transforms.matching.blocks import BlockFile
from overtide.transforms.matching.compared import Compared
from overtide.transforms.matching.pairs import Search
from overtide.transforms.records import RECORD, Unified

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Sides = Mapping[str, Mapping[Search, Sequence[Compared]]]
"""What each search compares of each entity."""
Parts = Sequence[tuple[int, int | None]]
"""Of a block which comparisons it is made of, and how many letters of each."""


def ignores_alike(sides: Sides) -> bool:
    """Say whether what is ignored of an attribute is so for all searches."""
    ways: dict[tuple[str, ...], set[tuple[object, ...]]] = {}
    for name, searches in sides.items():
        for side in (side for some in searches.values() for side in some):
            ways.setdefault((name, *side.fields), set()).add(side.ignoring)
    return all(len(keys) == 1 for keys in ways.values())


def numbered(blocks: Iterable[tuple[Search, int, Parts]], sides: Sides) -> dict[object, int]:
    """Return the number of each block by its search and place; the same blocks have the same."""
    numbers: dict[object, int] = {}
    found: dict[object, int] = {}
    for search, place, parts in blocks:
        ends = [sides[name][search] for name in (search.lower, search.upper)]
        compared = ((*(end[one].key for end in ends), letters) for one, letters in parts)
        same = (search.lower, search.upper, *compared)
        found[search, place] = numbers.setdefault(same, len(numbers))
    return found


def write_hashes(
    connection: "DuckDBPyConnection",
    entity: Unified,
    written: Path,
    blocks: Mapping[int, str],
    path: Path,
) -> str:
    """Write the nodes of records with the hashes of their blocks; return their file.

    `written` is what is compared of them, and `blocks` the SQL of each block by its number.
    """
    hashed = " UNION ALL ".join(_hashed(number, block) for number, block in blocks.items())
    write_parquet(
        connection,
        f"""
        WITH compared AS ({with_nodes(entity, written)})
        SELECT node AS "Record", block AS "Block" FROM ({hashed}) WHERE block IS NOT NULL""",
        path,
    )
    return str(path)


def with_nodes(entity: Unified, written: Path) -> str:
    """Return the SQL of what is `written` to be compared of records, with the node of each."""
    node = record_node(literal(entity.table.entity), entity.key)
    nodes = f"SELECT {RECORD} AS record, {node} AS node FROM ({entity.records})"
    return f"SELECT * FROM {parquet_rows([written])} JOIN ({nodes}) USING (record)"


def _hashed(number: int, block: str) -> str:
    text = f"{literal(str(number))} || chr(31) || {block}"
    hashed = f"CASE WHEN {block} IS NOT NULL THEN (hash({text}) >> 1)::BIGINT END"
    return f"SELECT node, {hashed} AS block FROM compared"


def different(
    several: Iterable[Sequence[Compared]],
) -> tuple[list[Compared], dict[tuple[object, ...], int]]:
    """Return what several searches compare, each once, and the number of each."""
    sides = list({side.key: side for some in several for side in some}.values())
    return sides, {side.key: number for number, side in enumerate(sides)}


def hashes_of(files: Iterable[BlockFile]) -> tuple[str, ...]:
    """Return the files of hashes of several pieces."""
    return tuple(sorted({file.hashes for file in files if file.hashes}))


def values_of(files: Iterable[BlockFile]) -> tuple[str, ...]:
    """Return the files of values of several pieces."""
    return tuple(sorted({file.values for file in files if file.values}))
