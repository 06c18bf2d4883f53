"""Serving generations are named after their run and their content.

So one is told from that of another history.

A run of a base that did not change names the generation that is there: its own run is the one that
the catalog says, not that of the name.

A lake that was restored to run 2 makes another run 3: the catalog that names `run000003-5f2c81d7`
means this content and no other. A generation that was damaged, cut or exchanged does not fit its
name either. Looking takes a second per GB, so what was found whole is noted with its signature
beside the catalog.
"""

import re
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from overtide.lake.generation import Generation, corrupt, missing
from overtide.lake.standing import known, note_whole
from overtide.schemas.errors import GenerationError
from overtide.schemas.paths import Paths
from overtide.schemas.signatures import Signature, signature

CHUNK = 1 << 20
SEALED = re.compile(r"run\d+-([0-9a-f]{8})")

_whole: dict[Path, Signature] = {}
"""The generations that this process found whole."""


def seal(draft: Path, run: str) -> str:
    """Return the name of a generation: its run and its content."""
    return f"{run}-{checksum(draft):08x}"


def checksum(path: Path, found: int = 0) -> int:
    """Return the CRC-32 of a file: 1 GB/s, and every change that is no attack shows.

    It goes on from what was `found` of files before it.
    """
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            found = zlib.crc32(chunk, found)
    return found


def open_generation(paths: Paths, name: str, run: int | None = None) -> Generation:
    """Return the generation of a name, for the run that names it.

    Raise `generation_missing`, or `generation_corrupt` where it is another's, or what it lies over
    is.

    One without a checksum in its name was made by an earlier version, and is taken as it is.
    """
    generation = Generation(paths.generation(name), run)
    _look_through(paths, name)
    for path in generation.files[1:]:
        if not path.exists():
            raise missing(path, "missing")
        _look_through(paths, path.stem)
    generation.seen  # noqa: B018 - what comes later shows
    return generation


def _look_through(paths: Paths, name: str) -> None:
    """Raise `generation_corrupt` where a file's content does not fit the name, if it tells one."""
    path = paths.generation(name)
    sealed, seen = SEALED.fullmatch(name), signature(path)
    if sealed is None or seen in (_whole.get(path), _noted(paths, name)):
        return
    try:
        found = checksum(path)
    except OSError as error:
        raise corrupt(path, str(error.strerror)) from None
    if f"{found:08x}" != sealed.group(1):
        raise corrupt(path, "its content does not fit its name")
    _whole[path] = seen
    note_whole(paths, name, seen)


def is_whole(paths: Paths, name: str) -> bool:
    """Say whether the generation of a name is there as it was made, where its name tells that.

    And so is the one that it lies over.
    """
    with suppress(GenerationError):
        return _is_whole(paths, name) and all(
            _is_whole(paths, path.stem) for path in Generation(paths.generation(name)).files[1:]
        )
    return False


def _is_whole(paths: Paths, name: str) -> bool:
    path = paths.generation(name)
    if SEALED.fullmatch(name) is None or not path.exists():
        return False
    return signature(path) in (_whole.get(path), _noted(paths, name)) or fits_its_name(path)


def fits_its_name(path: Path) -> bool:
    """Say whether a generation that is read now is what its name says, whatever is noted of it.

    To be asked before it is copied into another one, whose name would fit what a disk has lost.
    """
    sealed = SEALED.fullmatch(path.stem)
    try:
        return sealed is not None and f"{checksum(path):08x}" == sealed.group(1)
    except OSError:
        return False


def may_lie_beneath(paths: Paths, name: str) -> bool:
    """Say whether another generation may be laid over the one of a name.

    It is whole, and what the other one takes over of it is so as it is read now.
    """
    path = paths.generation(name)
    return is_whole(paths, name) and (Generation(path).over is None or fits_its_name(path))


def with_those_beneath(paths: Paths, names: Iterable[str]) -> set[str]:
    """Return the names of generations and of those that they lie over, as far as they are there."""
    found = set(names)
    for path in [one for one in map(paths.generation, found) if one.exists()]:
        with suppress(GenerationError):
            found.update(one.stem for one in Generation(path).files)
    return found


def is_as_opened(generation: Generation) -> bool:
    """Say whether nobody has touched the files of a generation since it was opened."""
    return generation.seen == tuple(map(signature, generation.files))


def _noted(paths: Paths, name: str) -> Signature | None:
    note = known(paths)
    return None if note is None else note.generations.get(name)
