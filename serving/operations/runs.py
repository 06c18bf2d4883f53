"""The published runs: what each of them read, lost and changed; and the state of the project."""

from typing import Any

from overtide.schemas.errors import NotFoundError
from overtide.serving.operations.contract import Call, Parameter, Reply, reading
from overtide.serving.runs import runs

USUAL, MOST = 10, 100
TOP = Parameter("top", f"How many at most (default {USUAL}, at most {MOST}).", kind=int)
RUN = Parameter("run", "Number of the run.", "path")


def recent(call: Call) -> Reply:
    """Return the runs published last, newest first, without their manifests."""
    most = call.number(TOP.name, USUAL, MOST)
    if call.service.reader.published() is None:
        return Reply(200, [])
    with call.service.asking() as ask:
        found = runs(ask, most)
    return Reply(200, [_without_manifest(one) for one in found])


def one(call: Call) -> Reply:
    """Return one run with its manifest, as docs/cli.md describes it."""
    text = call.path["run"]
    known = text.isascii() and text.isdigit() and len(text) < 10
    if known and call.service.reader.published() is not None:
        with call.service.asking() as ask:
            for found in runs(ask, 1, int(text)):
                if found["run"] == int(text):
                    return Reply(200, found)
    raise NotFoundError(
        "unknown_run", f"There is no run {text!r}.", "run", "GET …/runs lists the last ones."
    )


def _without_manifest(run: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in run.items() if name != "manifest"}


def status(call: Call) -> Reply:
    """Return the state of the project, but for where it lies and which processes hold its locks."""
    found = dict(call.service.telemetry.status())
    del found["project"]
    found["locks"] = {name: holder is not None for name, holder in found["locks"].items()}
    return Reply(200, found)


OPERATIONS = (
    reading(
        "Get-status",
        "/instances/{instanceId}/status",
        "Read the state of the project",
        "Tells what is published, how far the stream is, how many changes are live or held, and "
        "what the last run lost, as `overtide status` does.",
        status,
    ),
    reading(
        "Get-all-runs",
        "/instances/{instanceId}/runs",
        "List the published runs",
        "Lists the runs published last, newest first: rows read, set aside and lost, and how many "
        "customers are new, changed, gone, merged and split.",
        recent,
        TOP,
    ),
    reading(
        "Get-a-run",
        "/instances/{instanceId}/runs/{run}",
        "Read a published run",
        "Reads one run as the list has it, with its manifest, that of `overtide refresh --json`.",
        one,
        RUN,
        statuses=(404,),
    ),
)
