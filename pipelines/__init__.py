"""Builds and runs the Beam pipelines: refresh (batch) and realtime (stream)."""

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


# Beam warns of Google clients that are not installed, and that nothing here uses.
with _silent_root():
    import apache_beam  # noqa: F401 - the import itself is what warns
