"""Named steps at which a test may kill the process.

So one sees that nothing is lost wherever that happens.

A step is named `part.step`, after the part of the code that takes it. `make crash` dies at every
one of them.
"""

import os
from collections import Counter

VARIABLE = "OVERTIDE_CRASH_AT"
"""Names the step at which the process ends at once, as by kill -9, or `step:3`: the third time.

Unset outside tests.
"""

CRASH_POINTS = (
    "log.file_made",
    "log.layout_written",
    "log.events_written",
    "log.before_commit",
    "log.after_commit",
    "locks.holder_unnamed",
    "refresh.scratch_cleared",
    "refresh.begun",
    "refresh.pipeline_done",
    "refresh.generation_done",
    "results.drafted",
    "refresh.scratch_removed",
    "refresh.generations_removed",
    "generation.created",
    "generation.filled",
    "generation.synced",
    "generation.removed",
    "publish.overlay_created",
    "publish.table_emptied",
    "publish.file_moved",
    "publish.before_run",
    "publish.before_commit",
    "published.doubt_written",
    "publish.doubted",
    "publish.committed",
    "publish.after_commit",
    "published.draft_written",
    "published.catalog_asked",
    "snapshots.expired",
    "overlay.created",
    "overlay.option_set",
    "stream.begun",
    "stream.before_pipeline",
    "stream.after_pipeline",
    "stream.before_commit",
    "stream.rows_written",
    "stream.position_written",
    "stream.after_commit",
    "maintenance.rows_deleted",
    "maintenance.rows_inserted",
    "maintenance.joined",
    "maintenance.snapshots_forgotten",
    "maintenance.purged",
    "maintenance.unread_dropped",
    "orphans.removed",
    "jobs.written",
    "jobs.submitted",
    "jobs.begun",
    "jobs.reported",
    "jobs.before_end",
    "jobs.ended",
    "schedules.moved",
    "schedules.fired",
    "activities.filled",
    "activities.named",
    "publish.rows_removed",
)
"""Every step of the code, in the order of the parts; a test compares them with the calls."""

_taken: Counter[str] = Counter()


def crash_point(name: str) -> None:
    """End the process without cleaning up at the step and time that the environment names.

    The time counts how often the step was reached.
    """
    wanted = os.environ.get(VARIABLE)
    if wanted is not None:
        _taken[name] += 1
        if wanted in (name, f"{name}:{_taken[name]}"):
            os._exit(137)
