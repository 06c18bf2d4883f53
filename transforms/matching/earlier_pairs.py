"""The pairs of the records that a change may concern, as they are published.

By these what is counted of all pairs is known without them: what was, less these, and what is.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from overtide.schemas.match_tables import DECIDED_PAIRS
from overtide.transforms.matching.contract import Key, Matcher, PairTable
from overtide.transforms.matching.decided import PAIRS, keep_to_decisions
from overtide.transforms.matching.in_force import decisions_of
from overtide.transforms.records import Unified

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def with_earlier(pairs: Sequence[PairTable], earlier: Sequence[PairTable]) -> list[PairTable]:
    """Return pairs with those of the same records as they are published.

    What people decided of entities that no rule compares may be there at one time alone.
    """
    before = {(one.lower, one.upper): one for one in earlier}
    found = [replace(one, before=before.pop((one.lower, one.upper), None)) for one in pairs]
    return [*found, *map(_without_pairs, before.values())]


def _without_pairs(before: PairTable) -> PairTable:
    """Return the table without any pair of entities that had some."""
    path = Path(before.path).with_name(f"none-now-{before.pair}.parquet")
    pq.write_table(PAIRS.empty_table(), path)
    ends, none = (before.lower, before.upper), (0,) * len(before.rules)
    return PairTable(before.pair, *ends, str(path), before.rules, none, before=before)


def earlier_pairs(
    connection: "DuckDBPyConnection",
    folder: Path,
    unified: Sequence[Unified],
    matcher: Matcher[Any, Any],
    most: int | None,
) -> list[PairTable]:
    """Return the pairs of the published rows of the records that alone are matched.

    They are found anew, by the same rules: of duplicates not all pairs are published. Where
    customers of at `most` so many records are cut apart, they are kept to the decisions of then.
    """
    pieces: dict[Key, list[Any]] = defaultdict(list)
    found: dict[int, list[Any]] = defaultdict(list)
    for one in unified:
        for key, piece in matcher.prepare(connection, _new(folder, one.place), _earlier(one)):
            pieces[key].append(piece)
    for number, (key, some) in enumerate(sorted(pieces.items())):
        own = _new(folder, f"{number}-compared")
        found[key[0]].append(matcher.compare(connection, own, key, some))
    pairs = [
        matcher.conclude(connection, _new(folder, f"{pair}-concluded"), pair, some)
        for pair, some in found.items()
    ]
    affected = unified[0].table.affected
    if most is None or affected is None:
        return pairs
    decisions = decisions_of(connection, affected.published(DECIDED_PAIRS.name))
    before, own = [*map(_earlier, unified)], _new(folder, "decided")
    return keep_to_decisions(connection, own, pairs, before, decisions, most)


def _earlier(one: Unified) -> Unified:
    """Return an entity with the published rows of its records in place of those of now."""
    table = one.table
    if table.affected is None:
        return one
    published, counted = table.affected.rows_before, table.affected.counted_before
    before = replace(table.affected, rows=published, counted=counted)
    return replace(one, table=replace(table, affected=before))


def _new(folder: Path, name: object) -> Path:
    own = folder / str(name)
    own.mkdir()
    return own
