"""Count calls by the minute in memory, and carry the counts into a file every few seconds."""

import logging
import threading
from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping

from overtide.schemas.errors import UnavailableError
from overtide.schemas.instants import DAY, HOUR, MINUTE, Clock, Instant
from overtide.schemas.service_tables import BINS
from overtide.serving.telemetry.files import storable
from overtide.serving.telemetry.observed import OTHER, UNKNOWN, Observed
from overtide.serving.telemetry.usage_file import Counted, Key, Sums, UsageFile

LOG = logging.getLogger("overtide.telemetry")
KEPT = 30 * DAY
MOST_ROWS = 5_000
"""Rows between two flushes: callers and entities beyond them are counted as one."""
MOST_CALLERS = 256
"""Callers that are told apart within an hour."""
LONGEST = 64
"""Letters of a caller that are kept."""
MOST_WAITING = 20 * MOST_ROWS
"""Rows that wait for a disk which takes none, before they are given up."""


class Usage:
    """The calls of one process; `add` takes microseconds and never waits for a disk.

    `entities` gives the names under which calls may be counted.
    """

    def __init__(
        self, file: UsageFile, clock: Clock, entities: Callable[[], Collection[str]]
    ) -> None:
        self.file = file
        self._clock, self._entities = clock, entities
        self._rows: Counted = {}
        self._adding, self._flushing = threading.Lock(), threading.Lock()
        self._callers: tuple[Instant, set[str]] = (0, set())
        self._forgotten: Instant = 0

    def add(self, call: Observed) -> None:
        """Count a call."""
        principal = call.principal
        micros = int(call.seconds * 1e6)
        minute = self._clock() // MINUTE * MINUTE
        who = ("", "") if principal is None else (principal.id, principal.name)
        what = (minute, call.operation, call.method)
        how = (call.status, call.error_code)
        with self._adding:
            key = (*what, call.entity, call.caller[:LONGEST], *who, *how)
            sums = self._rows.get(key)
            if sums is None:
                if len(self._rows) >= MOST_ROWS:
                    key = (*what, OTHER, OTHER, OTHER, OTHER, *how)
                sums = self._rows.setdefault(key, empty())
            sums[0] += 1
            sums[1] += call.request_bytes
            sums[2] += call.response_bytes
            sums[3] += micros
            if micros > sums[4]:
                sums[4] = micros
            sums[5 + bisect_left(BINS, call.seconds)] += 1

    def flush(self) -> None:
        """Carry what was counted into the file; what it cannot take is kept for the next time."""
        with self._flushing:
            with self._adding:
                rows, self._rows = self._rows, {}
            now = self._clock()
            rows = folded(rows, self._entities(), self._known_callers(now))
            try:
                if rows:
                    self.file.add(rows)
                self._forget(now)
            except UnavailableError:
                self._put_back(rows)
                raise

    def _put_back(self, rows: Counted) -> None:
        if len(rows) > MOST_WAITING:
            LOG.error("the counts of %d rows of calls are lost: no disk takes them", len(rows))
            return
        with self._adding:
            self._rows = added(rows, self._rows)

    def _known_callers(self, now: Instant) -> set[str]:
        if self._callers[0] != now // HOUR:
            self._callers = (now // HOUR, set())
        return self._callers[1]

    def _forget(self, now: Instant) -> None:
        if now // HOUR != self._forgotten:
            self.file.forget(now - KEPT)
            self._forgotten = now // HOUR


def empty() -> Sums:
    """Return the sums of no call."""
    return [0] * (5 + len(BINS) + 1)


def added(rows: Mapping[Key, Sums], more: Mapping[Key, Sums]) -> Counted:
    """Return the sums of both."""
    found = {key: list(sums) for key, sums in rows.items()}
    for key, sums in more.items():
        found[key] = _sum(found[key], sums) if key in found else list(sums)
    return found


def _sum(one: Sums, other: Sums) -> Sums:
    total = [a + b for a, b in zip(one, other, strict=True)]
    total[4] = max(one[4], other[4])
    return total


def folded(rows: Mapping[Key, Sums], entities: Collection[str], callers: set[str]) -> Counted:
    """Return the rows under names that are bounded; `callers` learns those that are new.

    Names that are no entities count as one, and so do callers beyond the first ones.
    """
    found: Counted = {}
    for key, sums in rows.items():
        entity, caller = key[3], key[4]
        if caller and caller not in callers:
            if len(callers) < MOST_CALLERS:
                callers.add(caller)
            else:
                caller = OTHER
        if entity and entity != OTHER and entity not in entities:
            entity = UNKNOWN
        bounded = (*key[:3], entity, storable(caller), key[5], storable(key[6]), *key[7:])
        found[bounded] = _sum(found[bounded], sums) if bounded in found else sums
    return found
