"""`overtide init --from`: a table in several files, such as a delivery each day, is one entity."""

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from overtide.transforms.first_project import samples
from tests.command_line import call
from tests.proposals import entity, proposed

HEADER = "VisitId,Mail,At,Page\n"


def deliveries(folder: Path, days: int = 4) -> list[Path]:
    """Write people, and what they visited on some days; each day repeats a row of the first."""
    made = folder / "Web"
    made.mkdir()
    people = "".join(f"{n},Ann{n},a{n}@x.de\n" for n in range(20))
    (folder / "people.csv").write_text(f"Id,First name,E-mail\n{people}")
    for day in range(1, days + 1):
        rows = [f"V{day}-{n},a{n}@x.de,2026-11-{day:02} 10:00:00,/\n" for n in range(20)]
        again = "V1-3,a3@x.de,2026-11-01 10:00:00,/\n"
        (made / f"visits-2026-11-{day:02}.csv").write_text(HEADER + "".join([*rows, again]))
    return [folder / "people.csv", *sorted(made.iterdir())]


def sources(text: str) -> dict[str, list[str]]:
    return {name: list(some) for name, some in yaml.safe_load(text)["sources"].items()}


def test_files_whose_names_differ_in_digits_are_one_entity(tmp_path):
    files = deliveries(tmp_path)
    (tmp_path / "Web" / "visits-2026-11-09.csv").write_text("\ufeff" + HEADER)
    found = proposed(tmp_path, *files, tmp_path / "Web" / "visits-2026-11-09.csv")
    visits = entity(found, "Web_Visits")
    assert (visits["path"], visits["primary_key"]) == ("Web/visits-*.csv", "VisitId")
    assert found.left_out == {}
    assert found.activities == ("Web_Visits",)
    assert "5 files are one table: visits-*.csv." in found.text
    told = call("-C", tmp_path, "refresh")
    assert told.code == 0, told.err
    counted = call("-C", tmp_path, "--json", "sql", "SELECT count(*) AS n FROM UnifiedActivity")
    assert counted.document["rows"] == [{"n": 80}]


def test_a_folder_stands_for_its_files(tmp_path):
    deliveries(tmp_path)
    (tmp_path / "Web" / "_SUCCESS").write_text("")
    (tmp_path / "Web" / ".hidden.csv").write_text("no")
    told = call("--json", "init", tmp_path, "--from", tmp_path / "people.csv", tmp_path / "Web")
    assert (told.code, told.document["leftOut"]) == (0, {})
    assert told.document["activities"] == ["Web_Visits"]


def test_what_a_glob_would_match_besides_keeps_files_apart_and_is_told(tmp_path):
    files = deliveries(tmp_path, 2)
    empty, other = (tmp_path / "Web" / f"visits-{name}.csv" for name in ("2026-11-03", "notes"))
    empty.write_text("")
    found = proposed(tmp_path, *files, empty)
    assert sources(found.text)["Web"] == ["Visits20261101", "Visits20261102"]
    told = "2 files would be one table, visits-*.csv, but for visits-2026-11-03.csv"
    assert any(told in one for one in found.checks)
    empty.unlink()
    other.write_text("something else\n")
    found = proposed(tmp_path, *files)
    assert any("but for visits-notes.csv" in one for one in found.checks)


def test_rows_of_several_files_that_share_keys_are_of_several_tables(tmp_path):
    """Each shop counts its customers from 1; the columns of a third file are others."""
    for shop in (1, 2):
        rows = "".join(f"{n},Ann{shop}{n},x{shop}{n}@x.de\n" for n in range(20))
        (tmp_path / f"shop{shop}.csv").write_text(f"Id,First name,E-mail\n{rows}")
    (tmp_path / "shop3.csv").write_text("Id,Street\n1,x\n2,y\n")
    found = proposed(tmp_path, *(tmp_path / f"shop{shop}.csv" for shop in (1, 2, 3)))
    assert list(sources(found.text).values()) == [["Shop1", "Shop2", "Shop3"]]


def test_parts_of_one_table_may_be_of_ascii_alone(tmp_path):
    for part, name in enumerate(("Jörg", "Ann", "Zoë")):
        rows = "".join(f"{part}{n},{name}{n},a{part}{n}@x.de\n" for n in range(20))
        (tmp_path / f"kunden_{part}.csv").write_bytes(f"Id,Vorname,E-Mail\n{rows}".encode("cp1252"))
    found = proposed(tmp_path, *sorted(tmp_path.iterdir()))
    (own,) = yaml.safe_load(found.text)["sources"].values()
    assert {name: (one["path"], one["encoding"]) for name, one in own.items()} == {
        "Kunden": ("kunden_*.csv", "windows-1252")
    }


def test_a_row_that_is_corrected_takes_no_key_away(tmp_path):
    """Visit and mail together differ in all rows, by accident."""
    files = deliveries(tmp_path, 3)
    with files[-1].open("a") as last:
        last.write("V1-0,other@x.de,2026-11-03 12:00:00,/\n")
    visits = entity(proposed(tmp_path, *files), "Web_Visits")
    assert (visits["primary_key"], visits["prefer"]["policy"]) == ("VisitId", "most_recent")


def test_names_that_differ_in_letters_between_digits_are_of_several_tables(tmp_path):
    names = ["2024-orders-1", "2024-orders-2", "2024-returns-1"]
    for part, name in enumerate(names):
        rows = "".join(f"{part}{n},Ann{part}{n},x{part}{n}@x.de\n" for n in range(20))
        (tmp_path / f"{name}.csv").write_text(f"Id,First name,E-mail\n{rows}")
    found = proposed(tmp_path, *(tmp_path / f"{name}.csv" for name in names))
    (own,) = yaml.safe_load(found.text)["sources"].values()
    assert [one["path"] for one in own.values()] == [f"{name}.csv" for name in names]
    told = "2 files would be one table, *.csv, but for 2024-returns-1.csv."
    assert any(told in one for one in found.checks)


def test_a_file_named_by_two_paths_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = deliveries(tmp_path, 1)
    again = [one.relative_to(tmp_path) for one in files]
    told = call("--json", "init", tmp_path, "--from", *files, *again)
    assert (told.code, told.document["files"]) == (0, 2)
    assert told.document["activities"] == ["Web_Visits20261101"]


def test_a_folder_in_a_folder_is_told(tmp_path):
    deliveries(tmp_path)
    (tmp_path / "Web" / "2025").mkdir()
    (tmp_path / "Web" / "2025" / "visits-2025-01-01.csv").write_text(HEADER)
    told = call("--json", "init", tmp_path, "--from", tmp_path / "people.csv", tmp_path / "Web")
    within = str(tmp_path / "Web" / "2025")
    assert told.document["leftOut"] == {within: "it is a folder in a folder: name it, too."}


def test_parts_of_one_table_are_together_about_as_large_a_sample_as_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "ROWS", 20)
    monkeypatch.setattr(samples, "LEAST_ROWS", 2)
    (tmp_path / "Web").mkdir()
    for part in range(8):
        rows = "".join(f"{part}-{n},a{part}{n}@x.de,2026-11-0{1 + part},/\n" for n in range(100))
        (tmp_path / "Web" / f"v{part}.csv").write_text(HEADER + rows)
    found = proposed(tmp_path, *sorted((tmp_path / "Web").iterdir()))
    assert entity(found, "Web_V")["path"] == "Web/v*.csv"
    (rows,) = re.findall(r"# (\d+) rows were looked at", found.text)
    assert int(rows) <= 3 * 20


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (("Id,Vorname\n{n}1,Jörg\n{n}2,Ann\n", "cp1252"), "they are written in several encodings"),
        (("Id,Vorname\n1,Ann{n}\n2,Eve{n}\n", "utf-8"), "no key tells all their rows apart"),
    ],
)
def test_why_files_that_are_called_alike_are_apart_is_told(tmp_path, texts, why):
    text, encoding = texts
    (tmp_path / "k1.csv").write_bytes(text.format(n=1).encode())
    (tmp_path / "k2.csv").write_bytes(text.format(n=2).encode(encoding))
    found = proposed(tmp_path, tmp_path / "k1.csv", tmp_path / "k2.csv")
    told = f"2 files are called alike (k*.csv), but are no one table: {why}."
    assert any(told in one for one in found.checks), found.checks


def test_files_whose_columns_are_of_several_types_are_told(tmp_path):
    for part, values in enumerate(([1, 2], [1.5, 2.5])):
        made = {"id": [f"{part}a", f"{part}b"], "amount": values}
        pq.write_table(pa.table(made), tmp_path / f"k{part}.parquet")
    found = proposed(tmp_path, *sorted(tmp_path.iterdir()))
    why = "amount is of several types"
    assert any(why in one for one in found.checks), found.checks


def test_a_sign_in_a_name_stands_for_no_digit(tmp_path):
    for part, name in enumerate(("k#.csv", "k1.csv")):
        rows = "".join(f"{part}{n},Ann{part}{n},x{part}{n}@x.de\n" for n in range(20))
        (tmp_path / name).write_text(f"Id,First name,E-mail\n{rows}")
    found = proposed(tmp_path, tmp_path / "k#.csv", tmp_path / "k1.csv")
    (own,) = yaml.safe_load(found.text)["sources"].values()
    assert [one["path"] for one in own.values()] == ["k#.csv", "k1.csv"]


def test_a_folder_of_full_data_in_a_folder_is_read(tmp_path):
    deliveries(tmp_path, 1)
    full = tmp_path / "Web" / "Orders" / "FullData"
    full.mkdir(parents=True)
    rows = "".join(f"{n},a{n}@x.de,2026-11-01 10:00:00\n" for n in range(20))
    (full / "orders.csv").write_text(f"OrderId,Mail,ModifiedOn\n{rows}")
    told = call("--json", "init", tmp_path, "--from", tmp_path / "people.csv", tmp_path / "Web")
    assert (told.code, told.document["leftOut"]) == (0, {})
    assert "Web_Orders" in told.document["activities"]
