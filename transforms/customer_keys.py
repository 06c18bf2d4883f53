"""CustomerIds that are made of what customers are known by: of the winners' values of some columns.

A customer that inherits no id, has a value in all the columns and shares them with nobody gets an
id made of them, or takes back the one that was, where nobody has it any more and it leads nowhere.
All others get ids of their records, as without (semantics 4.3).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration.comparisons import Comparison
from overtide.schemas.configuration.merge import origins_of
from overtide.schemas.configuration.unification import Unification
from overtide.schemas.names import literal, parquet_rows
from overtide.transforms.kernel import count
from overtide.transforms.matching.blocks import write_compared
from overtide.transforms.matching.compared import Compared
from overtide.transforms.merge import alternate_key
from overtide.transforms.records import RECORD, Unified

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BETWEEN = "chr(31)"
"""The SQL of what stands between the parts of what is hashed; no text that is compared holds it."""


@dataclass(frozen=True)
class IdsOfFields:
    """How many customers there are by whether their columns can make an id."""

    customers: int
    """Those that have them all, and alone."""
    empty: int
    """Those that lack a value of a column."""
    shared: int
    """Those that have the same values as another."""
    taken: int
    """Those without an id of their own whose values made that of another customer, now or once."""


def make_ids_of_fields(
    connection: "DuckDBPyConnection",
    folder: Path,
    represented: str,
    unification: Unification | None,
    entities: Sequence[Unified],
    instance: str,
) -> IdsOfFields | None:
    """Create `of_fields` (cluster, ref, id): the clusters without an id that get one of columns.

    `represented` is the SQL of the records that represent each cluster. None where no columns are
    configured; the table is empty then.
    """
    connection.execute("CREATE TEMP TABLE of_fields (cluster BIGINT, ref VARCHAR, id VARCHAR)")
    if unification is None or unification.customer_id is None:
        return None
    ids = _ids(connection, folder, represented, unification, entities, instance)
    connection.execute(f"""
        CREATE TEMP TABLE possible AS {ids};
        CREATE TEMP TABLE alone AS SELECT id, any_value(cluster) AS cluster FROM possible
            WHERE id IS NOT NULL GROUP BY id HAVING count(*) = 1;
        CREATE TEMP TABLE wanted AS FROM alone ANTI JOIN kept USING (cluster);
        INSERT INTO of_fields
            SELECT cluster, min(ref), any_value(id) FROM
                (FROM wanted WHERE id NOT IN (SELECT id FROM heir)
                    AND id NOT IN (SELECT PreviousCustomerId FROM alias))
            JOIN member USING (cluster) GROUP BY cluster""")
    queries = {
        "customers": "FROM alone",
        "empty": "FROM possible WHERE id IS NULL",
        "shared": "FROM possible ANTI JOIN alone USING (cluster) WHERE id IS NOT NULL",
        "taken": "FROM wanted ANTI JOIN of_fields USING (cluster)",
    }
    found = {
        name: count(connection, f"SELECT count(*) FROM ({rows})") for name, rows in queries.items()
    }
    return IdsOfFields(**found)


def _ids(
    connection: "DuckDBPyConnection",
    folder: Path,
    represented: str,
    unification: Unification,
    entities: Sequence[Unified],
    instance: str,
) -> str:
    """Return the SQL of the id (cluster, id) that each cluster's columns make, null without one."""
    columns = dict(_columns(unification, entities))
    values = _Values(connection, folder, unification, columns)
    parts = [f"coalesce({', '.join(values.of(*one) for one in some)})" for some in columns.values()]
    named = (
        f"{literal(name)} || {BETWEEN} || {part}" for name, part in zip(columns, parts, strict=True)
    )
    begin = f"{literal(instance)} || {BETWEEN} || {BETWEEN} || "
    return (
        f"SELECT cluster, md5({begin}{f' || {BETWEEN} || '.join(named)}) AS id "
        f"FROM ({represented}) AS customers {values.joins}"
    )


def _columns(
    unification: Unification, entities: Sequence[Unified]
) -> Iterator[tuple[str, list[tuple[Unified, str]]]]:
    """Give the columns that make ids, each with the attributes that may fill it, in match order."""
    by_name = {one.table.entity: one for one in entities}
    origins = origins_of(unification.merge) | {
        alternate_key(one): [(one.table.entity, one.entity.primary_key)] for one in entities
    }
    for name in unification.customer_id.fields if unification.customer_id else ():
        some = [(by_name[entity], attribute) for entity, attribute in origins[name]]
        yield name, sorted(some, key=lambda one: one[0].place)


class _Values:
    """The values of the attributes that ids are made of, as they are compared, in files."""

    def __init__(
        self,
        connection: "DuckDBPyConnection",
        folder: Path,
        unification: Unification,
        columns: Mapping[str, Sequence[tuple[Unified, str]]],
    ) -> None:
        asked = [one for some in columns.values() for one in some]
        self._places: dict[tuple[int, str], tuple[str, int]] = {}
        self._joins: dict[str, str] = {}
        for entity in {one.place: one for one, _ in asked}.values():
            attributes = list(dict.fromkeys(name for one, name in asked if one == entity))
            path = folder / f"values-{entity.place}.parquet"
            sides = [_side(unification, entity, name) for name in attributes]
            write_compared(connection, sides, entity.records, RECORD, path, 1)
            self._join(entity, attributes, path)

    def _join(self, entity: Unified, attributes: Sequence[str], path: Path) -> None:
        for number, name in enumerate(attributes):
            record = entity.represented_by(name)
            alias = f"of_{record}"
            joined = f"{alias}.record = customers.{record}"
            self._joins[alias] = f"LEFT JOIN {parquet_rows([path])} AS {alias} ON {joined}"
            self._places[entity.place, name] = alias, number

    @property
    def joins(self) -> str:
        """The SQL that joins the files to the customers."""
        return " ".join(self._joins.values())

    def of(self, entity: Unified, attribute: str) -> str:
        """Return the SQL of an attribute's value behind its entity's name; null without one."""
        alias, number = self._places[entity.place, attribute]
        return f"{literal(entity.table.entity)} || {BETWEEN} || {alias}.v{number}"


def _side(unification: Unification, entity: Unified, name: str) -> Compared:
    """Return how an attribute's value is read: as it looks, and none where it stands for none."""
    own = unification.ignore.joined(entity.options.ignore)
    is_key = name == entity.entity.primary_key
    comparison = Comparison(fields=name, ignore=not is_key)
    return Compared(comparison, entity.table.entity, entity.entity, own)
