"""Many files of one entity are read together: what is found does not depend on which."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide import runner_configs
from overtide.pipelines.refresh import refresh
from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import OvertideError
from overtide.transforms import keys, unify
from overtide.transforms.unify import in_batches
from tests.small_plan import INSTANCE
from tests.small_project import START, Project
from tests.source_files import NAMES, read_files

CSV = [
    "Id,Name\n1,a\n2,b",
    "Id,Name\r\n3,c\r\n3,d\r\nbad\r\n",
    "Name,Id\nx,4\n",
    "Id,Name\n",
    "Id,Name\r5,e\r6\r",
    'Id,Name\n7,"a\nb"\n8,"open\n9,q\n',
    "sep=;\nId;Name\n10;a\nbad\n",
    "\ufeffId,Name\n11,ü\n,keyless\n",
    "Id,Extra,Name\n12,x,n\n",
    "Id,Name\n13,a\r\n14,b\n15\n",
    b"Id,Name\n16,\xff\n17,g\n",
    b"Id,Name\n18,a\0b\n",
    gzip.compress(b"Id,Name\n19,z\nbad\n"),
]
JSON = [
    '{"Id": 1, "Name": "a"}\n\n{bad\n',
    '\n\n{"Id": "2", "Name": "b", "Extra": 1}',
    "\ufeff" + '{"Id":3,"Name":"c"}\r\nx\r\n',
    '{"Id": "4", "Name": ["n"]}\n',
    b'{"Id": "5", "Name": "\xff"}\n{"Id": "6", "Name": "f"}\n',
    gzip.compress(b'{"Id": "7", "Name": "z"}\n7\n'),
    '{"Id": "1", "Name": "a"}\r{"Id": "8", "Name": "h"}\r',
]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), kind=st.sampled_from(["csv", "jsonl"]))
def test_the_same_is_found_however_files_are_divided(tmp_path_factory, data, kind):
    project = tmp_path_factory.mktemp("project")
    some = st.lists(st.sampled_from(CSV if kind == "csv" else JSON), min_size=1, max_size=8)
    # Headers alone are no entity: a refresh refuses them (`no_rows`).
    contents = data.draw(some.filter(lambda drawn: set(drawn) != {"Id,Name\n"}))
    files = [project / f"{number} [x]" for number in range(len(contents))]
    for file, content in zip(files, contents, strict=True):
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    entity = Entity.model_validate(
        {
            "path": "*",
            "primary_key": "Id",
            "format": kind,
            "max_set_aside_percent": 100,
            "attributes": NAMES,
        }
    )
    cut = data.draw(st.integers(0, len(files)))
    batches = [batch for batch in (files[:cut], files[cut:]) if batch]
    alone = read_files(project, entity, files, batches=[[file] for file in files])
    together = read_files(project, entity, files, batches=batches)
    assert (sorted(together.rows, key=str), together.counts) == (
        sorted(alone.rows, key=str),
        alone.counts,
    )
    assert sorted(together.corrupt, key=str) == sorted(alone.corrupt, key=str)
    for part in ("content", "corrupt_content", "new_columns"):
        assert getattr(together.table, part) == getattr(alone.table, part)


@pytest.mark.parametrize("others", [0, 1, 4, 9])
@pytest.mark.parametrize(
    ("last", "count"),
    [
        ('8,"open\n9,q\n', 1),
        ('8,"open ""x""\n9,q', 1),
        ('8,a"b\n9,"open\n10,c\n', 1),
        ('8,"a,"\n9,""\n', 0),
        ('8,"x\n,"\n9,"""', 1),
    ],
)
def test_a_quote_that_stays_open_costs_its_line_in_one_file_of_many(tmp_path, others, last, count):
    files = [tmp_path / f"{number}.csv" for number in range(others + 1)]
    for number, file in enumerate(files[1:]):
        file.write_text(f"Id,Name\n3{number},a\n4{number},b")
    files[0].write_text(f"Id,Name\n1,a\n{last}")
    entity = Entity.model_validate(
        {
            "path": "*.csv",
            "primary_key": "Id",
            "max_set_aside_percent": 100,
            "attributes": NAMES,
        }
    )
    found = read_files(tmp_path, entity, files, batches=[files])
    alone = read_files(tmp_path, entity, files[:1])
    assert len(found.corrupt) == count
    assert len(found.rows) == len(alone.rows) + 2 * others
    assert set(alone.rows) <= set(found.rows)


def test_small_files_are_read_together_and_large_ones_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(unify, "BATCH_BYTES", 100)
    monkeypatch.setattr(unify, "BATCH_FILES", 3)
    files = [tmp_path / str(number) for number in range(8)]
    for file, size in zip(files, (40, 60, 1, 500, 10, 0, 0, 0), strict=True):
        file.write_bytes(b"x" * size)
    batches = in_batches("S_a", files, 7)
    assert [[Path(path).name for path in batch.paths] for batch in batches] == [
        ["0", "1"],
        ["2"],
        ["3"],
        ["4", "5", "6"],
        ["7"],
    ]
    assert [batch.number for batch in batches] == [7, 8, 9, 10, 11]


def test_parquet_files_of_several_types_are_one_entity(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = [
        pa.table({"Id": [1, 2], "Name": ["a", "b"]}),
        pa.table({"Id": ["3"], "Name": ["c"], "file_index": [9]}),
        pa.table({"Id": ["4"], "Name": ["d"], "file_index": [0]}),
        pa.table({"Id": [5], "Name": [None]}),
        pa.table({"Name": ["f"], "Id": [None]}),
        pa.table({"Id": [None, 7], "Name": ["g", "h"]}),
    ]
    files = [tmp_path / f"{number}.parquet" for number in range(len(tables))]
    for file, table in zip(files, tables, strict=True):
        pq.write_table(table, file)
    entity = Entity.model_validate(
        {
            "path": "*",
            "primary_key": "Id",
            "format": "parquet",
            "attributes": NAMES,
            "max_set_aside_percent": 100,
        }
    )
    found = read_files(tmp_path, entity, files)
    assert sorted(found.rows) == [
        ("1", "a"),
        ("2", "b"),
        ("3", "c"),
        ("4", "d"),
        ("5", None),
        ("7", "h"),
    ]
    assert sorted(row.file for row in found.corrupt) == ["4.parquet", "5.parquet"]


def test_rows_in_many_files_become_one(tmp_path, monkeypatch):
    monkeypatch.setattr(keys, "MOST_FILES", 2)
    files = [tmp_path / f"{number}.csv" for number in range(4)]
    for number, file in enumerate(files):
        file.write_text(f"Id,Name\n{number},a\n")
    entity = Entity(path="*", primary_key="Id", attributes=NAMES)
    found = read_files(tmp_path, entity, files, batches=[[file] for file in files])
    assert (sorted(found.rows), len(found.table.files)) == (
        [(str(number), "a") for number in range(4)],
        1,
    )


def document(**entity: object) -> dict[str, Any]:
    """Return a project of one entity, S_a."""
    return {
        "instance": {"name": "s", "id": INSTANCE},
        "sources": {
            "S": {"a": {"path": "a/*.csv", "primary_key": "Id", "attributes": NAMES} | entity}
        },
        "unification": {
            "entities": [{"entity": "S_a"}],
            "merge": {"fields": [{"name": "Name", "from": ["S_a.Name"]}]},
        },
    }


@pytest.mark.parametrize(
    ("kind", "number"),
    [("csv", 4_000), ("jsonl", 1_500), pytest.param("csv", 20_000, marks=pytest.mark.long)],
)
def test_a_project_may_have_thousands_of_files(tmp_path, kind, number):
    project = Project(tmp_path, document(format=kind))
    (tmp_path / "a").mkdir()
    for place in range(number):
        row = (
            f"Id,Name\n{place},n{place}\n"
            if kind == "csv"
            else f'{{"Id": {place}, "Name": "n{place}"}}\n'
        )
        (tmp_path / "a" / f"{place:05}.csv").write_text(row + ("bad\n" if place == 1_234 else ""))
    project.refresh()
    assert project.rows("SELECT count(*), count(DISTINCT Name) FROM lake.Customer") == [
        (number, number)
    ]
    assert project.table("S_a_corrupt", "FileName, LineNumber, Record") == [
        ("a/01234.csv", 3 - (kind == "jsonl"), "bad")
    ]


KINDS = ["string", "integer", "double", "boolean", "date", "datetime", "guid", "decimal(18,2)"]
TEXTS = [
    "x",
    "1",
    "1.5",
    "yes",
    "2024-02-29",
    "2024-02-29T10:00:00Z",
    "6f1c0c5e-2f4f-4a57-9c7e-0d2a5b7e1a10",
    "1.25",
]


def wide(columns: int) -> tuple[dict[str, str], list[list[str]]]:
    """Return the attributes of a wide entity, and rows.

    Of one key one is filled less, one row holds a wrong value.
    """
    attributes = {"Id": "string"} | {
        f"q{number}": KINDS[number % len(KINDS)] for number in range(columns)
    }
    texts = [TEXTS[number % len(TEXTS)] for number in range(columns)]
    return attributes, [
        ["A", *texts],
        ["A", *texts[:-1], ""],
        ["B", texts[0], "wrong", *texts[2:]],
        ["B", *[""] * columns],
    ]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_thousands_of_columns_of_all_types_are_read_as_a_few_are(tmp_path, kind):
    found = {}
    for columns in (8, 2_000):
        attributes, rows = wide(columns)
        file = tmp_path / f"{columns}"
        write_rows(file, kind, list(attributes), rows)
        entity = Entity.model_validate(
            {"path": "*", "primary_key": "Id", "format": kind, "attributes": attributes}
        )
        one = read_files(tmp_path, entity, [file])
        assert one.counts == (4, 2, 0, 2)
        corrupt = [
            (row.details.partition(" is kept: ")[0], row.key, row.line) for row in one.corrupt
        ]
        found[columns] = (sorted(row[:9] for row in one.rows), corrupt)
    assert found[8] == found[2_000]


def write_rows(file: Path, kind: str, names: list[str], rows: list[list[str]]) -> None:
    if kind == "csv":
        file.write_text("\n".join(map(",".join, [names, *rows])))
    elif kind == "jsonl":
        file.write_text("\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows))
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table([list(column) for column in zip(*rows, strict=True)], names), file)


@pytest.mark.parametrize("columns", [1_000, pytest.param(5_000, marks=pytest.mark.long)])
def test_a_project_may_have_thousands_of_columns(tmp_path, columns):
    attributes, rows = wide(columns)
    last = f"q{columns - 1}"
    project = Project(tmp_path, document(path="a.csv", attributes=attributes))
    merged = [*list(attributes)[1 : columns // 4], last]
    project.document["unification"]["merge"] = {
        "fields": [{"name": name, "from": [f"S_a.{name}"]} for name in merged]
    }
    write_rows(tmp_path / "a.csv", "csv", list(attributes), rows)
    project.refresh(memory_limit="2GB")
    assert project.table("Customer", f"S_a_Id, q0, {last}") == [
        ("A", "x", "1.25"),
        ("B", "x", "1.25"),
    ]
    assert project.card("S_a", "A", 1)["q7"] == "1.25"
    write_rows(tmp_path / "a.csv", "csv", list(attributes), [rows[0], [*rows[2][:-1], "2.5"]])
    project.refresh(memory_limit="2GB")
    assert project.table("Customer", f"S_a_Id, {last}, FirstRun") == [
        ("A", "1.25", 1),
        ("B", "2.50", 2),
    ]
    assert project.rows(f"SELECT {last}, ReplacedRun FROM lake.Customer_history") == [("1.25", 2)]


def test_too_little_memory_is_told_with_what_to_set(tmp_path):
    attributes, rows = wide(2_000)
    project = Project(tmp_path, document(path="a.csv", attributes=attributes))
    project.document["unification"]["merge"] = {"fields": []}
    write_rows(tmp_path / "a.csv", "csv", list(attributes), rows)
    runner = runner_configs.load().model_copy(update={"memory_limit": "20MB"})
    with pytest.raises(OvertideError) as error:
        refresh(
            Configuration.model_validate(project.document), project.paths, runner, lambda: START
        )
    assert (error.value.code, error.value.status) == ("out_of_memory", 503)
    assert "20MB" in error.value.message
    assert "`memory_limit`" in str(error.value.hint)
    assert not project.paths.scratch.exists()
