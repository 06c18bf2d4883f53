"""Histories with restores of the lake and damage to what can be made again.

The lake is restored from backups, older and newer ones.
"""

import copy
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.engine_by_hand import HandEngine
from tests.histories import Story
from tests.history_steps import EDITS, PICK, REFRESHES, TALK, Step, _step
from tests.oracle_base import Base

HOW = ("over", "over, generations stay", "moved in", "whole")
BEFALLS = [
    _step("backup"),
    _step("restore", which=PICK, how=st.sampled_from(HOW), stays_open=st.booleans()),
    _step("restore", which=PICK, how=st.sampled_from(HOW), stays_open=st.booleans()),
    _step(
        "damage_generation",
        which=PICK,
        change=st.sampled_from(["lose", "cut", "empty", "change"]),
        place=PICK,
    ),
    _step(
        "damage_note", content=st.sampled_from([None, "", "null", "{}", "garbage", '{"format": 2}'])
    ),
]


@st.composite
def restored_histories(draw: st.DrawFn, refreshes: int = 4, talk: int = 4) -> list[Step]:
    """Return a first refresh with a backup, then all other steps in any order.

    The other steps are talk, refreshes, backups, restores and damages.
    """
    steps: list[Step] = [
        ("refresh", {"edits": draw(st.lists(EDITS, min_size=3, max_size=8))}),
        ("backup", {}),
    ]
    for _ in range(draw(st.integers(1, refreshes))):
        steps += draw(st.lists(st.one_of(TALK), max_size=talk))
        steps.append(draw(st.one_of(REFRESHES)))
        steps += draw(st.lists(st.one_of(BEFALLS), min_size=1, max_size=3))
    return steps + draw(st.lists(st.one_of(TALK), max_size=talk))


@dataclass(frozen=True)
class Backup:
    """A copy of the lake, with the oracle's bases then and what was published by hand.

    The engine published the latter.
    """

    lake: Path
    bases: list[Base]
    published: Any


@dataclass
class RestoredStory(Story):
    """Tells also of backups and restores.

    The oracle then goes on from the bases of the backup, and all events stay.
    """

    backups: list[Backup] = field(default_factory=list)

    @property
    def lake(self) -> Path:
        """The folder of the lake."""
        return self.engine.paths.catalog.file.parent

    def backup(self) -> None:
        self.engine.restart()
        place = self.engine.paths.project.with_name(
            f"{self.engine.paths.project.name} backup {len(self.backups)}"
        )
        shutil.copytree(self.lake, place)
        published = (
            copy.deepcopy(self.engine._published) if isinstance(self.engine, HandEngine) else None
        )
        self.backups.append(Backup(place, list(self.truth.bases), published))

    def restore(self, which: int, how: str, stays_open: bool) -> None:
        """Put a backup back; `stays_open`: the reader goes on with the files that it has open."""
        backup = self.backups[which % len(self.backups)]
        if not stays_open:
            self.engine.restart()
        if how == "whole":
            shutil.rmtree(self.lake)
            shutil.copytree(backup.lake, self.lake)
        else:
            self._put_back(backup.lake, how)
        self.truth.bases[:] = backup.bases
        if isinstance(self.engine, HandEngine):
            self.engine._published = copy.deepcopy(backup.published)

    def _put_back(self, lake: Path, how: str) -> None:
        """Put back the catalog and its data, as docs/operations.md says."""
        catalog = self.engine.paths.catalog.file
        shutil.copytree(lake / "data", self.engine.paths.storage.folder, dirs_exist_ok=True)
        if how != "over, generations stay":
            serving = Path(str(lake / catalog.name) + ".files") / "serving"
            shutil.copytree(serving, self.engine.paths.serving, dirs_exist_ok=True)
        for ending in ("-wal", "-shm"):
            catalog.with_name(catalog.name + ending).unlink(missing_ok=True)
        if how == "moved in":
            shutil.copy2(lake / catalog.name, catalog.with_name("restored"))
            catalog.with_name("restored").replace(catalog)
        else:
            catalog.write_bytes((lake / catalog.name).read_bytes())

    def damage_generation(self, which: int, change: str, place: int) -> None:
        """Damage one of the generations that lie there."""
        found = sorted(self.engine.paths.serving.glob("*.sqlite"))
        if not found:
            return
        path = found[which % len(found)]
        content = path.read_bytes()
        path.unlink()
        if change != "lose":
            at = place * 7919 % max(1, len(content))
            changed = (
                content[:at]
                + bytes(255 - byte for byte in content[at : at + 1])
                + content[at + 1 :]
            )
            path.write_bytes({"cut": content[:at], "empty": b"", "change": changed}[change])

    def damage_note(self, content: str | None) -> None:
        """Take away what lies beside the catalog, or let it say something else."""
        self.engine.paths.published.unlink(missing_ok=True)
        if content is not None:
            self.engine.paths.published.write_text(content)
