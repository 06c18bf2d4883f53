"""Builds and runs the Beam pipelines: refresh (batch) and realtime (stream)."""

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager


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


# Beam warns of Google clients that are not installed, and that nothing here uses.
with _silent_root(), _nothing_collected():
    import apache_beam  # noqa: F401 - the import itself is what warns
