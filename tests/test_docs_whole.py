"""The documentation has all that there is: generated parts, settings, links and commands."""

import inspect
import re
from collections import Counter
from collections.abc import Iterator

import pytest

import overtide
from overtide.cli.parser import command_parser, global_parser
from overtide.cli.syntax import SYNTAX
from overtide.project import Project
from tests import reference
from tests.documents import page
from tests.reference import ROOT, pages


def test_generated_parts_are_what_the_code_gives():
    stale = [
        str(path.relative_to(ROOT))
        for path in pages()
        if reference.written(path.read_text(encoding="utf-8")) != path.read_text(encoding="utf-8")
    ]
    assert stale == [], "run `make docs`"


def test_every_setting_command_table_and_code_has_its_part_once():
    found = Counter(
        part for path in pages() for part in reference.parts(path.read_text(encoding="utf-8"))
    )
    assert reference.unplaced() == []
    assert set(found) - reference.wanted_parts() == set(), "what these tell of is not there"
    assert [part for part, times in found.items() if times > 1] == [], "each stands once"


def test_docstrings_of_a_project_speak_of_every_parameter():
    methods = [
        one
        for name, one in vars(Project).items()
        if inspect.isfunction(one) and not name.startswith("_")
    ]
    texts = " ".join(str(inspect.getdoc(one)) for one in (Project, overtide.open, *methods))
    parameters = {name for one in methods for name in list(inspect.signature(one).parameters)[1:]}
    spoken_of = set(re.findall(r"\w+", texts))
    assert parameters - spoken_of == set()


# Links


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(
        r"^#+ (.*)$",
        re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE),
        re.MULTILINE,
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_resolves(path):
    text = re.sub(r"`[^`\n]*`", "", path.read_text(encoding="utf-8"))
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        if "://" not in link and (
            not file.exists()
            or (anchor and anchor not in anchors(file.read_text(encoding="utf-8")))
        ):
            broken.append(link)
    assert broken == []


def test_readme_leads_to_every_page():
    linked = {
        (ROOT / link.partition("#")[0]).resolve()
        for link in re.findall(r"\]\(([^)\s]+)\)", page("README.md"))
    }
    assert set((ROOT / "docs").glob("*.md")) - linked == set()
    assert (ROOT / "docs" / "decisions").resolve() in linked


# The command line


def commands_shown() -> Iterator[tuple[str, list[str]]]:
    """Give every command line that a page shows in code.

    The page, and the words behind `overtide`.
    """
    for path in pages():
        text = path.read_text(encoding="utf-8")
        for code in re.findall(r"(?:^|[`$| ])overtide ([^`\n|>]*)", text, re.MULTILINE):
            if code[:1] == "-" or code.split(" ")[0] in SYNTAX or " --" in code:
                yield str(path.relative_to(ROOT)), code.split()


def test_no_page_shows_a_command_or_an_option_that_does_not_exist():
    wrong = [(name, words) for name, words in commands_shown() if not exists(words)]
    assert wrong == []


def exists(words: list[str]) -> bool:
    own = global_parser()
    options = {option for action in own._actions for option in action.option_strings}
    command = next((word for word in words if word in SYNTAX), None)
    if command is not None:
        options |= {
            option
            for action in command_parser(command)._actions
            for option in action.option_strings
        }
    elif words[0] != "COMMAND" and not set(words) & {"COMMAND", "--help"}:
        return words[0].startswith("-")
    return all(word.rstrip(".,;:)") in options for word in words if word.startswith("--"))


@pytest.mark.parametrize("name", ["", *SYNTAX])
def test_help_fits_a_terminal_and_shows_every_option(name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    parser = command_parser(name) if name else global_parser()
    text = parser.format_help()
    assert max(map(len, text.splitlines())) <= 100
    assert all(action.help for action in reference.arguments(parser))
    assert all(
        option in text for action in reference.arguments(parser) for option in action.option_strings
    )
