"""The contract of a source format: every name has one, and each keeps what it says."""

from pathlib import Path
from typing import get_args

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from overtide.schemas.configuration.entities import Entity, SourceFormatName
from overtide.transforms.sources.contents import UnreadableError, opened_text
from overtide.transforms.sources.contract import FILE, Raw, SourceText
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
BINARY = {"parquet"}
"""The formats that are no text."""


def test_every_format_that_a_configuration_may_name_is_there():
    names = set(get_args(SourceFormatName))
    assert names - set(FORMATS) == set(), "give each a line in transforms/sources/formats.py"
    assert set(FORMATS) - names == set(), (
        "name each in SourceFormatName of schemas/configuration/entities.py"
    )
    assert names - set(WRITERS) == set(), "give each a line in WRITERS, which writes ROWS"


def test_all_rows_are_read_whatever_of_the_columns_is_asked_for(written, tmp_path):
    path, entity = written
    for name in ("Id", "Name"):
        asked = entity.model_copy(update={"primary_key": name, "attributes": {name: "string"}})
        layout = format_of(asked).layout(path, asked)
        file, found = SourceText(asked, path, "shown", layout, tmp_path / "copy"), []

        def write(raw: Raw, column: str = name, rows: list[dict[str, str]] = found) -> int:
            query = f"SELECT {raw.column(column)}, {FILE} FROM ({raw.query})"
            rows += [{column: text} for text, shown in kernel.sql(query).fetchall() if shown]
            return len(rows)

        with duckdb.connect() as kernel:
            number, aside = format_of(asked).read(kernel, [file], write)
            assert kernel.sql(aside).fetchall() == []
        assert (number, found) == (len(ROWS), [{name: row[name]} for row in ROWS])


@pytest.mark.parametrize("written", sorted(set(WRITERS) - BINARY), indirect=True)
def test_a_line_that_is_not_in_the_encoding_is_set_aside_and_no_other(written, tmp_path):
    path, entity = written
    path.write_bytes(path.read_bytes().replace(b"name 1000", b"name \xff"))
    layout = format_of(entity).layout(path, entity)
    file = SourceText(entity, path, "shown", layout, tmp_path / "copy")
    with duckdb.connect() as kernel:
        number, aside = format_of(entity).read(
            kernel, [file], lambda raw: len(kernel.sql(raw.query).fetchall())
        )
        assert number == len(ROWS) - 1
        ((details, _, line, shown),) = kernel.sql(aside).fetchall()
        assert details == "line: it is not utf-8"
        assert (line in (None, 1001, 1002), shown) == (True, "shown")


def test_binary_data_is_text_of_no_format(written):
    path, entity = written
    path.write_bytes(bytes(range(256)) * 20)
    with pytest.raises(UnreadableError):
        format_of(entity).layout(path, entity)


def test_whoever_opens_a_text_of_a_new_format_is_told_of_binary_data(tmp_path):
    (tmp_path / "rows.new").write_bytes(b"I\x01d|Name\n1|2\n")
    entity = Entity(path="rows.new", primary_key="Id", attributes={"Id": "string"})
    new = entity.model_copy(update={"format": "new"})
    with (
        pytest.raises(UnreadableError, match="is binary data"),
        opened_text(tmp_path / "rows.new", new),
    ):
        pass


@pytest.mark.parametrize("written", sorted(set(WRITERS) - BINARY), indirect=True)
def test_a_text_with_a_nul_is_marked_as_no_value_or_its_line_set_aside(written, tmp_path):
    path, entity = written
    path.write_bytes(path.read_bytes().replace(b"name 1000", b"name\x001000"))
    layout = format_of(entity).layout(path, entity)
    file, found = SourceText(entity, path, "shown", layout, tmp_path / "copy"), []

    def write(raw: Raw) -> int:
        texts = [
            text
            for (text,) in kernel.sql(f"SELECT {raw.column('Name')} FROM ({raw.query})").fetchall()
        ]
        found.extend(text for text in texts if "\0" in text)
        assert not found or "Name" in raw.doubtful, "say that texts of it may begin with a NUL"
        return len(texts)

    with duckdb.connect() as kernel:
        number, aside = format_of(entity).read(kernel, [file], write)
        set_aside = len(kernel.sql(aside).fetchall())
    assert number + set_aside == len(ROWS)
    marked = "\0name\x001000"
    assert (found, set_aside) in (([marked], 0), ([], 1)), "`raw_texts.marked` puts the mark"


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
