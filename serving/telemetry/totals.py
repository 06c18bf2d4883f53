"""What Prometheus asks for: calls, durations and bytes since the process began."""

import threading
from bisect import bisect_left
from dataclasses import dataclass, field

from overtide.serving.telemetry.observed import Observed

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Seconds that part the durations of calls."""
Labels = tuple[str, str, int]
"""Operation, method and status."""


@dataclass(slots=True)
class Total:
    """The calls of one operation, method and status."""

    seconds: float = 0.0
    request_bytes: int = 0
    response_bytes: int = 0
    bins: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))


class Totals:
    """The totals of one process; usable from every thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals: dict[Labels, Total] = {}
        self._refusals: dict[str, int] = {}

    def add(self, call: Observed) -> None:
        """Count a call."""
        labels = (call.operation, call.method, call.status)
        with self._lock:
            total = self._totals.get(labels)
            if total is None:
                total = self._totals.setdefault(labels, Total())
            total.seconds += call.seconds
            total.request_bytes += call.request_bytes
            total.response_bytes += call.response_bytes
            total.bins[bisect_left(BOUNDS, call.seconds)] += 1
            if call.error_code:
                self._refusals[call.error_code] = self._refusals.get(call.error_code, 0) + 1

    def by_labels(self) -> dict[Labels, Total]:
        """Return the totals as they are now."""
        with self._lock:
            return {
                labels: Total(one.seconds, one.request_bytes, one.response_bytes, one.bins.copy())
                for labels, one in self._totals.items()
            }

    def refusals(self) -> dict[str, int]:
        """Return how many calls were refused, by code."""
        with self._lock:
            return dict(self._refusals)
