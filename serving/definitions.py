"""What is defined over the HTTP service: documents of the project, beside its `overtide.yaml`.

Each is a file of JSON lines, one per version, the newest last; nothing is ever taken away. A line
that a process did not finish, because it died, is none.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from overtide.schemas.errors import ConflictError
from overtide.schemas.instants import Clock, format_instant


@dataclass(frozen=True, slots=True)
class Definition:
    """A version of a document: who defined it and when, instants as text."""

    version: int
    document: dict[str, Any]
    created_by: str
    created_at: str
    updated_by: str
    updated_at: str

    def origin(self) -> dict[str, object]:
        """Return what the product's metadata says of where a definition comes from."""
        return {
            "version": self.version,
            "createdBy": self.created_by,
            "createdUtc": self.created_at,
            "updatedBy": self.updated_by,
            "updatedUtc": self.updated_at,
        }


class Definitions:
    """The documents of one project, by name; usable from every thread and process."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock

    def current(self, name: str) -> Definition | None:
        """Return the newest version of a document, None where it was never defined."""
        versions = self.versions(name)
        return versions[-1] if versions else None

    def versions(self, name: str) -> list[Definition]:
        """Return all versions of a document, the oldest first."""
        try:
            content = self._path(name).read_bytes()
        except FileNotFoundError:
            return []
        whole = content[: content.rfind(b"\n") + 1]
        return [Definition(**json.loads(line)) for line in whole.splitlines()]

    def define(
        self, name: str, document: dict[str, Any], who: str, expected: int | None = None
    ) -> Definition:
        """Write a new version of a document.

        Raise `changed_meanwhile` where the newest is not the version that was `expected`.
        """
        now = format_instant(self._clock())
        with self._alone(name) as file:
            last = self.current(name)
            known = 0 if last is None else last.version
            if expected is not None and expected != known:
                raise ConflictError(
                    "changed_meanwhile",
                    f"It is at version {known}, not {expected}.",
                    name,
                    "Read it again, and send your change with its version.",
                )
            created = (who, now) if last is None else (last.created_by, last.created_at)
            defined = Definition(known + 1, document, *created, who, now)
            _append(file, defined)
        return defined

    @contextmanager
    def _alone(self, name: str) -> Iterator[int]:
        self._folder.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path(name), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.jsonl"


def _append(file: int, defined: Definition) -> None:
    """Write a line behind the last whole one, and make it durable."""
    size = os.fstat(file).st_size
    whole = os.pread(file, size, 0).rfind(b"\n") + 1
    line = json.dumps(asdict(defined), ensure_ascii=False, separators=(",", ":")) + "\n"
    os.ftruncate(file, whole)
    os.pwrite(file, line.encode(), whole)
    os.fsync(file)
