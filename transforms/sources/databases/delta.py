"""Delta Lake: each table is a folder, and is read in the version that it has when it is asked."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.extensions import extension
from overtide.schemas.names import literal
from overtide.schemas.suggestions import closest
from overtide.transforms.sources.databases.contract import (
    DatabaseSource,
    Located,
    Session,
    TableColumn,
    no_table,
    unreachable,
)
from overtide.transforms.sources.databases.duckdb_file import column_of
from overtide.transforms.sources.databases.duckdb_session import DuckDBSession

CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "allow_unsigned_extensions": True,  # docs/decisions/loading-extensions.md
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "threads": 1,
    "memory_limit": "1GB",
}
LOG = "_delta_log"
"""What a folder holds that is a table."""


class Delta(DatabaseSource):
    """A folder of Delta tables."""

    @contextmanager
    def opened(self, located: Located) -> Iterator[Session]:
        """Find the folder."""
        import duckdb

        name = located.database.path or ""
        if not (located.project / name).is_dir():
            raise unreachable(located, f"there is no folder {name}")
        file = extension("delta", "delta")
        with duckdb.connect(config=CONFIG) as database:
            database.execute(f"LOAD {literal(str(file))}")
            database.execute("SET TimeZone = 'UTC'")
            yield DeltaSession(located, database)


class DeltaSession(DuckDBSession):
    """Tables of a folder, of which each has a state of its own."""

    def rows_of(self, entity: Entity) -> str:
        """Return the SQL of a table's rows, whose name may hold points."""
        return self.table([entity.table or ""])

    def table(self, name: Sequence[str]) -> str:
        """Return the SQL of a table's rows."""
        folder = self.located.project / (self.located.database.path or "")
        if not (folder / name[0] / LOG).is_dir():
            known = sorted(str(log.parent.relative_to(folder)) for log in folder.rglob(LOG))
            raise no_table(self.located, name, closest(name[0], known))
        return f"SELECT * FROM delta_scan({literal(str(Path(folder / name[0]).absolute()))})"

    def columns(self, rows: str) -> list[TableColumn]:
        """Return the columns, with DuckDB's types."""
        return [column_of(name, kind) for name, kind in self.names(rows)]
