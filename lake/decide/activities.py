"""Which activities a timeline shows at an instant t, known at k (semantics 3.5, 3.6).

Pure functions, no files, no clock.
"""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from overtide.lake.decide.updates import invalid, said
from overtide.schemas.events import ActivityBody, Event
from overtide.schemas.instants import Instant
from overtide.schemas.values import Value


class Entry(Protocol):
    """An activity of the base, or a real-time one, by the columns of UnifiedActivity."""

    def __getitem__(self, name: str) -> Value:
        """Return a column."""


OneEntry = TypeVar("OneEntry", bound=Entry)


def valid_activities(
    events: Iterable[Event], t: Instant, k: Instant
) -> list[tuple[Event, ActivityBody]]:
    """Return the real-time activities that are valid at t and known at k, with their events.

    Of several events that name one activity the first accepted stands.
    """
    found: dict[str | None, tuple[Event, ActivityBody]] = {}
    for event in sorted(events, key=lambda event: event.accepted_at):
        if event.kind == "activity" and event.accepted_at <= k and invalid(event, t) is None:
            body = said(ActivityBody.read, event)
            if body is not None:
                found.setdefault(event.activity_id, (event, body))
    return list(found.values())


def in_order(entries: Iterable[OneEntry], time: Callable[[OneEntry], Instant]) -> list[OneEntry]:
    """Return activities newest first, then by the least ActivityId.

    `time` says when each happened; for those without a time it is the least of all.
    """
    by_id = sorted(entries, key=lambda entry: str(entry["ActivityId"] or ""))
    return sorted(by_id, key=time, reverse=True)
