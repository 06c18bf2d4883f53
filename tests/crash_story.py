"""Tells one crash story.

Starts the processes, lets them die as planned, starts them again, and compares at the end.
"""

import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random

import yaml

from overtide.eventlog.extent import place
from overtide.schemas.paths import Paths
from tests import crash_company, shop
from tests import crash_processes as processes
from tests.crash_company import sources_of
from tests.crash_plan import Death, Plan
from tests.crash_processes import acknowledged, command, read, start, stream, write
from tests.crash_readers import Readers
from tests.crash_truth import Witness, check
from tests.oracle_base import Sources, refresh
from tests.oracle_identities import Registry

DIED, KILLED, TOLD_TO_STOP = 137, -signal.SIGKILL, -signal.SIGTERM
PATIENCE = 60.0
"""Seconds after which a life is ended that has not reached its step.

Nothing leads there any more.
"""
ENDLESS = 300.0
"""Seconds after which a story hangs."""
TEMPLATE = "template"
LOST = 0.2
"""Share of lives before which what lies beside the catalog or the log is lost.

The lives are those of a refresh or stream.
"""


@dataclass
class Told:
    """What came of a story: the deaths, the steps they came at, and what readers saw."""

    crashes: int = 0
    reached: set[str] = field(default_factory=set)
    reads: int = 0
    slow: int = 0


class Role:
    """One kind of process, life after life: each dies as planned, the last one ends by itself."""

    def __init__(
        self,
        name: str,
        deaths: tuple[Death, ...],
        begin: Callable[[str | None], ForkServerProcess],
        told: Told,
        output: Path,
    ) -> None:
        self.name, self.output = name, output
        self._deaths, self._begin, self._told = list(deaths), begin, told
        self._told_to_stop = False
        self._next()

    def _next(self) -> None:
        self.death = self._deaths.pop(0) if self._deaths else None
        self.process: ForkServerProcess | None = self._begin(
            self.death.variable if self.death else None
        )
        self._began = time.monotonic()

    @property
    def last(self) -> bool:
        """Whether it is in its last life, or over."""
        return self.death is None

    @property
    def over(self) -> bool:
        """Whether its last life has ended."""
        return self.process is None

    def kill(self) -> None:
        """Kill it as `kill -9` does."""
        if self.process is not None:
            self.process.kill()

    def stop(self) -> None:
        """Tell it to stop, as the system does; it may not have begun to listen."""
        if self.process is not None and not self._told_to_stop:
            self._told_to_stop = True
            self.process.terminate()

    def attend(self) -> None:
        """Look after it: kill it when it is time, and begin its next life when it is dead."""
        if self.process is None:
            return
        if self.process.exitcode is None:
            self._end_in_time()
            return
        code, ended = self.process.exitcode, self.death
        if self._told_to_stop and code in (0, TOLD_TO_STOP):
            self.process = None
            return
        if code not in (0, DIED, KILLED):
            raise AssertionError(
                f"{self.name} ended with {code}: {self.output.read_text()[-3000:]}"
            )
        if code:
            self._told.crashes += 1
        if code == DIED and ended is not None and ended.step is not None:
            self._told.reached.add(ended.step)
        if ended is None and code == 0:
            self.process = None
        else:
            self._next()

    def _end_in_time(self) -> None:
        if self.death is not None:
            lived = time.monotonic() - self._began
            if lived > (PATIENCE if self.death.step else self.death.after):
                self.kill()


class Telling:
    """One story in one folder."""

    def __init__(self, plan: Plan, folder: Path, template: Path) -> None:
        self.plan, self.folder, self.told = plan, folder, Told()
        self.project, self.enough = folder / "project", folder / "enough"
        self.attempt, self.loss = 0, Random(f"{plan.seed}/loss")
        if plan.empty:
            found_project(self.project)
            ids: list[str] = []
        else:
            shutil.copytree(template, self.project)
            ids = known_ids()
        self.sent = {
            f"writer {number}": crash_company.sent(plan.seed, number, ids)
            for number in range(plan.writers)
        }
        chance = Random(plan.seed)
        targets = [
            *(
                (entity, key)
                for entity in (shop.CONTACTS, shop.ACCOUNTS)
                for key in crash_company.KEYS
            ),
            *ids,
        ]
        self.readers = Readers(self.project, targets, chance, plan.empty) if plan.readers else None

    def tell(self) -> Told:
        """Let it happen and compare; raise AssertionError when something is not as it should be."""
        if self.readers:
            self.readers.begin()
        try:
            self.happen()
        finally:
            if self.readers:
                self.readers.stop()
                self.told.reads = len(self.readers.reads) + len(self.readers.snapshots)
                self.told.slow = self.readers.slow
        heard = {name: acknowledged(self.journal(name)) for name in self.sent}
        check(
            self.project,
            Witness(self.sent, heard, self.sources, self.readers),
            time.time_ns() // 1000,
        )
        return self.told

    def sources(self, attempt: int) -> Sources:
        """Return what an attempt to refresh read."""
        return sources_of(self.plan.seed if attempt or self.plan.empty else TEMPLATE, attempt)

    def journal(self, writer: str) -> Path:
        """Return the file in which a writer notes what it heard."""
        return self.folder / f"{writer}.jsonl"

    # -- processes --

    def happen(self) -> None:
        """Run all processes until each has died as planned, been restarted, and caught up."""
        roles = self.roles()
        try:
            self.live(roles)
        finally:
            for role in roles:
                role.kill()
        self.run("stream", "--until-caught-up")

    def live(self, roles: list[Role]) -> None:
        """Look after all processes until the last of them has ended by itself."""
        began, together = time.monotonic(), list(self.plan.together)
        while not all(role.over for role in roles):
            wait(
                [role.process.sentinel for role in roles if role.process is not None], timeout=0.02
            )
            if together and time.monotonic() - began > together[0]:
                together.pop(0)
                for role in roles:
                    role.kill()
            for role in roles:
                role.attend()
            if not together and all(role.last for role in roles):
                self.finish(roles)
            if time.monotonic() - began > ENDLESS:
                raise AssertionError(
                    "; ".join(
                        f"{role.name} hangs: {role.output.read_text()[-1000:]}"
                        for role in roles
                        if not role.over
                    )
                )

    def roles(self) -> list[Role]:
        """Start the processes of the story."""
        begin = {
            "refresh": self.begin_refresh,
            "job": self.begin_job,
            "stream": self.begin_stream,
            "reader": self.begin_reader,
        }
        named = {name: deaths for name, deaths in self.plan.deaths.items() if name != "writer"}
        roles = [
            Role(name, deaths, begin[name], self.told, self.output(name))
            for name, deaths in named.items()
        ]
        if "writer" in self.plan.deaths:
            roles += [
                Role(
                    name,
                    self.plan.deaths["writer"] if number == 0 else (),
                    self.begin_writer(name),
                    self.told,
                    self.output(name),
                )
                for number, name in enumerate(self.sent)
            ]
        return roles

    def finish(self, roles: list[Role]) -> None:
        """Nobody dies any more: once the refresh is through, writers stop, and then the stream."""
        by_name = {role.name: role for role in roles}
        if all(by_name[name].over for name in ("refresh", "job") if name in by_name):
            self.enough.touch()
            stream_role = by_name.pop("stream", None)
            if stream_role and all(role.over for role in by_name.values()):
                stream_role.stop()

    def output(self, name: str) -> Path:
        """Return the file that a process prints into."""
        return self.folder / f"{name}.txt"

    def begin_refresh(self, crash_at: str | None) -> ForkServerProcess:
        """Start a refresh of changed sources."""
        self.attempt += 1
        self.take_away()
        shop.write_sources(self.project, self.sources(self.attempt))
        return start(
            processes.refresh, self.project, crash_at=crash_at, output=self.output("refresh")
        )

    def begin_job(self, crash_at: str | None) -> ForkServerProcess:
        """Start a job that refreshes changed sources."""
        self.attempt += 1
        self.take_away()
        shop.write_sources(self.project, self.sources(self.attempt))
        return start(processes.job, self.project, crash_at=crash_at, output=self.output("job"))

    def begin_stream(self, crash_at: str | None) -> ForkServerProcess:
        """Start a stream."""
        self.take_away()
        return start(stream, self.project, crash_at=crash_at, output=self.output("stream"))

    def take_away(self) -> None:
        """Let what lies beside the catalog and the log be lost now and then.

        It only says faster what they say.
        """
        paths = Paths.of(self.project)
        for path in (paths.published, place(paths.log)):
            if self.loss.random() < LOST:
                path.unlink(missing_ok=True)

    def begin_reader(self, crash_at: str | None) -> ForkServerProcess:
        """Start a reader."""
        return start(
            read, self.project, self.enough, crash_at=crash_at, output=self.output("reader")
        )

    def begin_writer(self, name: str) -> Callable[[str | None], ForkServerProcess]:
        """Return what starts a writer."""
        work = (
            write,
            self.project,
            self.sent[name],
            self.journal(name),
            name.endswith("1"),
            self.enough,
        )
        return lambda crash_at: start(*work, crash_at=crash_at, output=self.output(name))

    def run(self, *words: str) -> None:
        """Run a command that nobody disturbs."""
        process = start(command, self.project, *words, crash_at=None, output=self.output(words[0]))
        process.join(ENDLESS)
        assert process.exitcode == 0, self.output(words[0]).read_text()[-3000:]


def known_ids() -> list[str]:
    """Return the template's CustomerIds except that of the contact that tells the attempt.

    That contact says which attempt was published.
    """
    base = refresh(shop.world(), sources_of(TEMPLATE, 0), Registry(), 1, 0)
    return sorted(set(base.profiles) - {base.records[shop.CONTACTS, "0"]})


def found_project(folder: Path) -> None:
    """Write the configuration of a new project."""
    folder.mkdir()
    (folder / "overtide.yaml").write_text(yaml.safe_dump(shop.configuration()))


def make_template(folder: Path) -> Path:
    """Return a project with its first base published, made undisturbed."""
    found_project(folder / "template")
    shop.write_sources(folder / "template", sources_of(TEMPLATE, 0))
    process = start(
        command, folder / "template", "refresh", crash_at=None, output=folder / "template.txt"
    )
    process.join(ENDLESS)
    assert process.exitcode == 0, (folder / "template.txt").read_text()
    return folder / "template"
