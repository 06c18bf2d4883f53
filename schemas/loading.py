"""Read `overtide.yaml`, and report every mistake at once.

Each comes with its line, its value, what was expected and what was meant.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as File

from pydantic import ValidationError

from overtide.schemas.annotations import below, placeholder, settings_of
from overtide.schemas.configuration import Configuration, check
from overtide.schemas.configuration.model import COUNTRY
from overtide.schemas.document import Document, read_file
from overtide.schemas.mistakes import Mistake, Path, invalid_configuration, one_of, shown
from overtide.schemas.suggestions import closest
from overtide.schemas.types import EXAMPLES, MEANT

ROUNDS = 20
"""Repairing one mistake may uncover another one below it; so deep is no document."""


@dataclass(frozen=True)
class Examined:
    """What could be read of a configuration, and all that is wrong with it.

    `configuration` is complete when there is no mistake; else the paths in `broken` hold
    placeholders.
    """

    configuration: Configuration | None
    mistakes: list[Mistake]
    notes: list[Mistake]
    broken: frozenset[Path]
    document: Document

    def is_broken(self, path: Path) -> bool:
        """Say whether a placeholder stands at a path, above it or below it."""
        return any(
            path[: len(place)] == place or place[: len(path)] == path for place in self.broken
        )

    def has(self, path: Path) -> bool:
        """Say whether a mistake was found at a path."""
        return shown(path) in (one.target for one in self.mistakes)


def load(folder: File, environ: Mapping[str, str]) -> Configuration:
    """Read a project's configuration.

    Raise one `invalid_configuration` with every mistake in its details.
    """
    return loaded(folder, environ)[0]


def loaded(folder: File, environ: Mapping[str, str]) -> tuple[Configuration, Document]:
    """Return what `load` returns, and the document, which knows what came from the environment."""
    examined = examine(folder, environ)
    if examined.mistakes or examined.configuration is None:
        raise invalid_configuration(examined.mistakes)
    return examined.configuration, examined.document


def examine(folder: File, environ: Mapping[str, str]) -> Examined:
    """Read a project's configuration as far as it can be read.

    Raise `no_configuration` where there is none.
    """
    document = read_file(folder, environ)
    if document.value is None:
        return Examined(None, document.mistakes, [], frozenset(), document)
    configuration, broken = _model(document)
    found = check(configuration, document, broken) if configuration else []
    everything = sorted([*document.mistakes, *found], key=lambda mistake: mistake.line or 0)
    return Examined(
        configuration,
        [one for one in everything if one.severity == "mistake"],
        [one for one in everything if one.severity == "note"],
        broken,
        document,
    )


def configuration_hash(configuration: Configuration) -> str:
    """Return the SHA-256 of what is configured.

    The same wherever the project lies and however it is laid out.
    """
    document = configuration.model_dump(mode="json", by_alias=True)
    text = json.dumps(
        document, ensure_ascii=False, separators=(",", ":")
    )  # unsorted: the order of mappings counts
    return hashlib.sha256(text.encode()).hexdigest()


def _model(document: Document) -> tuple[Configuration | None, frozenset[Path]]:
    """Validate, and repair what is wrong with placeholders until the rest can be checked too."""
    value, broken = document.value, set[Path]()
    for _ in range(ROUNDS):
        try:
            return Configuration.model_validate(value), frozenset(broken)
        except ValidationError as error:
            problems = _problems(error, value)
        for path, problem in problems.items():
            if not document.has(path) and not any(
                path[:length] in broken for length in range(len(path) + 1)
            ):
                _report(document, path, problem)
            if not _is_extra(problem):
                broken.add(path)
            elif _is_type((*path[:-1], "type")):
                broken.add(path[:-1])  # what was meant may be its type
        for path in problems:
            value = _repaired(value, path)
    return None, frozenset(broken)


def _problems(error: ValidationError, value: object) -> dict[Path, list[dict[str, object]]]:
    """Return pydantic's errors by their path in the document.

    A union gives several errors for one place.
    """
    problems: dict[Path, list[dict[str, object]]] = {}
    for problem in error.errors(include_url=False, include_input=False):
        problems.setdefault(_path(problem["loc"], value), []).append(dict(problem))
    return {
        path: found
        for path, found in problems.items()
        if not any(other != path and other[: len(path)] == path for other in problems)
    }


def _path(location: tuple[int | str, ...], value: object) -> Path:
    """Return a path without the names of union members that pydantic puts between its steps."""
    path: list[int | str] = []
    for number, step in enumerate(location):
        if isinstance(value, dict) and step == "[key]":
            continue
        if isinstance(value, dict) and (
            step in value or (number == len(location) - 1 and _is_name(step))
        ):
            path.append(step)
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            path.append(step)
            value = value[step]
    return tuple(path)


def _is_name(step: int | str) -> bool:
    return (
        isinstance(step, str)
        and step.isidentifier()
        and step not in ("Attribute", "str", "int", "float", "bool")
    )


def _report(document: Document, path: Path, problems: list[dict[str, object]]) -> None:
    settings = settings_of(below(Configuration, path[:-1]))
    known = list(settings)
    name = str(path[-1]) if path else ""
    if _is_extra(problems):
        document.add(
            "unknown_setting",
            path,
            f"`{name}` is no setting here.",
            expected=f"one of {one_of(known)}",
            suggestion=closest(name, known),
            hint=None if closest(name, known) else f"Settings here are {one_of(known)}.",
        )
    elif any(problem["type"] == "missing" for problem in problems):
        document.add(
            "missing_setting", path, f"`{name}` is missing.", expected=settings[name].description
        )
    else:
        expected = _expected(path, problems)
        written = document.text(path)
        document.add(
            "invalid_value",
            path,
            f"Expected {expected}, found {_found(document, path)}.",
            expected=expected,
            suggestion=_meant(path, written, problems),
        )


def _is_extra(problems: list[dict[str, object]]) -> bool:
    """Say whether a setting is unknown: it is taken out, and what stands around it is whole."""
    return any(problem["type"] == "extra_forbidden" for problem in problems)


def _found(document: Document, path: Path) -> str:
    written = document.text(path)
    if written is not None:
        return f"`{written}`" if written else "an empty value"
    value = document.value
    for step in path:
        value = value[step]  # type: ignore[index]
    if value == []:
        return "an empty list"
    return "a list" if isinstance(value, list) else "a mapping (name: value)"


def _meant(path: Path, written: str | None, problems: list[dict[str, object]]) -> str | None:
    """Return what a wrong value probably means.

    An attribute type, or one of the words that are allowed.
    """
    if written is None:
        return None
    if _is_type(path):
        return MEANT.get(written.lower()) or closest(written, EXAMPLES)
    return closest(written, [word for problem in problems for word in _words(problem)])


def _is_type(path: Path) -> bool:
    return (
        path[:1] == ("sources",)
        and path[3:4] == ("attributes",)
        and (len(path) == 5 or path[5:] == ("type",))
    )


def _words(problem: dict[str, object]) -> list[str]:
    context = problem.get("ctx")
    text = str(context.get("expected", "")) if isinstance(context, dict) else ""
    return text.split("'")[1::2] if problem["type"] == "literal_error" else []


def _expected(path: Path, problems: list[dict[str, object]]) -> str:
    """Say what may stand at a path, in a few words."""
    if _is_type(path):
        return f"one of {one_of(EXAMPLES)}"
    texts = dict.fromkeys(_expectation(problem) for problem in problems)
    return " or ".join(text for text in texts if text)


def _expectation(problem: dict[str, object]) -> str:
    context = problem.get("ctx")
    limits = context if isinstance(context, dict) else {}
    if words := _words(problem):
        return f"one of {one_of(words)}"
    if limits.get("pattern") == COUNTRY:
        return "two capital letters of ISO 3166, such as NL"
    return EXPECTED.get(str(problem["type"]), "a valid value").format_map(limits)


EXPECTED = {
    "missing": "a value",
    "string_type": "a text (put it in quotes)",
    "string_too_short": "a text that is not empty",
    "string_too_long": "exactly one character",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "greater_than_equal": "a number of at least {ge}",
    "less_than_equal": "a number of at most {le}",
    "list_type": "a list",
    "dict_type": "a mapping (name: value)",
    "model_type": "a section (name: value)",
    "model_attributes_type": "a section (name: value)",
    "too_short": "a list with at least {min_length} entry",
    "too_long": "a list with at most {max_length} entries",
    "uuid_parsing": "a UUID such as 6f1c0c5e-2f4f-4a57-9c7e-0d2a5b7e1a10",
    "uuid_type": "a UUID",
    "finite_number": "a finite number",
    "string_pattern_mismatch": "what fits {pattern}",
}


def _repaired(value: object, path: Path) -> object:
    """Return the value with its default or a placeholder at a path."""
    if not path:
        return placeholder(Configuration)
    parent: object = value
    for step in path[:-1]:
        parent = parent[step]  # type: ignore[index]
    fields = settings_of(below(Configuration, path[:-1]))
    last = path[-1]
    if (
        isinstance(parent, dict)
        and isinstance(last, str)
        and (last not in fields or not fields[last].is_required())
        and not _entry_of_mapping(path)
    ):
        parent.pop(last, None)
    else:
        parent[last] = placeholder(below(Configuration, path))  # type: ignore[index]
    return value


def _entry_of_mapping(path: Path) -> bool:
    return not settings_of(below(Configuration, path[:-1]))
