"""The commands that need no lake: `init` copies an example, `validate` checks a project."""

import json
import os
import shutil
from argparse import Namespace
from pathlib import Path
from uuid import uuid4

from overtide import examples, schemas
from overtide.checks import check_project
from overtide.cli.output import Output
from overtide.cli.proposing_command import init_from, next_steps
from overtide.clock import system_clock
from overtide.schemas.errors import DONE, USAGE, UsageError
from overtide.schemas.suggestions import closest
from overtide.schemas.wording import counted

EXAMPLE_PROJECTS = ("contoso", "retail", "blank")
JSON_SCHEMA = "overtide.schema.json"
"""The JSON Schema of `overtide.yaml`, beside the models that it is written from."""
NEW_ID = "00000000-0000-0000-0000-000000000000"
"""Stands in the blank example where every new project gets an id of its own."""


def init(arguments: Namespace, output: Output) -> int:
    """Copy an example project into a folder that does not exist or is empty, or propose one."""
    folder = Path(arguments.target)
    if arguments.files:
        return init_from(arguments, output)
    example = arguments.example or "blank"
    files = init_project(folder, example)
    output.confirm(
        {"folder": str(folder), "example": example, "files": files},
        lambda: (
            f"Made {folder.resolve().name} from the example {example}: "
            f"{counted(files, 'file')}. {next_steps(folder)}"
        ),
    )
    return DONE


def init_project(folder: Path, example: str) -> int:
    """Copy an example into `folder` and return how many files that were.

    Raises `unknown_example`, `not_a_folder`, `folder_not_empty`.
    """
    if example not in EXAMPLE_PROJECTS:
        meant = closest(example, EXAMPLE_PROJECTS)
        raise UsageError(
            "unknown_example",
            f"There is no example {example!r}.",
            example,
            f"Did you mean {meant}?" if meant else f"There are {', '.join(EXAMPLE_PROJECTS)}.",
        )
    expect_room(folder)
    count = _copy(Path(examples.__file__).parent / example, folder)
    document = folder / "overtide.yaml"
    document.write_text(
        document.read_text(encoding="utf-8").replace(NEW_ID, str(uuid4())), encoding="utf-8"
    )
    return count


def expect_room(folder: Path) -> None:
    """Raise `not_a_folder` or `folder_not_empty` where no new project can be."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(
            "not_a_folder",
            f"{folder} is not a folder.",
            str(folder),
            "Name a new or an empty folder.",
        )
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(
            "folder_not_empty",
            f"{folder} is not empty.",
            str(folder),
            "Name a new or an empty folder.",
        )


def _copy(source: Path, target: Path) -> int:
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return sum(
            _copy(item, target / item.name)
            for item in source.iterdir()
            if item.name != "__pycache__"
        )
    with source.open("rb") as opened, target.open("wb") as written:
        shutil.copyfileobj(opened, written)
    return 1


def validate(arguments: Namespace, output: Output) -> int:
    """Print every mistake and note of a project, or the schema of a configuration."""
    if arguments.schema:
        text = (Path(schemas.__file__).parent / JSON_SCHEMA).read_text(encoding="utf-8")
        output.result(json.loads(text), text.rstrip)
        return DONE
    found = check_project(arguments.folder.resolve(), os.environ, system_clock())
    mistakes = [one for one in found if one.severity == "mistake"]
    document = {"valid": not mistakes, "mistakes": [one.as_json() for one in found]}
    summary = f"{counted(len(mistakes), 'mistake')}." if mistakes else "The configuration is valid."
    output.result(document, lambda: "\n".join([*map(str, found), summary]))
    return USAGE if mistakes else DONE
