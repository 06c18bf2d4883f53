"""How the rules of matching fared in the run that is published, as in the product's screens."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from overtide.schemas import tables
from overtide.schemas.instants import format_instant
from overtide.schemas.matched_counts import entity_counts, percent_of
from overtide.schemas.table import SCHEMA
from overtide.serving.service import Ask

LARGEST = 10
SIZES = ((1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 10), (11, 20), (21, 50), (51, 100))
"""Customers are counted by how many records they have: from, to; what is larger by itself."""
KINDS = {
    "block": "notCompared",
    "large block": "largeBlocks",
    "cluster": "notMerged",
    "customer": "largeCustomers",
}
"""Kinds of `oversized_blocks`, and what documents call them."""
RUN = f"""SELECT "Run", epoch_us("PublishedAt"), "Manifest" FROM {SCHEMA}.runs
    ORDER BY "Run" DESC LIMIT 1"""
COUNTS = f"""WITH part AS MATERIALIZED (
      SELECT "CustomerId" AS customer, "EntityName" AS entity, count(*) AS records
      FROM {SCHEMA}.{tables.ALTERNATE_KEY.name} GROUP BY ALL),
    customer AS MATERIALIZED (
      SELECT customer, sum(records)::BIGINT AS records FROM part GROUP BY customer)
    SELECT 'entity', entity, sum(records)::BIGINT, count(*) FROM part GROUP BY entity
    UNION ALL SELECT 'size', NULL, records, count(*) FROM customer GROUP BY records
    UNION ALL (SELECT 'largest', customer, records, 0 FROM customer WHERE records > 1
      ORDER BY records DESC, customer LIMIT {LARGEST})"""
"""The records of each entity and its customers, the customers of each size, the largest ones."""


def statistics(ask: Ask, unified: Iterable[str]) -> dict[str, Any]:
    """Return what matching made of the records of the unified entities, by entity and by rule.

    Of a run that an earlier version published it is null which records were matched.
    """
    ((run, published_at, text),) = ask(RUN)
    manifest = json.loads(text)
    counted: dict[str, list[tuple[str, int, int]]] = {"entity": [], "size": [], "largest": []}
    for kind, *row in ask(COUNTS):
        counted[kind].append((row[0], row[1], row[2]))
    by_entity = {name: (records, customers) for name, records, customers in counted["entity"]}
    records = {name: by_entity.get(name, (0, 0))[0] for name in unified}
    largest = sorted(counted["largest"], key=lambda row: (-row[1], row[0]))
    return {
        "run": run,
        "publishedAt": format_instant(published_at),
        "records": sum(records.values()),
        "customers": manifest.get("profiles"),
        "entities": [
            entity_counts(name, *by_entity.get(name, (0, 0)), manifest.get("matched", {}).get(name))
            for name in records
        ],
        "rules": _rules(manifest, records),
        "sizes": _sizes({size: number for _, size, number in counted["size"]}),
        "largest": [{"customerId": customer, "records": number} for customer, number, _ in largest],
        **{told: manifest.get("large", {}).get(kind) for kind, told in KINDS.items()},
        "ignoredValues": manifest.get("ignored_values"),
    }


def _rules(manifest: Mapping[str, Any], records: Mapping[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "entity": pair["entity"],
            "to": pair["to"],
            "rule": rule["rule"],
            "pairs": rule["pairs"],
            "records": rule.get("records"),
            "only": rule.get("only"),
            "percent": percent_of(rule.get("records"), records.get(pair["entity"], 0)),
        }
        for pair in manifest.get("match", [])
        for rule in pair["rules"]
    ]


def _sizes(counts: Mapping[int, int]) -> list[dict[str, int | None]]:
    """Return how many customers there are of each size that any has."""
    bounds: list[tuple[int, int | None]] = [*SIZES, (SIZES[-1][1] + 1, None)]
    found = [
        {
            "from": least,
            "to": most,
            "customers": sum(
                number
                for size, number in counts.items()
                if size >= least and (most is None or size <= most)
            ),
        }
        for least, most in bounds
    ]
    return [one for one in found if one["customers"]]
