"""Tables that are folders of files, read by an extension of DuckDB: Delta Lake and Iceberg."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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


class FolderSession(DuckDBSession):
    """Tables of a folder, of which each has a state of its own."""

    mark: str
    """The folder that a table's folder holds."""

    @abstractmethod
    def scan(self, folder: Path) -> str:
        """Return the SQL of the rows of the table that is a folder."""

    def rows_of(self, entity: Entity) -> str:
        """Return the SQL of a table's rows, whose name may hold points."""
        return self.table([entity.table or ""])

    def table(self, name: Sequence[str]) -> str:
        """Return the SQL of a table's rows."""
        folder = self.located.project / (self.located.database.path or "")
        if not (folder / name[0] / self.mark).is_dir():
            known = sorted(str(mark.parent.relative_to(folder)) for mark in folder.rglob(self.mark))
            raise no_table(self.located, name, closest(name[0], known))
        return self.scan((folder / name[0]).absolute())

    def columns(self, rows: str) -> list[TableColumn]:
        """Return the columns, with DuckDB's types."""
        return [column_of(name, kind) for name, kind in self.names(rows)]


@dataclass(frozen=True)
class TableFolders(DatabaseSource):
    """A folder of tables: the extensions that read them, and the extra that installs these."""

    session: type[FolderSession]
    extensions: tuple[str, ...]
    extra: str

    @contextmanager
    def opened(self, located: Located) -> Iterator[Session]:
        """Find the folder."""
        import duckdb

        name = located.database.path or ""
        if not (located.project / name).is_dir():
            raise unreachable(located, f"there is no folder {name}")
        files = [extension(one, self.extra) for one in self.extensions]
        with duckdb.connect(config=CONFIG) as database:
            for file in files:
                database.execute(f"LOAD {literal(str(file))}")
            database.execute("SET TimeZone = 'UTC'")
            yield self.session(located, database)
