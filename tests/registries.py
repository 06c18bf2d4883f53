"""Registries in a DuckDB of their own.

The refresh's identities over given clusters, compared with the oracle's.

Sequences whose keys begin differently have nothing to do with each other, so one registry can hold
thousands of them and one refresh take a step of each.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.configuration.matching import UnifiedEntity
from overtide.schemas.configuration.unification import Unification
from overtide.transforms import identities
from overtide.transforms.fingerprint import EMPTY
from overtide.transforms.inheritance import NOTHING, UNTOLD
from overtide.transforms.keys import EntityTable
from overtide.transforms.records import ENTITY_SHIFT, Unified
from tests.oracle_identities import Cluster, Identities, Ref, previous, vanished
from tests.sequences import NAMES

Rows = set[tuple[object, ...]]
LEARNING = {"Registry": "registry", "Identity": "identity", "Departure": "departure"}
"""The tables that a refresh adds to, and where it says what."""


class Registries:
    """The registry's tables as the lake has them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.connection = folder, duckdb.connect()
        for name, nothing in NOTHING.items():
            self.connection.execute(f"CREATE TABLE {name}_before AS {nothing}")

    def remember(self, table: str, *rows: tuple[object, ...]) -> None:
        """Put rows into a table, as refreshes before would have written them."""
        places = ", ".join("?" * len(rows[0]))
        self.connection.executemany(f"INSERT INTO {table}_before VALUES ({places})", rows)

    def refresh(
        self,
        clusters: Collection[Cluster],
        run: int,
        untold: bool = False,
        mails: Mapping[Ref, str | None] | None = None,
    ) -> dict[str, Rows]:
        """Give identities to clusters, customers or not.

        Return the rows of all that was found, by table.

        `untold`: what was written so far does not say what records left. `mails`: of which
        CustomerIds are made.
        """
        folder = self.folder / str(run)
        folder.mkdir()
        tables = {name: f"SELECT * FROM {name}_before" for name in NOTHING} | (
            {"Departure": UNTOLD} if untold else {}
        )
        entities, forest = written(folder, clusters, mails or {})
        unification = of_mails(entities) if mails is not None else None
        with self.connection.cursor() as connection:
            found = identities.identify(
                connection, entities, forest, tables, "i", run, 1000, folder, unification
            )
        self.found = found
        for table, name in LEARNING.items():
            self.connection.execute(
                f"INSERT INTO {table}_before BY NAME FROM '{getattr(found, name)}'"
            )
        self.connection.execute(
            f"CREATE OR REPLACE TABLE IdentityAlias_before AS FROM '{found.alias}'"
        )
        return {
            table: self._rows(query)
            for table, query in {
                "AlternateKey": (
                    f"SELECT EntityName, PrimaryKey, CustomerId FROM '{found.alternate_keys}'"
                ),
                "Customer": f"SELECT CustomerId, PreviousCustomerId FROM '{found.customers}'",
                "VanishedKey": f"SELECT EntityName, PrimaryKey, CustomerId FROM '{found.vanished}'",
                "IdentityAlias": f"SELECT PreviousCustomerId, CustomerId FROM '{found.alias}'",
                "Registry": (
                    f"SELECT EntityName, PrimaryKey, CustomerId, Run FROM '{found.registry}'"
                ),
                "Departure": (
                    f"SELECT EntityName, PrimaryKey, CustomerId, Run FROM '{found.departure}'"
                ),
                "Identity": (
                    f"SELECT CustomerId, Run, EntityName, PrimaryKey FROM '{found.identity}'"
                ),
            }.items()
        }

    def _rows(self, query: str) -> Rows:
        rows = self.connection.execute(query).fetchall()
        found = set(rows)
        assert len(found) == len(rows), "a row appears twice"
        return found


def of_mails(entities: Collection[Unified]) -> Unification:
    """Return a unification in which CustomerIds are made of the column Mail."""
    sources = [f"{one.table.entity}.Mail" for one in reversed(entities)]
    return Unification.model_validate(
        {
            "entities": [{"entity": one.table.entity} for one in entities],
            "merge": {"fields": [{"name": "Mail", "from": sources}]},
            "customer_id": {"fields": ["Mail"]},
        }
    )


def written(
    folder: Path, clusters: Collection[Cluster], mails: Mapping[Ref, str | None]
) -> tuple[list[Unified], str]:
    """Write the records and the forest of clusters; return the entities and the forest's file."""
    records = sorted(record for cluster in clusters for record in cluster)
    number, entities = {}, []
    for place, name in enumerate(NAMES):
        keys = [key for entity, key in records if entity == name]
        number |= {(name, key): (place << ENTITY_SHIFT) + row for row, key in enumerate(keys)}
        columns = {"Id": keys, "Mail": [mails.get((name, key)) for key in keys]}
        rows = {column: pa.array(texts, pa.string()) for column, texts in columns.items()}
        pq.write_table(pa.table(rows), folder / f"{name}.parquet")
        table = EntityTable(
            name,
            (str(folder / f"{name}.parquet"),),
            (len(keys),),
            "",
            0,
            0,
            0,
            0,
            0,
            0,
            (),
            EMPTY,
            EMPTY,
            EMPTY,
        )
        entity = Entity(
            path="a.csv", primary_key="Id", attributes={"Id": "string", "Mail": "string"}
        )
        entities.append(
            Unified(place, table, entity, UnifiedEntity(entity=name, include_all=name != NAMES[2]))
        )
    edges = [
        (number[record], root)
        for cluster in clusters
        for root in [min(number[record] for record in cluster)]
        for record in cluster
        if number[record] != root
    ]
    forest = pa.table(
        {
            "record": pa.array([one for one, _ in edges], pa.int64()),
            "root": pa.array([root for _, root in edges], pa.int64()),
        }
    )
    pq.write_table(forest, folder / "forest.parquet")
    return entities, str(folder / "forest.parquet")


def expected(found: Iterable[Identities], run: int) -> dict[str, Rows]:
    """Return the rows that the oracle's decisions of one refresh make.

    Those of many sequences come together.
    """
    names = ("AlternateKey", "Customer", "VanishedKey", "IdentityAlias", *LEARNING)
    rows: dict[str, Rows] = {name: set() for name in names}
    for one in found:
        rows["AlternateKey"] |= {
            (*record, head) for head, cluster in one.profiles.items() for record in cluster
        }
        rows["Customer"] |= {(head, previous(one.registry.alias, head)) for head in one.profiles}
        rows["IdentityAlias"] |= set(one.registry.alias.items())
        there = {record for cluster in one.profiles.values() for record in cluster}
        rows["VanishedKey"] |= {
            (*record, head) for record, head in vanished(one.registry, one.profiles, there).items()
        }
        rows["Registry"] |= {(*record, head, run) for record, head in one.learnt.items()}
        rows["Departure"] |= {(*record, gone, run) for record, gone in one.left}
        rows["Identity"] |= {(new, run, *record) for new, record in one.created.items()}
    return rows


def expect_same(found: dict[str, Rows], rows: dict[str, Rows]) -> None:
    """What the refresh found is what the oracle says."""
    for name, these in rows.items():
        assert found[name] == these, (
            f"{name}: {sorted(found[name] - these, key=str)[:3]} instead of "
            f"{sorted(these - found[name], key=str)[:3]}"
        )
