"""Projects proposed from files, for tests: each twice, and each right."""

from pathlib import Path
from typing import Any

import yaml

from overtide.checks import check_project
from overtide.transforms.first_project.proposing import Proposal, propose

INSTANCE = "6f2c1f0e-5f0b-4b8c-9d2e-3a1b2c3d4e5f"


def proposed(folder: Path, *files: Path, broken: frozenset[str] = frozenset()) -> Proposal:
    """Propose a project twice, which must be the same, and write it; it must have no mistake."""
    found, again = (propose(files, folder, folder.name, INSTANCE) for _ in range(2))
    assert found == again
    (folder / "overtide.yaml").write_text(found.text, encoding="utf-8")
    mistakes = [one for one in check_project(folder, {}) if one.severity == "mistake"]
    mistakes = [one for one in mistakes if one.code not in broken]
    assert mistakes == [], found.text
    return found


def entity(found: Proposal, name: str) -> Any:
    """Return what a proposed project says of an entity."""
    source, _, own = name.partition("_")
    return yaml.safe_load(found.text)["sources"][source][own]
