"""Reading `overtide.yaml`.

Traps of YAML, values from the environment and secrets, and what stays the same.
"""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from overtide.schemas.document import read_document
from overtide.schemas.errors import OvertideError
from overtide.schemas.loading import configuration_hash, examine, load
from overtide.settings import read_paths
from tests.command_line import call
from tests.configurations import TEXT, checked, edited, write_project

NOT_YAML = {
    "a tab": ("lake:\n\tdata: x\n", 2, "cannot start any token. Indent with blanks, not with tabs"),
    "an open bracket": ("lake: [1, 2\n", 2, "did not find expected ',' or ']'"),
    "an open quote": ('lake: "x\n', 2, "quoted scalar"),
    "wrong indentation": ("lake:\n  data: x\n catalog: y\n", 3, "did not find expected"),
    "an unknown alias": ("lake: *nothing\n", 1, "undefined alias"),
    "two documents": ("lake: {}\n---\nlake: {}\n", 2, "but found another document"),
    "control characters": ("lake: \x01\n", None, "control characters are not allowed"),
    "brackets without end": ("lake: " + "[" * 100_000 + "]" * 100_000, 1, "nested too deeply"),
    "sections without end": (
        "".join(f"{' ' * depth}a:\n" for depth in range(1000)),
        51,
        "nested too deeply",
    ),
}


@pytest.mark.parametrize("what", NOT_YAML)
def test_what_is_no_yaml_is_said_with_its_line(tmp_path, what):
    text, line, words = NOT_YAML[what]
    assert only(checked(tmp_path, text)) == ("invalid_yaml", line)
    answer = call("-C", tmp_path, "validate")
    assert (answer.code, answer.err) == (2, "")
    assert words in answer.out.splitlines()[0]
    assert answer.out.splitlines()[1] == "1 mistake."
    for command in (
        "status",
        "refresh",
    ):  # the first reads the settings it needs alone, the second all
        told = call("-C", tmp_path, command)
        assert (told.code, told.out) == (2, "")
        assert words in told.err


def only(found) -> tuple[str, int | None]:
    assert len(found) == 1
    assert found[0].severity == "mistake"
    return found[0].code, found[0].line


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n...\n", "null\n", "~\n"])
def test_an_empty_file(tmp_path, text):
    assert only(checked(tmp_path, text))[0] == "empty"
    assert call("-C", tmp_path, "validate").code == 2
    assert "The file is empty" in call("-C", tmp_path, "status").err


@pytest.mark.parametrize(
    ("text", "words"),
    [("- a\n- b\n", "found a list."), ("hello\n", "found `hello`."), ("5\n", "found `5`.")],
)
def test_a_file_that_is_no_mapping(tmp_path, text, words):
    found = checked(tmp_path, text)
    assert only(found) == ("invalid_value", 1)
    assert found[0].message == f"Expected a section (name: value), {words}"
    assert "Expected a section" in call("-C", tmp_path, "status").err


@pytest.mark.parametrize(
    "data", [b"instance: {name: \xe9}\n", "instance: x".encode("utf-16"), bytes(range(128, 256))]
)
def test_a_file_that_is_not_utf8(tmp_path, data):
    (tmp_path / "overtide.yaml").write_bytes(b"# first line\n" + data)
    for words in (["validate"], ["status"], ["refresh"]):
        answer = call("-C", tmp_path, *words)
        assert answer.code == 2
        assert "overtide.yaml:2: The file is not UTF-8." in answer.out + answer.err
    assert call("-C", tmp_path, "--json", "validate").document["mistakes"][0]["line"] == 2


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    assert checked(tmp_path, "\ufeff" + TEXT) == []


def test_a_key_twice_names_both_lines(tmp_path):
    found = checked(tmp_path, TEXT + "lake: {data: elsewhere}\n")
    assert [(one.code, one.target) for one in found] == [("duplicate_key", "lake")]
    lines = [number for number, line in enumerate(TEXT.splitlines(), 1) if line.startswith("lake:")]
    assert (found[0].line, f"first in line {lines[0]}" in found[0].message) == (
        len(TEXT.splitlines()) + 1,
        True,
    )


def test_anchors_and_aliases_are_written_out(tmp_path):
    text = TEXT.replace(
        "rules: [{name: EMail, conditions", "rules: &rules [{name: EMail, conditions"
    ).replace(
        "    - entity: Club_Members\n  match",
        "    - {entity: Club_Members, deduplicate: {rules: *rules}}\n  match",
    )
    assert checked(tmp_path, text) == []
    entities = load(tmp_path, {}).unification.entities
    assert entities[0].deduplicate.rules == entities[1].deduplicate.rules != []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lake: &a {data: *a}\n", "holds itself"),
        ("? [a]\n: 1\n", "A key must be a plain text"),
        ("lake: &l {data: x}\nevent_log: {<<: *l}\n", "`<<` does not merge"),
        (
            "lake: !!python/object:os.system x\n",
            "The tag `tag:yaml.org,2002:python/object:os.system` is not supported.",
        ),
        ("lake: {data: !secret x}\n", "The tag `!secret` is not supported."),
    ],
)
def test_what_yaml_has_and_a_configuration_has_not(tmp_path, text, words):
    found = checked(tmp_path, text)
    assert words in " ".join(one.message for one in found if one.code == "invalid_yaml")


def test_a_million_values_behind_few_letters_are_not_written_out(tmp_path):
    lines = ["a: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"b{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 9)
    ]
    found = checked(tmp_path, "\n".join(lines))
    assert [one.message for one in found if one.code == "invalid_yaml"] == [
        "The value holds itself, or far too many values."
    ]


def test_a_long_value_is_cut(tmp_path):
    found = checked(tmp_path, "instance: " + "x" * 1_000_000)
    assert max(len(str(one)) for one in found) < 1000


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", True),
        ("no", False),
        ("on", True),
        ("True", True),
        ("1_000", 1000),
        ("0x10", 16),
        ("2026-01-02", "2026-01-02"),
        ("1.50", 1.5),
        ("~", None),
        ("'5'", "5"),
        ("null", None),
        ("$5", "$5"),
        (".inf", float("inf")),
    ],
)
def test_scalars_are_those_of_yaml_but_dates_are_texts(written, value):
    assert read_document(f"a: {written}\n", "x.yaml", {}).value == {"a": value}


def test_keys_are_texts_whatever_they_look_like(tmp_path):
    keys = ["yes", "2026", "2026-01-02", "null", "1.5"]
    assert read_document(
        "".join(f"{key}: 1\n" for key in keys), "x.yaml", {}
    ).value == dict.fromkeys(keys, 1)


# -- values from the environment


def with_variable(text: str) -> str:
    return TEXT.replace("path: log/events.sqlite", f"path: {text}")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{Price: decimal(12,2)}", {"Price": "decimal(12,2)"}),
        ("{Price: decimal( 12 , 2 )}", {"Price": "decimal(12,2)"}),
        (
            "{A: decimal(12,2), B: string, C: decimal(4, 2)}",
            {"A": "decimal(12,2)", "B": "string", "C": "decimal(4,2)"},
        ),
        (
            "{A: {type: decimal(12,\n  2), optional: true}}",
            {"A": {"type": "decimal(12,2)", "optional": True}},
        ),
        ("{A: 'decimal(12,2)'}", {"A": "decimal(12,2)"}),
        ("{A: 'decimal(12', 2)}", {"A": "decimal(12", "2)": None}),
        ("{A: decimal(12, B: 2)}", {"A": "decimal(12", "B": "2)"}),
        ("{A: decimal(12,2): x}", {"A": "decimal(12", "2)": "x"}),
        ("{A: [decimal(12], 2)}", {"A": ["decimal(12"], "2)": None}),
    ],
)
def test_a_decimal_within_braces_is_one_value(text, value):
    assert read_document(text, "overtide.yaml", {}).value == value


def test_a_variable_is_read_from_the_environment(tmp_path):
    write_project(tmp_path, with_variable('"${PLACE}/x-${NAME}.sqlite"'))
    environ = {"PLACE": "log", "NAME": "events"}
    assert load(tmp_path, environ).event_log.path == "log/x-events.sqlite"
    assert read_paths(tmp_path, environ).log == tmp_path / "log" / "x-events.sqlite"


def test_a_variable_is_a_text_until_a_setting_needs_a_number(tmp_path):
    write_project(tmp_path, TEXT.replace("history_days: 400", "history_days: '${DAYS}'"))
    assert load(tmp_path, {"DAYS": "30"}).lake.history_days == 30
    assert [
        one.target
        for one in checked(tmp_path, (tmp_path / "overtide.yaml").read_text(), {"DAYS": "many"})
    ] == ["lake.history_days"]


def test_two_dollars_stand_for_a_literal_one(tmp_path):
    write_project(tmp_path, with_variable("'log/$${X}-$5-$.sqlite'"))
    assert load(tmp_path, {}).event_log.path == "log/${X}-$5-$.sqlite"


def test_a_variable_that_is_not_set_stops_everything_that_needs_it(tmp_path):
    found = checked(tmp_path, with_variable("'${OVERTIDE_TEST_PLACE}'"))
    assert [(one.code, one.target) for one in found] == [("missing_variable", "event_log.path")]
    assert found[0].hint == "Set OVERTIDE_TEST_PLACE before you start overtide."
    for words in (["validate"], ["status"], ["refresh"]):
        answer = call("-C", tmp_path, *words)
        assert answer.code == 2
        assert "The environment variable OVERTIDE_TEST_PLACE is not set." in answer.out + answer.err


def test_a_variable_that_only_a_refresh_needs_does_not_stop_reading(tmp_path):
    write_project(tmp_path, TEXT.replace("name: Shop,", "name: '${OVERTIDE_TEST_NAME}',"))
    assert read_paths(tmp_path, {}).project == tmp_path
    assert [one.code for one in examine(tmp_path, {}).mistakes] == ["missing_variable"]


@pytest.mark.parametrize("name", ["${1X}", "${}", "${A B}", "${A", "${A.B}"])
def test_what_names_no_variable(tmp_path, name):
    found = checked(tmp_path, with_variable(f"'{name}'"))
    assert [one.code for one in found] == ["invalid_variable"]
    assert found[0].hint == "Write $${ for a literal ${."


SECRETS = {
    "instance": ("id: 6f2c1f0e-5f0b-4b8c-9d2e-3a1b2c3d4e5f", "id: '${SECRET}'"),
    "type": ("Born: date", "Born: '${SECRET}'"),
    "file": ("path: data/contacts.csv", "path: '${SECRET}'"),
    "zone": ("primary_key: OrderId", "primary_key: OrderId\n      time_zone: '${SECRET}'"),
    "name": ("fields: EMail, normalize", "fields: '${SECRET}', normalize"),
    "duration": ("update_ttl: 4h", "update_ttl: '${SECRET}'"),
    "part": ("path: data/orders.csv", "path: 'data/${SECRET}.csv'"),
    "source": ("from: [Shop_Contacts.Name", "from: ['${SECRET}'"),
    "days": ("history_days: 400", "history_days: '${SECRET}'"),
}


@pytest.mark.parametrize("where", SECRETS)
def test_a_value_from_the_environment_is_never_shown(tmp_path, where, monkeypatch):
    monkeypatch.setenv("SECRET", "hunter2-s3cr3t")
    write_project(tmp_path, TEXT.replace(*SECRETS[where], 1))
    shown = []
    for words in (
        ["validate"],
        ["--json", "validate"],
        ["refresh"],
        ["--json", "refresh"],
        ["-v", "status"],
    ):
        answer = call("-C", tmp_path, *words)
        shown.append(answer.out + answer.err)
    assert "${SECRET}" in shown[0]
    assert [text for text in shown if "s3cr3t" in text] == []


# -- what stays the same


def test_the_hash_of_a_configuration_is_that_of_what_it_says(tmp_path):
    write_project(tmp_path / "one", TEXT)
    write_project(
        tmp_path / "two", "# laid out in another way\n" + yaml.safe_dump(edited(), sort_keys=False)
    )
    write_project(tmp_path / "three", edited(("real_time/update_ttl", "5h")))
    one, two, three = (
        configuration_hash(load(tmp_path / name, {})) for name in ("one", "two", "three")
    )
    assert one == two != three


def test_a_moved_project_reads_its_own_files(tmp_path):
    write_project(tmp_path / "here", TEXT)
    shutil.move(tmp_path / "here", tmp_path / "there")
    paths = read_paths(tmp_path / "there", {})
    assert {
        paths.catalog.file.parent.parent,
        paths.storage.folder.parent.parent,
        paths.log.parent.parent,
    } == {tmp_path / "there"}
    assert checked(tmp_path / "there", TEXT) == []


def test_absolute_places_stay_where_they_are(tmp_path):
    place = tmp_path / "elsewhere"
    write_project(tmp_path / "here", TEXT.replace("catalog: lake/", f"catalog: {place}/"))
    assert read_paths(tmp_path / "here", {}).catalog.file == place / "catalog.sqlite"


@pytest.mark.parametrize(
    "place",
    ["lake: {catalog: 5}", "lake: {data: ''}", "event_log: {path: [x]}", "lake: x", "event_log: 7"],
)
def test_the_settings_that_reading_needs_are_checked_by_reading_too(tmp_path, place):
    write_project(tmp_path, TEXT.partition("lake:")[0] + place + "\n")
    with pytest.raises(OvertideError) as caught:
        read_paths(tmp_path, {})
    mistakes = caught.value.details
    assert (caught.value.code, len(mistakes), mistakes[0].code) == (
        "invalid_configuration",
        1,
        "invalid_value",
    )
    assert [one.target for one in examine(tmp_path, {}).mistakes] == [mistakes[0].target]


def test_json_of_a_mistake_has_everything_a_program_needs(tmp_path):
    write_project(tmp_path, edited(("sources/Shop/Contacts/format", "cvs")))
    assert call("-C", tmp_path, "--json", "validate").document["mistakes"] == [
        {
            "code": "invalid_value",
            "message": "Expected one of `csv`, `parquet`, `jsonl`, found `cvs`.",
            "target": "sources.Shop.Contacts.format",
            "hint": "Did you mean `csv`?",
            "severity": "mistake",
            "file": "overtide.yaml",
            "line": 19,
            "value": "cvs",
            "expected": "one of `csv`, `parquet`, `jsonl`",
            "suggestion": "csv",
        }
    ]
    assert (
        json.loads(call("-C", tmp_path, "--json", "refresh").out)["error"]["details"]
        == call("-C", tmp_path, "--json", "validate").document["mistakes"]
    )


def test_the_folder_is_named_whole_where_there_is_no_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for words in (["validate"], ["status"], ["refresh"]):
        assert f"There is no overtide.yaml in {tmp_path}." in call(*words).err
    assert Path.cwd() == tmp_path
