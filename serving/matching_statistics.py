"""How the rules of matching fared in the run that is published, as in the product's screens."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from overtide.schemas import tables
from overtide.schemas.instants import format_instant
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
RECORDS = f"""SELECT "CustomerId" AS customer, "EntityName" AS entity, count(*) AS records
    FROM {SCHEMA}.{tables.ALTERNATE_KEY.name} GROUP BY ALL"""
BY_ENTITY = f"""SELECT entity, sum(records)::BIGINT, count(*) FROM ({RECORDS}) GROUP BY entity"""
BY_SIZE = f"""SELECT records, count(*) FROM (SELECT sum(records)::BIGINT AS records
    FROM ({RECORDS}) GROUP BY customer) GROUP BY records"""
MOST_RECORDS = f"""SELECT customer, sum(records)::BIGINT AS records FROM ({RECORDS})
    GROUP BY customer HAVING sum(records) > 1 ORDER BY records DESC, customer LIMIT {LARGEST}"""
MATCHED = f"""WITH pair AS (FROM {SCHEMA}.{tables.CONFLATION_MATCH_PAIRS.name})
    SELECT entity, count(DISTINCT key) FROM (
      SELECT "EntityName" AS entity, "PrimaryKey" AS key FROM pair
      UNION ALL SELECT "MatchedEntityName", "MatchedPrimaryKey" FROM pair) GROUP BY entity"""


def statistics(ask: Ask, unified: Iterable[str]) -> dict[str, Any]:
    """Return what matching made of the records of the unified entities, by entity and by rule.

    Of a run that an earlier version published `records` and `only` of rules are null.
    """
    ((run, published_at, text),) = ask(RUN)
    manifest = json.loads(text)
    counted = {entity: (records, customers) for entity, records, customers in ask(BY_ENTITY)}
    matched = dict(ask(MATCHED))
    records = {name: counted.get(name, (0, 0))[0] for name in unified}
    return {
        "run": run,
        "publishedAt": format_instant(published_at),
        "records": sum(records.values()),
        "customers": manifest.get("profiles"),
        "entities": [
            _entity(name, *counted.get(name, (0, 0)), matched.get(name, 0)) for name in records
        ],
        "rules": _rules(manifest, records),
        "sizes": _sizes(dict(ask(BY_SIZE))),
        "largest": [
            {"customerId": customer, "records": number} for customer, number in ask(MOST_RECORDS)
        ],
        **{told: manifest.get("large", {}).get(kind) for kind, told in KINDS.items()},
        "ignoredValues": manifest.get("ignored_values"),
    }


def _entity(name: str, records: int, customers: int, matched: int) -> dict[str, Any]:
    return {
        "entity": name,
        "records": records,
        "customers": customers,
        "duplicates": records - customers,
        "matched": matched,
        "unmatched": records - matched,
        "percent": _percent(matched, records),
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
            "percent": _percent(rule.get("records"), records.get(pair["entity"], 0)),
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


def _percent(part: int | None, whole: int) -> float | None:
    """Return a part in percent, with one digit; None where it is not known."""
    if part is None:
        return None
    return round(100 * part / whole, 1) if whole else 0.0
