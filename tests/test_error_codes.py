"""Every code that the packages can raise is explained, and no other.

Its HTTP statuses and exit codes are those of its family.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from overtide.schemas import errors
from overtide.schemas.error_codes.all_codes import CODES
from overtide.schemas.errors import (
    ConfigurationError,
    InterruptedCommandError,
    InvalidRequestError,
    InvalidValueError,
    NotFoundError,
    OvertideError,
    SourceError,
    TerminatedCommandError,
    UsageError,
)

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
FAMILIES = {
    name: one
    for name, one in vars(errors).items()
    if isinstance(one, type) and issubclass(one, OvertideError)
}
CONFIGURATION = ("Mistake", "add", "mistake", "note")
"""The calls that make a mistake of the configuration."""
CODE_AT = {
    **dict.fromkeys(FAMILIES, 0),
    **dict.fromkeys(CONFIGURATION, 0),
    "Finding": 1,
    "_quarantined": 1,
}
"""The calls that name a code, and at which place."""
LOOKS = (
    *(f"transforms/sources/{name}.py" for name in ("contents", "deliveries", "files", "layout")),
    "transforms/matching/decisions.py",
    "transforms/matching/lists.py",
)
"""What looks at the sources for a refresh and for `validate`, which makes mistakes of it."""
SAMPLES = "transforms/sources/sampled_values.py"
"""What looks at the sources for `validate` alone."""
AT_ITS_SETTING = {SourceError, ConfigurationError}
SEVERAL: dict[str, set[type[OvertideError]]] = {
    # A refresh is refused; `validate` shows it as a mistake at the setting of the entity.
    "duplicate_column": AT_ITS_SETTING,
    "empty_file": AT_ITS_SETTING,
    "missing_column": AT_ITS_SETTING,
    "decisions_wrong": AT_ITS_SETTING,
    "list_wrong": AT_ITS_SETTING,
    "misplaced_file": AT_ITS_SETTING,
    "no_files": AT_ITS_SETTING,
    "wrong_delimiter": AT_ITS_SETTING,
    # So is a source file; a file of rows to post is named by the command.
    "unreadable_file": {*AT_ITS_SETTING, UsageError},
    # A row of `post` is refused for it as for all else that may be wrong with a row.
    "customer_not_found": {NotFoundError, InvalidRequestError},
    # Values come as data, as parameters of a call, and as settings.
    "invalid_duration": {InvalidValueError, UsageError, ConfigurationError},
    "invalid_instant": {InvalidValueError, UsageError},
    "invalid_value": {InvalidValueError, UsageError, ConfigurationError},
    # So does the time zone of a source and of a schedule.
    "unknown_time_zone": {UsageError, ConfigurationError},
    # The system expects an exit code of its own after each signal.
    "interrupted": {InterruptedCommandError, TerminatedCommandError},
}
"""The codes that belong to several families, and why."""
ALL_KINDS = {
    "overtide/cli/running_commands.py": 1,
    "overtide/refreshing.py": 1,
    "serving/batches.py": 1,
    "serving/http/application.py": 2,
    "serving/live_cards.py": 1,
    "serving/operations/live.py": 1,
    "serving/operations/performing.py": 1,
    "serving/pages/card.py": 1,
    "serving/pages/customers.py": 2,
    "serving/pages/site.py": 1,
    "serving/sql_child.py": 1,
    "serving/telemetry/metrics.py": 1,
    "serving/telemetry/telemetry.py": 1,
}
"""Where errors of all kinds are caught.

A refresh hides what came from the environment in them, and one by hand is noted whatever it failed
of; a server makes an answer of each, also of
what keeps it from being ready or ends a stream; calls are counted and metrics shown whatever is
wrong with the lake; who watches a card reads what is wrong with it;
refusals are audited, and passed on by the process that met them. A page says
what an operation refuses beside the field it was asked with.
"""


class Raised(NamedTuple):
    """A code in the source: its place, and how it is raised."""

    code: str
    module: str
    call: str


def nodes() -> Iterator[tuple[str, ast.AST]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                yield str(path.relative_to(ROOT)), node


def raised() -> Iterator[Raised]:
    for module, node in nodes():
        if isinstance(node, ast.Call):
            yield from code_of(node, module)


def code_of(call: ast.Call, module: str) -> Iterator[Raised]:
    name = called(call)
    place = CODE_AT.get(name, len(call.args))
    code = call.args[place] if place < len(call.args) else None
    if (
        isinstance(code, ast.Constant)
        and isinstance(code.value, str)
        and not (name in ("add", "mistake", "note") and len(call.args) < 3)
    ):
        yield Raised(code.value, module, name)


def called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def is_listed(one: Raised) -> bool:
    """Say whether a code stops nothing.

    A note of `validate`, a warning, or an event that the stream sets aside.
    """
    return one.call in ("note", "_quarantined") or one.code in (
        "hour_not_ended",
        "new_column",
        "passed_over",
        "clock_behind",
        "repeated_key",
        "trimmed_keys",
    )


def families(one: Raised) -> set[type[OvertideError]]:
    """Return the families of a code where it is raised; none where it is only listed."""
    if is_listed(one):
        return set()
    if one.call in CONFIGURATION or one.module == SAMPLES:
        return {ConfigurationError}
    if one.call == "Finding":
        return {SourceError, ConfigurationError}
    return {FAMILIES[one.call]} | ({ConfigurationError} if one.module in LOOKS else set())


@pytest.fixture(scope="module")
def found() -> dict[str, set[type[OvertideError]]]:
    """The families of every code."""
    found: dict[str, set[type[OvertideError]]] = {}
    for one in raised():
        found[one.code] = found.get(one.code, set()) | families(one)
    return found


def test_every_code_is_explained_and_no_other(found):
    assert set(found) == set(CODES)


@pytest.mark.parametrize("what", ["status", "exit_code"])
def test_statuses_and_exit_codes_are_those_of_the_families(found, what):
    named = {"status": "statuses", "exit_code": "exit_codes"}[what]
    raised = {code: {getattr(one, what) for one in several} for code, several in found.items()}
    explained = {code: set(getattr(one, named)) for code, one in CODES.items()}
    assert {
        code: (raised[code], explained[code]) for code in CODES if raised[code] != explained[code]
    } == {}


def test_every_code_belongs_to_one_family(found):
    assert {code: several for code, several in found.items() if len(several) > 1} == SEVERAL


def test_an_error_is_always_one_of_a_family():
    bare = [
        module
        for module, node in nodes()
        if isinstance(node, ast.Call) and called(node) == "OvertideError"
    ]
    assert bare == []


def test_a_kind_is_caught_never_all():
    caught: dict[str, int] = {}
    for module, node in nodes():
        kinds: list[ast.expr | None] = []
        if isinstance(node, ast.ExceptHandler):
            kinds = [node.type]
        elif isinstance(node, ast.Call) and called(node) == "suppress":
            kinds = [*node.args]
        if any(kind is not None and "OvertideError" in names_in(kind) for kind in kinds):
            caught[module] = caught.get(module, 0) + 1
    assert caught == ALL_KINDS


def names_in(node: ast.expr) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def test_codes_are_sorted_and_explained_by_sentences():
    assert list(CODES) == sorted(CODES)
    assert all(text.endswith(".") for one in CODES.values() for text in (one.meaning, one.remedy))
