"""The hash of a base table knows all of its rows, whatever its order begins with."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from overtide.schemas.table import table_of
from overtide.transforms.kernel import write_parquet
from overtide.transforms.tables.building import build_part
from overtide.transforms.tables.contract import BaseTable, PartOrder
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
