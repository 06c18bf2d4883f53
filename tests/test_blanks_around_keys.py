"""Blanks around keys make no other record: in files, posted records and questions alike."""

import json
from pathlib import Path
from typing import Any

import pytest

import overtide
from tests.command_line import call
from tests.configurations import checked, edited

YAML = """
instance: {name: Blanks, id: 6f2c1f0e-5f0b-4b8c-9d2e-3a1b2c3d4e5f}
sources:
  Crm:
    Contacts: {path: contacts.csv, primary_key: ContactId,
      attributes: {ContactId: KEY, Name: string}}
  Shop:
    Baskets: {path: baskets.csv, primary_key: [Till, Nr],
      attributes: {Till: KEY, Nr: string, Contact: string}}
    Lines: {path: lines.csv, primary_key: LineId,
      attributes: {LineId: string, Till: KEY, Nr: string, At: datetime}}
unification:
  entities: [{entity: Crm_Contacts}]
  merge: {fields: [{name: Name, from: [Crm_Contacts.Name]}]}
relationships:
  - {name: Lines, entity: Shop_Lines, foreign_key: [Till, Nr], to: Shop_Baskets}
  - {name: Baskets, entity: Shop_Baskets, foreign_key: Contact, to: Crm_Contacts}
activities:
  - {entity: Shop_Lines, name: Line, relationship: Lines, timestamp: At, title: LineId}
"""
TRIMMED, KEPT = "string", "{type: string, trim: false}"
FILES = {
    "contacts": "ContactId,Name\nC1  ,Ann \n\u00a0C2,Bob\nC2\t,Bob too\n",
    "baskets": "Till,Nr,Contact\nT1 , 7,C1\nT1,8 ,C2\u00a0\n",
    "lines": "LineId,Till,Nr,At\nl1,T1,7,2026-01-01\n l2 ,T1   ,8,2026-01-02\n",
}


def project(folder: Path, key: str) -> None:
    (folder / "overtide.yaml").write_text(YAML.replace("KEY", key))
    for name, text in FILES.items():
        (folder / f"{name}.csv").write_text(text)


def command(folder: Path, *words: object, given: str = "") -> Any:
    answer = call("-C", folder, "--json", *words, given=given)
    assert answer.code in (0, 3), answer.err
    return answer.document


def post(folder: Path, record: dict[str, Any]) -> list[int]:
    answer = command(folder, "post", "Shop_Lines", given=json.dumps(record))
    return [one["status"] for one in answer["rows"]]


def test_records_are_found_by_their_keys_whatever_blanks_are_around_them(tmp_path):
    project(tmp_path, TRIMMED)
    command(tmp_path, "refresh")
    posted = {"LineId": "l3 ", "Till": " T1", "Nr": "7 ", "At": "2026-01-03"}
    assert post(tmp_path, posted) == [201]
    repeated = {**posted, "LineId": "l3", "Till": "T1"}
    assert post(tmp_path, repeated) == [201]
    with overtide.open(tmp_path) as opened:
        people = opened.sql("SELECT Name FROM Customer ORDER BY ALL").to_pylist()
        # One row of C2 lost to the other and is listed; a value that is no key keeps its blanks.
        assert [one["Name"] for one in people] == ["Ann ", "Bob too"]
        assert opened.sql("SELECT count(*) AS n FROM Crm_Contacts_corrupt").to_pylist() == [
            {"n": 1}
        ]
        shown = {
            key: [entry["Title"] for entry in opened.timeline(key=("Crm_Contacts", key)).entries]
            for key in ("C1", " C1 ", "C2")
        }
    assert shown == {"C1": ["l3", "l1"], " C1 ": ["l3", "l1"], "C2": ["l2"]}


def test_keys_that_differ_by_blanks_may_be_two(tmp_path):
    project(tmp_path, KEPT)
    command(tmp_path, "refresh")
    with overtide.open(tmp_path) as opened:
        assert opened.sql("SELECT count(*) AS n FROM Customer").to_pylist() == [{"n": 3}]
        # The foreign key keeps its blanks as the key does that it names.
        keys = opened.sql("SELECT Contact FROM Shop_Baskets ORDER BY ALL").to_pylist()
    assert [one["Contact"] for one in keys] == ["C1", "C2\u00a0"]


def test_validate_says_where_it_saw_blanks(tmp_path):
    project(tmp_path, TRIMMED)
    answer = call("-C", tmp_path, "--json", "validate")
    notes = {
        one["target"]: one["message"]
        for one in answer.document["mistakes"]
        if one["code"] == "trimmed_keys"
    }
    assert answer.code == 0
    assert set(notes) == {
        "sources.Crm.Contacts.attributes.ContactId",
        *(f"sources.Shop.Baskets.attributes.{name}" for name in ("Till", "Nr", "Contact")),
        *(f"sources.Shop.Lines.attributes.{name}" for name in ("LineId", "Till")),
    }
    told = notes["sources.Crm.Contacts.attributes.ContactId"]
    assert "3 of 3 sampled values of 'ContactId' have blanks around them" in told


@pytest.mark.parametrize(("kind", "codes"), [("integer", ["wrong_type"]), ("string", [])])
def test_only_blanks_around_strings_can_be_kept(tmp_path, kind, codes):
    edit = ("sources/Shop/Contacts/attributes/Points", {"type": kind, "trim": False})
    found = [one for one in checked(tmp_path, edited(edit)) if one.severity == "mistake"]
    assert [one.code for one in found if "trim" in str(one.target)] == codes


def test_validate_knows_the_null_words_of_the_project(tmp_path):
    project(tmp_path, TRIMMED)
    text = YAML.replace("KEY", "string").replace("Nr: string, At", "Nr: integer, At")
    (tmp_path / "overtide.yaml").write_text(text + "null_words: [none]\n")
    (tmp_path / "lines.csv").write_text("LineId,Till,Nr,At\nl1,T1,none,none\nl2,T1,none,none\n")
    found = call("-C", tmp_path, "--json", "validate").document["mistakes"]
    assert "values_do_not_fit" not in [one["code"] for one in found]
