"""What a refresh is about to do, known to every worker.

Configuration, places, the run, and what is published now.
"""

import json
import os
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from overtide.schemas import errors
from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.activities import Activity
from overtide.schemas.configuration.entities import Entity, Preference
from overtide.schemas.configuration.ignore import Ignore
from overtide.schemas.configuration.matching import UnifiedEntity
from overtide.schemas.configuration.relationships import Relationship
from overtide.schemas.configuration.rules import Rule
from overtide.schemas.errors import OvertideError
from overtide.schemas.paths import Paths
from overtide.transforms.identities import Unified
from overtide.transforms.kernel import KernelSettings
from overtide.transforms.keys import EntityTable
from overtide.transforms.matching.pairs import Search


@dataclass(frozen=True)
class Plan:
    """One refresh: the same on every worker, so small that it travels with each step."""

    configuration: Configuration
    paths: Paths
    settings: KernelSettings
    run: int
    rows_per_bucket: int
    estimated_records: int
    """How many records are to be unified, judged by the size of their files."""
    published: dict[str, dict[str, str]]
    """The lake's tables with their columns and SQL types, as published before."""
    hashes: dict[str, str]
    """The content hash of every table, as published before."""
    attach: tuple[str, ...] = ()
    """The SQL that attaches the lake, to read what is published."""
    kept_before: Mapping[str, int] = field(default_factory=dict)
    """How many rows each entity had in the last published run."""
    allow_shrink: bool = False
    """Whether an entity may have far fewer rows than then."""

    @property
    def scratch(self) -> Path:
        """The folder of this refresh's intermediate files."""
        return self.settings.scratch

    def folder(self, *names: str) -> Path:
        """Return a new folder within scratch.

        A runner may do a step twice, even at once, and both must succeed.

        Scratch itself is never made: it is gone when the refresh was stopped.
        """
        parent = self.scratch
        for name in names:
            parent /= name
            parent.mkdir(exist_ok=True)
        return Path(tempfile.mkdtemp(dir=parent))

    @cached_property
    def entities(self) -> dict[str, Entity]:
        """Every entity by full name."""
        return self.configuration.entities()

    @cached_property
    def options(self) -> dict[str, tuple[int, UnifiedEntity]]:
        """The unified entities by full name.

        Their place in the match order, and how they are unified.
        """
        return {
            unified.entity: (place, unified)
            for place, unified in enumerate(self.configuration.unification.entities)
        }

    def preference(self, name: str) -> Preference:
        """Return which of an entity's rows with one key is kept.

        By its own preference, else by that of duplicates.
        """
        unified = self.options[name][1].deduplicate.prefer if name in self.options else Preference()
        return self.entities[name].prefer or unified

    def ignore(self, name: str) -> Ignore:
        """Return which values of a unified entity stand for none."""
        return self.configuration.unification.ignore.joined(self.options[name][1].ignore)

    def unified(self, tables: list[EntityTable]) -> list[Unified]:
        """Return the unified entities with their tables, in match order."""
        by_name = {table.entity: table for table in tables}
        return [
            Unified(place, by_name[name], self.entities[name], options)
            for name, (place, options) in self.options.items()
        ]

    @cached_property
    def searches(self) -> dict[Search, Rule]:
        """Every rule to be applied, in order.

        Within each entity first, then of each pair of entities.
        """
        unification = self.configuration.unification
        sides = [
            (unified.entity, unified.entity, unified.deduplicate.rules)
            for unified in unification.entities
        ]
        sides += [(pair.entity, pair.to, pair.rules) for pair in unification.match]
        return {
            Search(pair, place, lower, upper): rule
            for pair, (lower, upper, rules) in enumerate(sides)
            for place, rule in enumerate(rules)
        }

    @cached_property
    def activities(self) -> list[tuple[Activity, Relationship]]:
        """The activity configurations with the relationships that lead to their customers."""
        relationships = {
            relationship.name: relationship for relationship in self.configuration.relationships
        }
        return [
            (activity, relationships[activity.relationship])
            for activity in self.configuration.activities
        ]

    def buckets(self, rows: int, share: int) -> int:
        """Return into how many buckets rows are split.

        A kernel takes `share` times `rows_per_bucket` at once.
        """
        return max(1, -(-rows // (self.rows_per_bucket * share)))


def begun(plan: Plan, stage: str) -> float:
    """Tell the process that runs the refresh that a part of a stage begins.

    Return when, for `report`.
    """
    started = time.perf_counter()
    report(plan, stage, 0, started)
    return started


def report(
    plan: Plan, stage: str, rows: int, started: float, ahead: Mapping[str, int] | None = None
) -> None:
    """Tell how far a stage is: one line in a file that the process that runs the refresh follows.

    `ahead` says how many more rows there are now for stages to come.
    """
    line = json.dumps(
        {
            "stage": stage,
            "rows": rows,
            "seconds": round(time.perf_counter() - started, 3),
            "ahead": dict(ahead or {}),
        }
    )
    with (plan.scratch / "progress.jsonl").open("a") as file:
        file.write(line + "\n")


def leave_error(plan: Plan, error: OvertideError) -> None:
    """Leave an error where the process that runs the refresh finds it.

    It is found there whatever the runner makes of exceptions.

    The first one stays. Where none can be left (scratch is gone, the disk is full) the runner's
    text has to do.
    """
    with suppress(OSError):
        descriptor, draft = tempfile.mkstemp(prefix="error-", dir=plan.scratch)
        try:
            with os.fdopen(descriptor, "w") as file:
                json.dump(_document_of(error), file)
            if not _left(plan.scratch).exists():
                Path(draft).replace(_left(plan.scratch))
        finally:
            Path(draft).unlink(missing_ok=True)


def left_error(scratch: Path) -> OvertideError | None:
    """Return the error that a step left, or None."""
    return _error_of(json.loads(_left(scratch).read_text())) if _left(scratch).exists() else None


def _left(scratch: Path) -> Path:
    return scratch / "error.json"


def _document_of(error: OvertideError) -> dict[str, Any]:
    return {
        "family": type(error).__name__,
        "code": error.code,
        "message": error.message,
        "target": error.target,
        "hint": error.hint,
        "details": [_document_of(detail) for detail in error.details],
    }


def _error_of(document: dict[str, Any]) -> OvertideError:
    family: type[OvertideError] = getattr(errors, document.pop("family"))
    details = tuple(map(_error_of, document.pop("details")))
    return family(**document, details=details)
