"""What the documentation shows is what happens: answers, queries, examples and the first steps."""

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import overtide
from overtide.cli.project_commands import init_project
from overtide.cli.syntax import SYNTAX
from overtide.project import Project
from overtide.schemas.errors import OvertideError
from overtide.serving.odata.functions import PARTS, TEMPLATES
from tests import reference_of_lake
from tests.command_line import call
from tests.documents import blocks, page
from tests.reference import ROOT
from tests.served import serving

WHO = "eCommerce_eCommerceContacts=CNTID_1000"
PURCHASE = {"PurchaseId": "OPID_DOCS", "ContactId": "CNTID_1000", "PurchasedOn": "11/24/2026"}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
EVENT_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
SECONDS = re.compile(r"\d+(\.\d+)? s\b")


@dataclass
class Demo:
    """The project that `overtide demo` leaves, and what it printed."""

    project: Project
    printed: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[Demo]:
    """The Contoso example as the demo leaves it: refreshed, with a live activity.

    And with a live update besides.
    """
    folder = tmp_path_factory.mktemp("docs") / "contoso"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("overtide.cli.demo.LIFE", "1s")
        shown = printed(["--json", "demo", str(folder)])
    with Project(folder) as project:
        project.update(key=WHO, fields={"LoyaltyTier": "platinum"}, caller="desk")
        project.stream()
        yield Demo(project, shown)


@pytest.fixture
def contoso(demo) -> Project:
    return demo.project


@pytest.fixture
def fresh_contoso(refreshed_contoso, tmp_path, monkeypatch) -> Path:
    """A copy of the refreshed example, for which nothing was accepted, as the current folder."""
    folder = tmp_path / "shop"
    shutil.copytree(refreshed_contoso, folder)
    monkeypatch.chdir(folder)
    return folder


def answer(demo: Demo, folder: Path, shown: str) -> str:
    """Return what a command prints with --json, for the block of cli.md that shows it."""
    there = ["-C", str(demo.project.folder)]
    commands = {  # as a block ```json NAME of cli.md shows them
        "error": ["update", "--key", WHO, "LoyaltyTeir=gold"],
        "init": ["init", "new", "--example", "contoso"],
        "validate": ["-C", "wrong", "validate"],
        "refresh": ["refresh", "--full"],
        "match": ["match", "try", "--sample", "50"],
        "update": ["update", "--key", WHO, "LoyaltyTier=gold"],
        "withdraw": ["withdraw", "--key", WHO],
        "post": ["post", "eCommerce_eCommercePurchases", "rows.jsonl"],
        "stream": ["stream", "--until-caught-up"],
        "get": [*there, "get", "--key", WHO],
        "timeline": [*there, "timeline", "--key", WHO, "--base"],
        "sql": ["sql", "SELECT LoyaltyTier, count(*) AS customers FROM Customer_live GROUP BY ALL"],
        "open": ["open"],
        "status": [*there, "status"],
        "version": ["version"],
        "token": ["token", "create", "--role", "contributor", "--name", "crm"],
        "key": ["key", "show-state"],
        "jobs": ["jobs", "submit"],
        "schedule": ["schedule", "create", "--cron", "30 2 * * MON-FRI"],
        "connector": ["connector", "--host", "customers.example.com", "connector"],
        "usage": ["usage"],
    }
    (folder / "rows.jsonl").write_text(
        json.dumps(PURCHASE) + "\n" + json.dumps({**PURCHASE, "PurchasedOn": None})
    )
    init_project(folder / "wrong", "blank")
    wrong = folder / "wrong" / "overtide.yaml"
    wrong.write_text(
        wrong.read_text(encoding="utf-8").replace("# delimiter", "delimeter"), encoding="utf-8"
    )
    if shown == "serve":
        with serving(folder, "", "--only", "api") as served:
            return json.dumps({"url": served.url, "token": served.token})
    return demo.printed if shown == "demo" else printed(["--json", *commands[shown]])


def printed(words: list[str]) -> str:
    """Return what a command prints on standard output, run in this process."""
    from overtide.cli import main

    captured = io.StringIO()
    with contextlib.redirect_stdout(captured), contextlib.redirect_stderr(io.StringIO()):
        main(words)
    return captured.getvalue()


SHOWN = dict(
    re.findall(r"^```json (\w+)\n(.*?)^```$", page("docs/cli.md"), re.DOTALL | re.MULTILINE)
)


def test_every_command_s_json_is_shown():
    wanted = {"error", *SYNTAX}
    assert wanted - set(SHOWN) == set(), "docs/cli.md shows each as a block ```json NAME"
    assert set(SHOWN) - wanted == set(), "there are no such commands"


@pytest.mark.slow
@pytest.mark.parametrize("shown", SHOWN)
def test_json_has_the_shape_that_is_shown(shown, demo, fresh_contoso):
    assert (
        differences(json.loads(SHOWN[shown]), json.loads(answer(demo, fresh_contoso, shown))) == []
    )


def differences(shown: Any, real: Any, place: str = "") -> list[str]:
    """Return where two documents differ in keys or types.

    `…` among the keys stands for more of them.
    """
    if isinstance(shown, dict) and isinstance(real, dict):
        more = "…" in shown
        wrong = [f"{place}.{name}" for name in shown if name not in real and name != "…"]
        wrong += (
            [] if more else [f"{place}.{name} is not shown" for name in real if name not in shown]
        )
        return wrong + [
            one
            for name in shown
            if name in real
            for one in differences(shown[name], real[name], f"{place}.{name}")
        ]
    if isinstance(shown, list) and isinstance(real, list):
        return [
            one
            for pair in zip(shown, real, strict=False)
            for one in differences(*pair, f"{place}[]")
        ]
    same = (
        shown is None
        or real is None
        or type(shown) is type(real)
        or {type(shown), type(real)} == {int, float}
    )
    return [] if same else [f"{place} is {type(real).__name__}"]


# SQL


def test_tables_views_and_columns_are_those_of_a_lake(contoso):
    documented = {
        (name, column.name)
        for name, one in reference_of_lake.lake_tables().items()
        for column in one.columns
    }
    rows = contoso.sql(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = 'lake' "
        "AND schema_name = 'main'"
    ).to_pylist()
    assert {generic(row["table_name"], row["column_name"]) for row in rows} == documented


def generic(table: str, column: str) -> tuple[str, str]:
    """Return a table's and a column's name as sql.md writes them.

    Configured names become placeholders.
    """
    from overtide.schemas.loading import load

    configuration = load(ROOT / "examples" / "contoso", {})
    entities = configuration.entities()
    merge = configuration.unification.merge
    fields = {one.name for one in merge.fields} | {
        name for group in merge.groups for name in group.fields
    }
    if table in entities:
        return reference_of_lake.ENTITY, "{Attribute}"
    for name, entity in entities.items():
        table = table.replace(name, reference_of_lake.ENTITY)
        column = (
            f"{reference_of_lake.ENTITY}_{{PrimaryKey}}"
            if column == f"{name}_{entity.primary_key}"
            else column
        )
    return table, "{Field}" if table.startswith("Customer") and column in fields else column


def test_macros_are_those_of_a_lake(contoso):
    rows = contoso.sql(
        "SELECT function_name AS name, parameters FROM duckdb_functions() "
        "WHERE database_name = 'lake' AND function_type = 'table_macro'"
    ).to_pylist()
    assert {f"{row['name']}({', '.join(row['parameters'])})" for row in rows} == {
        one.signature for one in reference_of_lake.MACROS
    }


@pytest.mark.parametrize(
    ("macro", "view"),
    [
        ("customer_as_of(now(), now())", "Customer_live"),
        ("timeline_as_of('', now(), now())", "UnifiedActivity_live"),
    ],
)
def test_macros_give_the_columns_of_the_views(contoso, macro, view):
    assert contoso.sql(f"FROM {macro}").column_names == contoso.sql(f"FROM {view}").column_names


def test_macros_take_instants_as_text(contoso):
    query = (
        "SELECT count(*) AS n FROM customer_as_of('2999-01-01T00:00:00Z', '2999-01-01T00:00:00Z')"
    )
    assert contoso.sql(query).to_pylist() == [{"n": 5003}]


@pytest.mark.parametrize("query", blocks("docs/sql.md", "sql"))
def test_queries_run_and_find_something(contoso, query):
    found = contoso.sql(query)
    assert found.num_columns
    assert found.num_rows or "_corrupt" in query or "IS DISTINCT FROM" in query


@pytest.mark.slow
def test_queries_of_odata_run_and_find_something(demo):
    with serving(demo.project.folder, "3b1f0c9e-52f4-4a3e-9d0a-8a5f7f6c2d11") as served:
        words = ("token", "create", "--role", "viewer", "--name", "docs")
        made = call("-C", served.folder, "--json", *words).document
        with served.client(made["token"]) as client:
            found = {
                line: client.get(f"/data/{line.removeprefix('GET ')}")
                for line in blocks("docs/odata.md", "http")[0].splitlines()
            }
    assert {line: one.status_code for line, one in found.items() if one.status_code != 200} == {}
    empty = [line for line, one in found.items() if '"value":[]' in one.text]
    assert len(empty) <= 3, empty  # nothing is corrupt or double, and no activity is that new


def test_every_function_of_odata_is_listed():
    functions = {one.value for one in (*TEMPLATES, *PARTS)} | {"now", "substring", "cast"}
    assert [one for one in sorted(functions) if f"{one}" not in page("docs/odata.md")] == []


# Python


@pytest.mark.slow
@pytest.mark.parametrize("name", ["docs/python.md", "docs/sql.md", "docs/errors.md"])
def test_python_examples_print_what_they_say(name, fresh_contoso):
    names: dict[str, Any] = {}
    shown = [line for block in blocks(name, "python") for line in run_python(block, names)]
    assert [line for line in shown if line[0] != line[1]] == []
    assert blocks(name, "python")


@pytest.mark.parametrize("few", [True, False])
def test_after_a_lost_log_the_overlay_begins_anew_as_written(fresh_contoso, few):
    fields = [
        {"RewardPoints": number} for number in range(1 if few else 60)
    ]  # so few rows lie in the catalog
    with overtide.open() as project:
        for one in fields:
            project.update(key=WHO, fields={"LoyaltyTier": "platinum", **one})
        project.stream()
    shutil.rmtree("log")
    with overtide.open() as project, pytest.raises(OvertideError) as error:
        project.update(key=WHO, fields={"LoyaltyTier": "bronze"})
    assert error.value.code == "log_replaced"
    command = next(
        block for block in blocks("docs/operations.md", "bash") if "--accept-log" in block
    ).strip()
    assert call(*command.split()[1:]).code == 0
    with overtide.open() as project:
        project.update(key=WHO, fields={"LoyaltyTier": "bronze"})
        project.stream()
        card = project.get(key=WHO)
        shown = project.sql("""SELECT LoyaltyTier, RewardPoints FROM Customer_live
                               WHERE eCommerce_eCommerceContacts_ContactId =
                                 'CNTID_1000'""").to_pylist()
        assert shown == [{name: card.fields[name].value for name in shown[0]}]
        assert shown[0]["LoyaltyTier"] == "bronze"
        assert project.sql("SELECT Position FROM overlay_state").to_pylist() == [{"Position": 1}]


def run_python(block: str, names: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the text and what was really printed for each `print(…)  # text` of a block.

    The block is run for it.
    """
    captured = io.StringIO()
    with contextlib.redirect_stdout(captured):
        exec(block, names)  # noqa: S102 - that is what the test is about
    expected = [text.partition(" (")[0] for text in re.findall(r"print\(.*\) +# (.*)", block)]
    texts = [
        one for text in expected for one in (text.split(", ") if "one.status" in block else [text])
    ]
    return [
        (plain(text), plain(line))
        for text, line in zip(texts, captured.getvalue().splitlines(), strict=False)
    ]


def plain(text: str) -> str:
    """Return a text with instants, event ids and durations made equal."""
    return SECONDS.sub("N s", EVENT_ID.sub("EVENT", INSTANT.sub("INSTANT", text))).rstrip()


# README


def typed(block: str) -> Iterator[tuple[str, list[str]]]:
    """Give the commands of a console block, each with the lines that it prints."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *lines = part.splitlines()
        yield command, lines


@pytest.mark.slow
def test_the_first_five_minutes_go_as_written(tmp_path, monkeypatch):
    folder, wrong = tmp_path, []
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    for block in blocks("README.md", "console"):
        for command, lines in typed(block):
            if command.startswith("cd "):
                folder = folder / command[3:]
                continue
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", command],
                cwd=folder,
                env=environment,
                check=False,
                capture_output=True,
                text=True,
                timeout=300,
            )
            real = done.stdout.replace(str(tmp_path), "…").splitlines()
            if done.returncode or list(map(plain, real)) != list(map(plain, lines)):
                wrong.append((command, done.returncode, lines, real, done.stderr))
    assert wrong == []
    monkeypatch.chdir(folder)
    shown = [pair for block in blocks("README.md", "python") for pair in run_python(block, {})]
    assert len(shown) == 3
    assert [one for one in shown if one[0] != one[1]] == []


def test_the_example_of_the_configuration_page_is_a_valid_project(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "contacts.csv").write_text(
        "ContactId,FullName,EMail,CreatedOn\n1,Ann,ann@x.org,2026-11-24\n"
    )
    (tmp_path / "overtide.yaml").write_text(
        blocks("docs/configuration.md", "yaml")[0], encoding="utf-8"
    )
    with Project(tmp_path) as project:
        assert project.validate() == []
