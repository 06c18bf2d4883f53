"""The page of metrics, as Prometheus reads it; nothing in it is about a person."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from overtide.schemas.errors import OvertideError, UnavailableError
from overtide.serving.telemetry.totals import BOUNDS, Totals

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FRESH_SECONDS = 10.0
"""How old a status may be that is shown: making one may take a second."""
LABELS = ("operation", "method", "status")
EDGES = (*map(str, BOUNDS), "+Inf")
GAUGES: dict[str, tuple[str, Callable[[Mapping[str, Any]], float]]] = {
    "live_updates": (
        "Updates of customers that are valid now",
        lambda found: found["live"]["updates"],
    ),
    "live_activities": (
        "Real-time activities that are valid now",
        lambda found: found["live"]["activities"],
    ),
    "held": ("Events whose customer is not known", lambda found: found["held"]),
    "quarantined": ("Events that do not fit the profile", lambda found: found["quarantined"]),
    "flap_backs": (
        "Fields that show an older value again since an update ended",
        lambda found: found["flapBacks"],
    ),
    "log_position": (
        "Events that were ever accepted",
        lambda found: found["log"]["position"],
    ),
    "stream_lag_events": (
        "Accepted events that SQL does not show yet",
        lambda found: found["stream"]["lagEvents"],
    ),
    "stream_lag_seconds": (
        "Since when the oldest of them waits: the delay from accepted to SQL",
        lambda found: found["stream"]["lagSeconds"],
    ),
    "stream_running": (
        "Whether a stream carries events into the lake",
        lambda found: float(found["locks"]["stream"] is not None),
    ),
    "published_run": (
        "The run that is published; 0 before the first",
        lambda found: (found["published"] or {"run": 0})["run"],
    ),
    "base_age_seconds": (
        "How long ago it was published; 0 before the first",
        lambda found: (found["published"] or {"ageSeconds": 0})["ageSeconds"],
    ),
    "log_warnings": ("Warnings of `overtide status`", lambda found: len(found["warnings"])),
}
"""Gauges of the project: what each says, and where it stands in the status."""


class Metrics(Collector):
    """The metrics of one process and its project.

    `status` makes the document of `overtide status`, `jobs` counts jobs by their state, `timer`
    gives seconds.
    """

    def __init__(
        self,
        totals: Totals,
        status: Callable[[], Mapping[str, Any]],
        jobs: Callable[[], Mapping[str, int]],
        timer: Callable[[], float],
    ) -> None:
        self._totals, self._status, self._jobs, self._timer = totals, status, jobs, timer
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._lock = threading.Lock()
        self._seen: tuple[float, Mapping[str, Any] | None] | None = None

    def page(self) -> bytes:
        """Return the page; it may take a second where no status was made lately."""
        return generate_latest(self._registry)

    def describe(self) -> list[Metric]:
        """Name nothing before it is asked for."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Give all metrics."""
        yield from self._calls()
        jobs = GaugeMetricFamily(
            "overtide_jobs", "Jobs of the refresh, the last ones, by state", labels=("status",)
        )
        with suppress(UnavailableError):
            for status, number in self._jobs().items():
                jobs.add_metric((status,), number)
        yield jobs
        found = self._fresh()
        up = GaugeMetricFamily("overtide_project_readable", "Whether the project's state is known")
        up.add_metric((), float(found is not None))
        yield up
        if found is None:
            return
        for name, (text, value) in GAUGES.items():
            gauge = GaugeMetricFamily(f"overtide_{name}", text)
            gauge.add_metric((), value(found))
            yield gauge

    def _calls(self) -> Iterator[Metric]:
        durations = HistogramMetricFamily(
            "overtide_http_request_duration_seconds", "How long calls took", labels=LABELS
        )
        received = CounterMetricFamily(
            "overtide_http_request_bytes", "Bytes of the bodies of calls", labels=LABELS
        )
        sent = CounterMetricFamily(
            "overtide_http_response_bytes", "Bytes of the bodies of answers", labels=LABELS
        )
        for (operation, method, status), total in self._totals.by_labels().items():
            labels = (operation, method, str(status))
            buckets = list(zip(EDGES, accumulate(total.bins), strict=True))
            durations.add_metric(labels, buckets, sum_value=total.seconds)
            received.add_metric(labels, total.request_bytes)
            sent.add_metric(labels, total.response_bytes)
        refused = CounterMetricFamily(
            "overtide_http_refusals", "Calls that were refused", labels=("code",)
        )
        for code, number in self._totals.refusals().items():
            refused.add_metric((code,), number)
        yield from (durations, received, sent, refused)

    def _fresh(self) -> Mapping[str, Any] | None:
        """Return a status that is not old, None where none can be made; one is made at a time."""
        with self._lock:
            now = self._timer()
            if self._seen is None or now - self._seen[0] > FRESH_SECONDS:
                try:
                    found = self._status()
                except OvertideError:
                    found = None
                self._seen = (self._timer(), found)
            return self._seen[1]
