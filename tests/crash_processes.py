"""The processes of a crash story.

Forked from a warm one that has Beam imported, then each on its own, as real as any.

They use the project through its own front door: the command line, or `overtide.open`.
"""

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.crash import VARIABLE
from overtide.schemas.instants import format_instant
from tests.oracle import Request

if TYPE_CHECKING:
    from overtide import Project
    from overtide.serving.acceptance import Answer

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "apache_beam.runners.portability.fn_api_runner",
        "duckdb",
        "overtide.cli.commands",
        "overtide.pipelines.refresh",
        "overtide.pipelines.realtime",
        "tests.engine",
        "tests.crash_processes",
    ]
)

BURST, PAUSE = 10, 0.15
"""Batches each thread of a writer sends at once, and seconds of pause after the others.

It waits that long after each of the others.
"""
Batch = list[Request]
"""What is sent at once: one request with an idempotency key, or some records.

Such records are named by their identity.
"""


def start(
    work: Callable[..., int], *arguments: object, crash_at: str | None, output: Path
) -> ForkServerProcess:
    """Start a process that does some work, and dies where it is told to.

    It prints into the file `output`.
    """
    process = CONTEXT.Process(target=_begin, args=(crash_at, str(output), work, arguments))
    process.start()
    return process


def _begin(
    crash_at: str | None, output: str, work: Callable[..., int], arguments: Sequence[object]
) -> None:
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    if crash_at is not None:
        os.environ[VARIABLE] = crash_at
    sys.exit(work(*arguments))


# ---- overtide refresh, overtide stream


def command(folder: Path, *words: str) -> int:
    """Run a command of the command line."""
    from overtide.cli import main

    return main(["-C", str(folder), "-v", *words])


def refresh(folder: Path) -> int:
    """Run a refresh that removes the files of an old base soon, so that stories see that, too."""
    import overtide
    from overtide import runner_configs
    from overtide.pipelines.refresh import refresh as run
    from overtide.schemas.loading import loaded

    with overtide.open(folder) as project:
        run(
            loaded(folder, os.environ)[0],
            project.paths,
            runner_configs.load("embedded"),
            project.clock,
            reading_seconds=2,
            allow_shrink=True,
        )
    return 0


def job(folder: Path) -> int:
    """Refresh as the service does it: make a schedule that is due, and run the job that waits."""
    import overtide
    from overtide import runner_configs
    from overtide.pipelines.refresh import refresh as run
    from overtide.schemas.instants import MINUTE
    from overtide.schemas.loading import loaded
    from overtide.service import workflows_of
    from overtide.serving.workflows.job import Submission
    from overtide.serving.workflows.schedules import Planned
    from overtide.serving.workflows.workflows import Progress, Workflows

    with overtide.open(folder) as project:
        workflows = workflows_of(project)
        workflows.settle()
        workflows.schedules.put([(None, Planned(("* * * * *",)))], "ann", "command")
        soon = Workflows(project.paths, lambda: project.clock() + MINUTE, workflows.ids)
        soon.schedules.fire()
        waiting = workflows.jobs.submit(Submission("ann", "api"))
        with workflows.running(waiting.id) as begun:
            progress = Progress(workflows.jobs, begun.id)
            done = run(
                loaded(folder, os.environ)[0],
                project.paths,
                runner_configs.load("embedded"),
                project.clock,
                progress,
                reading_seconds=2,
                allow_shrink=True,
                job=begun.id,
            )
            progress.flush()
            workflows.end(begun, done.publish.run)
    return 0


def stream(folder: Path) -> int:
    """Run a stream that keeps its tables small all the time, until it is told to stop.

    Its ticks are short.
    """
    import overtide
    from overtide import runner_configs
    from overtide.cli.signals import stopping
    from overtide.lake.maintenance import Upkeep
    from overtide.pipelines.realtime import Tick
    from overtide.pipelines.realtime import stream as run
    from overtide.pipelines.runners import options_of, runner_of

    config = runner_configs.load("embedded")
    with stopping() as stop, overtide.open(folder) as project:
        run(
            project.paths,
            project.log,
            project.clock,
            runner_of(config),
            options_of(config),
            tick=Tick(shortest=0.1, poll=0.02, events=16),
            stop=stop.event,
            upkeep=Upkeep(commits=2, seldom=2, reading_seconds=2),
        )
    return 0


# ---- readers that die, too


def read(folder: Path, enough: Path) -> int:
    """Ask for a card, a timeline and SQL in turn, until `enough` is there."""
    import overtide

    while not enough.exists():
        with overtide.open(folder) as project:
            if project.reader.published() is not None:
                project.get(key=("Crm_Contacts", "1"))
                project.timeline(key=("Crm_Contacts", "1"))
                assert project.sql("SELECT count(*) FROM Customer_live")[0][0].as_py() > 0
        time.sleep(PAUSE)
    return 0


# ---- writers


@dataclass(frozen=True)
class Acknowledged:
    """What a writer heard: the event of one request of a batch of one of its threads."""

    thread: int
    batch: int
    place: int
    event_id: str
    position: int
    accepted_at: int
    repeated: bool


def acknowledged(journal: Path) -> list[Acknowledged]:
    """Return what a writer has heard in all its lives, in order.

    A line that it died in does not count.
    """
    lines = journal.read_bytes().splitlines(keepends=True) if journal.exists() else []
    return [
        Acknowledged(**one) for line in lines if line.endswith(b"\n") for one in json.loads(line)
    ]


def write(folder: Path, threads: list[list[Batch]], journal: Path, anew: bool, enough: Path) -> int:
    """Send batches, each thread its own in order, until `enough` is there.

    Note each acknowledgement in the journal.

    After a death each thread sends the last batch that was acknowledged again, and the next, which
    may have been. `anew`: the project is opened for every batch, as the command line does.
    """
    import overtide

    heard: dict[int, int] = {}
    for one in acknowledged(journal):
        heard[one.thread] = one.batch
    with overtide.open(folder) as project, ThreadPoolExecutor(len(threads)) as pool:
        while project.reader.published() is None:
            time.sleep(0.02)
        note = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        def send_all(thread: int) -> None:
            first = heard.get(thread, -1)
            for number in range(max(0, first), len(threads[thread])):
                if number > first + 1 and enough.exists():
                    break
                with overtide.open(folder) if anew else nullcontext(project) as opened:
                    answers = send(opened, threads[thread][number])
                lines = [
                    asdict(Acknowledged(thread, number, place, *answer))
                    for place, answer in enumerate(answers)
                ]
                os.write(note, json.dumps(lines).encode() + b"\n")
                time.sleep(PAUSE if number > BURST else 0)

        list(pool.map(send_all, range(len(threads))))
    return 0


def send(project: "Project", batch: Batch) -> list[tuple[str, int, int, bool]]:
    """Send a batch through the project.

    Every request of a story is accepted, so a refusal ends the process.
    """
    answers = (
        [_answer(project, batch[0])]
        if batch[0].idempotency_key
        else project.post(batch[0].entity, [dict(one.record) for one in batch])
    )
    return [
        (answer.event.event_id, answer.event.position, answer.event.accepted_at, answer.repeated)
        for answer in answers
    ]


def _answer(project: "Project", request: Request) -> "Answer":
    target = (
        {"customer_id": request.target}
        if isinstance(request.target, str)
        else {"key": request.target}
    )
    terms = {
        "caller": request.caller,
        "idempotency_key": request.idempotency_key,
        "event_time": None if request.event_time is None else format_instant(request.event_time),
    }
    if request.kind == "update":
        return project.update(**target, fields=request.fields, **terms)
    if request.kind == "withdrawal":
        return project.withdraw(**target, field=request.only, **terms)
    return project.post(request.entity, [dict(request.record)], **terms)[0]
