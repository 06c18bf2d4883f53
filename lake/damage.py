"""Files of the lake that are not as they were written, and what becomes of their tables.

What a refresh computes again from its sources is made anew, without a look at the rows that were
there. Nothing can compute again who had which id; of a history what can be read is kept.
"""

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.lake.catalog import METADATA, connect
from overtide.lake.definitions import columns_of
from overtide.lake.history import HISTORIES
from overtide.schemas import tables
from overtide.schemas.errors import UnavailableError
from overtide.schemas.names import parquet_rows, quoted
from overtide.schemas.paths import Paths, StorageLocation
from overtide.schemas.signatures import signature
from overtide.schemas.table import SCHEMA, Column, Table, create_statements
from overtide.schemas.wording import counted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NEEDED = f"""
    WITH file AS (
      SELECT table_id, path, path_is_relative, file_size_bytes, record_count, end_snapshot
        FROM {METADATA}.ducklake_data_file
      UNION ALL SELECT table_id, path, path_is_relative, file_size_bytes, NULL, end_snapshot
        FROM {METADATA}.ducklake_delete_file)
    SELECT t.table_name,
      CASE WHEN f.path_is_relative THEN s.path || t.path || f.path ELSE f.path END,
      f.file_size_bytes, f.record_count
    FROM file f JOIN {METADATA}.ducklake_table t USING (table_id)
      JOIN {METADATA}.ducklake_schema s USING (schema_id)
    WHERE f.end_snapshot IS NULL AND t.end_snapshot IS NULL ORDER BY ALL"""
"""The table, path, size and rows of every file that the present snapshot needs; of one that says
which rows went, no rows."""
FOR_EVER = tuple(
    one.name
    for one in (
        tables.REGISTRY,
        tables.DEPARTURE,
        tables.IDENTITY,
        tables.CLUSTER_REGISTRY,
        tables.RUNS,
    )
)
"""Tables without which no refresh knows who had which id."""
OF_STREAM = tuple(
    one.name
    for one in (
        tables.UPDATES,
        tables.WITHDRAWALS,
        tables.REALTIME_ACTIVITIES,
        tables.REALTIME_QUARANTINE,
        tables.STREAM_COMMITS,
    )
)

BY_NAME = ", union_by_name = true"


@dataclass(frozen=True)
class Damage:
    """The damaged files of the lake's present tables, by table, and the whole ones of these."""

    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    whole: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def anew(self) -> frozenset[str]:
        """The damaged tables that a refresh computes again."""
        return frozenset(self.files) - {*FOR_EVER, *OF_STREAM, *HISTORIES}

    def replaced(self, full: bool) -> dict[str, tuple[str, ...]]:
        """Return the tables that are written anew, with the files whose rows stay.

        Histories lose what is damaged only in `full`: a backup may still have it.
        """
        histories = [name for name in self.files if full and name in HISTORIES]
        return {**dict.fromkeys(self.anew, ()), **{name: self.whole[name] for name in histories}}

    def told(self, full: bool) -> dict[str, dict[str, object]]:
        """Return what the manifest says of it."""
        replaced = self.replaced(full)
        return {
            name: {
                "files": len(files),
                "done": "nothing"
                if name not in replaced
                else "left_out"
                if name in HISTORIES
                else "made_anew",
            }
            for name, files in sorted(self.files.items())
        }


NO_DAMAGE = Damage()


def damage_of(
    connection: "DuckDBPyConnection", storage: StorageLocation, read: bool = False
) -> Damage:
    """Return the damage of the present tables.

    Files that are missing or of another size, and with `read` those that cannot be read to their
    end, or have other rows than they had.
    """
    needed: dict[str, dict[str, tuple[int, int | None]]] = {}
    for name, path, *size in connection.execute(NEEDED).fetchall():
        needed.setdefault(name, {})[str(storage.file(path))] = (size[0], size[1])
    damaged, whole = {}, {}
    for name, files in needed.items():
        wrong = {
            path
            for path, (size, _) in files.items()
            if (signature(Path(path)) or [0, 0])[1] != size
        }
        if read:
            wrong |= _unreadable(connection, files, set(files) - wrong)
        if wrong:
            data = {path for path, (_, rows) in files.items() if rows is not None}
            damaged[name] = tuple(sorted(wrong))
            whole[name] = tuple(sorted(data - wrong))
    return Damage(damaged, whole)


def _unreadable(
    connection: "DuckDBPyConnection",
    files: Mapping[str, tuple[int, int | None]],
    paths: Iterable[str],
) -> set[str]:
    """Return which of some files cannot be read to their end, or have other rows than they had."""
    data = [path for path in paths if files[path][1] is not None]
    rows = sum(files[path][1] or 0 for path in data)
    if data and _rows(connection, data) != rows:
        data = [path for path in data if _rows(connection, [path]) != files[path][1]]
    else:
        data = []
    gone = [path for path in paths if files[path][1] is None]
    return {*data, *(path for path in gone if _rows(connection, [path]) is None)}


def _rows(connection: "DuckDBPyConnection", paths: list[str]) -> int | None:
    """Return how many rows files have, each value of which is looked at; None where one cannot."""
    import duckdb

    query = f"SELECT count(*), bit_xor(hash(COLUMNS(*))) FROM {parquet_rows(paths, BY_NAME)}"
    try:
        found = connection.execute(query).fetchone()
    except (duckdb.Error, RuntimeError, ValueError):
        return None
    return int(found[0]) if found else None


def look_for_damage(paths: Paths) -> Damage:
    """Read all files of a lake to their end, and return the damage as `mendable` does."""
    if not paths.catalog.exists():
        return NO_DAMAGE
    with closing(connect(paths)) as connection:
        return mendable(damage_of(connection, paths.storage, read=True))


def mendable(damage: Damage) -> Damage:
    """Return damage with which a refresh can go on; raise `lake_damaged` of others."""
    lost = [name for name in FOR_EVER if name in damage.files]
    if lost:
        raise damaged(damage, lost)
    return damage


def damaged(damage: Damage, names: Iterable[str]) -> UnavailableError:
    """Return the error, or the warning, of damaged files of some tables, and the way out."""
    several = {name: damage.files[name] for name in names}
    files = [file for some in several.values() for file in some]
    ever = any(name in FOR_EVER for name in several)
    of = ", ".join(several)
    shown = f"the first is {files[0]}" if len(files) > 1 else files[0]
    return UnavailableError(
        "lake_damaged",
        f"{counted(len(files), 'file')} of {of} {'is' if len(files) == 1 else 'are'} missing or "
        f"damaged: {shown}.",
        of,
        "No source has what it held, and customers would get other ids: restore the catalog and "
        "its data from a backup."
        if ever
        else "Restore it from a backup, or run `overtide refresh --full`: what the sources have is "
        "made anew, and of histories what can be read is kept.",
    )


def write_anew(connection: "DuckDBPyConnection", replaced: Mapping[str, tuple[str, ...]]) -> None:
    """Drop damaged tables, and begin those anew of which files are whole, with their rows.

    Within the publishing transaction; DELETE would read what is damaged.
    """
    for name, files in replaced.items():
        again = _declared(connection, name) if name in HISTORIES else None
        connection.execute(f"DROP TABLE {SCHEMA}.{quoted(name)}")
        for statement in create_statements(again) if again else ():
            connection.execute(statement)
        if files:
            rows = f"SELECT * FROM {parquet_rows(files, BY_NAME)}"
            connection.execute(f"INSERT INTO {SCHEMA}.{quoted(name)} BY NAME {rows}")


def _declared(connection: "DuckDBPyConnection", name: str) -> Table:
    """Return a table as the catalog has it; its comment has those of its columns."""
    columns = columns_of(connection, name).items()
    (comment,) = connection.execute(
        """SELECT coalesce(comment, '') FROM duckdb_tables()
        WHERE database_name = 'lake' AND table_name = ?""",
        [name],
    ).fetchone() or ("",)
    return Table(name, comment, tuple(Column(*column, "") for column in columns))
