"""The pairs of the records that a change may concern, as they are published.

By these what is counted of all pairs is known without them: what was, less these, and what is.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overtide.transforms.matching.contract import Key, Matcher, PairTable
from overtide.transforms.records import Unified

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def with_earlier(pairs: Sequence[PairTable], earlier: Sequence[PairTable]) -> list[PairTable]:
    """Return pairs with those of the same records as they are published."""
    before = {one.pair: one for one in earlier}
    return [replace(one, before=before[one.pair]) for one in pairs]


def earlier_pairs(
    connection: "DuckDBPyConnection",
    folder: Path,
    unified: Sequence[Unified],
    matcher: Matcher[Any, Any],
) -> list[PairTable]:
    """Return the pairs of the published rows of the records that alone are matched.

    They are found anew, by the same rules: of duplicates not all pairs are published.
    """
    pieces: dict[Key, list[Any]] = defaultdict(list)
    found: dict[int, list[Any]] = defaultdict(list)
    for one in unified:
        for key, piece in matcher.prepare(connection, _new(folder, one.place), _earlier(one)):
            pieces[key].append(piece)
    for number, (key, some) in enumerate(sorted(pieces.items())):
        own = _new(folder, f"{number}-compared")
        found[key[0]].append(matcher.compare(connection, own, key, some))
    return [
        matcher.conclude(connection, _new(folder, f"{pair}-concluded"), pair, some)
        for pair, some in found.items()
    ]


def _earlier(one: Unified) -> Unified:
    """Return an entity with the published rows of its records in place of those of now."""
    table = one.table
    if table.affected is None:
        return one
    before = replace(table.affected, rows=table.affected.rows_before)
    return replace(one, table=replace(table, affected=before))


def _new(folder: Path, name: object) -> Path:
    own = folder / str(name)
    own.mkdir()
    return own
