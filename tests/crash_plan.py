"""What happens in a crash story, made from its seed alone.

Which processes run, and where and when each of them dies.

The first stories are the tour: between them they die at every named step. Later ones mix steps, the
times that they are reached, and deaths at any instant.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from overtide.schemas.crash import CRASH_POINTS

TOUR, JOBS = 15, 14
"""Stories in which every named step is taken at least once; `make test` tells them.

The one of jobs is the last.
"""
REFRESHES, READING = range(0, JOBS, 4), (2, 8)
"""Stories of the tour in which refreshes die, and those with readers beside them.

In the other stories streams die.
"""
ROLES = {
    "log": ("writer",),
    "refresh": ("refresh",),
    "results": ("refresh",),
    "generation": ("refresh",),
    "activities": ("refresh",),
    "publish": ("refresh",),
    "published": ("refresh",),
    "locks": ("stream", "refresh"),
    "snapshots": ("stream", "refresh"),
    "overlay": ("stream",),
    "stream": ("stream",),
    "maintenance": ("stream",),
    "orphans": ("stream", "refresh"),
    "jobs": ("job",),
    "schedules": ("job",),
}
"""Part of the code -> the processes that may die there; on the tour it is the first."""
PUBLISHED = (
    "publish.committed",
    "published.draft_written",
    "publish.after_commit",
    "refresh.scratch_removed",
    "refresh.generations_removed",
)
"""Steps at which a refresh dies that has published."""
BEFORE = {
    "generation.removed": PUBLISHED,
    "snapshots.expired": PUBLISHED,
    "published.catalog_asked": PUBLISHED[:1],
    "orphans.removed": ("maintenance.rows_inserted", "publish.file_moved"),
}
"""Steps that a process only takes when it died at one of others before."""
ALONE = {"published.catalog_asked"}
"""Steps that any other process would take first."""
AT_ONCE = {
    "locks.holder_unnamed",
    "overlay.created",
    "overlay.option_set",
    "stream.begun",
    "orphans.removed",
}
"""Steps that a stream takes when it begins, and never again."""
BY_JOBS = 0.25
"""Share of the mixed stories in which refreshes are jobs."""
NEW_LOG = {"log.file_made", "log.layout_written"}
"""Steps that only the first writer of all takes."""


@dataclass(frozen=True)
class Death:
    """How a process dies: when it takes a step for the n-th time, or else by SIGKILL.

    The SIGKILL comes after some seconds, and only without a step.
    """

    step: str | None = None
    time: int = 1
    after: float = 0.0

    @property
    def variable(self) -> str | None:
        """What the environment says of it."""
        return None if self.step is None else f"{self.step}:{self.time}"

    def __str__(self) -> str:
        if self.step is None:
            return f"after {self.after:.2f} s"
        return f"at {self.step}" + ("" if self.time == 1 else f" ({self.time})")


@dataclass(frozen=True)
class Plan:
    """One story: the deaths of each process that runs, in order, and those of all at once.

    All die at the same instant (seconds).

    `empty`: nothing was ever published; else a base is there, but no log and no stream yet.
    """

    seed: int
    deaths: dict[str, tuple[Death, ...]]
    together: tuple[float, ...] = ()
    empty: bool = False
    readers: bool = True
    steps: set[str] = field(init=False)

    def __post_init__(self) -> None:
        named = {
            death.step
            for deaths in self.deaths.values()
            for death in deaths
            if death.step is not None
        }
        object.__setattr__(self, "steps", named)

    @property
    def writers(self) -> int:
        """How many writers there are; the first of them dies."""
        return 1 if self.steps & NEW_LOG else 2

    def __str__(self) -> str:
        told = [
            f"{role} dies {', '.join(map(str, deaths))}"
            for role, deaths in self.deaths.items()
            if deaths
        ]
        told += [f"all die after {after:.2f} s" for after in self.together]
        return "; ".join(told) + (", before the first publish" if self.empty else "")


def plan(seed: int) -> Plan:
    """Return the story of a seed."""
    return touring(seed) if seed < TOUR else mixed(seed)


def roles_of(step: str) -> tuple[str, ...]:
    """Return the processes that take a step."""
    return ROLES[step.partition(".")[0]]


def touring(seed: int) -> Plan:
    """Return a story of the tour.

    Refreshes or streams die at their share of the steps, and in all of them a writer.

    Where readers go on beside them, so does a stream.
    """
    if seed == JOBS:
        jobs = [Death(step) for step in CRASH_POINTS if roles_of(step) == ("job",)]
        return Plan(seed, {"job": tuple(jobs)}, readers=False)
    role = "refresh" if seed in REFRESHES else "stream"
    stories = [one for one in range(JOBS) if (one in REFRESHES) == (seed in REFRESHES)]
    mine, writers = (
        [step for step in CRASH_POINTS if roles_of(step)[0] == who] for who in (role, "writer")
    )
    mine = mine[stories.index(seed) :: len(stories)]
    deaths = {
        role: chained(role, (Death(step) for step in mine)),
        "writer": (Death(writers[seed % len(writers)]),),
    }
    if ALONE & set(mine):
        return Plan(seed, {role: deaths[role]}, readers=False)
    reading = seed in READING
    return Plan(seed, ({"stream": ()} if reading else {}) | deaths, readers=reading)


def chained(role: str, deaths: Iterable[Death]) -> tuple[Death, ...]:
    """Return the deaths of a process, each behind one that it presupposes."""
    found: list[Death] = []
    for death in deaths:
        before = [step for step in BEFORE.get(death.step or "", ()) if role in roles_of(step)]
        if before and not any(one.step in before for one in found):
            found.append(Death(before[0]))
        found.append(death)
    return tuple(found)


def mixed(seed: int) -> Plan:
    """Return a story of all processes, with deaths of any kind."""
    chance = Random(seed)
    empty = chance.random() < 0.1
    together = tuple(sorted(chance.uniform(0.2, 4) for _ in range(chance.choice((0, 0, 0, 1, 2)))))
    deaths = {
        role: _some(chance, role, most, (0.3, 4.0)[role == "refresh"])
        for role, most in (("refresh", 2), ("stream", 2), ("writer", 2))
    }
    if chance.random() < 0.3:
        deaths["reader"] = tuple(Death(after=chance.uniform(0.1, 2)) for _ in range(2))
    if not together and not any(deaths.values()):
        deaths["refresh"] = (_death(chance, "refresh", 3.0),)
    readers = chance.random() < 0.7
    return Plan(seed, _by_jobs(seed, deaths), together, empty, readers)


def _by_jobs(seed: int, deaths: dict[str, tuple[Death, ...]]) -> dict[str, tuple[Death, ...]]:
    """Let jobs refresh in some stories, which die at steps of their own, too."""
    chance = Random(f"{seed}/jobs")
    if chance.random() >= BY_JOBS:
        return deaths
    steps = [step for step in CRASH_POINTS if roles_of(step) == ("job",)]
    own = tuple(Death(step) for step in chance.sample(steps, chance.randint(0, 2)))
    return {"job": own + deaths["refresh"]} | {
        name: found for name, found in deaths.items() if name != "refresh"
    }


def _some(chance: Random, role: str, most: int, longest: float) -> tuple[Death, ...]:
    return chained(role, (_death(chance, role, longest) for _ in range(chance.randint(0, most))))


def _death(chance: Random, role: str, longest: float) -> Death:
    steps = [
        step for step in CRASH_POINTS if role in roles_of(step) and step not in NEW_LOG | ALONE
    ]
    if chance.random() < 0.4:
        return Death(after=chance.uniform(0.0, longest))
    step = chance.choice(steps)
    return Death(step, 1 if role == "refresh" or step in AT_ONCE else chance.choice((1, 1, 2, 3)))
