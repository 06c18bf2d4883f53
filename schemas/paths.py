"""Where the parts of a project are.

Everything relative is within the project's folder, so it may be moved.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    """The folders and files of one project."""

    project: Path
    catalog: Path
    data: Path
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
        return cls(root, root / catalog, root / data, root / log)

    @property
    def published(self) -> Path:
        """The file that says which run is published; missing while only the catalog knows."""
        return self.catalog.with_name(self.catalog.name + ".published")

    @property
    def mark(self) -> Path:
        """The file that says whose the data folder is."""
        return self.data / "catalog.id"

    @property
    def files(self) -> Path:
        """The folder of all else that belongs to this catalog; others may lie beside it."""
        return self.catalog.with_name(self.catalog.name + ".files")

    @property
    def serving(self) -> Path:
        """The folder of the serving generations."""
        return self.files / "serving"

    @property
    def locks(self) -> Path:
        """The folder of the lock files."""
        return self.files / "locks"

    @property
    def scratch(self) -> Path:
        """The folder of a refresh's intermediate files; empty between runs."""
        return self.files / "scratch"

    @property
    def tokens(self) -> Path:
        """The file of the local tokens' hashes; it is the project's, whatever becomes of a lake."""
        return self.project / "access" / "tokens.sqlite"

    @property
    def tick(self) -> Path:
        """The folder of what the stream is about to commit; it is there while a stream runs."""
        return self.files / "tick"

    def generation(self, name: str) -> Path:
        """Return the file of a serving generation."""
        return self.serving / f"{name}.sqlite"

    def table(self, name: str) -> Path:
        """Return the folder in which the lake keeps the files of a table."""
        return self.data / "main" / name
