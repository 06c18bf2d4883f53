"""`init --from`: propose a project from samples of files."""

import os
import shlex
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from overtide.checks import check_project
from overtide.cli.output import Output
from overtide.clock import system_clock
from overtide.schemas.errors import DONE, UsageError
from overtide.schemas.wording import counted

if TYPE_CHECKING:
    from overtide.schemas.mistakes import Mistake
    from overtide.transforms.first_project.proposing import Proposal

DOCUMENT = "overtide.yaml"


def init_from(arguments: Namespace, output: Output) -> int:
    """Write a proposed project into a folder without one, and say what to check by hand."""
    folder = Path(arguments.target)
    expect_no_project(folder)
    if arguments.example is not None:
        raise UsageError(
            "usage",
            "A project is made from an example or from files.",
            "--example",
            "Leave --example or --from out.",
        )
    from overtide.transforms.first_project.parts import of_folders
    from overtide.transforms.first_project.proposing import propose

    files = of_folders(list(map(Path, arguments.files)))
    found = propose(files, folder, folder.resolve().name or "My project", str(uuid4()))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / DOCUMENT).open("x", encoding="utf-8") as document:
        document.write(found.text)
    mistakes = [
        one
        for one in check_project(folder.resolve(), os.environ, system_clock())
        if one.severity == "mistake"
    ]
    answer = {
        "folder": str(folder),
        "files": len(files) - len(found.left_out),
        "customers": list(found.customers),
        "activities": list(found.activities),
        "kept": list(found.kept),
        "leftOut": dict(found.left_out),
        "check": list(found.checks),
        "mistakes": [one.as_json() for one in mistakes],
    }
    output.confirm(answer, lambda: "\n".join(_told(folder, len(files), found, mistakes)))
    return DONE


def next_steps(folder: Path) -> str:
    """Return what to do with a new project."""
    command = "overtide" if folder == Path() else f"overtide -C {shlex.quote(str(folder))}"
    return f"Next: {command} validate, then {command} refresh."


def expect_no_project(folder: Path) -> None:
    """Raise `not_a_folder` or `project_exists` where no proposal can be written."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(
            "not_a_folder", f"{folder} is not a folder.", str(folder), "Name a new or another one."
        )
    if os.path.lexists(folder / DOCUMENT):
        raise UsageError(
            "project_exists",
            f"{folder / DOCUMENT} is there already, and is never written over.",
            str(folder),
            "Name another folder, or move the file away.",
        )


def _told(folder: Path, files: int, found: "Proposal", mistakes: "list[Mistake]") -> Iterator[str]:
    yield f"Made {folder / DOCUMENT} from {counted(files - len(found.left_out), 'file')}."
    yield f"Customers: {', '.join(found.customers)}."
    if found.activities:
        yield f"Activities: {', '.join(found.activities)}."
    if found.kept:
        yield f"Kept beside them: {', '.join(found.kept)}."
    yield from (f"Left out: {file}: {why}" for file, why in found.left_out.items())
    if found.checks or mistakes:
        yield "Check by hand:"
        yield from (f"- {one}" for one in found.checks)
        yield from (f"- {one}" for one in mistakes)
    yield f"It is a proposal: read it, its comments say why. {next_steps(folder)}"
