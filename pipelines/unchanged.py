"""A refresh of what has not changed: the base in force is published again as it is.

No table changes, and the serving generation is the one that is there; what is new is the run, its
instant, and what its manifest says of it.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from overtide.lake import activity_files
from overtide.lake.activity_files import named_by
from overtide.lake.catalog import Publish, connect
from overtide.lake.definitions import last_manifest
from overtide.lake.generation import Generation
from overtide.lake.sealed import is_whole
from overtide.pipelines.inputs import Inputs, same_as_before
from overtide.pipelines.progress import Follower
from overtide.pipelines.publishing import Base, Refreshed, publish_base
from overtide.runner_configs import RunnerConfig
from overtide.schemas.instants import Instant
from overtide.schemas.paths import Paths
from overtide.schemas.tables import UNIFIED_ACTIVITY
from overtide.transforms.matching.lists import with_lists


def publish_unchanged(
    inputs: Inputs | None,
    before: Publish | None,
    runner: RunnerConfig,
    clock: Callable[[], Instant],
    follower: Follower,
    job: str | None,
) -> Refreshed | None:
    """Publish what is in force again where nothing has changed; None where it must be computed."""
    if inputs is None or before is None:
        return None
    with follower.stage("files", len(inputs.seen)):
        last = _in_force(inputs, before)
    if last is None:
        return None
    inputs.note()
    return _publish(inputs, before, last, runner, clock, follower, job)


def _in_force(inputs: Inputs, before: Publish) -> dict[str, Any] | None:
    """Return the manifest of the run in force where a refresh would only find its base again.

    None where anything that it reads is another, or its serving generation is not whole.
    """
    if inputs.surely_changed():  # before the lake is opened, which takes longer
        return None
    paths = inputs.paths
    with closing(connect(paths, threads=1)) as connection:
        last = last_manifest(connection)
        if last.get("run") != before.run or not _is_served(paths, before.generation):
            return None
        if not same_as_before(inputs, last.get("inputs")):
            return None
        return last


def _is_served(paths: Paths, generation: str) -> bool:
    """Say whether a serving generation is whole, and so are the timelines that it names."""
    return is_whole(paths, generation) and all(
        activity_files.is_whole(paths, name) for name in named_by(paths, [generation])
    )


def _publish(
    inputs: Inputs,
    before: Publish,
    last: Mapping[str, Any],
    runner: RunnerConfig,
    clock: Callable[[], Instant],
    follower: Follower,
    job: str | None,
) -> Refreshed:
    """Publish the base of the run in force as a run of its own; `last` is the manifest of that."""
    content = {
        name: value for name, value in last.items() if name not in ("job", "waiting", "damaged")
    } | {
        "run": before.run + 1,
        "runner": runner.runner,
        "shrunk": {},
        "removed_entities": {},
        "reused": {
            "files": len(inputs.source_files),
            "of": len(inputs.source_files),
            "rows": 0,
            "activities": last["tables"][UNIFIED_ACTIVITY.name]["rows"],
            "records": int(last["records_unified"]) + int(last["records_not_unified"]),
        },
        "unchanged_since": last.get("unchanged_since") or before.run,
    }
    content |= {"waiting": inputs.waiting} if inputs.waiting else {}
    content |= {} if job is None else {"job": job}
    base = Base(
        before.run + 1,
        (),
        (),
        before.generation,
        Generation(inputs.paths.generation(before.generation)).metadata,
        content | follower.measured(),
    )
    with follower.stage("publish", 0):
        configuration = with_lists(inputs.configuration, inputs.paths.project)
        return publish_base(configuration, inputs.paths, base, before, clock)
