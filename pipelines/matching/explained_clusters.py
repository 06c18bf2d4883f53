"""Whether the customers of two records are of one cluster, such as a household, and why."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from overtide.pipelines.matching.alone import Matching
from overtide.schemas.names import parquet_rows
from overtide.transforms import clusters, unify
from overtide.transforms.identities import Identified
from overtide.transforms.matching.chains import chain, links_of, root_of
from overtide.transforms.matching.decisions import Reference
from overtide.transforms.step import attached_kernel

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Row = dict[str, Any]


def of_clusters(
    matching: Matching, folder: Path, forest: pa.RecordBatch, records: Sequence[Reference]
) -> list[Row]:
    """Return of each configured cluster whether the customers of two records are in one.

    `forest` says which records are one customer. A record that is of no customer is in no cluster.
    """
    plan = matching.steps.plan
    configured = plan.configuration.unification.clusters
    most = plan.configuration.unification.limits.cluster_size
    if not configured:
        return []
    identified = matching.steps.give_identities(forest, matching.tables)
    with attached_kernel(plan.settings, ()) as connection:
        ids = [_customer(connection, identified, one) for one in records]
        numbers = _numbers(connection, identified, ids)
        return [
            {"name": one.name, "customers": ids}
            | _cluster(connection, folder, identified, place, most, numbers)
            for place, one in enumerate(configured)
        ]


def _customer(
    connection: "DuckDBPyConnection", identified: Identified, record: Reference
) -> str | None:
    rows = parquet_rows([identified.alternate_keys])
    query = f"SELECT CustomerId FROM {rows} WHERE EntityName = ? AND PrimaryKey = ?"
    found = connection.execute(query, [*record]).fetchone()
    return None if found is None else str(found[0])


def _numbers(
    connection: "DuckDBPyConnection", identified: Identified, ids: Sequence[str | None]
) -> list[int] | None:
    """Return the numbers of customers as records of their own, None where one is none."""
    query = f"SELECT key, record FROM ({identified.cluster_records}) WHERE key IN (?, ?)"
    found = dict(connection.execute(query, [*ids]).fetchall())
    return None if None in ids else [int(found[one]) for one in ids]


def _cluster(
    connection: "DuckDBPyConnection",
    folder: Path,
    identified: Identified,
    place: int,
    most: int,
    numbers: Sequence[int] | None,
) -> Row:
    """Return whether two customers are of one cluster, and the links between them.

    `tooLarge` says how many customers it would have, where that is more than `most`.
    """
    apart: Row = {"together": False, "tooLarge": None, "chain": []}
    if numbers is None:
        return apart
    one, other = numbers
    if one == other:
        return apart | {"together": True}
    tables = [table for table in identified.cluster_pairs if table.pair == place]
    path = folder / f"cluster-{place}.parquet"
    joined = clusters.join([unify.edges_of(table) for table in tables])
    pq.write_table(pa.Table.from_batches([joined]), path)
    root = root_of(connection, str(path), one)
    if root != root_of(connection, str(path), other):
        return apart
    links = links_of(connection, tables, str(path), root)
    steps = chain(links, one, other)
    named = _named(connection, identified, {end for step in steps for end in step[:2]})
    size = len({end for link in links for end in link[:2]})
    large = size > most
    return {
        "together": not large,
        "tooLarge": size if large else None,
        "chain": [
            {"customers": [named[begin], named[end]], "rule": rule, "score": score}
            for begin, end, rule, score in steps
        ],
    }


def _named(
    connection: "DuckDBPyConnection", identified: Identified, records: set[int]
) -> Mapping[int, str]:
    query = f"SELECT record, key FROM ({identified.cluster_records}) WHERE record IN "
    listed = ", ".join(map(str, sorted(records)))
    return dict(connection.execute(f"{query} ({listed})").fetchall())
