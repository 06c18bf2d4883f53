"""Entities whose files are objects of a store: the same as files, and nothing told of secrets."""

import gzip
import io
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from overtide.transforms.sources import objects
from overtide.transforms.sources.objects import pattern_of
from tests.command_line import call
from tests.object_store import KEY, SECRET, object_store

ROWS = [{"Id": str(number), "Name": f"name é {number}"} for number in range(300)]


def csv(rows: list[dict[str, str]]) -> bytes:
    return ("Id,Name\n" + "".join(f"{row['Id']},{row['Name']}\n" for row in rows)).encode()


def parquet(rows: list[dict[str, str]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


def jsonl(rows: list[dict[str, str]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


DELIVERED = {
    "FullData/a.csv": b"Id,Name,At\n1,a,2026-01-01\n2,b,2026-01-01\n3,c,2026-01-01\n",
    "FullData/_SUCCESS": b"",
    "IncrementalData/2026/01/02/03/Upserts/a.csv": b"Id,Name,At\n1,new,2026-01-02\n",
    "IncrementalData/2026/01/02/03/Deletes/a.csv": b"Id\n2\n",
    "IncrementalData/9999/01/02/03/Deletes/a.csv": b"Id\n3\n",
}


@pytest.fixture(scope="module")
def store():
    with object_store() as found:
        for number, rows in enumerate((ROWS[:100], ROWS[100:200], ROWS[200:])):
            found.put(f"shop/in/2026/part {number} é%2F.csv", csv(rows))
            found.put(f"shop/packed/{number}/part.csv.gz", gzip.compress(csv(rows)))
        found.put("shop/in/2026/.hidden.csv", b"Other\n1\n")
        found.put("shop/in/2026/deeper/other.csv", b"Other\n1\n")
        for name, text in DELIVERED.items():
            found.put(f"shop/delivered/{name}", text)
        found.put("shop/all.parquet", parquet(ROWS))
        found.put("shop/all.jsonl", jsonl(ROWS))
        found.put("shop/keyless.csv", b"Id,Name\n1,a\n,b\n")
        yield found


@pytest.fixture(autouse=True)
def reached(store, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in store.environ.items():
        monkeypatch.setenv(name, value)


def entity(path: str, form: str = "csv") -> dict[str, object]:
    attributes = {"Id": "string", "Name": "string"}
    return {"path": path, "format": form, "primary_key": "Id", "attributes": attributes}


def write_project(folder: Path, **entities: dict[str, object]) -> None:
    first = f"S_{next(iter(entities))}"
    document = {
        "instance": {"name": "o", "id": "5d0f0f3c-1e1b-4f8e-9c53-3f6f0a6b9f12"},
        "sources": {"S": entities},
        "unification": {
            "entities": [{"entity": first}],
            "merge": {"fields": [{"name": "Name", "from": [f"{first}.Name"]}]},
        },
    }
    (folder / "overtide.yaml").write_text(yaml.safe_dump(document, sort_keys=False))


def test_objects_give_the_tables_that_files_give_and_no_secret_stays(tmp_path):
    (tmp_path / "all.csv").write_bytes(csv(ROWS))
    write_project(
        tmp_path,
        Files=entity("all.csv"),
        Csv=entity("s3://shop/in/*/*.csv"),
        Packed=entity("s3://shop/packed/**/*.gz"),
        Parquet=entity("s3://shop/all.parquet", "parquet"),
        Json=entity("s3://shop/all.js*", "jsonl"),
        Keyless=entity("s3://shop/keyless.csv") | {"max_set_aside_percent": 60},
        Delivered=entity("s3://shop/delivered/")
        | {
            "attributes": {"Id": "string", "Name": "string", "At": "date"},
            "incremental": {"last_modified": "At"},
        },
    )
    answer = call("-C", tmp_path, "--json", "refresh")
    assert answer.code == 0, answer
    tables = answer.document["manifest"]["tables"]
    names = ("Files", "Csv", "Packed", "Parquet", "Json")
    assert {tables[f"S_{name}"]["hash"] for name in names} == {tables["S_Files"]["hash"]}
    aside = call("-C", tmp_path, "--json", "sql", "FROM S_Keyless_corrupt").document["rows"]
    assert [(row["FileName"], row["LineNumber"]) for row in aside] == [("s3://shop/keyless.csv", 3)]
    delivered = call("-C", tmp_path, "--json", "sql", "FROM S_Delivered ORDER BY Id").document
    assert [(row["Id"], row["Name"]) for row in delivered["rows"]] == [("1", "new"), ("3", "c")]
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    for secret in (SECRET, KEY):
        assert secret not in answer.out + answer.err
        assert [path for path in written if secret.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("path", "environ", "code", "told"),
    [
        ("s3://shop/nothing/*.csv", {}, "no_files", "no such bucket or folder"),
        ("s3://shop/in/2026/*.txt", {}, "no_files", "No object matches"),
        ("s3://shop/all.csv", {}, "no_files", "No object matches"),
        ("s3://other-bucket/*.csv", {}, "no_files", "no such bucket"),
        ("s3://shop/in/*/*.csv", {"AWS_ACCESS_KEY_ID": "nobody"}, "store_refused", "refuses"),
        ("s3://shop/in/*/*.csv", {"AWS_SECRET_ACCESS_KEY": "x"}, "store_refused", "refuses"),
        (
            "s3://shop/in/*/*.csv",
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
            "store_unreachable",
            "does not give",
        ),
        ("s3://shop/in/2026/deeper/*.csv", {}, "missing_column", "no column 'Id'"),
        ("s3://shop/all.parquet", {}, "unreadable_file", "s3://shop/all.parquet is a Parquet"),
    ],
)
def test_objects_that_cannot_be_had_are_told(tmp_path, monkeypatch, path, environ, code, told):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    write_project(tmp_path, Csv=entity(path))
    answer = call("-q", "-C", tmp_path, "--json", "validate")
    found = [one for one in answer.document["mistakes"] if one["severity"] == "mistake"]
    assert {one["code"] for one in found} == {code}, answer
    assert told in found[0]["message"]
    assert SECRET not in answer.out + answer.err
    if environ:
        refusal = call("-q", "-C", tmp_path, "--json", "refresh").document["error"]
        assert refusal["code"] == code


def test_of_large_objects_validate_reads_the_beginnings_alone(tmp_path, store, monkeypatch):
    monkeypatch.setattr(objects, "SAMPLE_BYTES", 1000)
    bad = [*ROWS[:20], *({"Id": row["Id"], "Name": "x" * 40} for row in ROWS[20:])]
    store.put("shop/large/a.csv", csv(bad))
    store.put("shop/large/b.csv.gz", gzip.compress(csv(bad)))
    store.put("shop/large/c.parquet", parquet(bad))
    store.put("shop/large/d.jsonl", jsonl(bad))
    write_project(
        tmp_path,
        A=entity("s3://shop/large/a.csv"),
        B=entity("s3://shop/large/b.csv.gz"),
        C=entity("s3://shop/large/c.parquet", "parquet"),
        D=entity("s3://shop/large/d.jsonl", "jsonl"),
    )
    answer = call("-C", tmp_path, "--json", "validate")
    codes = [one["code"] for one in answer.document["mistakes"]]
    assert set(codes) <= {"unused_entity"}, answer


@pytest.mark.parametrize(
    ("path", "matching", "others"),
    [
        ("b/*.csv", ["b/a.csv", "b/a b.csv"], ["b/.a.csv", "b/c/a.csv", "b/a.csv.gz", "bb/a.csv"]),
        ("b/**/a.csv", ["b/a.csv", "b/c/a.csv", "b/c/d/a.csv"], ["b/xa.csv", "b/c/xa.csv"]),
        ("b/**", ["b/a", "b/c/a"], ["c/a"]),
        ("b/[ab]?.csv", ["b/a1.csv"], ["b/c1.csv", "b/a.csv", "b/a/.csv"]),
        ("b/[!a]?", ["b/b1"], ["b/a1", "b//1"]),
        ("b/a+(x).csv", ["b/a+(x).csv"], ["b/aa(x).csv"]),
    ],
)
def test_a_glob_means_of_objects_what_it_means_of_files(path, matching, others):
    wanted = pattern_of(path)
    assert [one for one in matching if not wanted.fullmatch(one)] == []
    assert [one for one in others if wanted.fullmatch(one)] == []
