"""Writes the generated parts of the documentation and the JSON Schema: `make docs`.

A test compares them.

A generated part stands between `<!-- generated: KIND NAME -->` and `<!-- end -->` in a page of
`docs/`.
"""

import argparse
import dataclasses
import inspect
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from overtide.cli.parser import command_parser, global_parser
from overtide.cli.project_commands import JSON_SCHEMA
from overtide.cli.syntax import SYNTAX
from overtide.lake.cards_and_timelines import Card, FieldView, Timeline, TimelineEntry
from overtide.lake.views import MACROS
from overtide.pipelines.realtime import Progress
from overtide.pipelines.refresh import Refreshed
from overtide.project import Project
from overtide.schemas.configuration import Configuration
from overtide.schemas.error_codes.all_codes import CODES
from overtide.schemas.errors import OvertideError
from overtide.schemas.events import Event
from overtide.schemas.expressions.functions import FUNCTIONS
from overtide.schemas.mistakes import Mistake
from overtide.serving.acceptance import Answer
from overtide.serving.operations.registered import OPERATIONS
from overtide.transforms import normalize, spelling, words
from tests.reference_forms import code, table
from tests.reference_of_lake import SERVICE_VIEWS, lake_table, lake_tables, macro

ROOT = Path(__file__).parent.parent
LISTS = ("titles", "names", "addresses", "organizations")
"""Lists of words whose sizes normalisations tell."""
SCHEMA_FILE = ROOT / "schemas" / JSON_SCHEMA
PART = re.compile(r"(<!-- generated: (\w+)(?: (\S+))? -->\n).*?(<!-- end -->)", re.DOTALL)


def pages() -> list[Path]:
    """Return the pages that people read."""
    folders = ("docs", "examples", "benchmarks")
    return sorted(
        [
            *ROOT.glob("*.md"),
            *(page for folder in folders for page in (ROOT / folder).rglob("*.md")),
        ]
    )


def written(text: str) -> str:
    """Return the text of a page with its generated parts written anew."""
    return PART.sub(lambda part: f"{part[1]}\n{KINDS[part[2]](part[3] or '')}\n\n{part[4]}", text)


def parts(text: str) -> list[tuple[str, str]]:
    """Return the kinds and names of a page's generated parts."""
    return [(kind, name) for _, kind, name, _ in PART.findall(text)]


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of `overtide.yaml`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Written by `make docs`.",
        **Configuration.model_json_schema(),
        "title": "overtide.yaml",
    }


def json_schema_text() -> str:
    """Return the text of the schema's file."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def settings(section: str) -> str:
    """Return the settings of a section of `overtide.yaml`, by its model's name, as a table."""
    document = json_schema()
    model = document if section == "Configuration" else document["$defs"][section]
    needed = model.get("required", [])
    return table(
        ("setting", "type", "default", "meaning", "example"),
        (
            (
                code(name),
                kind_of(setting),
                "needed" if name in needed else _default(setting),
                setting["description"],
                "<br>".join(code(flow(example)) for example in setting.get("examples", [])),
            )
            for name, setting in model["properties"].items()
        ),
    )


def kind_of(setting: dict[str, Any]) -> str:
    """Say what type a setting is of."""
    if "$ref" in setting:
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", setting["$ref"].rpartition("/")[2])
        return f"[{name.lower()}](#{name.lower().replace(' ', '-')})"
    if "anyOf" in setting:
        return " or ".join(kind_of(one) for one in setting["anyOf"] if one.get("type") != "null")
    if "enum" in setting:
        return ", ".join(code(word) for word in setting["enum"])
    if setting["type"] == "array":
        return f"list of {kind_of(setting['items'])}"
    if setting["type"] == "object":
        return f"mapping to {kind_of(setting['additionalProperties'])}"
    return _plain_kind(setting)


def _plain_kind(setting: dict[str, Any]) -> str:
    words = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "`true` or `false`",
        "null": "`null`",
    }
    limits = [
        f"{word} {setting[name]}"
        for name, word in (("minimum", "from"), ("maximum", "to"))
        if name in setting
    ]
    if setting.get("maxLength") == 1:
        return "one character"
    return " ".join(
        ["UUID" if setting.get("format") == "uuid" else words[setting["type"]], *limits]
    )


def _default(setting: dict[str, Any]) -> str:
    value = setting["default"]
    return "none" if value is None else "its defaults" if "$ref" in setting else code(flow(value))


def flow(value: object) -> str:
    """Return a value as YAML in one line."""
    return (
        yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False)
        .removesuffix("...\n")
        .strip()
    )


def command(name: str) -> str:
    """Return how a command is called, and its arguments and options as a table.

    Without a name the global ones.
    """
    parser = command_parser(name) if name else global_parser()
    rows = [
        (
            code(
                ", ".join([*action.option_strings[:-1], _called(action)])
                if action.option_strings
                else str(action.metavar)
            ),
            str(action.help),
        )
        for action in arguments(parser)
    ]
    usage = f"```text\n{parser.usage}\n```"
    return f"{usage}\n\n{table(('argument or option', 'meaning'), rows)}" if rows else usage


def arguments(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return the arguments and options that a parser shows, without its help."""
    return [
        action
        for action in parser._actions
        if action.help != argparse.SUPPRESS and action.dest != "help"
    ]


def _called(action: argparse.Action) -> str:
    return (
        f"{action.option_strings[-1]} {action.metavar}"
        if action.metavar
        else action.option_strings[-1]
    )


def errors(area: str) -> str:
    """Return the codes of an area as a table."""
    return table(
        ("code", "meaning", "what to do", "HTTP", "exit"),
        (
            (
                code(name),
                one.meaning,
                one.remedy,
                ", ".join(map(str, one.statuses)),
                ", ".join(map(str, one.exit_codes)),
            )
            for name, one in CODES.items()
            if one.area == area
        ),
    )


def operations(_: str) -> str:
    """Return every operation of the HTTP service: how it is called, and by whom."""
    return table(
        ("operation", "what it does", "role", "answers"),
        (
            (
                code(f"{one.method} {one.path}"),
                f"{one.title}. {one.text if one.text.rstrip('.') != one.title else ''}".rstrip(),
                one.role.label,
                ", ".join(map(str, one.answers)),
            )
            for one in OPERATIONS
            if one.offered
        ),
    )


def not_offered(_: str) -> str:
    """Return the product's operations that are not offered, by what to do instead."""
    refused = [one for one in OPERATIONS if not one.offered]
    instead = {one.text: [] for one in refused}
    for one in refused:
        instead[one.text].append(code(f"{one.method} {one.path}"))
    return table(
        ("instead", "operations"),
        ((text.removeprefix("Not offered. "), ", ".join(some)) for text, some in instead.items()),
    )


def normalisations(_: str) -> str:
    """Return what each normalisation does, in the order in which they apply.

    Each comes with an example that is computed.
    """
    letters = code(" ".join(one for one in spelling.LETTERS if one != "ـ"))
    sizes = {name: Sizes(words.sections(name)) for name in LISTS}
    return table(
        ("normalisation", "what it does", "example", "becomes"),
        (
            (
                code(name),
                one.told.format(letters=letters, symbols=normalize.SYMBOLS, **sizes),
                code(one.example),
                code(normalize.normal(one.example, normalize.How((name,)))),
            )
            for name, one in normalize.STEPS.items()
        ),
    )


class Sizes:
    """How many entries the sections of a list have: `{list.section}` in a text, or `{list}`."""

    def __init__(self, sections: Mapping[str, Mapping[str, str]]) -> None:
        self._sections = sections

    def __getattr__(self, section: str) -> int:
        return len(self._sections[section])

    def __format__(self, how: str) -> str:
        return format(len(self._sections[""]), how)


CLASSES: dict[str, type] = {
    one.__name__: one
    for one in (
        Project,
        Card,
        FieldView,
        Timeline,
        TimelineEntry,
        Answer,
        Event,
        Refreshed,
        Progress,
        Mistake,
        OvertideError,
    )
}
"""What `overtide.open` gives, and what its methods give."""


def functions(_: str) -> str:
    """Return the functions of expressions, and what each takes."""
    rows = ((code(name), one.takes) for name, one in sorted(FUNCTIONS.items()))
    return table(("function", "takes"), rows)


def class_(name: str) -> str:
    """Return what a class is, its fields, and its methods with what they do."""
    one = CLASSES[name]
    fields = (
        [code(name) for base in reversed(one.__mro__) for name in inspect.get_annotations(base)]
        if dataclasses.is_dataclass(one) or issubclass(one, tuple)
        else []
    )
    methods = [
        f"**`{_signature(name, member)}`**\n\n{inspect.getdoc(member)}"
        for name, member in vars(one).items()
        if inspect.isfunction(member) and not name.startswith("_")
    ]
    return "\n\n".join(
        [str(inspect.getdoc(one)), *([f"Fields: {', '.join(fields)}."] if fields else []), *methods]
    )


def _signature(name: str, method: Callable[..., object]) -> str:
    parameters = [
        one.replace(
            annotation=one.empty, default=... if inspect.isfunction(one.default) else one.default
        )
        for one in list(inspect.signature(method).parameters.values())[1:]
    ]
    return f"{name}{inspect.Signature(parameters)}".replace("Ellipsis", "…")


KINDS: dict[str, Callable[[str], str]] = {
    "settings": settings,
    "command": command,
    "table": lake_table,
    "macro": macro,
    "errors": errors,
    "unoffered": not_offered,
    "operations": operations,
    "normalisations": normalisations,
    "class": class_,
    "functions": functions,
}


def wanted_parts() -> set[tuple[str, str]]:
    """Return all parts that must stand in some page."""
    sections = ["Configuration", *json_schema()["$defs"]]
    return {
        ("command", ""),
        ("functions", ""),
        ("normalisations", ""),
        ("operations", ""),
        ("unoffered", ""),
        *(("settings", name) for name in sections),
        *(("command", name) for name in SYNTAX),
        *(("table", name) for name in (*lake_tables(), *SERVICE_VIEWS)),
        *(("macro", one.name) for one in MACROS),
        *(("errors", one.area) for one in CODES.values()),
        *(("class", name) for name in CLASSES),
    }


PAGES = {
    "settings": "configuration.md",
    "command": "cli.md",
    "table": "sql.md",
    "macro": "sql.md",
    "errors": "errors.md",
    "class": "python.md",
}
"""Where parts of which there are many stand."""


def unplaced() -> list[str]:
    """Say what to do about each part that stands in no page."""
    there = {part for path in pages() for part in parts(path.read_text(encoding="utf-8"))}
    return [
        f"{f'docs/{PAGES[kind]}' if kind in PAGES else 'A page of docs/'} needs, where it belongs, "
        f"the lines `<!-- generated: {f'{kind} {name}'.strip()} -->` and `<!-- end -->`; "
        "`make docs` writes what stands between them."
        for kind, name in sorted(wanted_parts() - there)
    ]


def main() -> None:
    """Write all generated parts and the schema's file, and say which parts have no place yet."""
    SCHEMA_FILE.write_text(json_schema_text(), encoding="utf-8")
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if written(text) != text:
            page.write_text(written(text), encoding="utf-8")
    if missing := unplaced():
        raise SystemExit("\n".join(missing))


if __name__ == "__main__":
    main()
