"""Entities whose rows are in Apache Iceberg tables: the same rows as from files, moved or not."""

import importlib.util
import shutil
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest

from tests.absent import absent
from tests.command_line import call
from tests.database_projects import PEOPLE, entity, write_files, write_project
from tests.iceberg_table import IcebergTable

LAKE = {"lake": {"kind": "iceberg", "path": "lake.v1"}}


@pytest.fixture(autouse=True)
def installed():
    """Skip the test where the extension is not installed."""
    if importlib.util.find_spec("duckdb_extension_iceberg") is None:
        absent("overtide[iceberg] is not installed")


def people(*keys: int) -> pa.Table:
    rows = [one for one in PEOPLE if not keys or one["Id"] in keys]
    return pa.Table.from_pylist(
        [
            one
            | {
                "Amount": one["Amount"] and Decimal(str(one["Amount"])),
                "Since": one["Since"] and date.fromisoformat(str(one["Since"])),
            }
            for one in rows
        ]
    )


@pytest.fixture
def table(tmp_path):
    """A table of three snapshots: the first file is gone, the rows of two others count."""
    table = IcebergTable(tmp_path / "lake.v1" / "crm" / "people.v1")
    wrong = table.commit(people(1, 2, 3, 4))
    table.commit(people(1, 2), removed=wrong)
    table.commit(people(3, 4))
    return table


@pytest.fixture
def project(tmp_path, table):
    write_files(tmp_path)
    one = entity(database="lake", table="crm/people.v1")
    write_project(tmp_path, {"Csv": entity(path="people.csv"), "Iceberg": one}, LAKE)
    return lambda *words: call("-q", "-C", tmp_path, "--json", *words)


def expect_the_same(answer: object) -> None:
    assert answer.code == 0, answer
    manifest = answer.document["manifest"]
    assert manifest["tables"]["S_Iceberg"] == manifest["tables"]["S_Csv"]
    assert manifest["entities"]["S_Iceberg"] == manifest["entities"]["S_Csv"]
    assert manifest["entities"]["S_Csv"]["rows_read"] == 4


def test_the_rows_of_the_latest_snapshot_are_those_of_a_file(project):
    expect_the_same(project("refresh"))


def test_a_table_is_read_where_it_was_moved_to(project, tmp_path, table):
    shutil.move(tmp_path / "lake.v1", tmp_path / "elsewhere")
    write_project(
        tmp_path,
        {"Csv": entity(path="people.csv"), "Iceberg": entity(database="lake", table="people.v1")},
        {"lake": {"kind": "iceberg", "path": "elsewhere/crm"}},
    )
    expect_the_same(project("refresh"))


def test_a_version_that_is_hinted_counts(project, table):
    (table.folder / "metadata" / "version-hint.text").write_text("2")
    answer = project("refresh")
    assert answer.document["manifest"]["entities"]["S_Iceberg"]["rows_read"] == 2


def refused(project: object, code: str, told: str) -> None:
    for command in ("refresh", "validate"):
        answer = project(command)
        errors = answer.document.get("mistakes") or [answer.document["error"]]
        errors = [one for one in errors if one.get("severity") != "note"]
        assert [error["code"] for error in errors] == [code], answer
        assert told in errors[0]["message"]


def test_two_files_of_the_latest_version_are_told(project, table):
    (latest,) = table.folder.glob("metadata/00003-*.json")
    shutil.copy(latest, latest.with_name("00003-other.metadata.json"))
    refused(project, "query_failed", "several metadata files of its latest version")


def test_metadata_that_is_damaged_is_told(project, table):
    (latest,) = table.folder.glob("metadata/00003-*.json")
    latest.write_text("{")
    refused(project, "query_failed", "is damaged")


def test_a_table_that_is_not_there_is_told_with_one_that_is(project, table):
    table.folder.rename(table.folder.with_name("people.v2"))
    refused(project, "missing_table", "no table crm/people.v1")


def test_what_is_kept_of_a_table_counts_for_its_next_snapshot(project, tmp_path, table):
    one = entity(database="lake", table="crm/people.v1", incremental={"last_modified": "Since"})
    write_project(tmp_path, {"Csv": entity(path="people.csv"), "Iceberg": one}, LAKE)
    assert fetched(project)["all_because"] == "nothing_kept"
    table.commit(people(4).set_column(0, "Id", pa.array([9])))
    told = fetched(project)
    assert told["all_because"] is None
    assert (told["rows"], told["kept"]) == (3, 2)


def fetched(project: object) -> dict[str, object]:
    """Refresh, and return what the manifest says of the rows that were fetched."""
    answer = project("refresh")
    assert answer.code == 0, answer
    return answer.document["manifest"]["fetched"]["S_Iceberg"]
