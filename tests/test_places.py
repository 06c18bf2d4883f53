"""Files and folders may have any name.

What DuckDB would read as a pattern or as a partition means itself.
"""

import re
import shutil
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from overtide.lake.coordination import Lock, coordination
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import LOCKED
from overtide.schemas.names import file_literal, parquet_rows
from overtide.schemas.paths import Paths
from tests import shop
from tests.command_line import call
from tests.conftest import make_shop
from tests.source_files import NAMES, read_files
from tests.test_error_codes import PACKAGES, ROOT

PATTERNS = [
    ("o[1].csv", "o1.csv"),
    ("a?b.csv", "axb.csv"),
    ("x*y.csv", "xzy.csv"),
    ("**.csv", "b.csv"),
    ("n[!a].csv", "nb.csv"),
    ("it's [1].csv", "it's 1.csv"),
]
"""A name, and another one that it would match as a pattern."""


def write(file: Path, name: str, kind: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if kind == "parquet":
        pq.write_table(pa.table({"Id": ["1"], "Name": [name]}), file)
    else:
        file.write_text(
            f"Id,Name\n1,{name}\n" if kind == "csv" else f'{{"Id": "1", "Name": "{name}"}}\n'
        )


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(("name", "other"), PATTERNS)
def test_a_file_whose_name_is_a_pattern_gives_its_own_rows(tmp_path, name, other, kind):
    files = [tmp_path / file.replace("csv", kind) for file in (name, other)]
    write(files[0], "own", kind)
    write(files[1], "other", kind)
    entity = Entity.model_validate(
        {"path": "*", "primary_key": "Id", "attributes": NAMES, "format": kind}
    )
    assert read_files(tmp_path, entity, files[:1]).rows == [("1", "own")]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("folder", ["p[1]", "Name=wrong", "Id=2"])
def test_a_folder_whose_name_is_a_pattern_or_a_partition_changes_nothing(tmp_path, folder, kind):
    write(tmp_path / "p1" / f"a.{kind}", "other", kind)
    write(tmp_path / folder / f"a.{kind}", "own", kind)
    entity = Entity.model_validate(
        {"path": "*", "primary_key": "Id", "attributes": NAMES, "format": kind}
    )
    assert read_files(tmp_path / folder, entity, [tmp_path / folder / f"a.{kind}"]).rows == [
        ("1", "own")
    ]


@pytest.mark.parametrize(("name", "other"), PATTERNS)
def test_every_reader_takes_the_literal_of_a_file_for_that_file(tmp_path, name, other):
    (tmp_path / name).write_text("own\n")
    (tmp_path / other).write_text("other\n")
    file = file_literal(tmp_path / name)
    assert duckdb.sql(f"SELECT content FROM read_text({file})").fetchall() == [("own\n",)]
    assert duckdb.sql(f"FROM read_csv({file}, header = false)").fetchall() == [("own",)]


def test_rows_of_several_parquet_files(tmp_path):
    for name in ("o1.parquet", "o[1].parquet", "o2.parquet"):
        write(tmp_path / name, name, "parquet")
    rows = parquet_rows([tmp_path / "o[1].parquet", str(tmp_path / "o2.parquet")])
    assert sorted(duckdb.sql(f"SELECT Name FROM {rows}").fetchall()) == [
        ("o2.parquet",),
        ("o[1].parquet",),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "it's # 100% ?*",
        *(pytest.param(name, marks=pytest.mark.long) for name in ("p[1]", "EntityName=wrong")),
    ],
)
def test_a_project_is_refreshed_in_a_folder_of_any_name_and_leaves_its_neighbour_alone(
    refreshed_shop, tmp_path, name
):
    neighbour, folder = (
        Path(shutil.copytree(refreshed_shop, tmp_path / one)) for one in ("p1", name)
    )
    there = {file: file.read_bytes() for file in neighbour.rglob("*.parquet")}
    source = folder / "data" / f"{shop.CONTACTS}.csv"
    for people in ("Zoe", "Zia"):
        source.write_text(re.sub("Ben|Zoe", people, source.read_text()))
        assert call("-C", folder, "refresh").code == 0
        query = (
            "SELECT EntityName, FullName FROM AlternateKey JOIN Customer USING (CustomerId) "
            "WHERE FullName ^@ 'Z'"
        )
        rows = call("--json", "-C", folder, "sql", query).document["rows"]
        assert rows == [{"EntityName": shop.CONTACTS, "FullName": people}]
    assert {file: file.read_bytes() for file in neighbour.rglob("*.parquet")} == there


def test_lakes_whose_catalogs_lie_in_one_folder_share_nothing(tmp_path):
    lakes = tmp_path / "lakes"
    (lakes / "scratch").mkdir(parents=True)
    (lakes / "scratch" / "notes.txt").write_text("mine")
    for name, people in (("A", "Ben"), ("B", "Zoe")):
        folder = make_shop(tmp_path / name)
        document = yaml.safe_load((folder / "overtide.yaml").read_text())
        document["lake"] = {"catalog": f"../lakes/{name}.sqlite", "data": f"../lakes/{name}"}
        (folder / "overtide.yaml").write_text(yaml.safe_dump(document))
        source = folder / "data" / f"{shop.CONTACTS}.csv"
        source.write_text(source.read_text().replace("Ben", people))
        assert [
            call("-C", folder, command, *more).code
            for command, *more in (["refresh"], ["stream", "--until-caught-up"])
        ] == [0, 0]
    for name, people in (("A", "Ben"), ("B", "Zoe")):
        card = call("--json", "-C", tmp_path / name, "get", "--key", f"{shop.CONTACTS}=2").document
        assert card["fields"]["FullName"]["value"] == people
    locks = coordination(Paths.of(tmp_path / "A", "../lakes/A.sqlite"))
    with locks.hold(Lock.REFRESH, "overtide refresh", "now"):
        assert [call("-C", tmp_path / name, "refresh").code for name in ("A", "B")] == [LOCKED, 0]
    assert sorted(file.name for file in lakes.iterdir()) == [
        "A",
        "A.sqlite",
        "A.sqlite.files",
        "A.sqlite.published",
        "B",
        "B.sqlite",
        "B.sqlite.files",
        "B.sqlite.published",
        "scratch",
    ]
    assert (lakes / "scratch" / "notes.txt").read_text() == "mine"


READERS = re.compile(
    r"\b(read_(csv|csv_auto|parquet|json|json_auto|ndjson|text|blob)|parquet_(scan|metadata|schema))"
    r"\(\{(?!file_literal)|ducklake_add_data_files\((?!'lake', \{literal\(table\)\}, "
    r"\{file_literal)"
)


def test_no_path_reaches_a_reader_but_as_the_literal_of_a_file():
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    assert [
        f"{file.name}: {found.group()}"
        for file in files
        for found in READERS.finditer(file.read_text())
    ] == []


def set_lake(folder: Path, **settings: str) -> Path:
    document = yaml.safe_load((folder / "overtide.yaml").read_text())
    (folder / "overtide.yaml").write_text(yaml.safe_dump(document | {"lake": settings}))
    return folder


def test_a_lake_does_not_touch_the_data_of_another_one(tmp_path):
    first, second = (
        set_lake(make_shop(tmp_path / name), data="../both") for name in ("first", "second")
    )
    assert call("-C", first, "-q", "refresh").code == 0
    there = {file: file.read_bytes() for file in (tmp_path / "both").rglob("*") if file.is_file()}
    for command in (["refresh"], ["stream", "--until-caught-up"], ["refresh"]):
        answer = call("-C", second, "-q", "--json", *command)
        assert (answer.code, answer.document["error"]["code"]) == (1, "foreign_data")
        assert "is that of another lake" in answer.document["error"]["message"]
    assert {
        file: file.read_bytes() for file in (tmp_path / "both").rglob("*") if file.is_file()
    } == there
    assert call("-C", first, "-q", "refresh").code == 0
    set_lake(second, data="own")
    assert call("-C", second, "-q", "refresh").code == 0


def test_a_project_that_was_copied_or_moved_owns_its_data(project_folder, tmp_path):
    copied = Path(shutil.copytree(project_folder, tmp_path / "copy"))
    moved = Path(shutil.move(project_folder, tmp_path / "moved"))
    for folder in (copied, moved):
        assert call("-C", folder, "-q", "refresh").code == 0
        assert call("-C", folder, "-q", "stream", "--until-caught-up").code == 0


@pytest.mark.parametrize("left", ["", None])
def test_a_data_folder_whose_mark_was_never_written_is_taken(project_folder, left):
    mark = Paths.of(project_folder).storage.mark
    mark.unlink() if left is None else mark.write_text(left)
    assert call("-C", project_folder, "-q", "refresh").code == 0
    assert len(mark.read_text()) == 36


def test_what_the_environment_says_of_a_path_is_not_written_into_the_lake(tmp_path, monkeypatch):
    folder, elsewhere = make_shop(tmp_path / "shop"), tmp_path / "known-from-the-environment"
    shutil.move(folder / "data", elsewhere)
    text = (folder / "overtide.yaml").read_text()
    (folder / "overtide.yaml").write_text(text.replace("path: data/", "path: ${SOURCES}/"))
    monkeypatch.setenv("SOURCES", str(elsewhere))
    assert call("-C", folder, "-q", "refresh").code == 0
    files = [file for file in (folder / "lake").rglob("*") if file.is_file()]
    assert [file for file in files if elsewhere.name.encode() in file.read_bytes()] == []
    assert any(shop.CONTACTS.encode() in file.read_bytes() for file in files)
