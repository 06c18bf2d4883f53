"""An installed wheel works the same: built, put into an empty environment, and run far from the repository."""

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("overtide", "pipelines", "transforms", "schemas", "lake", "eventlog", "serving", "runner_configs",
            "examples")
BUILT_FROM = (*PACKAGES, "pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE")


def run(*command: str | Path, cwd: Path, timeout: int = 300) -> str:
    result = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False,
                            timeout=timeout, env={"PATH": "/usr/bin:/bin", "HOME": str(cwd), "LANG": "C.UTF-8"})
    assert result.returncode == 0, f"{command} ended with {result.returncode}:\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    for name in BUILT_FROM:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / "source")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation",
        "--wheel-dir", folder, folder / "source", cwd=folder)
    return next(folder.glob("overtide-*.whl"))


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory) -> Path:
    """An environment that holds the wheel alone; what it depends on comes from the environment that runs the tests."""
    folder = tmp_path_factory.mktemp("installed") / "env"
    venv.create(folder, with_pip=False, symlinks=True)
    run(sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--quiet", "--no-deps",
        "--no-index", wheel, cwd=folder)
    site_packages = next(folder.glob("lib/python*/site-packages"))
    # A path file adds the folder only: the path files in it, such as that of the repository itself, are not read.
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def test_the_wheel_holds_every_file_of_every_package(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    wanted = {str(path.relative_to(ROOT)) for package in PACKAGES for path in (ROOT / package).rglob("*")
              if path.is_file() and "__pycache__" not in path.parts}
    assert wanted - held == set()


def test_the_wheel_holds_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_every_package_comes_from_the_wheel(environment, tmp_path):
    program = f"import importlib\nfor name in {PACKAGES!r}: print(importlib.import_module(name).__path__[0])"
    folders = run(environment / "bin" / "python", "-c", program, cwd=tmp_path).splitlines()
    assert len(folders) == len(PACKAGES)
    assert all(Path(folder).is_relative_to(environment) for folder in folders)


@pytest.mark.slow
def test_the_demo_runs(environment, tmp_path):
    shown = run(environment / "bin" / "overtide", "demo", cwd=tmp_path)
    assert "Customer" in shown


def test_a_project_made_from_an_example_is_valid(environment, tmp_path):
    run(environment / "bin" / "overtide", "init", "shop", "--example", "contoso", cwd=tmp_path)
    run(environment / "bin" / "overtide", "-C", "shop", "validate", cwd=tmp_path)
