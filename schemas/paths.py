"""Where the parts of a project are.

Everything relative is within the project's folder, so it may be moved. What a catalog or a storage
is called and which files it has is asked of their locations, since either may be remote one day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from overtide.schemas.signatures import Signature, journal_signature, signature


@dataclass(frozen=True)
class CatalogLocation:
    """Where a lake's catalog is: a SQLite file."""

    file: Path

    def __str__(self) -> str:
        return str(self.file)

    @property
    def attached(self) -> str:
        """What DuckDB attaches."""
        return f"ducklake:sqlite:{self.file}"

    def options(self, read_only: bool) -> list[str]:
        """Return the options with which it is attached."""
        return ["READ_ONLY"] if read_only else ["META_JOURNAL_MODE 'WAL'", "META_BUSY_TIMEOUT 5000"]

    @property
    def names(self) -> list[str]:
        """The names of all files that whoever reads it opens."""
        return [f"{self.file}{ending}" for ending in ("", "-wal", "-shm", "-journal")]

    def exists(self) -> bool:
        """Say whether there is something, be it empty."""
        return self.file.exists()

    def is_written(self) -> bool:
        """Say whether there is a catalog; an empty file is none."""
        return self.file.exists() and self.file.stat().st_size > 0

    def signature(self) -> Signature:
        """Return what changes with whatever is done to it, its journal aside."""
        return signature(self.file)

    def journal_signature(self) -> Signature:
        """Return what changes with whatever is written to its journal."""
        return journal_signature(self.file)

    def beside(self, ending: str) -> Path:
        """Return the file or folder beside it that is called like it, with an ending."""
        return self.file.with_name(self.file.name + ending)


@dataclass(frozen=True)
class StorageLocation:
    """Where the files of a lake's tables are: a folder."""

    folder: Path

    def __str__(self) -> str:
        return str(self.folder)

    @property
    def attached(self) -> str:
        """What DuckDB attaches: how the name of every file begins."""
        return f"{self.folder}/"

    @property
    def mark(self) -> Path:
        """The file that says whose the folder is."""
        return self.folder / "catalog.id"

    def file(self, name: str) -> Path:
        """Return the file that the catalog calls so, relative or not."""
        return self.folder / name

    def table(self, name: str) -> Path:
        """Return the folder in which the lake keeps the files of a table."""
        return self.folder / "main" / name

    def files(self, table: str = "*") -> Iterator[Path]:
        """Return the Parquet files of a table, or of all, that are there."""
        return self.folder.glob(f"main/{table}/**/*.parquet")


@dataclass(frozen=True)
class Paths:
    """The folders and files of one project."""

    project: Path
    catalog: CatalogLocation
    storage: StorageLocation
    log: Path

    @classmethod
    def of(
        cls,
        project: Path,
        catalog: str = "lake/catalog.sqlite",
        data: str = "lake/data",
        log: str = "log/events.sqlite",
    ) -> "Paths":
        """Resolve the configured places (relative ones within `project`)."""
        root = project.resolve()
        return cls(root, CatalogLocation(root / catalog), StorageLocation(root / data), root / log)

    @property
    def published(self) -> Path:
        """The file that says which run is published; missing while only the catalog knows."""
        return self.catalog.beside(".published")

    @property
    def files(self) -> Path:
        """The folder of all else that belongs to this catalog; others may lie beside it."""
        return self.catalog.beside(".files")

    @property
    def serving(self) -> Path:
        """The folder of the serving generations."""
        return self.files / "serving"

    @property
    def results(self) -> Path:
        """The folder of what refreshes keep for later ones; without it those compute more."""
        return self.files / "results"

    @property
    def tables(self) -> Path:
        """The folder of the rows of tables that are read by what changed; all are without it."""
        return self.files / "tables"

    @property
    def locks(self) -> Path:
        """The folder of the lock files."""
        return self.files / "locks"

    @property
    def scratch(self) -> Path:
        """The folder of a refresh's intermediate files; empty between runs."""
        return self.files / "scratch"

    def scratch_of(self, run: int) -> Path:
        """Return the folder of the intermediate files of the refresh that makes a run."""
        return self.scratch / f"run{run:06d}"

    @property
    def access(self) -> Path:
        """The file of tokens, roles and keys; it is the project's, whatever becomes of a lake."""
        return self.project / "access" / "tokens.sqlite"

    @property
    def link_secret(self) -> Path:
        """The file of the secret that signs links to tables."""
        return self.project / "access" / "links.key"

    @property
    def workflows(self) -> Path:
        """The file of jobs and schedules; it is the project's, whatever becomes of a lake."""
        return self.project / "workflows" / "workflows.sqlite"

    @property
    def sessions(self) -> Path:
        """The file of who is signed in to the pages; without it everybody signs in again."""
        return self.project / "access" / "sessions.sqlite"

    @property
    def webhooks(self) -> Path:
        """The file of webhooks, their secrets, and what is still to be delivered."""
        return self.project / "webhooks" / "webhooks.sqlite"

    @property
    def usage(self) -> Path:
        """The file that counts the calls of the service."""
        return self.project / "telemetry" / "usage.sqlite"

    @property
    def audit(self) -> Path:
        """The file that says who changed what through the service, events aside."""
        return self.project / "audit" / "audit.sqlite"

    @property
    def definitions(self) -> Path:
        """The folder of what is defined over the HTTP service, beside `overtide.yaml`."""
        return self.project / "definitions"

    @property
    def tick(self) -> Path:
        """The folder of what the stream is about to commit; it is there while a stream runs."""
        return self.files / "tick"

    def generation(self, name: str) -> Path:
        """Return the file of a serving generation."""
        return self.serving / f"{name}.sqlite"
