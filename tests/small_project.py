"""A small project for tests of whole refreshes.

Files, a configuration, a clock that a test turns, and what is read.
"""

import copy
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from overtide import runner_configs
from overtide.eventlog.sqlite import SqliteEventLog
from overtide.lake.catalog import connect
from overtide.pipelines.refresh import Refreshed, refresh
from overtide.schemas import events
from overtide.schemas.configuration import Configuration
from overtide.schemas.instants import HOUR, SECOND, format_instant
from overtide.schemas.paths import Paths
from overtide.serving.acceptance import Target
from overtide.serving.reader import Reader
from tests.engine import canonical, opened

START = 1_800_000_000 * SECOND
"""The first refresh: later than any clock that runs the tests."""
Rows = Sequence[Mapping[str, object]]


class Project:
    """A project in a folder; each refresh is published an hour after the one before."""

    def __init__(self, folder: Path, document: dict[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.document, self.paths, self.runs = copy.deepcopy(document), Paths.of(folder), 0
        self.done: list[Refreshed] = []

    def copied(self, folder: Path) -> "Project":
        """Copy the project, so that many tests begin behind its refreshes."""
        shutil.copytree(self.paths.project, folder)
        copy_of = Project(folder, self.document)
        copy_of.runs = self.runs
        return copy_of

    def write(self, **files: str | bytes) -> "Project":
        """Write files; `a="…"` is a.csv."""
        for name, content in files.items():
            file = self.paths.project / (name if "." in name else f"{name}.csv")
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        return self

    def refresh(
        self,
        rows_per_bucket: int = 2_000_000,
        reading_seconds: float = 0,
        allow_shrink: bool = True,
        memory_limit: str = "500MB",
        full: bool = False,
    ) -> Refreshed:
        """Refresh on the embedded runner; fewer rows per bucket make more buckets.

        What is old goes at once.
        """
        runner = runner_configs.load().model_copy(
            update={"rows_per_bucket": rows_per_bucket, "memory_limit": memory_limit}
        )
        done = refresh(
            Configuration.model_validate(self.document),
            self.paths,
            runner,
            lambda: START + self.runs * HOUR,
            reading_seconds=reading_seconds,
            allow_shrink=allow_shrink,
            full=full,
        )
        self.runs += 1
        self.done.append(done)
        return done

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query over the lake, as canonical values."""
        with opened(connect(self.paths)) as connection:
            return [tuple(map(canonical, row)) for row in connection.execute(query).fetchall()]

    def tables(self, names: Iterable[str]) -> dict[str, list[tuple[Any, ...]]]:
        """Return the rows of tables in order, of all of them by one connection."""
        with opened(connect(self.paths)) as connection:
            connection.execute("BEGIN")  # else the catalog is asked anew for each of them
            return {
                name: [
                    tuple(map(canonical, row))
                    for row in connection.execute(f'FROM lake."{name}" ORDER BY ALL').fetchall()
                ]
                for name in names
            }

    def table(self, name: str, columns: str = "*", order: str = "ALL") -> list[tuple[Any, ...]]:
        """Return the rows of a table in order."""
        return self.rows(f'SELECT {columns} FROM lake."{name}" ORDER BY {order}')

    def card(self, entity: str, key: str, run: int) -> dict[str, Any]:
        """Return the fields of a customer as of the run `run`."""
        now = START + self.runs * HOUR
        log = SqliteEventLog(
            self.paths.log, lambda: now, lambda accepted_at: events.event_id(accepted_at, 0)
        )
        reader = Reader(self.paths, log, lambda: now)
        try:
            card = reader.get(Target(None, entity, key), self.instant(run), self.instant(run))
            return {name: view.value for name, view in card.fields.items()}
        finally:
            reader.close()
            log.close()

    def customers(self, run: int) -> list[tuple[Any, ...]]:
        """Return all columns but the ids of the profiles as of the run `run`, in SQL."""
        instant = f"TIMESTAMPTZ '{format_instant(self.instant(run))}'"
        return self.rows(
            "SELECT * EXCLUDE (CustomerId, PreviousCustomerId) "
            f"FROM lake.customer_as_of({instant}, {instant}) ORDER BY ALL"
        )

    @staticmethod
    def instant(run: int) -> int:
        """Return an instant at which the run `run` was published."""
        return START + (run - 1) * HOUR + HOUR // 2


def hashes(done: Refreshed) -> dict[str, Any]:
    """Return the rows and the content hash of every table of a refresh."""
    tables = done.manifest["tables"]
    assert isinstance(tables, dict)
    return tables
