"""Whether a file is as it was.

What the system says of it changes with whatever was done to it, its content aside.
"""

import os
from functools import lru_cache
from pathlib import Path

Signature = list[int]
"""Inode, size, and the instants (nanoseconds) of the last change of the content and of the inode.

Nobody sets that.
"""
NOTHING: Signature = []
"""The signature of a file that is missing or empty."""


def signature(path: Path) -> Signature:
    """Return the signature of a file.

    Never opens it, so that the locks which this process has on it stay.
    """
    try:
        there = os.stat(path)  # noqa: PTH116 - every read asks for several, and this is faster
    except FileNotFoundError:
        return NOTHING
    return (
        [there.st_ino, there.st_size, there.st_mtime_ns, there.st_ctime_ns]
        if there.st_size
        else NOTHING
    )


@lru_cache(maxsize=64)
def journal(path: Path) -> Path:
    """Return the journal of an SQLite file; every read asks for it."""
    return path.with_name(path.name + "-wal")


def journal_signature(path: Path) -> Signature:
    """Return the signature of an SQLite file's journal.

    Its inode changes when root opens it, who sets its owner.
    """
    return signature(journal(path))[:-1]


def signatures(path: Path) -> list[Signature]:
    """Return the signatures of an SQLite file and of its journal."""
    return [signature(path), journal_signature(path)]


def grown(before: Signature, now: Signature) -> bool:
    """Say whether a journal may be what it was, with more at its end.

    A file begun anew or cut is another one.
    """
    return not before or (bool(now) and now[0] == before[0] and now[1] >= before[1])
