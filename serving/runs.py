"""What each published run did: its counts, and which customers it made, changed, joined, parted."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from overtide.lake.loss import losses
from overtide.schemas.instants import format_instant
from overtide.schemas.names import quoted
from overtide.schemas.table import SCHEMA
from overtide.serving.service import Ask

CHANGES = ("new", "changed", "gone", "merged", "split")
ROWS = ("rows_read", "rows_kept", "set_aside", "exact_repeats", "lost_rows", "corrupt_records")
"""Counts of each entity in a manifest."""
RUNS = f"""SELECT "Run", epoch_us("PublishedAt"), "Generation", "ConfigurationHash",
    "CodeVersion", "Manifest" FROM {SCHEMA}.runs WHERE "Run" <= coalesce(?, "Run")
    ORDER BY "Run" DESC LIMIT ?"""


def runs(ask: Ask, most: int, until: int | None = None) -> list[dict[str, Any]]:
    """Return the runs published last, newest first, up to one where `until` names it."""
    found = ask(RUNS, [until, most])
    changes = changes_of(ask, [row[0] for row in found])
    return [_document(row, changes[row[0]]) for row in found]


def _document(row: Sequence[Any], changes: Mapping[str, int]) -> dict[str, Any]:
    run, published_at, generation, configuration, version, text = row
    manifest = json.loads(text)
    entities = manifest.get("entities", {}).values()
    return {
        "run": run,
        "publishedAt": format_instant(published_at),
        "generation": generation,
        "configurationHash": configuration,
        "codeVersion": version,
        "jobId": manifest.get("job"),
        "seconds": manifest.get("seconds"),
        "customers": manifest.get("profiles"),
        "changes": dict(changes),
        "rows": {_camel(name): sum(one.get(name, 0) for one in entities) for name in ROWS},
        "loss": [one.as_json() for one in losses(manifest)],
        "manifest": manifest,
    }


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def changes_of(ask: Ask, asked: Iterable[int]) -> dict[int, dict[str, int]]:
    """Return by run how many customers it made, changed and ended, and joined and parted.

    `merged` are customers whose records had several ids in the run before, `split` the ids of the
    run before whose records are of several customers since. What history does not keep any more
    counts as nothing.
    """
    wanted = sorted(set(asked))
    found = {run: dict.fromkeys(CHANGES, 0) for run in wanted}
    if not wanted:
        return found
    for name, query in (("rows", CUSTOMERS), ("records", IDENTITIES)):
        counted = CHANGES[:3] if name == "rows" else CHANGES[3:]
        for run, *numbers in ask(query, [wanted]):
            found[run] |= dict(zip(counted, numbers, strict=True))
    return found


def _versions(table: str, *columns: str) -> str:
    """Return the SQL of all rows of a table that any run published, with the run that ended it."""
    listed = ", ".join(map(quoted, columns))
    return f"""(SELECT {listed}, "FirstRun", NULL AS "ReplacedRun" FROM {SCHEMA}.{table}
        UNION ALL SELECT {listed}, "FirstRun", "ReplacedRun" FROM {SCHEMA}.{table}_history)"""


CUSTOMERS = f"""
    WITH version AS {_versions("Customer", "CustomerId")},
    change AS (
        SELECT "CustomerId", "FirstRun" AS run, true AS begins FROM version
        UNION ALL SELECT "CustomerId", "ReplacedRun", false FROM version),
    customer AS (
        SELECT run, "CustomerId", bool_or(begins) AS begins, bool_or(NOT begins) AS ends
        FROM change WHERE list_contains(?, run) GROUP BY ALL)
    SELECT run, count(*) FILTER (begins AND NOT ends), count(*) FILTER (begins AND ends),
        count(*) FILTER (ends AND NOT begins) FROM customer GROUP BY run"""
IDENTITIES = f"""
    WITH version AS {_versions("AlternateKey", "EntityName", "PrimaryKey", "CustomerId")},
    moved AS (
        SELECT new."FirstRun" AS run, old."CustomerId" AS was, new."CustomerId" AS is_now
        FROM version AS new JOIN version AS old
          ON old."EntityName" = new."EntityName" AND old."PrimaryKey" = new."PrimaryKey"
          AND old."ReplacedRun" = new."FirstRun"
        WHERE list_contains(?, new."FirstRun") AND old."CustomerId" <> new."CustomerId"),
    involved AS (SELECT run, was AS id FROM moved UNION SELECT run, is_now FROM moved),
    pair AS (
        SELECT DISTINCT run, old."CustomerId" AS was, new."CustomerId" AS is_now
        FROM involved
        JOIN version AS old ON old."CustomerId" = id
          AND old."FirstRun" < run AND coalesce(old."ReplacedRun", run) >= run
        JOIN version AS new
          ON new."EntityName" = old."EntityName" AND new."PrimaryKey" = old."PrimaryKey"
          AND new."FirstRun" <= run AND coalesce(new."ReplacedRun", run + 1) > run),
    joined AS (
        SELECT run, is_now FROM pair GROUP BY ALL HAVING count(DISTINCT was) > 1),
    parted AS (
        SELECT run, was FROM pair GROUP BY ALL HAVING count(DISTINCT is_now) > 1)
    SELECT run, (SELECT count(*) FROM joined WHERE joined.run = runs.run),
        (SELECT count(*) FROM parted WHERE parted.run = runs.run)
    FROM (SELECT DISTINCT run FROM moved) AS runs"""
