"""What docstrings, comments and pages cite is there: pages, sections of the contract, modules."""

import pkgutil
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = (
    "overtide",
    "benchmarks",
    "eventlog",
    "lake",
    "pipelines",
    "runner_configs",
    "schemas",
    "serving",
    "tests",
    "transforms",
)
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SECTIONS = re.compile(r"\*\*(\d\.\d)\*\*|^## (\d) ", re.MULTILINE)
CITED = re.compile(r"\bsemantics (\d(?:\.\d)?)(?:, (\d\.\d))*(?: (?:and|to) (\d(?:\.\d)?))?")
OF_THE_ORACLE = re.compile(r"\((?:\d\.\d)(?:(?:, | to )\d\.\d)*[;)]")


def sections() -> set[str]:
    text = (ROOT / "docs" / "semantics.md").read_text(encoding="utf-8")
    return {one for found in SECTIONS.findall(text) for one in found if one}


def test_pages_that_are_cited_are_there():
    wrong = [
        f"{module.relative_to(ROOT)}: {page}"
        for module in MODULES
        for page in re.findall(r"docs/[a-z0-9/-]+\.md", module.read_text(encoding="utf-8"))
        if not (ROOT / page).is_file()
    ]
    assert wrong == []


def test_sections_that_are_cited_are_there():
    there = sections()
    wrong = [
        f"{module.relative_to(ROOT)}: {number}"
        for module in MODULES
        for number in cited_sections(module)
        if number not in there
    ]
    assert wrong == []


def cited_sections(module: Path) -> set[str]:
    text = " ".join(module.read_text(encoding="utf-8").split())
    cited = {number for found in CITED.findall(text) for number in found if number}
    if module.name.startswith("oracle"):
        texts = OF_THE_ORACLE.findall(text)
        cited |= {number for one in texts for number in re.findall(r"\d\.\d", one)}
    return cited


def test_the_oracle_cites_every_rule_about_events():
    cited = cited_sections(ROOT / "tests" / "oracle.py")
    assert {"2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "3.1", "3.2", "3.5", "3.6"} <= cited


def test_modules_that_are_cited_are_there():
    wrong = [
        f"{module.relative_to(ROOT)}: {name}"
        for module in MODULES
        for name in re.findall(r"`(overtide(?:\.\w+)+)`", module.read_text(encoding="utf-8"))
        if name != "overtide.yaml" and not is_there(name)
    ]
    assert wrong == []


def test_files_that_pages_name_are_there():
    wrong = [
        f"{page.relative_to(ROOT)}: {name}"
        for page in PAGES
        if page.name != "CONTRIBUTING.md"  # its recipes name files that are to be made
        for name in re.findall(r"`(\w+/[\w/]+\.(?:py|txt))`", page.read_text(encoding="utf-8"))
        if not (ROOT / name).is_file()
    ]
    assert wrong == []


def is_there(name: str) -> bool:
    """Say whether a dotted name is a module, or something in one."""
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True
