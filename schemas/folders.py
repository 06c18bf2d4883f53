"""Making folders and files for their owner alone, since what lies in them is personal data."""

import os
from contextlib import suppress
from itertools import takewhile
from pathlib import Path


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, with mode 0700.

    What is there stays as it is.
    """
    missing = list(takewhile(lambda one: not one.exists(), (folder, *folder.parents)))
    for one in reversed(missing or [folder]):
        one.mkdir(mode=0o700, exist_ok=True)
        if missing:
            sync_folder(one.parent)


def sync_folder(folder: Path) -> None:
    """Make the names of new files in a folder durable: it alone says that they are there."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_file(path: Path) -> None:
    """Make an empty file with mode 0600 where there is none.

    A database of SQLite that is there is never opened but by SQLite: closing any descriptor of it
    would free the locks that SQLite's connections of this process hold, and other processes would
    write into what this one is changing.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
