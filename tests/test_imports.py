"""Imports point one way, and nothing that reads or appends loads Beam."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

MAY_IMPORT = {
    "schemas": set(),
    "runner_configs": {"schemas"},
    "eventlog": {"schemas"},
    "lake": {"schemas"},
    "transforms": {"schemas"},
    "serving": {"transforms", "lake", "eventlog", "schemas"},
    "pipelines": {"transforms", "lake", "eventlog", "runner_configs", "schemas"},
    "overtide": {
        "serving",
        "pipelines",
        "transforms",
        "lake",
        "eventlog",
        "runner_configs",
        "schemas",
        "examples",
    },
}
WITHOUT_BEAM = ("schemas", "runner_configs", "eventlog", "lake", "serving", "overtide")
WITHIN = set(MAY_IMPORT) | {"examples"}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(module: Path) -> dict[str, int]:
    """What a module imports anywhere (also inside functions), each with a line.

    Of `overtide.lake.publish` it gives `lake`, of the modules of the front door `overtide`, of all
    others the name at the top.
    """
    found: dict[str, int] = {}
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "overtide":
            names = [f"overtide.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
        for name in names:
            top, _, rest = name.partition(".")
            first = rest.partition(".")[0]
            found[first if top == "overtide" and first in WITHIN else top] = node.lineno
    return found


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_follow_the_arrows(package):
    assert modules(package), f"there is no package {package}"
    allowed = MAY_IMPORT[package] | {package}
    wrong = [
        f"{module.relative_to(ROOT)}:{line} imports {name}"
        for module in modules(package)
        for name, line in imported(module).items()
        if name in (WITHIN | {"overtide", "tests", "benchmarks"}) - allowed
    ]
    assert wrong == []


@pytest.mark.parametrize("package", WITHOUT_BEAM)
def test_no_module_names_beam(package):
    wrong = [
        f"{module.relative_to(ROOT)}:{line}"
        for module in modules(package)
        for name, line in imported(module).items()
        if name == "apache_beam"
    ]
    assert wrong == []


@pytest.mark.parametrize("package", WITHOUT_BEAM)
def test_importing_every_module_loads_no_beam(package):
    inside = Path() if package == "overtide" else Path("overtide")
    names = [
        ".".join((inside / module.relative_to(ROOT)).with_suffix("").parts).removesuffix(
            ".__init__"
        )
        for module in modules(package)
        if module.stem != "__main__"
    ]
    program = (
        f"import importlib, sys\nfor name in {names!r}: importlib.import_module(name)\n"
        "print(*[name for name in ('apache_beam', 'overtide.pipelines') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout.split()) == (0, []), result.stderr


def test_every_folder_that_is_installed_is_within_overtide():
    links = {
        link.name: link.resolve() for link in (ROOT / "overtide").iterdir() if link.is_symlink()
    }
    assert links == {name: ROOT / name for name in WITHIN - {"overtide"}}


def test_only_pipelines_build_pipelines_and_only_transforms_define_them():
    wrong = [
        f"{module.relative_to(ROOT)}:{node.lineno} {what}"
        for package in MAY_IMPORT
        for module in modules(package)
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if (what := misplaced(package, node))
    ]
    assert wrong == []


def misplaced(package: str, node: ast.AST) -> str | None:
    """Say what a node of a module does that belongs into another package."""
    if (
        isinstance(node, ast.Call)
        and ast.unparse(node.func) == "beam.Pipeline"
        and package != "pipelines"
    ):
        return "builds a pipeline"
    if isinstance(node, ast.ClassDef) and package != "transforms":
        bases = {ast.unparse(base) for base in node.bases}
        return "defines a PTransform" if "beam.PTransform" in bases else None
    return None


def test_clocks_are_read_by_the_front_door_alone():
    calls = {
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
        "time.time",
        "time.time_ns",
    }
    wrong = [
        f"{module.relative_to(ROOT)}:{node.lineno}"
        for package in set(MAY_IMPORT) - {"overtide"}
        for module in modules(package)
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).removeprefix("datetime.") in calls | {"now"}
    ]
    assert wrong == []


def test_no_module_leads_back_to_itself():
    """Imports within functions count: a circle that is hidden there is one all the same."""
    found = [module for package in MAY_IMPORT for module in modules(package)]
    names = {name_of(module) for module in found}
    leads = {name_of(module): leading(module, names) for module in found}
    reached = {name: reachable(name, leads) for name in leads}
    assert sorted(name for name, found in reached.items() if name in found) == []


def test_no_two_packages_of_the_service_lead_to_each_other():
    """The pages know nothing of HTTP, nor what carries a document of what it says; and so on."""
    names = {name_of(module): module for module in modules("serving")}
    leads: dict[str, set[str]] = {}
    for name, module in names.items():
        found = {within(one) for one in leading(module, set(names))}
        leads.setdefault(within(name), set()).update(found - {within(name)})
    assert {one: sorted(leads[one] & {"pages", "http"}) for one in ("pages", "http")} == {
        "pages": [],
        "http": ["pages"],
    }
    assert sorted(one for one in leads if one in reachable(one, leads)) == []


def within(name: str) -> str:
    """The package of the service that a module is in; its own name beside them."""
    return name.removeprefix("overtide.serving.").partition(".")[0]


def name_of(module: Path) -> str:
    parts = module.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts if parts[0] == "overtide" else ("overtide", *parts)).removesuffix(
        ".__init__"
    )


def leading(module: Path, names: set[str]) -> set[str]:
    """The modules that a module imports anywhere but for type checks."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            of_package = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= of_package & names or {node.module}
    return found & names


def reachable(name: str, leads: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    left = list(leads[name])
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += leads[one]
    return found


OF_THE_LOG = {"contract", "decisions", "failures", "sqlite"}
"""What the other packages use of the event log: its contracts, its errors, and how it is opened."""


@pytest.mark.parametrize("package", sorted(MAY_IMPORT.keys() - {"eventlog"}))
def test_nobody_reaches_into_the_event_log_or_opens_its_file_beside_it(package):
    used = {
        name.removeprefix("overtide.eventlog.").partition(".")[0]
        for module in modules(package)
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for name in [node.module or ""]
        if name.startswith("overtide.eventlog")
    }
    assert used <= OF_THE_LOG
    opening = {
        str(module.relative_to(ROOT))
        for module in modules(package)
        if "paths.log" in module.read_text(encoding="utf-8")
    }
    assert opening <= {"overtide/project.py", "pipelines/refresh.py"}
