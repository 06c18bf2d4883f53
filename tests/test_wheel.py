"""An installed wheel works the same.

Built, put into an empty environment, and run far from the repository.
"""

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = (
    "eventlog",
    "examples",
    "lake",
    "pipelines",
    "runner_configs",
    "schemas",
    "serving",
    "transforms",
)
"""Folders of the repository that are installed within `overtide`."""
BUILT_FROM = ("overtide", *FOLDERS, "pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE")


def run(*command: str | Path, cwd: Path, timeout: int = 300) -> str:
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        env={"PATH": "/usr/bin:/bin", "HOME": str(cwd), "LANG": "C.UTF-8"},
    )
    assert result.returncode == 0, (
        f"{command} ended with {result.returncode}:\n{result.stdout}\n{result.stderr}"
    )
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    for name in BUILT_FROM:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / "source" / name, symlinks=True, ignore=ignored)
        else:
            shutil.copy(source, folder / "source")
    run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--wheel-dir",
        folder,
        folder / "source",
        cwd=folder,
    )
    return next(folder.glob("overtide-*.whl"))


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory) -> Path:
    """An environment that holds the wheel alone.

    What it depends on comes from the environment that runs the tests.
    """
    folder = tmp_path_factory.mktemp("installed") / "env"
    venv.create(folder, with_pip=False, symlinks=True)
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        folder / "bin" / "python",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        wheel,
        cwd=folder,
    )
    site_packages = next(folder.glob("lib/python*/site-packages"))
    # A path file adds the folder only: the path files in it, such as that of the repository itself,
    # are not read.
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def test_the_wheel_holds_every_file_of_every_folder(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    wanted = {
        str(
            Path("overtide") / path.relative_to(ROOT if folder != "overtide" else ROOT / "overtide")
        )
        for folder in ("overtide", *FOLDERS)
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted - held == set()


def test_the_wheel_has_one_name_at_its_top(wheel):
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert [top for top in tops if not top.endswith(".dist-info")] == ["overtide"]


def test_it_works_in_a_folder_full_of_the_names_of_its_parts(environment, tmp_path):
    for name in FOLDERS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('this is the user's own')")
    run(environment / "bin" / "overtide", "init", "shop", "--example", "contoso", cwd=tmp_path)
    program = "import overtide; print(overtide.open('shop').validate())"
    run(environment / "bin" / "python", "-c", program, cwd=tmp_path)
    run(environment / "bin" / "python", "-m", "overtide", "-C", "shop", "refresh", cwd=tmp_path)


@pytest.mark.slow
def test_the_demo_runs(environment, tmp_path):
    shown = run(environment / "bin" / "overtide", "demo", cwd=tmp_path)
    assert "Customer" in shown


def test_a_project_made_from_an_example_is_valid(environment, tmp_path):
    run(environment / "bin" / "overtide", "init", "shop", "--example", "contoso", cwd=tmp_path)
    run(environment / "bin" / "overtide", "-C", "shop", "validate", cwd=tmp_path)
