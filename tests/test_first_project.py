"""`overtide init --from`: a project is proposed from files, and it works as it is."""

import csv
import gzip
import io
import itertools
import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide import examples
from overtide.schemas.errors import UsageError
from overtide.transforms.first_project.columns import found_type
from overtide.transforms.first_project.proposing import propose
from overtide.transforms.first_project.samples import Column
from tests.command_line import call
from tests.proposals import INSTANCE, entity, proposed


def test_the_files_of_an_example_become_customers(tmp_path):
    data = Path(examples.__file__).parent / "contoso" / "data"
    for file in data.iterdir():
        with file.open() as lines:
            (tmp_path / file.name).write_text("".join(itertools.islice(lines, 301)))
    answer = call("--json", "init", tmp_path, "--from", *sorted(tmp_path.iterdir())).document
    assert [len(answer[name]) for name in ("customers", "activities", "kept")] == [2, 3, 0]
    assert (answer["files"], answer["leftOut"], answer["mistakes"]) == (5, {}, [])
    document = yaml.safe_load((tmp_path / "overtide.yaml").read_text())
    assert document["unification"]["entities"][0]["entity"] == answer["customers"][0]
    foreign_keys = {one["name"]: one["foreign_key"] for one in document["relationships"]}
    assert foreign_keys == {
        "OnlinePurchases": "ContactId",
        "POSPurchases": "LoyaltyId",
        "WebsiteReviewsLinkedToEcommerceContacts": "UserId",
    }
    assert call("-C", tmp_path, "refresh").code == 0
    counted = "SELECT count(*) AS n FROM Customer UNION ALL SELECT count(*) FROM UnifiedActivity"
    rows = call("-C", tmp_path, "--json", "sql", counted).document["rows"]
    assert [row["n"] for row in rows] == [300, 895]


CRM = "KD-NR;Vorname;Nachname;E-Mail;Telefon;Umsatz;Kunde seit;Newsletter;Status\r\n" + "".join(
    f'{1000 + n};Jörg{n};"Groß; {n}";j{n}@x.de;030 1234{n:03};1.{n:03},50;{1 + n % 28}.1.24;'
    f"{('ja', 'nein')[n % 2]};{('NULL', 'aktiv')[n % 2]}\r\n"
    for n in range(40)
)


def three_sources(folder: Path) -> list[Path]:
    crm, shop, tickets = folder / "accounts.csv", folder / "orders.jsonl.gz", folder / "t.parquet"
    crm.write_bytes(CRM.encode("latin-1"))
    lines = [
        {
            "order": {
                "number": f"A{n // 2}",
                "place": n % 2,
                "at": f"2026-01-{1 + n % 28:02}T10:00:00Z",
                "customer": {"email": f"J{n % 30}@X.de"},
                "items": [{"name": "Cup"}],
            },
            "title": "Cup" if n % 3 else None,
        }
        for n in range(60)
    ]
    shop.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    rows = [
        {"ticket": {"id": f"T{n}", "account_kd_nr": 1000 + n}, "opened": datetime(2026, 2, 1 + n)}
        for n in range(20)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tickets)
    return [crm, shop, tickets]


def test_an_export_nested_lines_and_parquet_are_read_as_they_come(tmp_path):
    folder = tmp_path / "Kunden"
    folder.mkdir()
    found = proposed(folder, *three_sources(folder))
    accounts = entity(found, "Kunden_Accounts")
    assert (accounts["encoding"], accounts["delimiter"]) == ("windows-1252", ";")
    assert accounts["primary_key"] == "KD-NR"
    assert {
        name: accounts["attributes"][name] for name in ("Umsatz", "Kunde seit", "Newsletter")
    } == {
        "Umsatz": {"type": "decimal(18, 2)", "decimal_mark": ",", "thousands_separator": "."},
        "Kunde seit": {"type": "date", "format": "%d.%m.%y"},
        "Newsletter": {"type": "boolean", "true_words": ["ja"], "false_words": ["nein"]},
    }
    assert accounts["attributes"]["Status"]["null_words"] == ["null"]
    assert entity(found, "Kunden_Orders")["primary_key"] == ["order_number", "order_place"]
    document = yaml.safe_load(found.text)
    tickets = next(one for one in document["activities"] if one["entity"] == "Kunden_T")
    assert "semantic" not in tickets
    ways = {one["entity"]: one for one in document["relationships"]}
    assert (ways["Kunden_Orders"]["to"], ways["Kunden_Orders"]["field"]) == (
        "Customer",
        "EMail",
    )
    assert ways["Kunden_T"]["foreign_key"] == "ticket_account_kd_nr"
    assert any("Lists are left out: order.items" in one for one in found.checks)
    told = call("-C", folder, "refresh")
    assert told.code == 0, told.err
    assert "belong to no customer" not in told.err


def test_what_samples_say_of_people_is_proposed(tmp_path):
    """Ids of an e-mail that all have, households, and values that are of nobody."""
    lines = ["Id,First name,Last name,E-mail,Phone,Street,Postcode"]
    for n in range(60):
        phone = "030 555-1" if n % 6 == 0 else "0000000" if n % 6 == 1 else f"030 {7000 + n}"
        home = f"{1 + n // 2} Park Street,{10000 + n // 2}"
        given = ("Ann", "Boris")[n % 2]
        lines.append(f"{n},{given}{n},Lee{n // 2},ann{n}@x.example,{phone},{home}")
    (tmp_path / "people.csv").write_text("\n".join(lines))
    found = proposed(tmp_path, tmp_path / "people.csv")
    told = yaml.safe_load(found.text)["unification"]
    assert told["customer_id"] == {"fields": ["EMail"]}
    assert told["ignore"] == {"values_of": {"Phone": ["030 555-1"]}}
    (household,) = told["clusters"]
    assert household["name"] == "HouseholdId"
    fields = [one["fields"] for one in household["rules"][0]["conditions"]]
    assert fields == ["LastName", ["Street", "PostalCode"]]
    for why in (
        "there in 60 of 60 rows, 60 differ",
        "030 555-1 of 10 people of",
        "60 of the rows looked at share a family name and an address",
    ):
        assert why in found.text
    assert call("-C", tmp_path, "refresh").code == 0
    query = "SELECT count(*) AS n, count(DISTINCT HouseholdId) AS h FROM Customer"
    assert call("-C", tmp_path, "--json", "sql", query).document["rows"] == [{"n": 60, "h": 30}]


@pytest.mark.parametrize("rows", [19, 40])
def test_nothing_is_said_of_people_who_do_not_show_it(tmp_path, rows):
    """An e-mail that many share makes no id; a few rows say nothing; no address, no household."""
    lines = ["Id,First name,Last name,E-mail,City"]
    lines += [f"{n},Ann{n},Lee,a{n if rows < 20 else n // 2}@x.example,Ede" for n in range(rows)]
    (tmp_path / "people.csv").write_text("\n".join(lines))
    told = yaml.safe_load(proposed(tmp_path, tmp_path / "people.csv").text)["unification"]
    assert told.keys().isdisjoint({"customer_id", "ignore", "clusters"})


def test_what_cannot_be_used_is_left_out_with_its_reason(tmp_path):
    (tmp_path / "more").mkdir()
    files = {
        "empty.csv": b"",
        "header.csv": b"Id,Name\n",
        "one.csv": b"Id\n1\n2\n",
        "twice.csv": b"Id,Name,name,\n1,a,b,c\n2,a,b,c\n",
        "unnamed.csv": b"Id,,\n1,a,b\n2,a,b\n",
        "binary.csv": bytes(range(256)) * 9,
        "list.json": b'[{"a": 1}]',
        "page.csv": b"<!doctype html><html></html>",
        "more/one.csv": b"Id;Text\n1;x\n2;y\n",
        "nulls.csv": b"A,B\n,\n,\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    found = proposed(tmp_path, *(tmp_path / name for name in files), tmp_path / "none.csv")
    reasons = {Path(name).name: why for name, why in found.left_out.items()}
    assert sorted(reasons) == [
        *("binary.csv", "empty.csv", "header.csv", "list.json", "none.csv", "nulls.csv"),
        *("page.csv", "twice.csv"),
    ]
    assert "no row" in reasons["header.csv"]
    assert "one object per line" in reasons["list.json"]
    assert "one name" in reasons["twice.csv"]
    document = yaml.safe_load(found.text)["sources"]
    assert [list(one) for one in document.values()] == [["One", "Unnamed"], ["One"]]
    assert "More" in document
    with pytest.raises(UsageError, match="None of the files") as refused:
        propose([tmp_path / "empty.csv"], tmp_path, "x", INSTANCE)
    assert refused.value.code == "no_usable_file"


def test_files_of_one_name_are_two_entities(tmp_path):
    (tmp_path / "c.csv").write_text("Id,Name\n1,a\n2,b\n")
    (tmp_path / "c.jsonl").write_text('{"Id": 1, "Name": "a"}\n')
    (tmp_path / "C.CSV").write_text("Id,Name\n1,a\n2,b\n")
    found = proposed(tmp_path, *(tmp_path / name for name in ("c.csv", "c.jsonl", "C.CSV")))
    (own,) = yaml.safe_load(found.text)["sources"].values()
    assert list(own) == ["C", "CJsonl", "CCsv"]


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "a.csv").write_text("Id\n1\n")
    (tmp_path / "overtide.yaml").write_text("mine")
    refused = call("--json", "init", tmp_path, "--from", tmp_path / "a.csv")
    assert (refused.code, refused.document["error"]["code"]) == (2, "project_exists")
    assert (tmp_path / "overtide.yaml").read_text() == "mine"
    both = call(
        "--json", "init", tmp_path / "b", "--example", "retail", "--from", tmp_path / "a.csv"
    )
    assert (both.code, both.document["error"]["code"]) == (2, "usage")


@pytest.mark.parametrize(
    ("texts", "kind", "more"),
    [
        (["1", "20", None], "integer", {}),
        (["007", "12"], "string", {}),
        (["1.5", "2.25"], "decimal(18, 2)", {}),
        (["1,5", "12,25"], "decimal(18, 2)", {"decimal_mark": ","}),
        (["1e5", "2"], "double", {}),
        (["1.234.567"], "integer", {"decimal_mark": ",", "thousands_separator": "."}),
        (["1,234,567", "5"], "integer", {"thousands_separator": ","}),
        (["2024-01-31", "2023-02-01"], "date", {}),
        (["2024-01-31T10:00:00Z", "2024-01-31"], "datetime", {}),
        (["31.1.2024", "1.2.2024"], "date", {"format": "%d.%m.%Y"}),
        (["31.1.24", "1.2.2024"], "date", {"format": ["%d.%m.%y", "%d.%m.%Y"]}),
        (["1/31/2024 10:15 PM"], "datetime", {"format": "%m/%d/%Y %I:%M %p"}),
        (["yes", "No"], "boolean", {}),
        (["oui", "non"], "boolean", {"true_words": ["oui"], "false_words": ["non"]}),
        (["5", "n/a"], "integer", {"null_words": ["n/a"]}),
        (["NO", "DE"], "string", {}),
        (["1", "two"], "string", {}),
        ([None, " "], "string", {}),
    ],
)
def test_a_type_reads_all_texts(texts, kind, more):
    found = found_type(Column("X", tuple(texts)))
    assert (found.type, found.settings) == (kind, more)


CELLS = st.one_of(
    st.sampled_from(["", "1", "2", "a@b.de", "2024-01-31", "1,5", "ja", "n/a", "x y", "${HOME}"]),
    st.text(st.characters(blacklist_characters="\r\n\0", blacklist_categories=["Cs"]), max_size=4),
)


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(
    st.lists(CELLS.filter(str.strip), min_size=1, max_size=4),
    st.lists(st.lists(CELLS, min_size=4, max_size=4), min_size=1, max_size=6),
    st.sampled_from([",", ";", "\t"]),
)
def test_whatever_a_file_holds_the_project_is_right_or_refused(tmp_path, names, rows, delimiter):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(names)
    writer.writerows(row[: len(names)] for row in rows)
    file = tmp_path / "some.csv"
    file.write_text(text.getvalue(), encoding="utf-8")
    with suppress(UsageError):  # the whole file is one that nothing identifies
        # What is wrong with a file is told in a comment, and stays a mistake of the file.
        proposed(tmp_path, file, broken=frozenset({"unreadable_line"}))


def delivered(folder: Path, header: str = "Id,Name,Mail,CreatedOn,ModifiedOn") -> Path:
    """Write full data and an hour of changes."""
    people = "".join(
        f"{n},Name {n},n{n}@x.com,2020-01-{n % 28 + 1:02},2026-01-{n % 28 + 1:02}T10:00:00Z\n"
        for n in range(40)
    )
    for place, text in {
        "FullData/_SUCCESS": "",
        "FullData/part-0": f"{header}\n{people}",
        "IncrementalData/2026/02/01/07/Upserts/part-0": f"{header}\n1,x,x@x.com,,2026-02-01\n",
        "IncrementalData/2026/02/01/07/Deletes/part-0": "Id\n2\n",
    }.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text)
    return folder


def test_a_folder_of_full_data_and_changes_is_one_entity(tmp_path):
    found = proposed(tmp_path, delivered(tmp_path / "Crm" / "Contacts"))
    assert found.left_out == {}
    contacts = entity(found, "Crm_Contacts")
    assert contacts["path"] == "Crm/Contacts"
    assert (contacts["primary_key"], contacts["incremental"]) == (
        "Id",
        {"last_modified": "ModifiedOn"},
    )


def test_a_file_of_full_data_by_itself_lacks_what_changed(tmp_path):
    folder = delivered(tmp_path / "Crm" / "Contacts")
    checks = proposed(tmp_path, folder / "FullData" / "part-0").checks
    told = f"its file is in a folder FullData; name {folder} instead"
    assert any(told in one for one in checks)


def test_a_folder_whose_rows_do_not_say_when_they_were_modified_is_left_out(tmp_path):
    folder = delivered(tmp_path / "Contacts", "Id,Name,Mail,Born,Joined")
    with pytest.raises(UsageError, match="no column says when a row was last modified"):
        propose([folder], tmp_path, "x", INSTANCE)
    (folder / "FullData" / "part-0").unlink()
    with pytest.raises(UsageError, match="No file is in"):
        propose([folder], tmp_path, "x", INSTANCE)
