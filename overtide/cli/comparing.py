"""What people are told about comparing: large blocks and customers, and values ignored."""

from collections.abc import Iterator, Mapping
from typing import Any

from overtide.schemas.wording import counted

TOLD = 3
"""How many of each are named; the tables of the lake hold all."""
LARGE = {
    "block": ("with too many records (limits.block_size): not compared", "block", "blocks"),
    "large block": (
        "that made one customer of many records (limits.large_customer)",
        "value",
        "values",
    ),
    "cluster": ("with too many records (limits.cluster_size): not merged", "customer", "customers"),
    "customer": ("with many records (limits.large_customer)", "customer", "customers"),
}
"""What is said of each kind of row in `oversized_blocks`."""


def remarks(told: Mapping[str, Any]) -> Iterator[str]:
    """Say what a run's manifest tells about comparing, a sentence for each kind.

    Manifests of older versions tell nothing.
    """
    for kind, (what, one, several) in LARGE.items():
        found = told.get("large", {}).get(kind, {"count": 0})
        if found["count"]:
            yield (
                f"{counted(found['count'], one, several)} {what}: {_named(found, _large)} "
                f"(SELECT * FROM oversized_blocks WHERE Kind = '{kind}')."
            )
    found = told.get("ignored_values", {"count": 0})
    if found["count"]:
        yield (
            f"{counted(found['count'], 'value')} that stand{'s' * (found['count'] == 1)} for none "
            f"compared as null: {_named(found, _ignored)} (SELECT * FROM ignored_values)."
        )
    yield from _ids(told.get("customer_ids") or {})


WITHOUT_ID = {
    "empty": "without a value in all of its fields",
    "shared": "with the same values as another",
    "taken": "whose values are those of another's id",
}
"""What is said of customers whose columns (`unification.customer_id`) make no id."""


def _ids(found: Mapping[str, int]) -> Iterator[str]:
    """Say how many customers have an id of their records, though columns are to make it."""
    several = [
        f"{counted(found[kind], 'customer')} {what}"
        for kind, what in WITHOUT_ID.items()
        if found.get(kind)
    ]
    if several:
        yield (
            f"unification.customer_id makes no id for {', and none for '.join(several)}: new ones "
            "of these have ids of their records' keys."
        )


def _named(found: Mapping[str, Any], name: Any) -> str:  # noqa: ANN401 - a function of one row
    more = found["count"] - TOLD
    return ", ".join(map(name, found["greatest"][:TOLD])) + (
        f" and {more:,} more" if more > 0 else ""
    )


def _large(row: Mapping[str, Any]) -> str:
    rule = f" by rule {row['rule']}" if row["rule"] else ""
    entities = " and ".join(filter(None, (row["entityName"], row["matchedEntityName"])))
    return (
        f"`{_shown(row['value'])}`{f' of {entities}' if entities else ''}{rule} "
        f"({row['records']:,} records)"
    )


def _ignored(row: Mapping[str, Any]) -> str:
    return (
        f"`{_shown(row['value'])}` in {row['attributes']} of {row['entityName']} "
        f"({row['records']:,} records)"
    )


def _shown(value: str) -> str:
    """Return a value for a terminal, with commas between the several that a rule compares."""
    return value.replace("\x1f", ", ")
