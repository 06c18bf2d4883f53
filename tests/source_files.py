"""One entity's files, read as a refresh reads them: the rows kept, what is corrupt, the counts."""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overtide.pipelines.manifest import expect_all_rows
from overtide.schemas.configuration.entities import Entity, Preference
from overtide.schemas.names import columns, parquet_rows
from overtide.transforms.entity_contents import with_content
from overtide.transforms.ingest import ingest
from overtide.transforms.kernel import KernelSettings, kernel
from overtide.transforms.keys import EntityTable, settle
from overtide.transforms.versions import settle_versions

NAMES = {"Id": "string", "Name": "string"}
_folders = itertools.count()


@dataclass(frozen=True)
class Corrupt:
    """A row of `{DataSource}_{Entity}_corrupt`."""

    details: str
    key: str | None
    kept: bool
    file: str
    line: int | None
    record: str


@dataclass(frozen=True)
class Found:
    """What became of an entity's files."""

    rows: list[tuple[Any, ...]]
    corrupt: list[Corrupt]
    table: EntityTable

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Rows read, kept, set aside, and those of a key that another row has."""
        return self.table.rows_read, self.table.rows_kept, self.table.set_aside, sum(self.repeats)

    @property
    def repeats(self) -> tuple[int, int]:
        """Rows that repeat another exactly, and rows that lost to another of their key."""
        return self.table.exact_repeats, self.table.lost_rows


def read_files(
    project: Path,
    entity: Entity,
    files: list[Path],
    prefer: Preference | None = None,
    batches: list[list[Path]] | None = None,
) -> Found:
    """Read files of an entity in this order and keep one row per key.

    They are read together or in batches.
    """
    folder = project / f"read {next(_folders)}"  # DuckDB may remember a file that is written again
    folder.mkdir()
    with kernel(KernelSettings(2, "1GB", folder)) as connection:
        ingested = [
            one
            for number, batch in enumerate(batches or [files])
            for one in ingest(connection, "S_e", entity, batch, folder, number, project)
        ]
        asked = "S_e", entity, prefer or Preference(), ingested, folder, project
        changing = entity.incremental is not None
        table = settle_versions(connection, *asked) if changing else settle(connection, *asked)
        if table.content is None:
            table = with_content(connection, folder, table, entity)
        rows = connection.execute(
            f"SELECT {columns(entity.attributes)} FROM {parquet_rows(table.files)}"
        ).fetchall()
        corrupt = connection.execute(f"FROM {parquet_rows([table.corrupt_file])}").fetchall()
    found = Found(
        rows,
        sorted(
            itertools.starmap(Corrupt, corrupt),
            key=lambda row: (row.line or 0, row.key or "", row.record),
        ),
        table,
    )
    read, kept, aside, repeated = found.counts
    expect_all_rows([table])
    assert len(rows) == kept
    if table.changes is None:
        assert read == kept + aside + repeated + table.filtered_rows
        assert sum(not row.kept for row in found.corrupt) == aside + table.lost_rows
    return found


def read(
    project: Path, content: bytes | str, attributes: dict[str, Any] | None = None, **settings: Any
) -> Found:
    """Read one file with this content."""
    file = project / f"file {next(_folders)}.{settings.get('format', 'csv')}"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    entity = Entity.model_validate(
        {
            "path": file.name,
            "primary_key": "Id",
            "attributes": attributes or NAMES,
            "max_set_aside_percent": 100,
        }
        | settings
    )
    return read_files(project, entity, [file])


def read_alone(
    project: Path,
    content: str,
    attributes: dict[str, Any] | None = None,
) -> tuple[list[tuple[Any, ...]], list[tuple[int, str]]]:
    """Return the rows of a file before keys count, and its lines that are no rows."""
    number = next(_folders)
    file = project / f"file {number}.csv"
    file.write_bytes(content.encode())
    entity = Entity.model_validate(
        {"path": file.name, "primary_key": "Id", "attributes": attributes or NAMES}
    )
    folder = project / f"read {number}"
    folder.mkdir()
    with kernel(KernelSettings(2, "1GB", folder)) as connection:
        (done,) = ingest(connection, "S_e", entity, [file], folder, number, project)
        rows = connection.execute(
            f"SELECT * EXCLUDE (__corrupt, __file) FROM {parquet_rows([done.rows_path])}"
        )
        found = rows.fetchall()
        lines = connection.execute(
            f"SELECT Line, Record FROM {parquet_rows([done.lines_path])}"
        ).fetchall()
    assert (done.rows, done.lines) == (len(found), len(lines))
    return found, sorted(lines)


def kept(project: Path, content: bytes | str, **settings: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a file in which nothing is wrong."""
    found = read(project, content, **settings)
    assert found.corrupt == []
    return found.rows
