"""How many rows and keys the files of an entity give."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.names import parquet_rows, quoted
from overtide.transforms.ingest import CORRUPT, IngestedFiles
from overtide.transforms.kernel import count

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Counts:
    """How many rows an entity's files have.

    All that was read, those with a key, the keys, those with a fault, and those left out.
    """

    read: int
    keyed: int
    keys: int
    corrupt: int
    filtered: int = 0

    @property
    def aside(self) -> int:
        """The rows and lines that are set aside."""
        return self.read - self.filtered - self.keyed


def count_rows(
    connection: "DuckDBPyConnection", entity: Entity, ingested: list[IngestedFiles]
) -> Counts:
    """Count rows, keys, and rows that hold something corrupt.

    Keys of files that were a table before differ: only those of the others are looked at.
    """
    known = [file for file in ingested if file.content is not None]
    others, before = [file for file in ingested if file.content is None], _number_of(known)
    if known and others and _have_one_key(connection, entity, known, others):
        others, before = ingested, 0
    keyed, keys = _count_keys(connection, entity, others) if others else (0, 0)
    corrupt = count(connection, f"SELECT count({CORRUPT}) FROM {_rows_of(ingested)}")
    filtered = sum(file.filtered_rows for file in ingested)
    read = _number_of(ingested) + sum(file.lines for file in ingested)
    return Counts(read + filtered, before + keyed, before + keys, corrupt, filtered)


def _number_of(files: Iterable[IngestedFiles]) -> int:
    return sum(file.rows for file in files)


def _rows_of(files: Iterable[IngestedFiles]) -> str:
    return parquet_rows([file.rows_path for file in files])


def _have_one_key(
    connection: "DuckDBPyConnection",
    entity: Entity,
    files: Iterable[IngestedFiles],
    others: Iterable[IngestedFiles],
) -> bool:
    """Say whether a key of some files may be one of others, too."""
    key = quoted(entity.primary_key)
    hashes = f"SELECT hash({key}) FROM {_rows_of(others)} WHERE {key} IS NOT NULL"
    query = f"SELECT count(*) FROM {_rows_of(files)} WHERE hash({key}) IN ({hashes})"
    return count(connection, query) > 0


def _count_keys(
    connection: "DuckDBPyConnection", entity: Entity, files: Iterable[IngestedFiles]
) -> tuple[int, int]:
    """Return how many rows have a key, and how many keys there are.

    As many hashes as rows prove that all keys differ.
    """
    key, rows = quoted(entity.primary_key), _rows_of(files)
    row = connection.execute(
        f"SELECT count({key}), count(DISTINCT hash({key})) FILTER ({key} IS NOT NULL) FROM {rows}"
    ).fetchone() or (0, 0)
    keyed, hashes = map(int, row)
    if hashes == keyed:
        return keyed, keyed
    return keyed, count(connection, f"SELECT count(DISTINCT {key}) FROM {rows}")
