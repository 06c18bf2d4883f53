"""Attribute types are asked for their rules, and nothing else compares their names."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from overtide.schemas.types import (
    EXAMPLES,
    MEANT,
    NAMES,
    PATTERN,
    TYPES,
    listed,
    type_of,
)
from overtide.schemas.types.attribute_type import AttributeType

ROOT = Path(__file__).parent.parent
FOLDERS = (
    "schemas",
    "transforms",
    "lake",
    "serving",
    "eventlog",
    "pipelines",
    "runner_configs",
    "overtide",
)
FAMILIES = {one.family for one in TYPES}


def compared(node: ast.AST) -> list[ast.expr]:
    """What a node compares with, looks up or looks for."""
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        return [*sides, *(one for side in sides if isinstance(side, ast.List) for one in side.elts)]
    if isinstance(node, ast.MatchValue):
        return [node.value]
    if isinstance(node, ast.Dict):
        return [key for key in node.keys if key is not None]
    if isinstance(node, ast.Tuple | ast.Set):
        return list(node.elts)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.args[:1] if node.func.attr in ("startswith", "removeprefix", "get") else []
    return []


def names_a_type(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.partition("(")[0] in FAMILIES
    )


OF_THEIR_OWN = (ROOT / "schemas" / "types", ROOT / "schemas" / "expressions")
"""The types, and the kinds of what expressions make, of which some have the same names."""


def test_the_name_of_a_type_is_compared_among_the_types_alone():
    wrong = [
        f"{module.relative_to(ROOT)}:{node.lineno}"
        for folder in FOLDERS
        for module in sorted((ROOT / folder).rglob("*.py"))
        if module.parent not in OF_THEIR_OWN
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if any(map(names_a_type, compared(node)))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "text",
    [
        'kind == "date"',
        'kind in ("date", "datetime")',
        'kind in ["date"]',
        'kind.startswith("decimal(")',
        '{"date": 1}[kind]',
        'types.get("date")',
        'match kind:\n    case "date": pass',
    ],
)
def test_a_comparison_with_a_name_is_found(text):
    assert any(names_a_type(one) for node in ast.walk(ast.parse(text)) for one in compared(node))


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_type_keeps_its_name_and_is_made_once(name):
    assert type_of(name).name == name
    assert type_of(name) is type_of(name)
    assert re.match(PATTERN, name)


@pytest.mark.parametrize("one", TYPES)
def test_a_type_is_a_module_of_its_name(one):
    assert one.__module__ == f"overtide.schemas.types.{one.family}"
    assert issubclass(one, AttributeType)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_type_is_known_to_the_lake_and_null_is_of_every_type(name):
    kind = type_of(name)
    with duckdb.connect() as connection:
        row = connection.execute(
            f"""SELECT {kind.text_sql("v")}, {kind.json_text_sql("v")}, {kind.fetched_sql("v")}
            FROM (SELECT NULL::{kind.duckdb} AS v)"""
        ).fetchone()
    assert row == (None, None, None)
    assert kind.from_json(None) is None
    assert kind.from_lake(None) is None


def test_names_are_listed_as_people_write_them():
    assert listed(NAMES) == (
        "string, integer, double, boolean, date, datetime, guid or decimal(digits, scale)"
    )
    assert listed(("date", "datetime")) == "date or datetime"
    assert MEANT["bigint"] == "integer"
    assert MEANT["money"] == "decimal(18, 2)"


@pytest.mark.parametrize("name", ["decimal(39, 2)", "decimal(0,0)", "decimal(2, 3)"])
def test_a_decimal_that_cannot_be_kept_says_why(name):
    assert type_of(name).unfit is not None
    assert type_of("decimal(38, 38)").unfit is None


def test_the_types_need_neither_duckdb_nor_arrow():
    program = (
        "import sys, overtide.schemas.types\n"
        "print(*[name for name in ('duckdb', 'pyarrow', 'pydantic') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == []
