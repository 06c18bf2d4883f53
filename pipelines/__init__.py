"""Builds and runs the Beam pipelines: refresh (batch) and realtime (stream)."""

import gc
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def _silent_root() -> Iterator[None]:
    """Keep what is logged on the root logger from everybody.

    The root logger does not get a handler by that.
    """
    root, nowhere = logging.getLogger(), logging.NullHandler()

    def nothing(_record: logging.LogRecord) -> bool:
        return False

    root.addHandler(nowhere)
    root.addFilter(nothing)
    try:
        yield
    finally:
        root.removeFilter(nothing)
        root.removeHandler(nowhere)


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Spare the collector what an import makes: none of it is garbage, now or later."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if collecting:
            gc.enable()


@contextmanager
def _without(*names: str) -> Iterator[None]:
    """Let packages that are not loaded yet be as if they were not installed."""
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    absent = [name for name in names if name not in modules]
    modules.update(dict.fromkeys(absent))
    try:
        yield
    finally:
        for name in absent:
            del modules[name]


def _wait_for_samplers(milliseconds: int) -> None:
    """Let Beam ask so often what a bundle is doing.

    At the end of each bundle Beam waits until it has asked once more, for up to 200 ms
    (docs/decisions/small-refreshes.md).
    """
    from apache_beam.runners.worker.statesampler import StateSampler

    StateSampler.__init__.__defaults__ = (milliseconds,)


# Beam warns of Google clients that are not installed, and that nothing here uses; nor are its
# readers of MongoDB and BigQuery, whose clients take a fifth of its import.
with _silent_root(), _nothing_collected(), _without("pymongo", "requests"):
    import apache_beam  # noqa: F401 - the import itself is what warns

    _wait_for_samplers(5)
