"""The stages that the steps of a refresh are told as: their names, and the rows that are done."""

from collections.abc import Collection
from typing import Any

import pyarrow.parquet as pq

from overtide.schemas.configuration import Configuration
from overtide.transforms.identities import Identified
from overtide.transforms.ingest import IngestedFiles
from overtide.transforms.keys import EntityTable
from overtide.transforms.records import Unified
from overtide.transforms.step import Stage
from overtide.transforms.tables.contract import Basis, BuiltTable, PartOrder, TablePart
from overtide.transforms.tables.registered import BASE_TABLES


def rows_read(found: Collection[IngestedFiles]) -> int:
    """Return how many rows and lines were read, those among them that were known."""
    kept = ((one.kept.rows - one.kept.gone_rows) if one.kept else 0 for one in found)
    return sum(one.rows + one.lines for one in found) + sum(kept)


def rows_of_affected(tables: Collection[EntityTable]) -> int:
    """Return how many records of the unified entities are to be matched."""
    return sum(
        pq.read_metadata(one.affected.rows).num_rows if one.affected else one.rows_kept
        for one in tables
    )


def rows_of_entity(configuration: Configuration, table: EntityTable) -> dict[str, int]:
    """Return how many rows of an entity there are for the stages to come."""
    unified = any(one.entity == table.entity for one in configuration.unification.entities)
    compared = dict.fromkeys(("blocks", "identities"), table.rows_kept) if unified else {}
    rows = {name: one.rows_of_entity(table, configuration) for name, one in BASE_TABLES.items()}
    return compared | _to_build(rows)


def rows_of_customers(identified: Identified) -> dict[str, int]:
    """Return how many rows of all customers there are for the stages to come."""
    return _to_build({name: one.rows_of_customers(identified) for name, one in BASE_TABLES.items()})


def _to_build(rows: dict[str, int]) -> dict[str, int]:
    return {f"build {name}": number for name, number in rows.items() if number}


def stage_of_blocks(entity: Unified) -> Stage[Any]:
    """Return that of the blocks of an entity."""
    return Stage("blocks", lambda _: entity.table.rows_kept)


def stage_of_part(order: PartOrder, _basis: Basis) -> Stage[TablePart]:
    """Return that of a part of a base table."""
    return Stage(f"build {order.table}", lambda part: part.content.rows)


def stage_of_whole(built: BuiltTable) -> Stage[Any]:
    """Return that of a table that is written anew."""
    return Stage(f"rewrite {built.table.name}", lambda _: built.content.rows)


def stage_of_history(built: BuiltTable) -> Stage[Any]:
    """Return that of the history of a table."""
    return Stage(f"history {built.table.name}", lambda _: built.content.rows)
