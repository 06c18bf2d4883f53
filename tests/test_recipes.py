"""The recipes of CONTRIBUTING.md, followed to the letter in a copy of the folders."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml

from tests.small_plan import INSTANCE

ROOT = Path(__file__).parent.parent
FOLDERS = (
    "overtide",
    "eventlog",
    "examples",
    "lake",
    "pipelines",
    "runner_configs",
    "schemas",
    "serving",
    "transforms",
)
BLOCK = re.compile(r"(?:(In )?`([\w/]+\.py)`:\n\n)?```(python|diff)\n(.*?)```", re.DOTALL)
PROJECT = {
    "instance": {"name": "s", "id": INSTANCE},
    "sources": {
        "S": {
            "a": {
                "path": "a.txt",
                "format": "pipes",
                "primary_key": "Id",
                "attributes": {"Id": "string", "Card": "string"},
            }
        }
    },
    "unification": {
        "entities": [
            {
                "entity": "S_a",
                "deduplicate": {
                    "rules": [
                        {
                            "name": "card",
                            "conditions": [{"fields": "Card", "normalize": ["digits"]}],
                        }
                    ]
                },
            }
        ],
        "merge": {"fields": [{"name": "Card", "from": ["S_a.Card"]}]},
    },
}


@pytest.fixture(scope="module")
def followed(tmp_path_factory) -> Path:
    """A copy of the folders in which all recipes were followed."""
    copy = tmp_path_factory.mktemp("recipes")
    for folder in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, copy / folder, symlinks=True, ignore=ignored)
    every_refresh_matches_what_changed(copy)
    recipes = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## Five recipes")[1]
    target = None
    for _, name, kind, text in BLOCK.findall(recipes):
        target = copy / name if name else target
        if kind == "python":
            assert not target.exists(), f"{target} is to be new"
            target.write_text(text, encoding="utf-8")
        else:
            target.write_text(edited(target.read_text(encoding="utf-8"), text), encoding="utf-8")
    return copy


def every_refresh_matches_what_changed(copy: Path) -> None:
    """Let refreshes of a few records match those alone that changes concern, as of many."""
    module = copy / "pipelines" / "differences.py"
    text = module.read_text(encoding="utf-8")
    assert text.count("LEAST = 50_000\n") == 1
    module.write_text(text.replace("LEAST = 50_000\n", "LEAST = 0\n"), encoding="utf-8")


def edited(text: str, block: str) -> str:
    """Return a file with the lines of a block in it, which must fit in one place."""
    lines = [(line[:1], line[1:]) for line in block.splitlines()]
    before = "".join(f"{line}\n" for mark, line in lines if mark in " -")
    after = "".join(f"{line}\n" for mark, line in lines if mark in (" ", "+"))
    assert text.count(before) == 1, (
        f"a recipe of CONTRIBUTING.md no longer fits: there is no one place for {before!r}"
    )
    return text.replace(before, after)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_every_file_that_is_named_is_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    new = {name for _, name, kind, _ in BLOCK.findall(text) if kind == "python"}
    named = set(re.findall(r"`([\w/]+\.py)`", text)) - new
    there = [
        file.relative_to(ROOT).as_posix()
        for folder in (*FOLDERS, "tests")
        for file in (ROOT / folder).rglob("*.py")
    ]
    missing = [one for one in named if not any(f"/{file}".endswith(f"/{one}") for file in there)]
    assert sorted(missing) == []


def test_all_five_work_together(followed, tmp_path):
    (tmp_path / "overtide.yaml").write_text(yaml.safe_dump(PROJECT))
    (tmp_path / "a.txt").write_text("Id|Card\n1|12-34\n2|1234 b\n3|99\n4|77\n")
    assert said(followed, tmp_path, "validate") == {"valid": True, "mistakes": []}
    assert said(followed, tmp_path, "refresh")["run"] == 1
    assert said(followed, tmp_path, "customers") == {"customers": 3}
    assert served(followed, tmp_path, "/run") == {"run": 1, "role": "Owner"}
    rows = said(followed, tmp_path, "sql", "SELECT Records FROM CustomerSize ORDER BY 1")["rows"]
    assert rows == [{"Records": 1}, {"Records": 1}, {"Records": 2}]
    (tmp_path / "a.txt").write_text("Id|Card\n1|12-34\n2|1234 b\n3|1234\n4|77\n")
    assert said(followed, tmp_path, "refresh")["run"] == 2
    rows = said(followed, tmp_path, "sql", "SELECT Records FROM CustomerSize ORDER BY 1")["rows"]
    assert rows == [{"Records": 1}, {"Records": 3}], "all customers, whomever a change concerns"
    query = "SELECT Records, ReplacedRun FROM CustomerSize_history ORDER BY 1"
    gone = said(followed, tmp_path, "sql", query)["rows"]
    assert gone == [{"Records": 1, "ReplacedRun": 2}, {"Records": 2, "ReplacedRun": 2}]


def test_make_docs_writes_what_it_can_and_names_what_has_no_place(followed):
    shutil.copytree(ROOT / "docs", followed / "docs")
    for file in (*ROOT.glob("*.md"), *(ROOT / "tests").glob("reference*.py")):
        (followed / file.relative_to(ROOT)).parent.mkdir(exist_ok=True)
        shutil.copy(file, followed / file.relative_to(ROOT))
    done = subprocess.run(
        [sys.executable, "-m", "tests.reference"],
        cwd=followed,
        env={"PYTHONPATH": str(followed), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.findall("generated: (.*?) -->", done.stderr) == [
        "command customers",
        "table CustomerSize",
        "table CustomerSize_history",
    ], done.stderr
    settings = (followed / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert "| `digits` | all but digits go | `12-34 b` | `1234` |" in settings
    assert "`jsonl`, `pipes`" in settings
    assert "/run` |" in (followed / "docs" / "api.md").read_text(encoding="utf-8")


def served(copy: Path, project: Path, path: str) -> object:
    """Return what the copy's service answers at a path of the instance."""
    command = [sys.executable, "-m", "overtide", "-C", str(project), "--json", "serve"]
    environment = {"PYTHONPATH": str(copy), "PATH": "/usr/bin:/bin", "HOME": str(project)}
    with subprocess.Popen(
        [*command, "--only", "api", "--port", "0"],
        cwd=copy,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            there = json.loads(process.stdout.readline())
            answer = httpx.get(
                f"{there['url']}/v1/instances/{INSTANCE}{path}",
                headers={"Authorization": f"Bearer {there['token']}"},
            )
            return answer.json()
        finally:
            process.terminate()


def said(copy: Path, project: Path, *words: str) -> dict[str, object]:
    """Return what a command of the copy says as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "overtide", "-q", "-C", str(project), "--json", *words],
        cwd=copy,
        env={"PYTHONPATH": str(copy), "PATH": "/usr/bin:/bin", "HOME": str(project)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found
