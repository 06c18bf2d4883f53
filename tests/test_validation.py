"""What `overtide validate` finds.

Every kind of mistake, with its code, place, value, expectation and suggestion.
"""

import ast
from pathlib import Path

import pytest
import yaml

from tests.configurations import REMOVED, checked, edited
from tests.mistaken_configurations import CASES

ROOT = Path(__file__).parent.parent
CONTACTS, MEMBERS, ORDERS = "sources/Shop/Contacts", "sources/Club/Members", "sources/Shop/Orders"
MATCH, MERGE = "unification/match/0", "unification/merge"
RULE = {"name": "x", "conditions": [{"fields": "EMail"}]}

NOTES = {
    "an entity of no use": (
        [("sources/Shop/Stock", edited()["sources"]["Club"]["Members"])],
        "unused_entity",
        "sources.Shop.Stock",
        "it is only kept",
    ),
    "an entity without rules": (
        [("unification/match", [])],
        "unmatched_entity",
        "unification.entities[1]",
        "its records are customers of their own",
    ),
    "a list of aliases that nothing names": (
        [("unification/aliases", {"Names": {"Bob": "Robert"}})],
        "unused_aliases",
        "unification.aliases.Names",
        "No rule compares with the aliases `Names`.",
    ),
    "customers without columns": (
        [(MERGE, {})],
        "empty_merge",
        "unification.merge",
        "no columns but its keys",
    ),
    "a column that is not read": (
        [(f"{CONTACTS}/attributes/Code", REMOVED)],
        "new_column",
        "sources.Shop.Contacts",
        "data/contacts.csv has a column 'Code' that is not configured; it is not read.",
    ),
}

FILES = {
    "a path to nothing": (
        [(f"{CONTACTS}/path", "data/contact.csv")],
        "no_files",
        "sources.Shop.Contacts.path",
        "No file matches data/contact.csv.",
    ),
    "a folder as a path": (
        [(f"{CONTACTS}/path", "data")],
        "no_files",
        "sources.Shop.Contacts.path",
        "name the files in it, such as data/*",
    ),
    "a column that the file lacks": (
        [(f"{CONTACTS}/attributes/Nick", "string")],
        "missing_column",
        "sources.Shop.Contacts.attributes.Nick",
        "data/contacts.csv has no column 'Nick'; it has `ContactId`, `Name`",
    ),
    "another delimiter": (
        [(f"{CONTACTS}/delimiter", ";")],
        "wrong_delimiter",
        "sources.Shop.Contacts.delimiter",
        "separated by ',', not by ';'",
    ),
    "another format": (
        [(f"{CONTACTS}/format", "parquet")],
        "unreadable_file",
        "sources.Shop.Contacts",
        "data/contacts.csv is not a Parquet file (it seems to be text).",
    ),
}


def test_the_configuration_itself_is_in_order(tmp_path):
    assert checked(tmp_path, edited()) == []


@pytest.mark.parametrize("what", {**CASES, **FILES, **NOTES})
def test_a_mistake_is_found_once_at_its_place(tmp_path, what):
    edits, code, target, words = {**CASES, **FILES, **NOTES}[what]
    found = checked(tmp_path, edited(*edits))
    assert [
        (one.code, one.target) for one in found if one.code != "new_column" or code == one.code
    ] == [(code, target)]
    mistake = next(one for one in found if one.code == code)
    assert words in str(mistake)
    assert str(mistake).startswith(f"overtide.yaml:{mistake.line}: ")
    assert mistake.severity == ("note" if what in NOTES else "mistake")
    assert mistake.exit_code == 2


@pytest.mark.parametrize("what", {**CASES, **FILES})
def test_a_mistake_stands_at_its_line_and_says_what_was_expected(tmp_path, what):
    edits, code, target, _ = {**CASES, **FILES}[what]
    mistake = next(one for one in checked(tmp_path, edited(*edits)) if one.code == code)
    line = (tmp_path / "overtide.yaml").read_text().splitlines()[mistake.line - 1]
    *_, above, last = ["", *target.replace("]", "").replace("[", ".").split(".")]
    assert last in line or above in line or line.lstrip().startswith("-"), (target, line)
    assert mistake.expected or code in ("no_files", "unreadable_file"), mistake


def test_every_mistake_is_found_at_once(tmp_path):
    apart = [
        "a number as a text",
        "no UUID",
        "a misspelt word",
        "an unknown time zone",
        "an unknown encoding",
        "a misspelt normalisation",
        "a rule of another entity",
        "two columns of one name",
        "no duration",
        "too long",
        "a semantic field of nothing",
        "a foreign key that is none",
        "the most recent without attributes",
        "a whole number that is none",
        "an unknown section",
        "the lake upon the log",
    ]
    found = checked(tmp_path, edited(*(edit for what in apart for edit in CASES[what][0])))
    assert {(one.code, one.target) for one in found} == {CASES[what][1:3] for what in apart}
    assert [one.line for one in found] == sorted(one.line for one in found)


def test_files_are_compared_although_the_configuration_has_mistakes(tmp_path):
    found = checked(
        tmp_path, edited(*CASES["no duration"][0], *FILES["a column that the file lacks"][0])
    )
    assert {one.code for one in found} == {"invalid_duration", "missing_column"}


def test_what_is_wrong_with_many_files_in_the_same_way_is_said_once(tmp_path):
    for number in range(3):
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / f"part{number}.csv").write_text("MemberId,Name,EMail,Joined,Level\n")
    found = checked(tmp_path, edited((f"{MEMBERS}/path", "data/part*.csv")))
    assert [(one.code, one.message.partition("; ")[0], one.message[-20:]) for one in found] == [
        ("missing_column", "data/part0.csv has no column 'Town'", "(2 more files alike)")
    ]


@pytest.mark.parametrize("content", [b"", b"\n", b'"a"b', b"\xff"])
def test_a_file_is_named_by_its_path_within_the_project(tmp_path, content):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "own.csv").write_bytes(content)
    (mistake,) = checked(tmp_path, edited((f"{CONTACTS}/path", "data/own.csv")))
    assert mistake.message.startswith("data/own.csv ")


@pytest.mark.parametrize(
    "content",
    [
        '{"ContactId": "1", "Name": "a, b"}\n',
        '{"ContactId":"1","Name":"x"}\n',
        '\ufeff{"ContactId": 1, "Name": {"a": []}}\n{}\n',
    ],
)
def test_json_lines_without_their_format_are_said_once(tmp_path, content):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "own.jsonl").write_text(content)
    (mistake,) = checked(tmp_path, edited((f"{CONTACTS}/path", "data/own.jsonl")))
    assert (mistake.code, mistake.target) == ("unreadable_file", "sources.Shop.Contacts")
    assert (
        mistake.message
        == "data/own.jsonl holds JSON lines, not CSV. Set `format: jsonl` of the entity."
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('[{"ContactId": "1"},\n {"ContactId": "2"}]\n', "holds a JSON array, not JSON lines"),
        ("[\n{}\n]", "holds a JSON array, not JSON lines"),
        ('\n{\n  "ContactId": "1"\n}\n', "holds JSON over several lines, not JSON lines"),
        ("ContactId,Name\n1,x\n", "seems to hold CSV, not JSON lines"),
        (
            '{"a": 1, "b": 2}{"a": 3}\n',
            "holds no JSON object in a line: Extra data (line 1, column 17)",
        ),
        (
            "{'a': 1, 'b': 2}\n",
            (
                "holds no JSON object in a line: "
                "Expecting property name enclosed in double quotes (line 1, column 2)"
            ),
        ),
        ("hello\n", "holds no JSON object"),
        ("{}\n{}\n", "holds no JSON object"),
        ("\n\n", "holds no JSON object"),
    ],
)
def test_what_is_no_json_lines_is_called_what_it_seems_to_be(tmp_path, content, expected):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "own.jsonl").write_text(content)
    path, form = f"{CONTACTS}/path", f"{CONTACTS}/format"
    (mistake,) = checked(tmp_path, edited((path, "data/own.jsonl"), (form, "jsonl")))
    assert (mistake.code, mistake.target) == ("unreadable_file", "sources.Shop.Contacts")
    assert mistake.message.startswith(f"data/own.jsonl {expected}. ")


def test_a_csv_file_may_have_columns_that_begin_like_json(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "own.csv").write_text("{Id},Name\n1,x\n")
    entity = {
        "path": "data/own.csv",
        "primary_key": "{Id}",
        "attributes": {"{Id}": "string", "Name": "string"},
    }
    assert [one.code for one in checked(tmp_path, edited(("sources/Shop/Own", entity)))] == [
        "unused_entity"
    ]


ELSEWHERE = {"invalid_expression"}
"""What tests of its own are about: tests.test_expressions."""


def test_every_code_that_validation_can_raise_stands_in_these_tests():
    raised = set()
    folder = ROOT / "schemas"
    for module in (*(folder / "configuration").glob("*.py"), folder / "loading.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "attr", "") in ("add", "note")
                and isinstance(node.args[0], ast.Constant)
                and len(node.args) > 2
            ):
                raised.add(node.args[0].value)
    assert raised == {case[1] for case in {**CASES, **NOTES}.values()} - {"new_column"} | ELSEWHERE


@pytest.mark.parametrize(
    ("written", "found"), [("~", "`~`, which is null in YAML"), ("", "nothing")]
)
@pytest.mark.parametrize("setting", ["null_words", "unification/ignore/values"])
def test_null_is_a_word_only_where_it_is_written_as_one(tmp_path, written, found, setting):
    edits = [("unification/ignore", {"values": ["x"]}), (setting, ["N/A", None])]
    text = yaml.safe_dump(edited(*edits), sort_keys=False)
    assert checked(tmp_path, text) == []
    (mistake,) = checked(tmp_path, text.replace("- null\n", f"- {written}\n"))
    assert (mistake.code, mistake.target) == ("invalid_value", setting.replace("/", ".") + "[1]")
    assert mistake.message == f"Expected a text (put it in quotes), found {found}."
