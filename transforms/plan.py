"""What a refresh is about to do.

Configuration, places, the run, and what is published now.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.activities import Activity
from overtide.schemas.configuration.entities import Entity, Preference
from overtide.schemas.configuration.matching import UnifiedEntity
from overtide.schemas.configuration.relationships import Relationship
from overtide.schemas.paths import Paths
from overtide.transforms.closure import Narrowing
from overtide.transforms.kernel import KernelSettings
from overtide.transforms.matching.registered import AllMatchers
from overtide.transforms.records import buckets
from overtide.transforms.tables.contract import PublishedRows


@dataclass(frozen=True)
class Plan:
    """One refresh; what a step needs of it travels with the step."""

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
    """The SQL that attaches the lake, to read what is published; none when nothing is."""
    kept_before: Mapping[str, int] = field(default_factory=dict)
    """How many rows each entity had in the last published run."""
    allow_shrink: bool = False
    """Whether an entity may have far fewer rows than then."""
    differing: Mapping[str, PublishedRows] = field(default_factory=dict)
    """The published tables to which a difference may be made, by name."""
    narrowing: Narrowing | None = None
    """What is needed to match only those records that a change may concern; None: all are."""
    last: Mapping[str, Any] = field(default_factory=dict)
    """The manifest of the run in force."""

    @property
    def scratch(self) -> Path:
        """The folder of this refresh's intermediate files."""
        return self.settings.scratch

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

    @cached_property
    def matcher(self) -> AllMatchers:
        """What finds the pairs of records; a kernel compares twice the rows of a bucket at once."""
        most = buckets(self.estimated_records, 2 * self.rows_per_bucket)
        return AllMatchers.of(self.configuration, most, self.settings.threads)
