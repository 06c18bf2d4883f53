"""The clusters of a customer, such as its household, and the pairs by which they hang together."""

from typing import Any

from overtide.schemas import match_tables
from overtide.schemas.names import quoted
from overtide.schemas.table import SCHEMA
from overtide.serving.service import Ask

MOST_PAIRS = 200
"""Pairs of one cluster that are told."""
PAIRS = f"{SCHEMA}.{match_tables.CLUSTER_PAIRS.name}"


def clusters_of(ask: Ask, customer: str, columns: list[str]) -> list[dict[str, Any]]:
    """Return of each cluster column of Customer the customer's cluster, and what joined it.

    `links` is null where the lake was published by a version that kept no pairs of clusters.
    """
    if not columns:
        return []
    there = ask(
        "SELECT 1 FROM duckdb_tables() WHERE table_name = ?", (match_tables.CLUSTER_PAIRS.name,)
    )
    found = []
    for name in columns:
        rows = ask(
            f"""SELECT {quoted(name)}, count(*) FROM {SCHEMA}.Customer WHERE {quoted(name)} = (
            SELECT {quoted(name)} FROM {SCHEMA}.Customer WHERE "CustomerId" = ?) GROUP BY 1""",
            (customer,),
        )
        for cluster, customers in rows:
            links = _links(ask, name, cluster) if there else None
            found.append({"name": name, "id": cluster, "customerCount": customers, "links": links})
    return found


def _links(ask: Ask, name: str, cluster: str) -> list[dict[str, Any]]:
    rows = ask(
        f"""SELECT "CustomerId", "MatchedCustomerId", "Rule", "Score" FROM {PAIRS}
        WHERE "Cluster" = ? AND "ClusterId" = ?
        ORDER BY "Score" DESC, "CustomerId", "MatchedCustomerId" LIMIT {MOST_PAIRS}""",
        (name, cluster),
    )
    return [
        {"customerId": one, "matchedCustomerId": other, "rule": rule, "score": score}
        for one, other, rule, score in rows
    ]
