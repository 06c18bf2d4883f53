"""The records of the unified entities: each is a number within a run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.configuration.matching import UnifiedEntity
from overtide.schemas.names import PLACE, parquet_rows, quoted
from overtide.schemas.types import type_of
from overtide.transforms.keys import EntityTable
from overtide.transforms.row_hashes import rows_that_count

ENTITY_SHIFT = 44
"""Bits by which an entity's place in unification is shifted in a record's number.

The record's place in the entity's files is added.
"""
RECORD = "__record"
"""The column of a record's number beside an entity's own columns, whatever they are called."""


@dataclass(frozen=True)
class Unified:
    """One entity of the unification, at its place in the match order.

    It holds everything that is known of the entity.
    """

    place: int
    table: EntityTable
    entity: Entity
    options: UnifiedEntity

    @property
    def key(self) -> str:
        """The SQL of the primary key's canonical text."""
        primary = self.entity.primary_key
        return type_of(self.entity.attribute(primary).type).text_sql(quoted(primary))

    def represented_by(self, attribute: str) -> str:
        """Return the column of the record of a customer from which it takes an attribute.

        That is the one that wins, or that of a preference of the attribute's own.
        """
        prefers = self.options.deduplicate.per_attribute
        own = (place for place, one in enumerate(prefers) if attribute in one.attributes)
        return self.representing(next(own, None))

    def representing(self, choice: int | None = None) -> str:
        """Return the column of the record that wins, or that the preference `choice` prefers."""
        return f"record_{self.place}" + ("" if choice is None else f"_{choice}")

    @property
    def representatives(self) -> list[str]:
        """The columns of all records that represent it in a customer."""
        choices = range(len(self.options.deduplicate.per_attribute))
        return [self.representing(), *map(self.representing, choices)]

    @property
    def records(self) -> str:
        """The SQL of its rows with their record numbers in `__record`: no column has that name.

        Where a refresh may change only some of them, of these alone.
        """
        affected = self.table.affected
        return self.all_records if affected is None else f"FROM {parquet_rows([affected.rows])}"

    @property
    def all_records(self) -> str:
        """The SQL of all of its rows with their record numbers, whatever is to be matched."""
        parts, offset, gone = [], self.place << ENTITY_SHIFT, self.table.gone
        for path, rows in zip(self.table.files, self.table.file_rows, strict=True):
            parts.append(
                f"SELECT {offset}::BIGINT + {PLACE} AS {RECORD}, * EXCLUDE ({PLACE}) "
                f"FROM ({rows_that_count(path, gone)})"
            )
            offset, gone = offset + rows, None
        return " UNION ALL ".join(parts)


def unified_of(
    options: Sequence[UnifiedEntity],
    entities: Mapping[str, Entity],
    tables: Iterable[EntityTable],
) -> list[Unified]:
    """Return those of the tables whose entities are unified, in match order."""
    by_name = {table.entity: table for table in tables}
    return [
        Unified(place, by_name[one.entity], entities[one.entity], one)
        for place, one in enumerate(options)
        if one.entity in by_name
    ]


def buckets(rows: int, most: int) -> int:
    """Return into how many buckets rows are split, so that a kernel takes about `most` at once."""
    return max(1, -(-rows // most))
