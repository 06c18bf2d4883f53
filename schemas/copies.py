"""A copy of an SQLite file where it lies on a disk on which nothing may be written.

SQLite needs files beside it.
"""

import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from overtide.schemas.signatures import Signature, journal, signatures

ATTEMPTS = 5
"""How often a copy is begun anew because the file changed meanwhile."""
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
"""Where Linux keeps files in memory: the other disks may be full."""


@dataclass(frozen=True)
class Copy:
    """A copy with its journal, in a folder that goes with it.

    `seen` are the signatures of what was copied.
    """

    file: Path
    seen: list[Signature]
    folder: "tempfile.TemporaryDirectory[str]"


def copied(path: Path) -> Copy | None:
    """Return a copy of a file and its journal as of one instant; None where that cannot be had."""
    for _ in range(ATTEMPTS):
        seen, folder = signatures(path), temporary_folder()
        file = Path(folder.name) / "copy.sqlite"
        try:
            with suppress(FileNotFoundError):
                shutil.copyfile(journal(path), journal(file))
            shutil.copyfile(path, file)
        except OSError:
            folder.cleanup()
            return None
        if signatures(path) == seen:
            return Copy(file, seen, folder)
        folder.cleanup()
    return None


def temporary_folder() -> "tempfile.TemporaryDirectory[str]":
    """Return a folder that goes with the object.

    In memory where there is such a place, else where Python finds one.
    """
    with suppress(OSError):
        if MEMORY.is_dir():
            return tempfile.TemporaryDirectory(
                prefix="overtide-", dir=MEMORY, ignore_cleanup_errors=True
            )
    return tempfile.TemporaryDirectory(prefix="overtide-", ignore_cleanup_errors=True)
