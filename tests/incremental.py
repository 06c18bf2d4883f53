"""Refreshes that cost what changed, beside refreshes that compute everything.

`python -m tests.incremental [N] [--seed S]` tells N sequences of changes (rows, files, touched
files, files that are written otherwise or change behind their reading, configuration, decisions,
lost caches, restored catalogs, refreshes that fail or die) to two projects. One refreshes as users
do, the other with `full`; after each refresh every table, hash and count must be the same. In half
of the sequences an entity is delivered as full data and changes, on time, late and too early; its
table must be what plain Python makes of the deliveries.
"""

import argparse
import copy
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from overtide.lake import generation_changes
from overtide.pipelines import batch, computing, differences, known_files
from overtide.pipelines.publishing import Refreshed
from overtide.schemas.crash import VARIABLE
from overtide.schemas.errors import SourceError
from overtide.transforms import row_hashes
from tests.changing_files import STAYS, ChangingFiles, sources_of
from tests.changing_project import OTHERWISE, document
from tests.compared_projects import MEASURED, apart, served_by, tables_of
from tests.deliveries import Version, final, version_of
from tests.small_project import Project

NAMED = ("S_a", "S_b")
SWITCHED = ("recent", "made", "ids", "winners", "zoned", "counted", "apart")
LITTLE = (*OTHERWISE, "recent", "winners")
"""What is configured otherwise and lets records be matched by the same rules, mostly."""
STEPS = (
    "results.drafted",
    "refresh.pipeline_done",
    "activities.filled",
    "generation.filled",
    "publish.table_emptied",
    "publish.rows_removed",
    "publish.file_moved",
    "publish.before_commit",
)
"""Steps at which a refresh dies."""
DIED = 137


@dataclass
class Twins(ChangingFiles):
    """Two projects with the same sources: one refreshes what changed, one everything."""

    folder: Path = field(default_factory=Path)
    told: list[str] = field(default_factory=list)
    """What was done, to be read when it goes wrong."""
    decisions: list[str] = field(default_factory=list)
    """What is decided of pairs."""
    late: bool = False
    """Whether a file changes when the next refresh has read it."""
    kept: str | None = None
    """The folder of a copy of both, to be restored."""

    def __post_init__(self) -> None:
        delivered = self.chance.random() < 0.5
        shape: dict[str, Any] = dict.fromkeys(("decided", "listed", *SWITCHED, *OTHERWISE), False)
        shape |= {"names": True, "delivered": delivered, "named": self.chance.choice(NAMED)}
        self.delivered = delivered
        shape |= {name: self.chance.random() < 0.4 for name in ("counted", "apart")}
        self.shape = shape
        self.mine, self.full = (Project(self.folder / name, document(**shape)) for name in "mf")
        for name in "abo":
            self.files[self.place(name, "1")] = [self.row(name) for _ in range(5)]
        if delivered:
            self.files[STAYS] = ["9,Zoe,z@x.com,R,2024-01-01"]
        self.write()

    @property
    def both(self) -> tuple[Project, Project]:
        """The two projects."""
        return self.mine, self.full

    @property
    def runs(self) -> int:
        """How often they were refreshed."""
        return self.mine.runs

    def write(self) -> None:
        """Write the files that changed to both projects."""
        for project in self.both:
            self.write_to(project.paths.project)

    def change(self) -> None:
        """Change something, or nothing."""
        does = self.chance.choice(
            [
                self.nothing,
                self.change_row,
                self.change_row,
                self.add_rows,
                self.remove_row,
                self.add_file,
                self.remove_file,
                self.rename_file,
                self.move_row,
                self.split_file,
                self.join_files,
                self.write_otherwise,
                self.touch,
                self.configure,
                self.configure_little,
                self.configure_little,
                self.configure_and_change,
                self.decide,
                self.decide,
                self.list_words,
                self.lose_caches,
                self.lose_generation,
                self.restore,
                self.die,
                self.fail,
                self.change_late,
            ]
        )
        self.told.append(does.__name__)
        does()
        self.write()

    def nothing(self) -> None:
        """Change nothing."""

    def touch(self) -> None:
        """Touch files without changing them."""
        for project in self.both:
            for file in sources_of(project.paths.project):
                os.utime(file)

    def configure(self) -> None:
        """Change what is configured."""
        setting = self.chance.choice(["names", "named", *SWITCHED])
        was = self.shape[setting]
        self.shape[setting] = NAMED[was == NAMED[0]] if setting == "named" else not was
        self._configured()

    def configure_little(self) -> None:
        """Change what is configured of activities, of columns, or of what is not compared."""
        setting = self.chance.choice(LITTLE)
        self.told.append(setting)
        self.shape[setting] = not self.shape[setting]
        self._configured()

    def configure_and_change(self) -> None:
        """Change such a thing, and rows."""
        self.configure_little()
        self.change_row()
        self.add_rows()

    def decide(self) -> None:
        """Decide of pairs of records, take decisions back, turn them, or forget all of them."""
        self.shape["decided"] = self.chance.random() < 0.9
        kept = [one for one in self.decisions if self.chance.random() < 0.7]
        self.decisions = [*kept, *(self._decision() for _ in range(self.chance.randint(0, 2)))]
        turned = {"always": "never", "never": "always"}
        if self.decisions and self.chance.random() < 0.3:
            said, _, pair = self.decisions[0].partition(",")
            self.decisions[0] = f"{turned[said]},{pair}"
        for project in self.both:
            file = project.paths.project / "decisions.csv"
            file.write_text(
                "\n".join(["Decision,Entity1,Entity1Key,Entity2,Entity2Key", *self.decisions, ""])
            )
        self._configured()

    def _decision(self) -> str:
        """Return a decision of two records, which may be of one entity."""
        said = self.chance.choice(["always", "never"])
        ends = self.chance.sample([f"S_{name},{key}" for name in "ab" for key in range(1, 9)], 2)
        return ",".join([said, *ends])

    def list_words(self) -> None:
        """Change lists of aliases and ignored values, or use none."""
        self.shape["listed"] = self.chance.random() < 0.8
        alias, value = (
            self.chance.choice(["Bob,Ann", "Ann,Bob", "Ann,Zoe"]),
            self.chance.choice("xyz"),
        )
        for project in self.both:
            folder = project.paths.project
            (folder / "names.csv").write_text(f"Alias,Value\n{alias}\n")
            (folder / "ignored.csv").write_text(f"Value,Attribute\n{value}@x.com,Mail\n")
        self._configured()

    def _configured(self) -> None:
        for project in self.both:
            project.document = copy.deepcopy(document(**self.shape))

    def lose_caches(self) -> None:
        """Lose or damage what one of them keeps beside the catalog."""
        files = self.mine.paths.files
        for kept in (files / "sources.json", *files.glob("results/**/*.parquet")):
            if kept.exists() and self.chance.random() < 0.5:
                kept.unlink()
            elif kept.exists() and self.chance.random() < 0.5:
                content = kept.read_bytes()
                kept.unlink()
                kept.write_bytes(content[: len(content) // 2])

    def lose_generation(self) -> None:
        """Lose the serving generations."""
        for file in self.mine.paths.serving.glob("*.sqlite"):
            file.unlink()

    def restore(self) -> None:
        """Keep a backup of both, or go back to the one that is there."""
        if self.kept is None:
            self.kept = str(self.folder / "backup")
            for name, project in zip("mf", self.both, strict=True):
                shutil.copytree(project.paths.project / "lake", f"{self.kept}/{name}")
            self.at = self.mine.runs
            return
        for name, project in zip("mf", self.both, strict=True):
            lake = project.paths.project / "lake"
            caches = project.paths.files / "sources.json"
            newer = caches.read_bytes() if caches.exists() else b""
            shutil.rmtree(lake)
            shutil.copytree(f"{self.kept}/{name}", lake)
            caches.write_bytes(newer)  # what is beside the catalog is of later runs

    def die(self) -> None:
        """Change a row, and end a refresh by it at some step before its commit."""
        self.change_row()
        self.write()
        step = self.chance.choice(STEPS)
        asked = str(self.mine.paths.project), self.mine.document, self.mine.runs, step
        dying = multiprocessing.get_context("spawn").Process(target=_refresh_until, args=asked)
        dying.start()
        dying.join()
        if dying.exitcode == 0:  # it took no such step, and published
            self.mine.runs += 1
            self.full.refresh(full=True)
        else:
            assert dying.exitcode == DIED, dying.exitcode

    def fail(self) -> None:
        """Change a row, and let a refresh by it fail when all but the publish is done."""
        self.change_row()
        self.write()
        failed = SourceError("rows_lost", "It fails.")
        with patch.object(computing, "publish_base", side_effect=failed):
            try:
                self.mine.refresh()
            except SourceError:
                return
        self.full.refresh(full=True)  # nothing had changed for the other one, which published it

    def change_late(self) -> None:
        """Let a row change when the next refresh has read it."""
        self.late = True

    def _refresh_mine(self) -> Refreshed:
        if not self.late:
            return self.mine.refresh()
        self.late, run = False, batch.run_pipeline

        def run_and_change(*asked: Any) -> object:
            found = run(*asked)
            self.change_row()
            self.write_to(self.mine.paths.project)
            return found

        with patch.object(batch, "run_pipeline", run_and_change):
            return self.mine.refresh()

    def refresh(self) -> None:
        """Refresh both and compare what they published."""
        files, left = copy.deepcopy(self.files), {*MEASURED, *(["inputs"] if self.late else [])}
        found = self._refresh_mine(), self.full.refresh(full=True)
        said = [
            {name: value for name, value in one.manifest.items() if name not in left}
            for one in found
        ]
        assert said[0] == said[1], (apart(*said), self.told)
        tables: Any = said[0]["tables"]
        names = [
            *tables,
            "Registry",
            "Departure",
            "Identity",
            "ClusterRegistry",
            "Customer_history",
        ]
        mine, full = (tables_of(project, names) for project in self.both)
        for name in names:
            assert mine[name] == full[name], (name, self.told)
        mine, full = (served_by(project) for project in self.both)
        assert mine == full, self.told
        if self.shape["delivered"]:
            found = self.mine.table("S_b", "Id, Name, Mail, City, Seen::VARCHAR")
            assert found == self.plain(files), self.told

    def plain(self, files: Mapping[str, Sequence[str]]) -> list[tuple[Any, ...]]:
        """Return the rows of S_b as a plain folder of files would hold them in the end."""
        versions: list[Version] = []
        for name, rows in files.items():
            folder, _, file = name.removeprefix("b/").rpartition("/")
            hour = folder.removeprefix("IncrementalData/").rpartition("/")[0]
            # The refresh that is told of was made an hour before the next one.
            if name[0] == "b" and (not hour or int(hour[-2:]) + 1 <= 8 + self.mine.runs - 1):
                deletes = folder.endswith("Deletes")
                bare = deletes and file == "2.csv"
                versions += [
                    one for row in rows if (one := version_of(hour, deletes, row, bare)) is not None
                ]
        records, _ = final(versions, lambda one: datetime(one.year, one.month, one.day, tzinfo=UTC))
        return [(key, *records[key].texts[1:]) for key in sorted(records)]


def _refresh_until(folder: str, configured: dict[str, Any], runs: int, step: str) -> None:
    """Refresh a project in this process, which ends at a step."""
    os.environ[VARIABLE] = step
    project = Project(Path(folder), configured)
    project.runs = runs
    project.refresh()


def tell(seed: int, steps: int, folder: Path) -> list[tuple[bool, int, int, bool]]:
    """Tell a sequence of changes.

    Return for each refresh whether it computed nothing, how many activities and records it took
    over, and whether it knew rows of a file that changed and has faulty ones.
    """
    twins = Twins(Random(seed), folder=folder)
    with (
        patch.object(differences, "LEAST", 0),  # so few records would all be matched
        patch.multiple(row_hashes, LEAST=0, MOST=1),  # and files of so few rows read again
        patch.object(generation_changes, "LAID", twins.chance.choice([0, 4])),  # and made one
        patch.object(differences, "MOST_FILES", twins.chance.choice([1, 30])),  # of tables as well
        patch.object(known_files, "RACY", twins.chance.choice([known_files.RACY, -(10**15)])),
    ):
        twins.refresh()
        for _ in range(steps):
            twins.change()
            twins.refresh()
    said: list[Any] = [one.manifest for one in twins.mine.done]
    return [
        (
            one["unchanged_since"] is not None,
            one["reused"]["activities"],
            one["reused"]["records"],
            _knew_beside_faulty(one),
        )
        for one in said
    ]


def _knew_beside_faulty(manifest: dict[str, Any]) -> bool:
    """Say whether rows were known and not all rows of `a`, whose files change, are kept."""
    of = manifest["entities"]["S_a"]
    return manifest["reused"]["rows"] > 0 and of["rows_read"] > of["rows_kept"]


def main() -> int:
    """Tell as many sequences as asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("number", type=int, nargs="?", default=20, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument("--steps", type=int, default=6)
    given = parser.parse_args()
    unchanged = differences = narrowed = faulty = 0
    for seed in range(given.seed, given.seed + given.number):
        with tempfile.TemporaryDirectory() as folder:
            found = tell(seed, given.steps, Path(folder))
        same = sum(one for one, *_ in found)
        taken = sum(1 for one, activities, *_ in found if activities and not one)
        few = sum(1 for one, _, records, _ in found if records and not one)
        faulty += sum(knew for *_, knew in found)
        print(
            f"sequence {seed}: of {len(found)} refreshes {same} were unchanged, {taken} differed, "
            f"{few} matched some records"
        )
        sys.stdout.flush()
        unchanged, differences, narrowed = unchanged + same, differences + taken, narrowed + few
    print(
        f"{given.number} sequences; {unchanged} refreshes computed nothing, "
        f"{differences} took over activities, {narrowed} matched some records, "
        f"{faulty} knew rows of files with faulty ones"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
