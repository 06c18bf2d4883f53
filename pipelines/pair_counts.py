"""What a manifest says of pairs: how many each rule made, and how many records they match.

Where some records alone were matched, it is what was, less what these had, and what they have.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from overtide.transforms.kernel import kernel
from overtide.transforms.matching import statistics
from overtide.transforms.matching.contract import PairTable, entity_pairs, rules_of
from overtide.transforms.plan import Plan

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Ends = tuple[str, str]
Counts = dict[Any, Any]
"""Numbers by names, at any depth."""


def pair_counts(plan: Plan, tables: Sequence[PairTable], narrowed: bool) -> dict[str, object]:
    """Return how many pairs each rule of two entities joined, and how many records they match.

    `matched` has of each entity how many records match those of others by any rule. `narrowed`:
    whether some records alone were matched.
    """
    unified = [one.entity for one in plan.configuration.unification.entities]
    earlier = [table.before for table in tables if table.before is not None]
    with kernel(plan.settings) as connection:
        found = _counted(connection, tables, unified)
        was = _counted(connection, earlier, unified) if narrowed else {}
    if narrowed:
        found = _with_others(found, was, _as_counted(plan.last))
    return {"match": _told(plan, found["match"]), "matched": found["matched"]}


def _counted(
    connection: "DuckDBPyConnection", tables: Sequence[PairTable], unified: Iterable[str]
) -> Counts:
    match = {
        (table.lower, table.upper): {
            "pairs": sum(table.rows),
            "rules": _by_place(statistics.of_table(connection, table)),
            "oversized_blocks": len(table.oversized),
        }
        for table in tables
    }
    matched = {name: statistics.matched_of(connection, tables, name) for name in unified}
    return {"match": match, "matched": matched}


def _as_counted(last: Mapping[str, Any]) -> Counts:
    """Return the same of the manifest of the run in force."""
    match = {
        (one["entity"], one["to"]): {
            "pairs": one["pairs"],
            "rules": _by_place(one["rules"]),
            "oversized_blocks": one["oversized_blocks"],
        }
        for one in last["match"]
    }
    return {"match": match, "matched": last["matched"]}


def _by_place(rules: Iterable[Mapping[str, Any]]) -> Counts:
    """Return the numbers of rules by their place and name; what people decided comes last."""
    return {
        (place, rule["rule"]): {name: n for name, n in rule.items() if name != "rule"}
        for place, rule in enumerate(rules)
    }


def _with_others(found: Any, was: Any, last: Any) -> Any:  # noqa: ANN401 - parts of a document
    """Return the numbers of all records: the `last` ones, less what some had, and what they have.

    What is not there is none.
    """
    several = [one for one in (found, was, last) if isinstance(one, dict)]
    if not several:
        return (last or 0) - (was or 0) + (found or 0)
    names = dict.fromkeys(name for one in several for name in one)
    return {
        name: _with_others(*((one or {}).get(name) for one in (found, was, last))) for name in names
    }


def _told(plan: Plan, match: Counts) -> list[dict[str, object]]:
    """Return what the manifest says of each two entities.

    What people decided, or another matcher found, is told where it made a pair. Entities that are
    compared come by their place, and others that people decided of behind them.
    """
    unification = plan.configuration.unification
    places = {(one.lower, one.upper): one.place for one in entity_pairs(unification)}
    rules = {(one.lower, one.upper): len(some) for one, some in rules_of(unification).items()}
    in_order = sorted(match, key=lambda ends: (places.get(ends, len(places)), ends))
    return [
        {
            "entity": ends[0],
            "to": ends[1],
            "pairs": match[ends]["pairs"],
            "rules": [
                {"rule": name, **counts}
                for (place, name), counts in sorted(match[ends]["rules"].items())
                if place < rules.get(ends, 0) or counts["pairs"]
            ],
            "oversized_blocks": match[ends]["oversized_blocks"],
        }
        for ends in in_order
        if ends in rules or match[ends]["pairs"]
    ]
