"""Publishing a run, however its base came about."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING

from overtide.eventlog.sqlite import log_to_publish
from overtide.lake.catalog import Publish
from overtide.lake.definitions import comment_anew
from overtide.lake.publish import Change, RunRow, publish
from overtide.lake.views import define_views
from overtide.schemas.configuration import Configuration
from overtide.schemas.instants import Instant
from overtide.schemas.loading import configuration_hash
from overtide.schemas.paths import Paths
from overtide.schemas.serving_metadata import ServingMetadata
from overtide.schemas.table import Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did: its `publish` and its manifest.

    `publish` holds run, published_at in microseconds, and generation.

    The manifest is that of `overtide refresh --json` (docs/cli.md). `uncleaned` is what kept it
    from removing what no reader needs any more, None when nothing did; the next refresh tries
    again.
    """

    publish: Publish
    manifest: dict[str, object] = field(default_factory=dict)
    uncleaned: Exception | None = None


@dataclass(frozen=True)
class Base:
    """A base to be published: what changes in the lake, its generation, and what its run says."""

    run: int
    changes: Sequence[Change]
    gone: Iterable[str]
    generation: str
    metadata: ServingMetadata
    content: dict[str, object]
    replaced: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The damaged tables that are dropped first, and the files whose rows stay."""
    threads: int = 1
    """How many look for the rows that go."""
    declared: Sequence[Table] = ()
    """All tables that the base makes, also those of which no row changes."""


def publish_base(
    configuration: Configuration,
    paths: Paths,
    base: Base,
    before: Publish | None,
    clock: Callable[[], Instant],
) -> Refreshed:
    """Publish a base as one transaction of the lake, after the run `before`."""
    days = configuration.lake.history_days
    with closing(log_to_publish(paths.log, clock)) as log:
        tail = log.tail()
        row = RunRow(
            base.run,
            base.generation,
            configuration_hash(configuration),
            version("overtide"),
            base.content,
            days,
            before,
            tail.position,
            tail.accepted_at,
            base.metadata,
        )

        def define(connection: "DuckDBPyConnection", forgotten: Instant) -> None:
            comment_anew(connection, base.declared)
            define_views(connection, base.run, base.metadata.profile, days, forgotten)

        asked = paths, base.changes, row, clock, log.taking, define, base.gone, base.replaced
        published = publish(*asked, base.threads)
    return Refreshed(published, base.content)
