"""Matching alone: from the sources to pairs and clusters, in this process; nothing is published."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from overtide.pipelines.planning import (
    BYTES_PER_RECORD,
    attaching,
    paths_of,
    published_tables,
    settings_of,
    size_of,
    source_files,
)
from overtide.runner_configs import RunnerConfig
from overtide.schemas.configuration import Configuration
from overtide.schemas.instants import Instant
from overtide.schemas.paths import Paths
from overtide.transforms import clusters, unify
from overtide.transforms.kernel import shared_kernels
from overtide.transforms.keys import EntityTable
from overtide.transforms.matching.contract import Key, PairTable
from overtide.transforms.matching.lists import with_lists
from overtide.transforms.plan import Plan
from overtide.transforms.records import Unified
from overtide.transforms.sources.files import reading_ahead
from overtide.transforms.steps import Steps
from overtide.transforms.unify import SourceFiles

Result = TypeVar("Result")
Pieces = dict[Key, list[Any]]
"""What is compared together, by key."""
Compared = dict[int, list[Any]]
"""What a matcher found, by the place of the pair of entities."""


@dataclass
class Matching:
    """Records that were read, and the steps that match them; its files end with the block."""

    steps: Steps
    tables: list[EntityTable]
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each step took in all."""

    @property
    def records(self) -> list[Unified]:
        """The unified entities, in match order."""
        return self.steps.unified(self.tables)

    def prepare(self) -> Pieces:
        """Write what is compared; return the pieces of each key."""
        found: dict[Key, list[Any]] = defaultdict(list)
        for table in self.tables:
            for key, piece in self._timed("prepare", self.steps.prepare, table):
                found[key].append(piece)
        return dict(sorted(found.items()))

    def pairs(self, pieces: Pieces) -> list[PairTable]:
        """Compare the pieces of each key and return all pairs, those that people decided too."""
        return self.decided(self.concluded(self.compared(pieces)))

    def compared(self, pieces: Pieces) -> Compared:
        """Compare the pieces of each key; return what was found for each pair of entities."""
        found: dict[int, list[Any]] = defaultdict(list)
        for key, some in pieces.items():
            found[key[0]].append(self._timed("compare", self.steps.compare, key, some))
        return dict(found)

    def concluded(self, found: Compared) -> list[PairTable]:
        """Return all pairs that the rules leave of what was found."""
        return [
            self._timed("conclude", self.steps.conclude, pair, some) for pair, some in found.items()
        ]

    def decided(self, pairs: list[PairTable]) -> list[PairTable]:
        """Return all pairs as people decided, if they decided any."""
        if not self.steps.decided:
            return pairs
        return self._timed("decided", self.steps.keep_to_decisions, pairs, self.tables)

    def forest(self, pairs: Iterable[PairTable]) -> pa.RecordBatch:
        """Join pairs to clusters: (record, root) of every record but the root itself."""
        edges = [unify.edges_of(table) for table in pairs]
        return self._timed("join", clusters.join, edges)

    def _timed(self, name: str, step: Callable[..., Result], *arguments: object) -> Result:
        since = time.perf_counter()
        result = step(*arguments)
        self.seconds[name] = self.seconds.get(name, 0) + time.perf_counter() - since
        return result


@contextmanager
def matching(
    configuration: Configuration,
    paths: Paths,
    runner: RunnerConfig,
    scratch: Path,
    now: Instant,
    beside_published: bool = False,
) -> Iterator[Matching]:
    """Read the sources of the unified entities into `scratch`, an empty folder, to match them.

    Of changes those of the hours that have ended `now`. `beside_published`: its plan knows what is
    published, so that customers get the ids that a refresh would give them.
    """
    whole = with_lists(configuration, paths.project)
    unified = {one.entity for one in configuration.unification.entities}
    files = source_files(configuration, paths.project, scratch, now, only=unified)
    settings = settings_of(runner, scratch, files)
    rows, estimated = runner.rows_per_bucket, size_of(files) // BYTES_PER_RECORD
    attach = attaching(paths) if beside_published else ()
    with shared_kernels(settings), reading_ahead(paths_of(files)):
        published, _ = published_tables(settings, attach)
        plan = Plan(whole, paths, settings, 1, rows, estimated, published, {}, attach)
        since = time.perf_counter()
        tables = _read(Steps(plan), files)
        yield Matching(Steps(plan), tables, {"read": time.perf_counter() - since})


def _read(steps: Steps, files: list[SourceFiles]) -> list[EntityTable]:
    read: dict[str, list[Any]] = defaultdict(list)
    for batch in files:
        for one in steps.reading.read(batch):
            read[one.entity].append(one)
    return [steps.reading.settle(name, some) for name, some in read.items()]
