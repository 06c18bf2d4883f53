"""Find the records of which a refresh may change anything: what hangs together with what changed.

They are those of a set that is closed: what the registry, the aliases and the pairs of duplicates
join is wholly within it or without, as it is published; and so is what the rules may join now. For
a pair that was not one, or is one no more, has an end that changed, or an end that was matched with
one that changed; and both ends share a block. So from the records that changed and all that hangs
together with them one goes to all that share a block with these, and from there to all that hangs
together (docs/decisions/who-is-concerned.md).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overtide.schemas import tables
from overtide.schemas.match_tables import DECIDED_PAIRS, DEDUPLICATION_PAIRS, MATCH_BLOCK
from overtide.schemas.names import columns, literal, parquet_rows
from overtide.transforms.affected import Affected, id_node, record_node
from overtide.transforms.kernel import count, write_parquet
from overtide.transforms.keys import EntityTable
from overtide.transforms.matching import in_force
from overtide.transforms.matching.contract import Matcher
from overtide.transforms.matching.decisions import Decision
from overtide.transforms.records import ENTITY_SHIFT, RECORD, Unified
from overtide.transforms.tables.changed_rows import RowsApart, find_apart, rows_of
from overtide.transforms.tables.contract import PublishedEntity
from overtide.transforms.turned_values import find_turned

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST, FEW = 5, 1_000
"""One record in so many may be concerned, or a few; else all are matched."""
EDGES = f"""
    SELECT {record_node()} AS one, {id_node()} AS other FROM lake.{tables.REGISTRY.name}
    UNION ALL
    SELECT {id_node("PreviousCustomerId")}, {id_node()} FROM lake.{tables.IDENTITY_ALIAS.name}
    UNION ALL
    SELECT {record_node()}, {record_node(key="MatchedPrimaryKey")}
    FROM lake.{DEDUPLICATION_PAIRS.name}"""
"""What hangs together as it is published. A customer's records had its id in the registry.

Where customers are cut apart, what is decided and left out belongs to it (`in_force`): each link
that is left out joins what pairs would join.
"""
OF_RECORDS = (
    tables.REGISTRY,
    tables.DEPARTURE,
    tables.ALTERNATE_KEY,
    tables.VANISHED_KEY,
    DECIDED_PAIRS,
)
OF_IDS = {tables.IDENTITY: "CustomerId", tables.IDENTITY_ALIAS: "PreviousCustomerId"}


@dataclass(frozen=True)
class Narrowing:
    """What is published that a refresh may compare with, to match some records and not all."""

    entities: Mapping[str, PublishedEntity]
    """The unified entities."""
    customers: int
    records: int


def find_affected(
    connection: "DuckDBPyConnection",
    folder: Path,
    found: Sequence[EntityTable],
    unified: Sequence[Unified],
    narrowing: Narrowing,
    matcher: Matcher[Any, Any],
    decisions: Sequence[Decision] | None = None,
) -> list[EntityTable]:
    """Return the tables, of the unified entities with the records that alone are concerned.

    `decisions` are those of now, None where nothing cuts customers apart.
    """
    most = max(FEW, narrowing.records // MOST)
    apart = _find_changed(connection, unified, narrowing)
    if count(connection, "SELECT count(*) FROM changed") > most:
        return list(found)
    connection.execute(f"CREATE TEMP TABLE edge AS {EDGES}")
    connection.execute("CREATE TEMP TABLE node AS SELECT DISTINCT node FROM changed")
    if decisions is not None:
        connection.execute(f"INSERT INTO edge {in_force.EDGES}")
        in_force.find_decided_anew(connection, folder, unified, decisions)
    counted = _counted(connection, folder, apart, matcher)
    _grow(connection)
    if _share_blocks(connection, folder, apart, matcher, counted) > matcher.largest:
        return list(found)
    _grow(connection)
    if count(connection, "SELECT count(*) FROM node") > most:
        return list(found)
    return _narrowed(connection, folder, found, apart, narrowing, counted)


@dataclass(frozen=True)
class _Apart:
    """An entity, and the rows among which those are that changed."""

    one: Unified
    rows: RowsApart

    @property
    def new(self) -> str:
        """The SQL of those that came, with numbers of some kind."""
        number = f"{self.one.place << ENTITY_SHIFT}::BIGINT + row_number() OVER ()"
        rows = self.rows.new or rows_of(self.one.entity, ())
        return f"SELECT {number} AS {RECORD}, * FROM ({rows})"

    @property
    def old(self) -> str:
        """The SQL of those that went, as they are published."""
        return self.rows.old or rows_of(self.one.entity, ())


def _find_changed(
    connection: "DuckDBPyConnection", unified: Iterable[Unified], narrowing: Narrowing
) -> list[_Apart]:
    """Create `changed` (node): the records that came, went, or have other values.

    Return the rows among which they are.
    """
    connection.execute("CREATE TEMP TABLE changed (node BIGINT)")
    found = []
    for one in unified:
        there = narrowing.entities[one.table.entity]
        rows = find_apart(connection, one.entity, one.table, there)
        connection.execute(f"INSERT INTO changed SELECT {_node(one)} FROM apart")
        found.append(_Apart(one, rows))
    return found


def _node(one: Unified) -> str:
    return record_node(literal(one.table.entity), one.key)


def _grow(connection: "DuckDBPyConnection") -> None:
    """Add to `node` all that hangs together with what is in it."""
    connection.execute("CREATE OR REPLACE TEMP TABLE reached AS FROM node")
    while True:
        connection.execute("""
            CREATE OR REPLACE TEMP TABLE reached AS
            SELECT DISTINCT node FROM (
              SELECT other AS node FROM edge WHERE one IN (FROM reached)
              UNION ALL SELECT one FROM edge WHERE other IN (FROM reached)) ANTI JOIN node
              USING (node)""")
        if not count(connection, "SELECT count(*) FROM reached"):
            return
        connection.execute("INSERT INTO node FROM reached")


Counted = tuple[str | None, str | None]
"""The files of how many records have a value, now and as it is published."""


def _counted(
    connection: "DuckDBPyConnection",
    folder: Path,
    several: Iterable[_Apart],
    matcher: Matcher[Any, Any],
) -> Counted:
    """Count values if the matcher does; create `turned`, records whose values are now others."""
    if not matcher.numbers:
        connection.execute("CREATE TEMP TABLE turned (node BIGINT)")
        return None, None
    came: list[str] = []
    for apart in several:
        own = _new(folder, f"values-{apart.one.place}")
        came += matcher.counted(connection, own, _changed(connection, own, apart, None))
    return find_turned(connection, folder, came, matcher.numbers)


def _changed(
    connection: "DuckDBPyConnection",
    folder: Path,
    apart: _Apart,
    counted: str | None,
    more: str | None = None,
) -> Unified:
    """Return an entity with those of its rows alone that changed, and `more` of them."""
    rows, one = folder / "changed.parquet", apart.one
    query = f"FROM ({apart.new}) WHERE {_node(one)} IN (FROM changed)"
    write_parquet(connection, f"{query} UNION ALL BY NAME {more}" if more else query, rows)
    affected = Affected(str(rows), str(rows), "", {}, 0, 0, counted)
    return replace(one, table=replace(one.table, affected=affected))


def _new(folder: Path, name: str) -> Path:
    own = folder / name
    own.mkdir()
    return own


def _share_blocks(
    connection: "DuckDBPyConnection",
    folder: Path,
    several: Iterable[_Apart],
    matcher: Matcher[Any, Any],
    counted: Counted,
) -> int:
    """Add to `node` the records that share a block with one in it; return the largest block.

    Blocks of what changed are those of its rows as they are now, and as they were; and so are those
    of records with a value that is another one now.
    """
    hashes: list[str] = []
    some = count(connection, "SELECT count(*) FROM turned")
    for apart in several:
        own, one = _new(folder, f"blocks-{apart.one.place}"), apart.one
        turned = f"FROM ({one.all_records}) WHERE {_node(one)} IN (FROM turned)" if some else None
        changed = _changed(connection, own, apart, counted[0], turned)
        hashes += matcher.hashed(connection, own, changed)
    now = f"FROM {parquet_rows(hashes)}" if hashes else "SELECT 0 AS Record, 0 AS Block LIMIT 0"
    known = f"lake.{MATCH_BLOCK.name}"
    connection.execute(f"""
        CREATE TEMP TABLE block AS
        SELECT DISTINCT Block FROM (
          SELECT Block FROM {known} WHERE Record IN (FROM node)
          UNION ALL SELECT Block FROM ({now}));
        CREATE TEMP TABLE sharing AS
        SELECT Record, Block FROM {known} SEMI JOIN block USING (Block) UNION ({now});
        INSERT INTO node SELECT DISTINCT Record FROM sharing WHERE Record NOT IN (FROM node)""")
    return count(
        connection,
        "SELECT max(records) FROM (SELECT count(*) AS records FROM sharing GROUP BY Block)",
    )


def _narrowed(
    connection: "DuckDBPyConnection",
    folder: Path,
    found: Iterable[EntityTable],
    several: Iterable[_Apart],
    narrowing: Narrowing,
    counted: Counted,
) -> list[EntityTable]:
    """Write what there is of the nodes and what is published of them."""
    nodes = folder / "nodes.parquet"
    write_parquet(connection, "FROM node", nodes)
    before = dict(_written_before(connection, folder))
    keys = parquet_rows([before[tables.ALTERNATE_KEY.name]])
    customers = count(connection, f"SELECT count(DISTINCT CustomerId) FROM {keys}")
    records = count(connection, f"SELECT count(*) FROM {keys}")
    others = narrowing.customers - customers, narrowing.records - records
    affected = {
        apart.one.table.entity: Affected(
            *_written_rows(connection, folder, apart), str(nodes), before, *others, *counted
        )
        for apart in several
    }
    return [replace(table, affected=affected.get(table.entity)) for table in found]


def _written_before(connection: "DuckDBPyConnection", folder: Path) -> Iterable[tuple[str, str]]:
    """Write what is published of the nodes; give each table's file."""
    nodes = dict.fromkeys(OF_RECORDS, record_node())
    nodes |= {table: id_node(column) for table, column in OF_IDS.items()}
    for table, node in nodes.items():
        path = folder / f"{table.name}.parquet"
        rows = f"SELECT * FROM lake.{table.name} WHERE {node} IN (FROM node)"
        write_parquet(connection, rows, path)
        yield table.name, str(path)


def _written_rows(connection: "DuckDBPyConnection", folder: Path, apart: _Apart) -> tuple[str, str]:
    """Write the rows of an entity that are of the nodes, as they are and as they are published.

    What is published of those that did not change is what they are.
    """
    one, node = apart.one, _node(apart.one)
    now, before = (folder / f"{name}-{one.place}.parquet" for name in ("now", "before"))
    write_parquet(connection, f"FROM ({one.all_records}) WHERE {node} IN (FROM node)", now)
    names = columns(one.entity.attributes)
    published = f"""
        SELECT {names} FROM {parquet_rows([now])} WHERE {node} NOT IN (FROM changed)
        UNION ALL SELECT {names} FROM ({apart.old})
        WHERE {node} IN (FROM changed)"""
    number = f"{one.place << ENTITY_SHIFT}::BIGINT + row_number() OVER ()"
    write_parquet(connection, f"SELECT {number} AS {RECORD}, * FROM ({published})", before)
    return str(now), str(before)
