"""Give customers the columns of their clusters, such as households, once they are merged.

A cluster is what hangs together by pairs of customers for whom a rule holds (semantics 4.9); who
has which id says `cluster_ids`.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.customer_clusters import (
    CUSTOMER,
    CUSTOMER_ID,
    customers,
)
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.configuration.matching import UnifiedEntity
from overtide.schemas.names import parquet_rows, quoted
from overtide.transforms import clusters
from overtide.transforms.cluster_ids import Columns, give_ids
from overtide.transforms.fingerprint import EMPTY
from overtide.transforms.identities import ClusterSizes, Identified
from overtide.transforms.kernel import write_parquet
from overtide.transforms.keys import EntityTable
from overtide.transforms.matching.contract import Key, PairTable
from overtide.transforms.matching.decided import keep_to_decisions
from overtide.transforms.matching.rules import RuleMatcher
from overtide.transforms.merge import cluster_column, profiles
from overtide.transforms.records import RECORD, Unified, buckets

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def gathered(
    connection: "DuckDBPyConnection",
    folder: Path,
    identified: Identified,
    unified: Sequence[Unified],
    configuration: Configuration,
    published: Columns,
    run: int,
    rows_per_bucket: int,
    threads: int,
) -> Identified:
    """Return what was identified with the file of all columns of clusters.

    `published` are the columns of the tables as they were published last, in the lake.
    """
    whole = _as_entity(connection, folder, identified, unified, configuration)
    number = buckets(identified.profiles, 2 * rows_per_bucket)
    records = f"SELECT {RECORD} AS record, {CUSTOMER_ID} AS key FROM ({whole.records})"
    found, columns = replace(identified, cluster_records=records), []
    for place, cluster in enumerate(configuration.unification.clusters):
        own = folder / str(place)
        own.mkdir()
        matcher = RuleMatcher.of_customers(configuration, whole.entity, cluster, number, threads)
        pairs = _pairs(connection, own, matcher, whole)
        most = configuration.unification.limits.cluster_size
        forest, large = _forest(connection, own, pairs, whole, most)
        instance = str(configuration.instance.id)
        with _cursor(connection) as step:
            given = give_ids(step, own, forest, cluster.name, published, instance, run)
        ids = parquet_rows([given.ids])
        columns.append(ids)
        found = replace(
            found,
            cluster_pairs=(*found.cluster_pairs, *(replace(one, pair=place) for one in pairs)),
            cluster_sizes=(*found.cluster_sizes, _sizes(connection, cluster.name, ids)),
            cluster_learnt=(*found.cluster_learnt, given.learnt),
            oversized=(*found.oversized, *((CUSTOMER, key, size) for key, size in large)),
        )
    return replace(found, clusters=str(_side_by_side(connection, folder, columns)))


def _side_by_side(connection: "DuckDBPyConnection", folder: Path, columns: Sequence[str]) -> Path:
    """Write the file of all columns of clusters: a row per customer, of a file of ids each."""
    path = folder / "clusters.parquet"
    names = ", ".join(f"ids_{place}.id AS {cluster_column(place)}" for place in range(len(columns)))
    joined = " JOIN ".join(
        f"{ids} AS ids_{place}" + (" USING (CustomerId)" if place else "")
        for place, ids in enumerate(columns)
    )
    write_parquet(connection, f"SELECT CustomerId, {names} FROM {joined}", path)
    return path


def _as_entity(
    connection: "DuckDBPyConnection",
    folder: Path,
    identified: Identified,
    unified: Sequence[Unified],
    configuration: Configuration,
) -> Unified:
    """Write what rules compare of the customers, in the order of their ids: an entity of its own.

    So a record with a smaller number has a smaller CustomerId.
    """
    entity = customers(configuration.unification.merge, configuration.entities())
    assert isinstance(entity, Entity)  # noqa: S101 - columns of unknown types are a mistake
    path = folder / "customers.parquet"
    without = configuration.unification.model_copy(update={"clusters": []})
    merged = profiles(without, unified, f"FROM {parquet_rows([identified.customers])}")
    chosen = ", ".join(map(quoted, entity.attributes))
    rows = write_parquet(
        connection, f"SELECT {chosen} FROM ({merged}) ORDER BY {CUSTOMER_ID}", path
    )
    none, unhashed = (0, 0, 0, 0), (EMPTY, EMPTY, EMPTY)
    table = EntityTable(CUSTOMER, (str(path),), (rows,), "", rows, rows, *none, (), *unhashed)
    return Unified(0, table, entity, UnifiedEntity(entity=CUSTOMER))


def _pairs(
    connection: "DuckDBPyConnection", folder: Path, matcher: RuleMatcher, whole: Unified
) -> list[PairTable]:
    """Return the pairs of customers that belong together, a table of them or none."""
    pieces: dict[Key, list[Any]] = defaultdict(list)
    for step in ("prepared", "compared", "concluded", "apart"):
        (folder / step).mkdir()
    if not matcher.pairs:
        return []
    with _cursor(connection) as own:
        for key, piece in matcher.prepare(own, folder / "prepared", whole):
            pieces[key].append(piece)
    found = []
    for key, some in sorted(pieces.items()):
        with _cursor(connection) as own:
            found.append(matcher.compare(own, folder / "compared", key, some))
    with _cursor(connection) as own:
        pairs = [matcher.conclude(own, folder / "concluded", 0, found)]
    if not any(rule.through_others for rules in matcher.rules.values() for rule in rules):
        return pairs
    with _cursor(connection) as own:
        most = matcher.limits.cluster_size
        return keep_to_decisions(own, folder / "apart", pairs, [whole], [], most)


@contextmanager
def _cursor(connection: "DuckDBPyConnection") -> Iterator["DuckDBPyConnection"]:
    """Open a kernel for one step of matching, with temporary tables of its own."""
    own = connection.cursor()
    try:
        own.execute("SET TimeZone = 'UTC'")
        yield own
    finally:
        own.close()


def _forest(
    connection: "DuckDBPyConnection",
    folder: Path,
    pairs: Sequence[PairTable],
    whole: Unified,
    most: int,
) -> tuple[str, list[tuple[str, int]]]:
    """Return the SQL of (CustomerId, root), with the smallest CustomerId of each cluster.

    And what is too large to be one: the smallest CustomerId of each, and how many they are.
    """
    ends = [
        np.concatenate(
            [np.empty(0, np.int64)]
            + [pq.read_table(one.path, columns=[end]).column(0).to_numpy() for one in pairs]
        )
        for end in ("lower_record", "upper_record")
    ]
    path = folder / "forest.parquet"
    pq.write_table(pa.Table.from_batches([clusters.forest(*ends)]), path)
    forest = parquet_rows([path])
    large = f"SELECT root, count(*) + 1 AS size FROM {forest} GROUP BY root HAVING size > {most}"
    named = f"SELECT {RECORD} AS record, {CUSTOMER_ID} FROM ({whole.records})"
    told = connection.execute(
        f"SELECT {CUSTOMER_ID}, size FROM ({large}) JOIN ({named}) ON record = root ORDER BY 1"
    ).fetchall()
    rooted = f"FROM {forest} WHERE root NOT IN (SELECT root FROM ({large}))"
    return (
        f"SELECT own.{CUSTOMER_ID}, coalesce(first.{CUSTOMER_ID}, own.{CUSTOMER_ID}) AS root "
        f"FROM ({named}) AS own LEFT JOIN ({rooted}) AS rooted USING (record) "
        f"LEFT JOIN ({named}) AS first ON first.record = rooted.root"
    ), [(str(key), int(size)) for key, size in told]


def _sizes(connection: "DuckDBPyConnection", name: str, ids: str) -> ClusterSizes:
    row = connection.execute(
        f"SELECT count(*), count(*) FILTER (customers > 1), coalesce(max(customers), 0) "
        f"FROM (SELECT count(*) AS customers FROM {ids} GROUP BY id)"
    ).fetchone() or (0, 0, 0)
    return ClusterSizes(name, *map(int, row))
