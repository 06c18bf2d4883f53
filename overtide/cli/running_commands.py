"""The commands that run a pipeline: the refresh and the stream."""

from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import psutil

from overtide.cli import comparing
from overtide.cli.failures import explained
from overtide.cli.output import Output
from overtide.cli.signals import interruptible, stopping
from overtide.lake.loss import Loss, losses
from overtide.project import Project
from overtide.schemas.errors import DONE, INTERRUPTED, OvertideError
from overtide.schemas.instants import format_instant
from overtide.schemas.wording import counted, fetched_told, waiting_told
from overtide.tracing import traced

if TYPE_CHECKING:
    from overtide.lake.catalog import Publish
    from overtide.pipelines.refresh import Refreshed


def refresh(project: Project, arguments: Namespace, output: Output) -> int:
    """Read the sources, unify them and publish the result."""
    began = project.clock()
    with traced(project, "refresh"):
        try:
            refreshed = interruptibly(project, lambda: _refreshed(project, arguments, output))
        except OvertideError as error:
            from overtide.refreshing import note_failure

            note_failure(project, psutil.Process().username(), began, error)
            raise
    lost = losses(refreshed.manifest)
    output.confirm(_document(refreshed, lost), lambda: _published(refreshed))
    for text in _notes(refreshed, lost):
        output.note(text)
    return DONE


def interruptibly(project: Project, refresh: "Callable[[], Refreshed]") -> "Refreshed":
    """Refresh; raise `interrupted`, with what is published, where a signal stopped it."""
    before = project.reader.published()
    with interruptible() as interruption:
        try:
            refreshed = refresh()
        except BaseException:
            # What was interrupted inside the pipeline or DuckDB comes out as an error of theirs.
            if not interruption.number:
                raise
            raise interruption.refusal(*_outcome(before, project.reader.published())) from None
        if refreshed.uncleaned is not None and interruption.number:
            raise interruption.refusal(*_outcome(before, refreshed.publish))
    return refreshed


def _refreshed(project: Project, arguments: Namespace, output: Output) -> "Refreshed":
    from overtide.cli.progress import Display

    asked = {"allow_shrink": arguments.allow_shrink, "full": arguments.full}
    if output.quiet:
        return project.refresh(arguments.runner, **asked)
    with Display() as display:
        return project.refresh(arguments.runner, display, **asked)


def _outcome(before: "Publish | None", now: "Publish | None") -> tuple[str, str | None]:
    """Say what an interrupted refresh left: its message and its hint."""
    if now is not None and (before is None or now.run > before.run):
        return f"Stopped while cleaning up: run {now.run} is published.", None
    return (
        "Stopped: nothing was published.",
        None if now is None else f"Run {now.run} is still served.",
    )


def _document(refreshed: "Refreshed", lost: Sequence[Loss]) -> dict[str, Any]:
    publish = refreshed.publish
    return {
        "run": publish.run,
        "publishedAt": format_instant(publish.published_at),
        "generation": publish.generation,
        "loss": [one.as_json() for one in lost],
        "manifest": refreshed.manifest,
    }


def _published(refreshed: "Refreshed") -> str:
    publish, manifest = refreshed.publish, refreshed.manifest
    customers, records = (int(str(manifest[name])) for name in ("profiles", "records_unified"))
    return (
        f"Published run {publish.run} at {format_instant(publish.published_at)}: "
        f"{counted(customers, 'customer')} from {counted(records, 'record')} "
        f"in {manifest['seconds']} s{_as_before(manifest)}."
    )


def _as_before(manifest: Mapping[str, Any]) -> str:
    """Say what had not changed: everything since a run, or some files."""
    since, reused = manifest["unchanged_since"], manifest["reused"]
    if since is not None:
        return f"; nothing has changed since run {since}"
    files, of = reused["files"], reused["of"]
    return f"; {files:,} of {counted(of, 'file')} had not changed" if files else ""


def _notes(refreshed: "Refreshed", lost: Sequence[Loss]) -> Iterator[str]:
    """Say what else one should know of a refresh that was published."""
    entities: Any = refreshed.manifest["entities"]
    for name, entity in entities.items():
        if entity["new_columns"]:
            yield f"{name}: not configured and not read: {', '.join(entity['new_columns'])}."
    waiting: Any = refreshed.manifest.get("waiting", {})
    for name, one in waiting.items():
        yield f"{name}: {waiting_told(one)}"
    fetched: Any = refreshed.manifest.get("fetched", {})
    for name, text in ((name, fetched_told(one)) for name, one in fetched.items()):
        if text is not None:
            yield f"{name}: {text}"
    yield from (one.text for one in lost)
    yield from comparing.remarks(refreshed.manifest)
    if refreshed.uncleaned is not None:
        failure = explained(refreshed.uncleaned).message.rstrip(".")
        yield (
            f"Run {refreshed.publish.run} is published; cleaning up failed: {failure}; "
            "the next refresh tries again."
        )


def stream(project: Project, arguments: Namespace, output: Output) -> int:
    """Carry accepted events into the lake until stopped, or until caught up."""
    from overtide.lake.coordination import Lock, coordination

    with stopping() as stop, traced(project, "stream"):
        locks = coordination(project.paths)
        if not arguments.until_caught_up and locks.holder(Lock.STREAM) is None:
            output.note("Streaming; stop it with ctrl-C.")
        done = project.stream(
            arguments.until_caught_up, stop.event, accept_log=arguments.accept_log
        )
    late = f" ({done.late:,} had ended before)" if done.late else ""
    output.confirm(
        asdict(done),
        lambda: (
            f"Carried {counted(done.events, 'event')}{late} into the lake; "
            f"position {done.position:,}."
        ),
    )
    return INTERRUPTED if stop.interrupted else DONE
