"""The hash of a base table knows all of its rows, whatever its order begins with."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from overtide.schemas.errors import SourceError
from overtide.schemas.names import parquet_rows
from overtide.schemas.table import table_of
from overtide.transforms.fingerprint import Fingerprint
from overtide.transforms.kernel import write_parquet
from overtide.transforms.tables.building import build_part, written_whole
from overtide.transforms.tables.contract import BaseTable, BuiltTable, PartOrder
from overtide.transforms.tables.registered import BASE_TABLES


class Listed(BaseTable):
    """A table of rows that a test gives, in the order of its first column."""

    name = "Listed"

    def __init__(self, first: str, rows: list[tuple[str, int]]) -> None:
        """Keep the rows."""
        self.first, self.rows = first, sorted(rows)

    def declared(self, *_: Any) -> Any:
        """Return its two columns."""
        columns = ((self.first, "VARCHAR", "text"), ("Number", "INTEGER", "number"))
        return table_of("Listed", "Rows.", *columns, key=(self.first,))

    def write(
        self, connection: duckdb.DuckDBPyConnection, basis: Any, order: PartOrder, path: Path
    ) -> str:
        """Write the rows."""
        del basis, order
        values = ", ".join(f"('{text}', {number}::INTEGER)" for text, number in self.rows)
        write_parquet(connection, f"FROM (VALUES {values}) AS rows({self.first}, Number)", path)
        return str(path)


@pytest.mark.parametrize(
    ("first", "texts"),
    [
        ("CustomerId", ["0a", "9b"]),
        ("EntityName", ["S_a", "S_b"]),
        ("EntityName", ["S_a", "S_other"]),
        ("EntityName", ["S_0", "S_z"]),
        ("SourceEntityName", ["S_o", "S_other"]),
        ("City", ["Delft", "Köln"]),
    ],
)
def test_a_change_of_any_row_is_another_hash(first, texts, tmp_path, monkeypatch):
    basis: Any = SimpleNamespace(
        unification=SimpleNamespace(entities=[SimpleNamespace(entity=f"S_{one}") for one in "ab"]),
        activities=[(SimpleNamespace(entity="S_o"), None)],
        unified=[],
    )
    found = set()
    for number, values in enumerate([(1, 2), (1, 3), (4, 2)]):
        table = Listed(first, list(zip(texts, values, strict=True)))
        monkeypatch.setitem(BASE_TABLES, "Listed", table)
        (tmp_path / str(number)).mkdir()
        with duckdb.connect() as kernel:
            part = build_part(kernel, tmp_path / str(number), PartOrder("Listed", 0), basis, 2)
        assert part.content.rows == 2
        found.add(part.content)
    assert len(found) == 3


def test_a_scattered_table_is_not_written_without_the_rows_that_are_to_be_in_it(tmp_path):
    declared = Listed("Name", []).declared()
    with duckdb.connect() as connection:
        connection.execute("ATTACH ':memory:' AS lake")
        connection.execute(
            "CREATE TABLE lake.Listed AS FROM (VALUES ('a', 1), ('b', 2)) t(Name, Number)"
        )
        came, gone = tmp_path / "came.parquet", tmp_path / "gone.parquet"
        write_parquet(connection, "SELECT 'c' AS Name, 3 AS Number", came)
        write_parquet(connection, "SELECT 'b' AS Name, 2 AS Number", gone)
        built = BuiltTable(declared, (str(came),), Fingerprint(2, 0, 0), gone=str(gone))
        whole = written_whole(connection, tmp_path, built)
        assert (whole.gone, whole.left) == (None, 1)
        assert connection.execute(f"FROM {parquet_rows(whole.files or ())}").fetchall() == [
            ("a", 1),
            ("c", 3),
        ]
        connection.execute("DELETE FROM lake.Listed WHERE Name = 'b'")  # what goes is not there
        lacking = replace(built, content=Fingerprint(1, 0, 0))
        with pytest.raises(SourceError) as error:
            written_whole(connection, tmp_path, lacking)
    assert (error.value.code, error.value.target) == ("rows_lost", "Listed")
