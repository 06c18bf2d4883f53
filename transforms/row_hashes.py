"""What the rows of a file were read from, as hashes: which of them are others once it changed.

An export that is written anew each night is the same but for some rows. Beside the typed rows of a
large file lie two hashes of what each was read from, in their order: of a line, or of the values of
a row. The next refresh hashes the file as it is then, and types the rows alone that nobody knows
(docs/decisions/files-that-change-in-place.md).
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.names import PLACE, literal, parquet_rows, placed_rows
from overtide.transforms.fingerprint import Fingerprint
from overtide.transforms.kernel import count, write_parquet
from overtide.transforms.places import chosen
from overtide.transforms.sources.contract import SourceText
from overtide.transforms.sources.formats import format_of

if TYPE_CHECKING:
    import numpy as np
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

LEAST = 50_000
"""Fewer rows are read again as fast."""
MOST = 5
"""One row in so many may be another one; where more are, all are read again."""
AS_THEY_ARE = "FORMAT parquet, COMPRESSION uncompressed, DICTIONARY_SIZE_LIMIT 1"
"""Hashes are as long in any form."""

NO_PLACE = "SELECT 0::BIGINT AS place LIMIT 0"


@dataclass(frozen=True)
class KeptRows:
    """The rows of an earlier reading of a file, which are its rows still but for some.

    They are in the order of their `hashes`.
    """

    rows_path: str
    hashes: str
    rows: int
    gone: str | None = None
    """The file of the places (`place`) of those that are in it no more; None before it changed."""
    gone_rows: int = 0
    changes: int = 0
    """How often it changed since."""


@dataclass(frozen=True)
class Unknown:
    """Rows of a file that are read anew whenever it changed: their hashes are null."""

    places: str
    """The file of their places (`place`)."""
    rows: int
    settled: str
    """The file of what stays of them in the table."""


@dataclass(frozen=True)
class ReadBefore:
    """What an earlier refresh found of a file that changed since, and published."""

    kept: KeptRows
    rows_path: str | None
    """The file of the rows of the table beside the kept ones, None where there were none."""
    content: Fingerprint
    corrupt_file: str
    """The file of all that was wrong with its rows."""


def rows_that_count(path: str, gone: str | None) -> str:
    """Return the SQL of the rows of a file with their places, without those that are `gone`."""
    rows = f"FROM {placed_rows(path)}"
    if gone is None:
        return rows
    return f"{rows} ANTI JOIN (SELECT place AS {PLACE} FROM {parquet_rows([gone])}) USING ({PLACE})"


def kept_rows_at(gone: KeptRows, still: KeptRows) -> str:
    """Return the SQL of the kept rows that are `gone`, and that other time were there `still`."""
    places, others = (
        f"SELECT place FROM {parquet_rows([one.gone])}" if one.gone else NO_PLACE
        for one in (gone, still)
    )
    return f"""
        FROM {placed_rows(gone.rows_path)}
        SEMI JOIN (SELECT place AS {PLACE} FROM ({places}) ANTI JOIN ({others}) AS other
          USING (place)) USING ({PLACE})"""


def few_are(rows: int, all_rows: int) -> bool:
    """Say whether so few rows are others, or faulty, that they alone are read."""
    return rows * MOST <= all_rows


def write_row_hashes(
    connection: "DuckDBPyConnection",
    file: SourceText,
    rows: int,
    path: Path,
    aside: "Sequence[int] | NDArray[np.int64]" = (),
) -> bool:
    """Write the hashes of what the rows of a file were read from; say whether each has its own.

    As many lines as rows, and as lines that are set `aside`, prove that each of these is one line.
    """
    import duckdb

    hashed = format_of(file.entity).hashed_rows(connection, file) if rows >= LEAST else None
    if hashed is None:
        return False
    written = -1
    with suppress(duckdb.InvalidInputException, duckdb.NotImplementedException):
        query = f"COPY (SELECT h, g FROM ({hashed})) TO {literal(str(path))} ({AS_THEY_ARE})"
        written = count(connection, query)
    if written == rows + len(aside) and (
        not len(aside) or _taken_out(connection, file, path, aside)
    ):
        return True
    path.unlink(missing_ok=True)
    return False


def _taken_out(
    connection: "DuckDBPyConnection",
    file: SourceText,
    path: Path,
    aside: "Sequence[int] | NDArray[np.int64]",
) -> bool:
    """Take the hashes of lines that are no rows out of a file; say whether there is one of each."""
    import numpy as np

    places = format_of(file.entity).places_of(file, np.asarray(aside, np.int64))
    if len(places) < len(aside):
        return False
    part, there = (
        path.with_suffix(".part"),
        count(connection, f"SELECT count(*) FROM {parquet_rows([path])}"),
    )
    with chosen(connection, places, there) as taken:
        rows = f"SELECT h, g FROM {placed_rows(path)} WHERE NOT ({taken})"
        connection.execute(f"COPY ({rows}) TO {literal(str(part))} ({AS_THEY_ARE})")
    part.replace(path)
    return True


def forget_hashes(
    connection: "DuckDBPyConnection", hashes: str, places: str, rows: int, folder: Path
) -> str:
    """Write hashes anew with null ones at some places, so that nobody knows the rows there."""
    found = connection.execute(f"SELECT place FROM {parquet_rows([places])}").fetchnumpy()["place"]
    path = folder / "hashes.parquet"
    with chosen(connection, found, rows) as forgotten:
        known = (f"CASE WHEN NOT ({forgotten}) THEN {name} END AS {name}" for name in "hg")
        query = f"SELECT {', '.join(known)} FROM {placed_rows(hashes)}"
        connection.execute(f"COPY ({query}) TO {literal(str(path))} ({AS_THEY_ARE})")
    return str(path)


@dataclass(frozen=True)
class RowsApart:
    """How a file is apart from an earlier reading of it."""

    came: SourceText
    """A file of the rows alone that nobody read yet, or whose hashes nobody knows."""
    came_rows: int
    gone: str
    """The file of the places of the read ones (`place`) that are in it no more."""
    gone_rows: int


def find_rows_apart(
    connection: "DuckDBPyConnection", file: SourceText, hashes: str, rows: int, folder: Path
) -> RowsApart | None:
    """Find which rows of a file are others than those of which there are `hashes`.

    None where these are many, or cannot be told by their hashes.
    """
    import duckdb

    source = format_of(file.entity)
    hashed = source.hashed_rows(connection, file)
    if hashed is None:
        return None
    try:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE now AS SELECT h, g FROM ({hashed})")
        _compare(connection, hashes)
        there, came, gone = (
            count(connection, f"SELECT count(*) FROM {table}") for table in ("now", "came", "gone")
        )
        # A row that is there twice is to be told, and is not where one of the two was known.
        apart = there != rows - gone + came or there < LEAST
        if apart or not few_are(max(came, gone), rows):
            return None
        places = connection.execute("SELECT place FROM came ORDER BY place").fetchnumpy()["place"]
        written = source.only_rows(connection, file, places)
    except (duckdb.InvalidInputException, duckdb.NotImplementedException):
        return None
    finally:
        connection.execute("DROP TABLE IF EXISTS now; DROP TABLE IF EXISTS came")
    if written is None:
        return None
    path = folder / f"{written.copy.name}.gone.parquet"
    left = write_parquet(connection, "FROM gone ORDER BY ALL", path)
    return RowsApart(written, len(places), str(path), left)


def _compare(connection: "DuckDBPyConnection", hashes: str) -> None:
    """Create `came` and `gone` (place): of `now` and of `hashes` those that the other one lacks.

    Most rows are where they were, and these are compared by their places alone. A hash that is null
    is that of no other row.
    """
    was = f"SELECT h AS was_h, g AS was_g, {PLACE} AS was_at FROM {placed_rows(hashes)}"
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE moved AS
        FROM (SELECT h, g, rowid AS place FROM now) POSITIONAL JOIN ({was})
        WHERE h IS DISTINCT FROM was_h OR g IS DISTINCT FROM was_g OR was_h IS NULL;
        CREATE OR REPLACE TEMP TABLE came AS
        SELECT place FROM (FROM moved WHERE place IS NOT NULL)
        ANTI JOIN (SELECT was_h AS h, was_g AS g FROM moved WHERE was_at IS NOT NULL) USING (h, g);
        CREATE OR REPLACE TEMP TABLE gone AS
        SELECT was_at AS place FROM (FROM moved WHERE was_at IS NOT NULL) AS earlier
        ANTI JOIN (SELECT h AS was_h, g AS was_g FROM moved WHERE place IS NOT NULL) AS later
          USING (was_h, was_g);
        DROP TABLE moved""")
