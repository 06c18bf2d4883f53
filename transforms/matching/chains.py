"""The chain of pairs by which two records are one customer."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from overtide.schemas.names import literal, parquet_rows
from overtide.transforms.matching.contract import PairTable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Link = tuple[int, int, str, int]
"""Two records, the rule that joined them, and its score in percent."""


def links_of(
    connection: "DuckDBPyConnection", tables: Iterable[PairTable], forest: str, root: int
) -> list[Link]:
    """Return all pairs of the customer that a record stands for, the surest first."""
    queries = []
    for table in tables:
        names = f"[{', '.join(map(literal, table.rules))}]"
        queries.append(
            f"SELECT lower_record, upper_record, list_extract({names}, rule + 1) AS rule, score "
            f"FROM {parquet_rows([table.path])} SEMI JOIN members ON record = lower_record"
        )
    if not queries:
        return []
    members = f"SELECT record FROM {parquet_rows([forest])} WHERE root = {root}"
    return connection.execute(
        f"WITH members AS ({members} UNION ALL SELECT {root}) {' UNION ALL '.join(queries)} "
        "ORDER BY score DESC, lower_record, upper_record, rule"
    ).fetchall()


def root_of(connection: "DuckDBPyConnection", forest: str, record: int) -> int:
    """Return the record that stands for a record's customer."""
    query = f"SELECT root FROM {parquet_rows([forest])} WHERE record = ?"
    (root,) = connection.execute(query, [record]).fetchone() or (record,)
    return int(root)


def chain(links: Sequence[Link], one: int, other: int) -> list[Link]:
    """Return the fewest links that lead from one record to another, in their order.

    Each begins where the one before ends. Of as many links, those that come first in `links`; none
    where nothing leads there.
    """
    beside: dict[int, list[tuple[int, Link]]] = {}
    for link in links:
        beside.setdefault(link[0], []).append((link[1], link))
        beside.setdefault(link[1], []).append((link[0], link))
    came: dict[int, tuple[int, Link] | None] = {one: None}
    waiting = deque([one])
    while waiting and other not in came:
        here = waiting.popleft()
        for there, link in beside.get(here, []):
            if there not in came:
                came[there] = here, link
                waiting.append(there)
    return _back(came, other)


def _back(came: Mapping[int, tuple[int, Link] | None], other: int) -> list[Link]:
    found: list[Link] = []
    step = came.get(other)
    while step is not None:
        before, (one, end, rule, score) = step
        found.append((before, end if before == one else one, rule, score))
        step = came[before]
    return found[::-1]
