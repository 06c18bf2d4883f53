"""The contract of a source format: every name has one, and each keeps what it says."""

from pathlib import Path
from typing import get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from overtide.schemas.configuration.entities import Entity, SourceFormatName
from overtide.transforms.sources.formats import FORMATS, format_of

ROWS = [{"Id": str(number), "Name": f"name {number}"} for number in range(2_000)]
WRITERS = {
    "csv": lambda path: path.write_text(
        "Id,Name\n" + "".join(f"{row['Id']},{row['Name']}\n" for row in ROWS)
    ),
    "jsonl": lambda path: path.write_text(
        "".join(f'{{"Id": "{row["Id"]}", "Name": "{row["Name"]}"}}\n' for row in ROWS)
    ),
    "parquet": lambda path: pq.write_table(pa.Table.from_pylist(ROWS), path),
}


def test_every_format_that_a_configuration_may_name_is_there():
    assert set(FORMATS) == set(get_args(SourceFormatName)) == set(WRITERS)


@pytest.fixture(params=sorted(WRITERS))
def written(request, tmp_path) -> tuple[Path, Entity]:
    path = tmp_path / f"rows.{request.param}"
    WRITERS[request.param](path)
    attributes = {"Id": "string", "Name": "string"}
    entity = Entity(path=path.name, format=request.param, primary_key="Id", attributes=attributes)
    return path, entity


def test_the_layout_names_the_columns_in_order(written):
    path, entity = written
    assert format_of(entity).layout(path, entity).columns == ("Id", "Name")


def test_about_so_many_rows_are_there(written):
    path, entity = written
    assert abs(format_of(entity).about_rows(path) - len(ROWS)) < 10


def test_samples_are_rows_of_the_file_each_at_its_own_place(written):
    path, entity = written
    layout = format_of(entity).layout(path, entity)
    found = list(format_of(entity).sampled(path, "shown", entity, layout, 50))
    assert 50 <= len(found) < len(ROWS)
    assert all(row.wrong is None and dict(row.values) in ROWS for row in found)
    assert len({row.place for row in found}) == len(found)
    assert all(row.place.startswith("shown, ") for row in found)
