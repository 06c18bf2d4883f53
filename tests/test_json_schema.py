"""The JSON Schema of `overtide.yaml`.

What the models give, kept by the examples, and printed by the command.

No validator is installed; the one below knows the words that our schema has, and fails at any
other.
"""

import contextlib
import io
import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from overtide.cli import main
from overtide.schemas.document import read_document
from tests import reference

EXAMPLES = Path(reference.ROOT) / "examples"
SCHEMA = reference.json_schema()
TYPES = {
    "string": str,
    "object": dict,
    "array": list,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}
CHECKS = {
    "type": lambda value, kind: (
        isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
    ),
    "enum": lambda value, words: value in words,
    "pattern": lambda value, text: bool(re.search(text, str(value))),
    "minLength": lambda value, least: len(str(value)) >= least,
    "maxLength": lambda value, most: len(str(value)) <= most,
    "minItems": lambda value, least: len(value) >= least,
    "maxItems": lambda value, most: len(value) <= most,
    "minimum": lambda value, least: value >= least,
    "maximum": lambda value, most: value <= most,
}
WORDS = {
    *CHECKS,
    "$schema",
    "$comment",
    "$defs",
    "title",
    "description",
    "default",
    "examples",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "format",
}


def violations(value: object, schema: dict[str, Any], place: str = "") -> list[str]:
    """Return what of a document breaks the schema."""
    if "$ref" in schema:
        return violations(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], place)
    if "anyOf" in schema:
        found = [violations(value, one, place) for one in schema["anyOf"]]
        return [] if [] in found else found[0]
    assert set(schema) <= WORDS
    broken = (
        word for word, holds in CHECKS.items() if word in schema and not holds(value, schema[word])
    )
    wrong = [f"{place}: {word}" for word in itertools.islice(broken, 1)]
    if isinstance(value, list) and not wrong:
        wrong += [one for item in value for one in violations(item, schema["items"], f"{place}[]")]
    return wrong + (of_mapping(value, schema, place) if isinstance(value, dict) else [])


def of_mapping(value: dict[str, Any], schema: dict[str, Any], place: str) -> list[str]:
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    wrong = [f"{place}.{name}: missing" for name in schema.get("required", []) if name not in value]
    for name, item in value.items():
        below = known.get(name, others)
        wrong += (
            violations(item, below, f"{place}.{name}") if below else [f"{place}.{name}: unknown"]
        )
    return wrong


def document(text: str) -> object:
    return read_document(text, "overtide.yaml", {}).value


def printed(*words: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as captured:
        assert main(words) == 0
    return captured.getvalue()


def test_the_file_is_what_the_models_give():
    assert reference.SCHEMA_FILE.read_text(encoding="utf-8") == reference.json_schema_text(), (
        "run `make docs`"
    )


@pytest.mark.parametrize("name", ["contoso", "retail", "blank"])
def test_examples_keep_to_it(name):
    assert (
        violations(
            document((EXAMPLES / name / "overtide.yaml").read_text(encoding="utf-8")), SCHEMA
        )
        == []
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("primary_key: ContactId", "primary_kee: ContactId"),
        ("ContactId: string", "ContactId: text"),
        ("policy: most_recent", "policy: newest"),
        ("  entities:", "  entities: []\n  limits:"),
        ("  name: My project", ""),
        ("activity_ttl: 30d", "activity_ttl: 30"),
    ],
)
def test_it_refuses_what_the_models_refuse(before, after):
    text = (EXAMPLES / "blank" / "overtide.yaml").read_text(encoding="utf-8")
    assert before in text
    assert violations(document(text.replace(before, after, 1)), SCHEMA) != []


def test_every_setting_has_an_example_that_keeps_to_it():
    settings = {
        f"{section}.{name}": setting
        for section, model in SCHEMA["$defs"].items()
        for name, setting in model["properties"].items()
    }
    assert [name for name, setting in settings.items() if not setting.get("examples")] == []
    assert [
        one
        for name, setting in settings.items()
        for example in setting["examples"]
        for one in violations(example, setting, name)
    ] == []


def test_it_is_printed_without_a_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert printed("validate", "--schema") == reference.json_schema_text()
    assert json.loads(printed("--json", "validate", "--schema")) == SCHEMA
