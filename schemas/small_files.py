"""Read a small file as fast as may be: some are read by every request."""

import os
from pathlib import Path

MOST_AT_ONCE = 16 * 1024
"""Bytes of a first read, as a rule more than there are."""


def content_of(path: Path) -> bytes:
    """Return the bytes of a file; raise OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = MOST_AT_ONCE
        content = os.read(descriptor, size)
        while len(content) == size:  # there may be more
            size *= 2
            content = os.pread(descriptor, size, 0)
        return content
    finally:
        os.close(descriptor)
