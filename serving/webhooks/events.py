"""What webhooks tell of, and the documents that say it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from overtide.lake.catalog import Publish
from overtide.schemas.instants import Instant, format_instant
from overtide.serving.workflows.job import Job, instant_text


class Event(StrEnum):
    """What happens, as the names in requests have it."""

    REFRESH_FINISHED = "refreshFinished"
    REFRESH_FAILED = "refreshFailed"
    UNIFICATION_FINISHED = "unificationFinished"


PUBLISHED = (Event.REFRESH_FINISHED, Event.UNIFICATION_FINISHED)
"""What a publish is: every refresh unifies."""


@dataclass(frozen=True, slots=True)
class Known:
    """What has been told of, or need not be: the last publish and its instant, failed jobs."""

    run: int = 0
    published_at: Instant = 0
    jobs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Standing:
    """What is so now: the publish in force, and the jobs that failed."""

    publish: Publish | None
    failed: Sequence[Job] = ()

    def known(self, before: Known) -> Known:
        """Return what is known once this has been told."""
        jobs = frozenset(one.id for one in self.failed)
        if self.publish is None:
            return Known(before.run, before.published_at, jobs)
        return Known(self.publish.run, self.publish.published_at, jobs)


@dataclass(frozen=True, slots=True)
class Message:
    """One event: its id is the same however often it is made or sent."""

    event: Event
    instance_id: str
    happened: str
    at: Instant
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """What tells it from all others."""
        return str(uuid5(UUID(self.instance_id), f"{self.event}/{self.happened}"))

    def body(self) -> str:
        """Return what is sent."""
        document = {
            "id": self.id,
            "type": self.event.value,
            "timestamp": format_instant(self.at),
            "instanceId": self.instance_id,
            "data": self.data,
        }
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def news(standing: Standing, known: Known, instance_id: str) -> Iterator[Message]:
    """Give what happened since; of several publishes the last one tells.

    A catalog that was restored shows an earlier publish, which is no news.
    """
    publish = standing.publish
    if publish is not None and publish.published_at > known.published_at:
        data = {
            "run": publish.run,
            "previousRun": known.run or None,
            "publishedUtc": format_instant(publish.published_at),
        }
        happened = f"{publish.run}/{publish.published_at}"
        for event in PUBLISHED:
            yield Message(event, instance_id, happened, publish.published_at, data)
    for job in standing.failed:
        if job.id not in known.jobs:
            yield _failed(job, instance_id)


def _failed(job: Job, instance_id: str) -> Message:
    """Return the message of a job that failed: why is said by a code alone, without any data."""
    at = job.ended_at or job.submitted_at
    data = {
        "jobId": job.id,
        "errorCode": None if job.error is None else job.error.get("code"),
        "startedUtc": instant_text(job.started_at),
        "endedUtc": instant_text(job.ended_at),
    }
    return Message(Event.REFRESH_FAILED, instance_id, job.id, at, data)
