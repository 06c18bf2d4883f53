"""What is known of source files: the content that each had when it was last read.

Like the index of git. A file whose signature is the one noted has the content noted; but one that
was changed so short a time before it was read that it may have been changed again within the same
instant of its file system is read anew. Who touches, copies or moves a file costs its reading, no
more. The note only saves time: without it, or with a damaged one, all files are read
(docs/decisions/unchanged-sources.md).
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from overtide.schemas.folders import make_folder
from overtide.schemas.paths import Paths
from overtide.schemas.signatures import Signature, signature

FORMAT = 1
RACY = 2_000_000_000
"""Nanoseconds: a file changed no longer than this before it was read may have changed unseen.

File systems count in ticks, the coarsest in two seconds.
"""
BLOCK = 1 << 20


@dataclass(frozen=True)
class Known:
    """The content (SHA-256) that a file had at an instant of its file system, by its signature."""

    seen: Signature
    at: int
    content: str

    def fits(self, now: Signature) -> bool:
        """Say whether a file with the signature `now` surely has this content."""
        return bool(now) and now == self.seen and not is_racy(now, self.at)


def is_racy(seen: Signature, at: int) -> bool:
    """Say whether a file that looked so at an instant may have been changed again unseen."""
    return not seen or max(seen[2:]) + RACY >= at


def read_content(path: Path) -> str:
    """Return the SHA-256 of a file's content; raise OSError."""
    found = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        block = bytearray(BLOCK)
        while read := file.readinto(block):
            found.update(memoryview(block)[:read])
    return found.hexdigest()


def instant_of_files(paths: Paths) -> int:
    """Return the instant, in nanoseconds, by the clock that stamps the project's files."""
    make_folder(paths.files)
    descriptor, name = tempfile.mkstemp(dir=paths.files)
    try:
        os.write(descriptor, b"x")
        return os.fstat(descriptor).st_mtime_ns
    finally:
        os.close(descriptor)
        Path(name).unlink()


def note_of(paths: Paths) -> Path:
    """Return the file of the note."""
    return paths.files / "sources.json"


def read_note(paths: Paths) -> dict[str, Known]:
    """Return what is known of files by their names; nothing where the note cannot be read."""
    try:
        document = json.loads(note_of(paths).read_bytes())
        if document["format"] != FORMAT:
            return {}
        return {name: Known(*entry) for name, entry in document["files"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def write_note(paths: Paths, known: Mapping[str, Known]) -> None:
    """Write down what is known of files; what cannot be written is read again next time."""
    files = {name: [one.seen, one.at, one.content] for name, one in known.items()}
    note = note_of(paths)
    draft = note.with_name(note.name + ".part")
    with suppress(OSError):
        draft.write_text(json.dumps({"format": FORMAT, "files": files}))
        draft.replace(note)


def name_of(project: Path, file: Path) -> str:
    """Return how a file is called in notes: within the project, so that that may be moved."""
    return noted_name(str(file.relative_to(project) if file.is_relative_to(project) else file))


def noted_name(name: str) -> str:
    """Return a name as notes have it.

    Where a file lies outside of the project may come from the environment, which is not written
    down, so of that there is only a hash.
    """
    if not Path(name).is_absolute():
        return name
    return "sha256:" + hashlib.sha256(os.fsencode(name)).hexdigest()


def signatures_of(files: Iterable[Path]) -> dict[Path, Signature]:
    """Return the signatures of files, each once."""
    return {file: signature(file) for file in dict.fromkeys(files)}
