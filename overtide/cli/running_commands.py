"""The commands that run a pipeline: the refresh and the stream."""

from argparse import Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from overtide.cli import comparing
from overtide.cli.failures import explained
from overtide.cli.output import Output
from overtide.loss import losses
from overtide.project import Project
from overtide.schemas.errors import DONE, INTERRUPTED
from overtide.schemas.instants import format_instant
from overtide.wording import counted

if TYPE_CHECKING:
    from overtide.lake.catalog import Publish
    from overtide.pipelines.refresh import Refreshed


def refresh(project: Project, arguments: Namespace, output: Output) -> int:
    """Read the sources, unify them and publish the result."""
    from overtide.cli.signals import interruptible

    before = project.reader.published()
    with interruptible() as interruption:
        try:
            refreshed = _refreshed(project, arguments, output)
        except BaseException:
            # What was interrupted inside the pipeline or DuckDB comes out as an error of theirs.
            if not interruption.number:
                raise
            raise interruption.refusal(*_outcome(before, project.reader.published())) from None
        if refreshed.uncleaned is not None and interruption.number:
            raise interruption.refusal(*_outcome(before, refreshed.publish))
    publish, manifest = refreshed.publish, refreshed.manifest
    instant = format_instant(publish.published_at)
    lost = losses(manifest)
    document = {
        "run": publish.run,
        "publishedAt": instant,
        "generation": publish.generation,
        "loss": [one.as_json() for one in lost],
        "manifest": manifest,
    }
    customers, records = (int(str(manifest[name])) for name in ("profiles", "records_unified"))
    output.confirm(
        document,
        lambda: (
            f"Published run {publish.run} at {instant}: {counted(customers, 'customer')} "
            f"from {counted(records, 'record')} in {manifest['seconds']} s."
        ),
    )
    entities: Any = manifest["entities"]
    for name, entity in entities.items():
        if entity["new_columns"]:
            output.note(f"{name}: not configured and not read: {', '.join(entity['new_columns'])}.")
    for text in (*(one.text for one in lost), *comparing.remarks(manifest)):
        output.note(text)
    if refreshed.uncleaned is not None:
        failure = explained(refreshed.uncleaned).message.rstrip(".")
        output.note(
            f"Run {publish.run} is published; cleaning up failed: {failure}; the next refresh "
            "tries again."
        )
    return DONE


def _refreshed(project: Project, arguments: Namespace, output: Output) -> "Refreshed":
    from overtide.cli.progress import Display

    if output.quiet:
        return project.refresh(arguments.runner, allow_shrink=arguments.allow_shrink)
    with Display() as display:
        return project.refresh(arguments.runner, display, allow_shrink=arguments.allow_shrink)


def _outcome(before: "Publish | None", now: "Publish | None") -> tuple[str, str | None]:
    """Say what an interrupted refresh left: its message and its hint."""
    if now is not None and (before is None or now.run > before.run):
        return f"Stopped while cleaning up: run {now.run} is published.", None
    return (
        "Stopped: nothing was published.",
        None if now is None else f"Run {now.run} is still served.",
    )


def stream(project: Project, arguments: Namespace, output: Output) -> int:
    """Carry accepted events into the lake until stopped, or until caught up."""
    from overtide.cli.signals import stopping
    from overtide.lake.locks import holder, stream_lock

    with stopping() as stop:
        if not arguments.until_caught_up and holder(stream_lock(project.paths)) is None:
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
