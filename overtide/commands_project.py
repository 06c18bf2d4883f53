"""The commands that need no lake.

`init` copies an example project, `validate` checks a configuration.
"""

import json
import os
import shlex
import shutil
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from overtide import examples, schemas
from overtide.output import Output, counted
from overtide.schemas.errors import DONE, USAGE, UsageError
from overtide.schemas.mistakes import Mistake, shown
from overtide.schemas.suggestions import closest

if TYPE_CHECKING:
    from overtide.schemas.configuration import Entity
    from overtide.schemas.loading import Examined
    from overtide.transforms.sources.files import Finding

EXAMPLES = ("contoso", "retail", "blank")
READING = ("path", "format", "encoding", "delimiter")
"""The settings that must be right before an entity's files can be looked at."""
VALUE = ("type", "format", "decimal_mark")
"""The settings of an attribute that must be right before its values can be."""
SCHEMA = "overtide.schema.json"
"""The JSON Schema of `overtide.yaml`, beside the models that it is written from."""
NEW_ID = "00000000-0000-0000-0000-000000000000"
"""Stands in the blank example where every new project gets an id of its own."""


def init(arguments: Namespace, output: Output) -> int:
    """Copy an example project into a folder that does not exist or is empty."""
    folder = Path(arguments.target)
    files = init_project(folder, arguments.example)
    command = "overtide" if folder == Path() else f"overtide -C {shlex.quote(str(folder))}"
    output.confirm(
        {"folder": str(folder), "example": arguments.example, "files": files},
        lambda: (
            f"Made {folder.resolve().name} from the example {arguments.example}: "
            f"{counted(files, 'file')}. Next: {command} validate, then {command} refresh."
        ),
    )
    return DONE


def init_project(folder: Path, example: str) -> int:
    """Copy an example into `folder` and return how many files that were.

    Raises `unknown_example`, `not_a_folder`, `folder_not_empty`.
    """
    if example not in EXAMPLES:
        meant = closest(example, EXAMPLES)
        raise UsageError(
            "unknown_example",
            f"There is no example {example!r}.",
            example,
            f"Did you mean {meant}?" if meant else f"There are {', '.join(EXAMPLES)}.",
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
    """Check a project's configuration, also against its files.

    Print every mistake and note, or else the schema.
    """
    if arguments.schema:
        text = (Path(schemas.__file__).parent / SCHEMA).read_text(encoding="utf-8")
        output.result(json.loads(text), text.rstrip)
        return DONE
    found = check_project(arguments.folder.resolve(), os.environ)
    mistakes = [one for one in found if one.severity == "mistake"]
    document = {"valid": not mistakes, "mistakes": [one.as_json() for one in found]}
    summary = f"{counted(len(mistakes), 'mistake')}." if mistakes else "The configuration is valid."
    output.result(document, lambda: "\n".join([*map(str, found), summary]))
    return USAGE if mistakes else DONE


def check_project(folder: Path, environ: Mapping[str, str]) -> list[Mistake]:
    """Return every mistake and note of a project, also of its files against the configuration."""
    from overtide.schemas.loading import examine

    examined = examine(folder, environ)
    found = [*examined.mistakes, *examined.notes]
    if examined.configuration is None:
        return found
    for source, entities in examined.configuration.sources.items():
        for name, entity in entities.items():
            found += _of_files(examined, ("sources", source, name), folder, entity)
    return found


def _of_files(
    examined: "Examined", place: tuple[str, ...], folder: Path, entity: "Entity"
) -> list[Mistake]:
    """Return what an entity's files show, as far as the configuration says how to read them."""
    from overtide.transforms.sources.files import check_columns
    from overtide.transforms.sources.sampled_values import check_values

    if not _can_be_read(examined, place):
        return []
    found = check_columns(folder, entity)
    if not any(one.severity == "mistake" for one in found) and not examined.has(
        (*place, "time_zone")
    ):
        attributes = {name: (*place, "attributes", name) for name in entity.attributes}
        found += check_values(
            folder,
            entity,
            [
                name
                for name, path in attributes.items()
                if examined.is_broken(path)
                or any(map(examined.has, (path, *((*path, one) for one in VALUE))))
            ],
        )
    return [_at(examined, place, one) for one in found if not examined.has(_place(place, one))]


def _can_be_read(examined: "Examined", place: tuple[str, ...]) -> bool:
    """Say whether all is right that must be before an entity's files can be looked at.

    A setting that is not known may be one of those, unless another one was probably meant.
    """
    settings = [place, (*place, "attributes"), *((*place, setting) for setting in READING)]
    above = [place[:length] for length in range(len(place))]
    return (
        not any(map(examined.has, [*settings, *above]))
        and not examined.broken.intersection([*settings, *above])
        and not any(
            one.code == "unknown_setting"
            and one.suggestion in (None, *READING)
            and str(one.target).rpartition(".")[0] == shown(place)
            for one in examined.mistakes
        )
    )


def _place(place: tuple[str, ...], finding: "Finding") -> tuple[str, ...]:
    """Return where in the configuration a finding belongs."""
    below = {
        "no_files": ("path",),
        "missing_column": ("attributes", finding.column or ""),
        "wrong_delimiter": ("delimiter",),
        "missing_key": ("primary_key",),
        "repeated_key": ("primary_key",),
    }
    below |= dict.fromkeys(
        ("values_do_not_fit", "nested_value"), ("attributes", finding.column or "")
    )
    return (*place, *below.get(finding.code, ()))


def _at(examined: "Examined", place: tuple[str, ...], finding: "Finding") -> Mistake:
    """Return a finding in the files as a mistake at the entity's or the attribute's line."""
    mistake = examined.document.mistake(
        finding.code,
        _place(place, finding),
        finding.message,
        value=finding.column,
        expected=finding.expected,
        suggestion=finding.suggestion,
    )
    return replace(mistake, severity=finding.severity)
