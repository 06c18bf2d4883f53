"""What a refresh reads, and whether it is what the run in force read.

A run's manifest keeps one hash of its inputs: the content of every source file under its name, the
configuration as far as it makes results, the lists of aliases and ignored values, what people
decided of pairs, and the engine. The same inputs over the registry that they led to give the same
tables (semantics 4.7), so such a refresh need not compute them.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from overtide.pipelines.engine import engine
from overtide.pipelines.known_files import (
    Known,
    instant_of_files,
    is_racy,
    name_of,
    read_content,
    read_note,
    signatures_of,
    write_note,
)
from overtide.schemas.configuration import Configuration
from overtide.schemas.errors import SourceError
from overtide.schemas.instants import Instant
from overtide.schemas.mistakes import shown
from overtide.schemas.paths import Paths
from overtide.schemas.signatures import Signature
from overtide.transforms.matching.lists import list_files
from overtide.transforms.sources.deliveries import find_deliveries
from overtide.transforms.sources.files import files_of, within

ELSEWHERE = {"service", "event_log", "lake"}
"""The sections of a configuration that make no result."""
UNKNOWN = ""
"""The content of a file that was not read yet: no file has it."""
DECISIONS = "unification.decisions"
"""Under which name the file of decisions stands among the files of entities."""


@dataclass
class Inputs:
    """The files of a refresh as they were when it began, and what is known of their contents."""

    configuration: Configuration
    paths: Paths
    files: Mapping[str, Sequence[Path]]
    """Files by entity, but of those whose rows are in no file of this machine."""
    seen: Mapping[Path, Signature]
    at: int
    """When they were seen, by the clock of the file system."""
    known: Mapping[str, Known]
    """The note of the refreshes before, by name."""
    contents: dict[Path, Known] = field(default_factory=dict)
    """What is known by now."""
    waiting: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What entities have in hours that have not ended, as the manifest says it."""

    @classmethod
    def of(cls, configuration: Configuration, paths: Paths, now: Instant) -> "Inputs | None":
        """Return the inputs of a refresh, None where files are missing; reading says which.

        Of changes those of the hours that have ended `now`.
        """
        entities = configuration.entities()
        local = {name: one for name, one in entities.items() if not one.is_remote}
        try:
            changes = {
                name: find_deliveries(paths.project, entity, now)
                for name, entity in local.items()
                if entity.deliveries is not None
            }
            files: dict[str, Sequence[Path]] = {
                name: changes[name].files
                if name in changes
                else files_of(paths.project, entity, now)
                for name, entity in local.items()
            }
        except (SourceError, OSError):
            return None
        if configuration.unification.decisions is not None:
            files[DECISIONS] = [paths.project / configuration.unification.decisions]
        for one in list_files(configuration):
            files[shown(one.place)] = [paths.project / one.path]
        at = instant_of_files(paths)  # before the look: what changes later is seen to be later
        seen = signatures_of(file for some in files.values() for file in some)
        waiting = {
            name: deliveries.told_waiting
            for name, deliveries in changes.items()
            if deliveries.waiting
        }
        inputs = cls(configuration, paths, files, seen, at, read_note(paths), waiting=waiting)
        for file, signature in seen.items():
            known = inputs._noted(file)
            if known is not None and known.fits(signature):
                inputs.contents[file] = known
        return inputs

    @property
    def source_files(self) -> list[Path]:
        """The files of all entities, as often as one is read."""
        entities = self.configuration.entities()
        return [file for name, some in self.files.items() if name in entities for file in some]

    @property
    def unknown(self) -> list[Path]:
        """The files whose content is not known yet."""
        return [file for file in self.seen if file not in self.contents]

    @property
    def racy(self) -> list[Path]:
        """The files that may change in this instant without being seen to."""
        return [file for file in self.unknown if is_racy(self.seen[file], self.at)]

    @property
    def touched(self) -> list[Path]:
        """The files of unknown content that are as large as when they were read last."""
        noted = ((file, self._noted(file)) for file in self.unknown)
        return [file for file, known in noted if known and known.seen[1:2] == self.seen[file][1:2]]

    def surely_changed(self) -> bool:
        """Say whether some file has another size than when it was read last."""
        touched = self.touched
        return any(self._noted(file) and file not in touched for file in self.unknown)

    def read(self, files: Sequence[Path]) -> None:
        """Find out the content of files by reading them; what cannot be read stays unknown."""
        for file in files:
            with suppress(OSError):
                self.contents[file] = Known(self.seen[file], self.at, read_content(file))

    def learn(self, contents: Mapping[Path, str]) -> None:
        """Take note of contents that others read."""
        for file, content in contents.items():
            self.contents[file] = Known(self.seen[file], self.at, content)

    def stayed(self) -> bool:
        """Say whether all files still are what they were when the refresh began.

        Those that could have changed unseen are read again.
        """
        racy = [file for file, known in self.contents.items() if is_racy(known.seen, self.at)]
        at = instant_of_files(self.paths)
        if signatures_of(self.seen) != self.seen or self.unknown:
            return False
        before = {file: self.contents.pop(file) for file in racy}
        self.at = at
        self.read(racy)
        return all(
            file in self.contents and self.contents[file].content == known.content
            for file, known in before.items()
        )

    def contents_of(self, entity: str) -> list[tuple[str, str]]:
        """Return the files of an entity, as they are shown, with their contents; `""` if unknown.

        None is left out: what was kept of the others is not all that the entity has.
        """
        return [
            (
                within(self.paths.project, file),
                self.contents[file].content if file in self.contents else UNKNOWN,
            )
            for file in self.files.get(entity, ())
        ]

    def hash(self) -> str | None:
        """Return the hash of all inputs, None where they are not all in files of this machine.

        The contents of the files must be known.
        """
        if any(entity.is_remote for entity in self.configuration.entities().values()):
            return None
        document = {
            "engine": engine(),
            "configuration": self.configuration.model_dump(
                mode="json", by_alias=True, exclude=ELSEWHERE
            ),
            "files": {
                name: [[self._name(file), self.contents[file].content] for file in some]
                for name, some in self.files.items()
            },
        }
        text = json.dumps(document, separators=(",", ":"))  # unsorted: the order counts
        return hashlib.sha256(text.encode()).hexdigest()

    def note(self) -> None:
        """Write down what is known of the files, for the refreshes to come."""
        known = {self._name(file): one for file, one in self.contents.items()}
        if known != self.known:
            write_note(self.paths, known)

    def _name(self, file: Path) -> str:
        return name_of(self.paths.project, file)

    def _noted(self, file: Path) -> Known | None:
        return self.known.get(self._name(file))


def same_as_before(inputs: Inputs, before: str | None) -> bool:
    """Say whether inputs are those of which an earlier run keeps the hash.

    What is not known of their files is read for that, unless their sizes tell already.
    """
    if before is None or inputs.surely_changed():
        return False
    inputs.read(inputs.unknown)
    return not inputs.unknown and inputs.hash() == before
