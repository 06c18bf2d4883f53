"""What a run says of itself.

Every row that was read is accounted for, and what was lost is counted by its reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from overtide.pipelines.differences import differences_told
from overtide.pipelines.found import Found
from overtide.pipelines.pair_counts import pair_counts
from overtide.schemas.configuration.relationships import Relationship
from overtide.schemas.errors import SourceError
from overtide.schemas.names import literal, parquet_rows, quoted
from overtide.schemas.table import Kept
from overtide.schemas.tables import ALTERNATE_KEY, UNIFIED_ACTIVITY
from overtide.schemas.types import type_of
from overtide.transforms.activities import of_nobody
from overtide.transforms.kernel import kernel
from overtide.transforms.keys import EntityTable
from overtide.transforms.plan import Plan
from overtide.transforms.related import is_by_key
from overtide.transforms.shrinking import shrunk
from overtide.transforms.step import attached_kernel
from overtide.transforms.tables.contract import BuiltTable


def manifest(plan: Plan, found: Found) -> dict[str, object]:
    """Return what the run's row says.

    Counts per entity, pairs by rule, and the content hash of every table.

    Raises `rows_lost` when rows are missing in the account.
    """
    expect_all_rows(found.tables)
    identified, nobody = found.identified, activities_of_nobody(plan, found)
    made = identified.ids_of_fields
    return {
        "run": plan.run,
        "entities": {
            table.entity: entity_counts(table) | nobody.get(table.entity, {})
            for table in found.tables
        },
        **pair_counts(plan, found.pairs, any(table.affected for table in found.tables)),
        "tables": hashed(found.outputs),
        "placed": {one.table.name: one.placed for one in found.outputs if one.placed is not None},
        "by_row": differences_told(
            plan.configuration, {one.table.name: one.content for one in found.outputs}
        ),
        "activities_of_nobody": sum(
            sum(counts["of_nobody"].values()) for counts in nobody.values()
        ),
        "related": related_counts(plan, found),
        "profiles": identified.profiles,
        "records_unified": identified.records,
        "records_not_unified": identified.not_unified,
        "oversized_clusters": len(identified.oversized),
        "clusters": [asdict(one) for one in identified.cluster_sizes],
        "customer_ids": None if made is None else asdict(made),
        "shrunk": shrunk(found.tables, plan.entities, plan.kept_before),
        "removed_entities": {
            name: rows for name, rows in plan.kept_before.items() if name not in plan.entities
        },
    }


def hashed(outputs: list[BuiltTable]) -> dict[str, dict[str, object]]:
    """Return rows and content hash of every table that a refresh makes anew."""
    return {
        output.table.name: {"rows": output.content.rows, "hash": output.content.hex()}
        for output in outputs
        if not output.append and output.table.kept is not Kept.HISTORY
    }


def entity_counts(table: EntityTable) -> dict[str, Any]:
    """Return what became of an entity's rows."""
    return {
        "rows_read": table.rows_read,
        "rows_kept": table.rows_kept,
        "set_aside": table.set_aside,
        "exact_repeats": table.exact_repeats,
        "lost_rows": table.lost_rows,
        "corrupt_records": table.corrupt_records,
        "new_columns": list(table.new_columns),
        **({"filtered_rows": table.filtered_rows} if table.filtered_rows else {}),
        **({"changes": asdict(table.changes)} if table.changes else {}),
    }


def kept_before(manifest: Mapping[str, Any]) -> dict[str, int]:
    """Return how many rows each entity had in the run of a manifest."""
    return {name: int(entity["rows_kept"]) for name, entity in manifest.get("entities", {}).items()}


def expect_all_rows(tables: list[EntityTable]) -> None:
    """Raise `rows_lost` unless every row that was read is accounted for (semantics 4.2).

    Such a row is kept, set aside, repeated or listed as lost.

    Each of the numbers was counted where its rows were written.
    """
    for table in tables:
        parts = {
            "kept": table.rows_kept,
            "set aside": table.set_aside,
            "exact repeats": table.exact_repeats,
            "lost to another of their key": table.lost_rows,
            "left out by the filter": table.filtered_rows,
            "superseded by a later version": table.changes.superseded_rows if table.changes else 0,
            "deletes": table.changes.delete_rows if table.changes else 0,
        }
        if table.rows_read != sum(parts.values()):
            found = ", ".join(f"{rows:,} {what}" for what, rows in parts.items())
            raise SourceError(
                "rows_lost",
                f"{table.entity}: {table.rows_read:,} rows were read, but there are {found}.",
                table.entity,
                "This is a fault of Overtide: report it with the file.",
            )


def activities_of_nobody(plan: Plan, found: Found) -> dict[str, dict[str, dict[str, int]]]:
    """Return, by activity entity and reason, how many rows belong to no customer.

    Of entities whose activities are a difference, that is as many as before and those `more`. Else
    as many as are not shown are looked for, in the entities of most rows first: no entity is read
    to count none.
    """
    more = found.output(UNIFIED_ACTIVITY).strays
    added = {name: _added(plan, name, some) for name, some in (more or {}).items()}
    tables = {table.entity: table for table in found.tables}
    wanted = {
        activity.entity: relationship
        for activity, relationship in plan.activities
        if activity.entity not in added
    }
    counted = {name: dict.fromkeys(REASONS, 0) for name in wanted}
    missing = _missing(plan, found, added)
    with attached_kernel(plan.settings, plan.attach) as connection:
        for name in sorted(wanted, key=lambda name: -tables[name].rows_kept):
            if not missing:
                break
            query = nobody_query(plan, wanted[name], tables, name, found)
            row = connection.execute(query).fetchone() or (0, 0, 0, 0)
            counted[name] = dict(zip(REASONS, map(int, row), strict=True))
            missing -= sum(counted[name].values())
    return {name: {"of_nobody": reasons} for name, reasons in {**added, **counted}.items()}


def _missing(plan: Plan, found: Found, added: Mapping[str, Mapping[str, int]]) -> int:
    """Return how many activities are not shown besides those that are told already."""
    rows = {table.entity: table.rows_kept for table in found.tables}
    there = sum(rows[activity.entity] for activity, _ in plan.activities)
    told = sum(sum(reasons.values()) for reasons in added.values())
    return there - told - found.output(UNIFIED_ACTIVITY).content.rows


def _added(plan: Plan, name: str, more: Sequence[int]) -> dict[str, int]:
    """Return by reason how many there were in the run before, and those that are more."""
    before = plan.last["entities"][name]["of_nobody"]
    return {why: before[why] + number for why, number in zip(REASONS, more, strict=True)}


def related_counts(plan: Plan, found: Found) -> dict[str, dict[str, int]]:
    """Return what values there are by which activities find customers, other than keys.

    By what they are of: how many there are, and how many lead to nobody, since several customers
    have them or none has.
    """
    if found.identified.related is None:
        return {}
    with kernel(plan.settings) as connection:
        rows = connection.execute(
            f"""SELECT Way, count(*), count(*) FILTER (Several),
                count(*) FILTER (CustomerId IS NULL AND NOT Several)
            FROM {parquet_rows([found.identified.related])} GROUP BY Way ORDER BY Way"""
        ).fetchall()
    return {
        way: {"values": values, "several_customers": several, "no_customer": nobody}
        for way, values, several, nobody in rows
    }


def nobody_query(
    plan: Plan,
    relationship: Relationship,
    tables: Mapping[str, EntityTable],
    name: str,
    found: Found,
) -> str:
    """Return the SQL that counts, by reason, the rows of an activity entity without a customer."""
    rows, reached_by = tables[name].rows, found.identified.reached
    entity = plan.entities[name]
    if not is_by_key(plan.configuration, relationship) and reached_by is not None:
        reached = (
            f"SELECT Value AS PrimaryKey, CustomerId, Several "
            f"FROM {parquet_rows([reached_by])} "
            f"WHERE Relationship = {literal(relationship.name)}"
        )
        keys = f"FROM ({reached}) WHERE CustomerId IS NOT NULL"
        return of_nobody(relationship, entity, rows, reached, keys)
    to = plan.entities[relationship.to]
    key = type_of(to.attribute(to.primary_key).type).text_sql(quoted(to.primary_key))
    related = f"SELECT {key} AS PrimaryKey, false AS Several FROM ({tables[relationship.to].rows})"
    keys = (
        f"FROM ({found.output(ALTERNATE_KEY).all_rows}) WHERE EntityName = "
        f"{literal(relationship.to)}"
    )
    return of_nobody(relationship, entity, rows, related, keys)


REASONS = ("no_foreign_key", "unknown_record", "no_customer", "several_customers")
"""Why an activity belongs to nobody.

It names no record, one that is not there, one that no customer has, or what several customers have.
"""
