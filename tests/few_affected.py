"""A project of few people, of which a refresh matches only whom a change may concern."""

import copy
from pathlib import Path
from typing import Any

from tests.changing_project import HEADS, document
from tests.compared_projects import MEASURED, served_by, tables_of
from tests.small_project import Project

PEOPLE = 30
LEARNING = ("Registry", "Departure", "Identity", "Customer_history", "AlternateKey_history")


def row(key: int, name: str, mail: str, city: str = "Rome") -> str:
    """Return a line of a person."""
    return f"{key},{name},{mail}@x.com,{city},2024-01-01"


def entity(lines: list[str], name: str = "a") -> str:
    """Return a file of an entity."""
    return "\n".join([HEADS[name], *lines, ""])


FIRST: dict[str, list[str]] = {
    "a1": [row(n, f"Ann{n}", f"m{n}", f"T{n}") for n in range(PEOPLE)],
    "b1": [row(n, f"Ann{n}", f"m{n}", f"U{n}") for n in range(0, PEOPLE, 2)],
    "o1": [f"o{n},{n},2024-01-01,{n}" for n in range(PEOPLE)],
}


def configured(**shape: bool) -> dict[str, Any]:
    """Return a configuration with a second rule, of names that are nearly the same."""
    found = copy.deepcopy(document(**shape))
    near = {"fields": "Name", "precision": 80}
    found["unification"]["match"][0]["rules"][1]["conditions"] = [{"fields": "City"}, near]
    found["unification"]["entities"][1]["deduplicate"] = {
        "rules": [{"name": "same", "conditions": [{"fields": "Name"}, {"fields": "City"}]}]
    }
    return found


def made(folder: Path, configuration: dict[str, Any], **files: str) -> Project:
    """Return a project in a folder, to be refreshed."""
    project = Project(folder, configuration).write(**files)
    return project.write(**{name: entity(lines, name[0]) for name, lines in FIRST.items()})


def copies(project: Project, folder: Path) -> list[Project]:
    """Return two copies of it: one to be refreshed as users do, and one in full."""
    return [project.copied(folder / name) for name in ("mine", "full")]


def taken(twins: list[Project], **files: list[str]) -> int:
    """Write files and refresh both; return how many records one did not match.

    All that they say and publish must be the same.
    """
    mine, full = (
        twin.write(**{n: entity(lines, n[0]) for n, lines in files.items()}) for twin in twins
    )
    done: Any = [mine.refresh().manifest, full.refresh(full=True).manifest]
    said = [{n: v for n, v in one.items() if n not in MEASURED} for one in done]
    assert said[0] == said[1]
    names = [*said[0]["tables"], *LEARNING, "MatchBlock", "MatchValue", "DecidedPairs"]
    assert tables_of(mine, names) == tables_of(full, names)
    assert served_by(mine) == served_by(full)
    return int(done[0]["reused"]["records"])
