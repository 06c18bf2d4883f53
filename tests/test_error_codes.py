"""Every code that the packages can raise is explained, and no other.

Its HTTP statuses and exit codes are, too.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from overtide.schemas import errors
from overtide.schemas.error_codes import CODES
from overtide.schemas.strict_json import TOO_LARGE
from overtide.serving.fields import NOT_FOUND
from overtide.signals import INTERRUPTED

ROOT = Path(__file__).parent.parent
PACKAGES = (
    "overtide",
    "pipelines",
    "transforms",
    "schemas",
    "lake",
    "eventlog",
    "serving",
    "runner_configs",
)
NAMED = {
    "FAILED": errors.FAILED,
    "USAGE": errors.USAGE,
    "LOCKED": errors.LOCKED,
    "NOT_FOUND": NOT_FOUND,
    "TOO_LARGE": TOO_LARGE,
    "INTERRUPTED": INTERRUPTED,
}
CODE_AT = {
    "OvertideError": 0,
    "usage_error": 0,
    "Mistake": 0,
    "add": 0,
    "mistake": 0,
    "note": 0,
    "Finding": 1,
    "_quarantined": 1,
}
"""The calls that name a code, and at which place."""


class Raised(NamedTuple):
    """A code in the source: its place, how it is raised, and its status and exit code.

    Status and exit code are those that are given there.
    """

    code: str
    module: str
    call: str
    status: int | None
    exit_code: int | None


def raised() -> Iterator[Raised]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    yield from code_of(node, str(path.relative_to(ROOT)))


def code_of(call: ast.Call, module: str) -> Iterator[Raised]:
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    place = CODE_AT.get(name, len(call.args))
    code = call.args[place] if place < len(call.args) else None
    if (
        not isinstance(code, ast.Constant)
        or not isinstance(code.value, str)
        or (name in ("add", "mistake", "note") and len(call.args) < 3)
    ):
        return
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    rest = call.args[4:] if name == "OvertideError" else []
    status, exit_code = (
        number(rest[at] if len(rest) > at else keywords.get(keyword))
        for at, keyword in ((0, "status"), (1, "exit_code"))
    )
    yield Raised(code.value, module, name, status, exit_code)


def number(node: ast.expr | None) -> int | None:
    if isinstance(node, ast.Name):
        return NAMED[node.id]
    return None if node is None else ast.literal_eval(node)


def is_listed(one: Raised) -> bool:
    """Say whether a code stops nothing.

    A note of `validate`, a warning, or an event that the stream sets aside.
    """
    return one.call in ("note", "_quarantined") or one.code in (
        "new_column",
        "clock_behind",
        "repeated_key",
    )


def statuses(one: Raised) -> set[int]:
    return set() if is_listed(one) else {one.status or 400}


def exit_codes(one: Raised) -> set[int]:
    if is_listed(one):
        return set()
    if one.call not in ("OvertideError", "Finding"):
        return {errors.USAGE}
    if one.module == "transforms/sampled_values.py":
        return {errors.USAGE}  # a sample of the values is a matter of `validate` alone
    # What a look at the sources finds is a mistake for `validate`, and a failure for a refresh.
    found = (
        {errors.USAGE} if one.module in ("transforms/sources.py", "transforms/layout.py") else set()
    )
    return found | {one.exit_code or errors.FAILED}


def test_every_code_is_explained_and_no_other():
    assert {one.code for one in raised()} == set(CODES)


@pytest.mark.parametrize("what", [statuses, exit_codes])
def test_statuses_and_exit_codes_are_those_of_the_code(what):
    found = defaultdict(set)
    for one in raised():
        found[one.code] |= what(one)
    explained = {code: set(getattr(one, what.__name__)) for code, one in CODES.items()}
    assert {
        code: (found[code], explained[code]) for code in CODES if found[code] != explained[code]
    } == {}


def test_codes_are_sorted_and_explained_by_sentences():
    assert list(CODES) == sorted(CODES)
    assert all(text.endswith(".") for one in CODES.values() for text in (one.meaning, one.remedy))
