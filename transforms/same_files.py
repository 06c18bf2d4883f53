"""Which files are the very same ones, whatever they are called."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path


def files_apart(files: Sequence[str], others: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the files that are not among the others, and the others that are not among them.

    What an earlier refresh kept is the very file that it published, under another name. Size and
    time are asked, too: some file systems have no inodes, and say the same of all files.
    """
    these, those = dict(_identified(files)), dict(_identified(others))
    return (
        [path for one, path in these.items() if one not in those],
        [path for one, path in those.items() if one not in these],
    )


def _identified(files: Iterable[str]) -> Iterator[tuple[tuple[int, ...], str]]:
    for path in files:
        found = Path(path).stat()
        yield (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns), path
