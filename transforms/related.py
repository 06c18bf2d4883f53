"""Follow relationships from activities to customers: by any attribute, and over other entities.

A *way* is how a value is looked up: `Shop_Contacts.EMail (lower)`, `Customer.EMail`,
`Desk_Tickets.TicketId`. Foreign keys of the primary key of a unified entity need none: the
identities lead there. A value that leads to several customers leads to none of them, and is
counted.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.comparisons import Comparison
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.configuration.ignore import Ignore
from overtide.schemas.configuration.merge import origins_of
from overtide.schemas.configuration.relationships import CUSTOMER, Relationship, lead_on
from overtide.schemas.names import literal, parquet_rows, quoted
from overtide.schemas.normalizations import words_are_sorted
from overtide.schemas.tables import ALTERNATE_KEY
from overtide.schemas.types import type_of
from overtide.transforms.affected import Affected, of_everyone
from overtide.transforms.identities import Identified
from overtide.transforms.kernel import write_parquet
from overtide.transforms.keys import EntityTable
from overtide.transforms.matching.compared import Compared
from overtide.transforms.normalize import How, normal_texts

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BATCH = 100_000
"""Rows that are normalised at once."""
LOOKED_UP = pa.schema([("value", pa.string()), ("key", pa.string())])
NOTHING_IGNORED = Ignore(defaults=False)


def is_by_key(configuration: Configuration, one: Relationship) -> bool:
    """Say whether a relationship's foreign keys are primary keys of a unified entity."""
    unified = {unified.entity for unified in configuration.unification.entities}
    return one.field is None and one.to in unified


def way_of(configuration: Configuration, one: Relationship) -> str:
    """Return how a foreign key is looked up, the same for all relationships that do it alike.

    It is what events name as the entity of their record: that of a unified entity's primary key is
    the entity itself, and no other is called like an entity.
    """
    if is_by_key(configuration, one):
        return one.to
    by = one.field or configuration.entities()[one.to].primary_key
    steps = f" ({', '.join(sorted(set(one.normalize)))})" if one.normalize else ""
    then = f" then {one.then}" if one.then else ""
    return f"{one.to}.{by}{steps}{then}"


def how_of(one: Relationship, entity: Entity) -> How | None:
    """Return how a foreign key's text is normalised; None where it is looked up as it is."""
    if one.field is None:
        return None
    country = entity.attribute(one.foreign_key).country
    return How(tuple(one.normalize), words_are_sorted(one.normalize), country)


def followed(
    connection: "DuckDBPyConnection",
    folder: Path,
    identified: Identified,
    tables: Sequence[EntityTable],
    configuration: Configuration,
) -> Identified:
    """Follow the relationships of all activities, and write where their values lead.

    The file `related` has every value of every way (Way, Value, CustomerId, Several), CustomerId
    null where it leads nowhere; `reached` has the foreign keys of each relationship (Relationship,
    Value, CustomerId, Several) that were found.
    """
    by_name = {one.name: one for one in configuration.relationships}
    used = list(dict.fromkeys(one.relationship for one in configuration.activities))
    wanted = [by_name[name] for name in used if not is_by_key(configuration, by_name[name])]
    if not wanted:
        return identified
    by_entity = {one.entity: one for one in tables}
    ways = Ways(connection, folder, configuration, by_entity, identified)
    reached = [
        f"SELECT {literal(one.name)} AS Relationship, value AS Value, customer AS CustomerId, "
        f"several AS Several FROM ({ways.reached(one)})"
        for one in wanted
    ]
    asked = {way_of(configuration, one): ways.led(one) for one in wanted}
    related = [
        f"SELECT {literal(way)} AS Way, value AS Value, customer AS CustomerId, several AS Several "
        f"FROM {table}"
        for way, table in sorted(asked.items())
    ]
    files = {"related": related, "reached": reached}
    paths = {name: folder / f"{name}.parquet" for name in files}
    for name, queries in files.items():
        write_parquet(connection, " UNION ALL ".join(queries), paths[name])
    return replace(identified, related=str(paths["related"]), reached=str(paths["reached"]))


@dataclass
class Ways:
    """The ways of a refresh, each followed once: tables of a kernel (value, customer, several)."""

    connection: "DuckDBPyConnection"
    folder: Path
    configuration: Configuration
    tables: Mapping[str, EntityTable]
    identified: Identified
    made: dict[str, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def reached(self, one: Relationship) -> str:
        """Return the SQL of the foreign keys that are found: value (as text), customer, several.

        One row for each value.
        """
        entity = self.configuration.entities()[one.entity]
        texts = self._texts(one.entity, one.foreign_key)
        distinct = f"SELECT DISTINCT text FROM ({texts}) WHERE text IS NOT NULL"
        how, led = how_of(one, entity), self.led(one)
        pairs = f"(SELECT text AS key, text AS value FROM ({distinct}))"
        if how is not None:
            pairs = self._normalised(distinct, how)
        return (
            f"SELECT pairs.key AS value, led.customer, led.several FROM {pairs} AS pairs "
            f"JOIN {led} AS led ON led.value = pairs.value"
        )

    def led(self, one: Relationship) -> str:
        """Return the table of where each value leads that a relationship may look up."""
        way = way_of(self.configuration, one)
        if way not in self.made:
            rows = " UNION ALL ".join(self._origins(one))
            name = quoted(f"way {len(self.made)}")
            self.connection.execute(
                f"""CREATE TEMP TABLE {name} AS
                SELECT value, CASE WHEN several THEN NULL ELSE customer END AS customer, several
                FROM (SELECT value, min(customer) AS customer,
                        bool_or(several) OR count(DISTINCT customer) > 1 AS several
                      FROM ({rows}) WHERE value IS NOT NULL GROUP BY value)"""
            )
            self.made[way] = name
        return self.made[way]

    def _origins(self, one: Relationship) -> list[str]:
        """Return the SQL of value, customer and several of all records that a way looks up."""
        if one.to == CUSTOMER:
            origins = origins_of(self.configuration.unification.merge)[str(one.field)]
            return [self._of_records(one, *origin) for origin in origins]
        if is_by_key(self.configuration, one):
            return [f"SELECT value, customer, false AS several FROM ({self._keys(one.to)})"]
        if any(one.to == other.entity for other in self.configuration.unification.entities):
            return [self._of_records(one, one.to, str(one.field))]
        return [self._over(one)]

    def _of_records(self, one: Relationship, name: str, attribute: str) -> str:
        """Return the SQL of the values of a unified entity's attribute, with their customers."""
        entity = self.configuration.entities()[name]
        values = self._compared(one, name, attribute, entity.primary_key)
        return (
            f"SELECT own.value, keys.customer, false AS several FROM {values} AS own "
            f"LEFT JOIN ({self._keys(name)}) AS keys ON keys.value = own.key"
        )

    def _over(self, one: Relationship) -> str:
        """Return the SQL of the values of an entity from which another relationship leads on."""
        (onwards,) = lead_on(self.configuration.relationships, one)
        reached = (
            self.reached(onwards)
            if not is_by_key(self.configuration, onwards)
            else (f"SELECT value, customer, false AS several FROM ({self._keys(onwards.to)})")
        )
        primary = self.configuration.entities()[one.to].primary_key
        if one.field is None:
            rows = self._texts(one.to, primary, onwards.foreign_key)
            own = f"(SELECT text AS value, text_1 AS key FROM ({rows}))"
        else:
            own = self._compared(one, one.to, one.field, onwards.foreign_key)
        return (
            "SELECT own.value, reached.customer, coalesce(reached.several, false) AS several "
            f"FROM {own} AS own LEFT JOIN ({reached}) AS reached ON reached.value = own.key"
        )

    @property
    def affected(self) -> Affected | None:
        """The records that alone were identified, None where all were."""
        return next((one.affected for one in self.tables.values() if one.affected), None)

    def _keys(self, entity: str) -> str:
        """Return the SQL of the primary keys of a unified entity with their customers."""
        return (
            f"SELECT PrimaryKey AS value, CustomerId AS customer "
            f"FROM ({of_everyone(ALTERNATE_KEY, self.identified.alternate_keys, self.affected)}) "
            f"WHERE EntityName = {literal(entity)}"
        )

    def _texts(self, name: str, *attributes: str) -> str:
        """Return the SQL of the texts of an entity's attributes: text, text_1."""
        entity = self.configuration.entities()[name]
        chosen = ", ".join(
            f"{type_of(entity.attribute(one).type).text_sql(quoted(one))} AS text"
            f"{f'_{place}' if place else ''}"
            for place, one in enumerate(attributes)
        )
        return f"SELECT {chosen} FROM ({self.tables[name].rows})"

    def _compared(self, one: Relationship, name: str, attribute: str, key: str) -> str:
        """Return the SQL of an attribute's values as they are compared, with the `key` beside.

        Values that stand for none lead nowhere.
        """
        unification = self.configuration.unification
        own = next((other for other in unification.entities if other.entity == name), None)
        ignore = NOTHING_IGNORED if own is None else unification.ignore.joined(own.ignore)
        condition = Comparison(fields=attribute, normalize=one.normalize)
        side = Compared(condition, name, self.configuration.entities()[name], ignore)
        texts = self._texts(name, attribute, key)
        return self._written(
            texts, lambda batch: (side.values([batch.column(0)])[0], batch.column(1))
        )

    def _normalised(self, texts: str, how: How) -> str:
        """Return the SQL of what texts are looked up as (value), with these (key)."""
        return self._written(
            texts, lambda batch: (normal_texts(batch.column(0), how), batch.column(0))
        )

    def _written(
        self, texts: str, values: Callable[[pa.RecordBatch], tuple[pa.Array, pa.Array]]
    ) -> str:
        """Return the SQL of what is made of texts: value and key."""
        path = self.folder / f"{next(self.numbers)}.parquet"
        reader = self.connection.execute(texts).to_arrow_reader(BATCH)
        with pq.ParquetWriter(path, LOOKED_UP, compression="lz4") as writer:
            for batch in reader:
                writer.write_batch(pa.record_batch(list(values(batch)), LOOKED_UP))
        return f"(FROM {parquet_rows([path])})"
