"""The command that tells how the service is used."""

from argparse import Namespace
from typing import Any

from overtide.cli.output import Output
from overtide.project import Project
from overtide.schemas.errors import DONE, InvalidValueError, UsageError
from overtide.schemas.instants import parse_duration
from overtide.schemas.wording import counted
from overtide.serving.telemetry.usage_file import UsageFile
from overtide.serving.telemetry.usage_report import LONGEST, groups_of, usage_report

HEADERS = ("calls", "errors", "received", "sent", "average", "longest")


def usage(project: Project, arguments: Namespace, output: Output) -> int:
    """Show the calls of the service in a range of time."""
    try:
        by = groups_of(arguments.by)
    except UsageError as error:
        raise error.about("--by") from None
    until = project.clock() + 1
    since = until - _duration(arguments.last)
    found = usage_report(UsageFile(project.paths.usage), since, until, by)
    output.result(found, lambda: _text(found, output))
    return DONE


def _duration(text: str) -> int:
    try:
        duration = parse_duration(text)
    except InvalidValueError as error:
        raise UsageError(error.code, error.message, "--last", error.hint) from None
    if not 0 < duration <= LONGEST:
        raise UsageError(
            "invalid_value",
            f"{text!r} is not within the 30 days that are kept.",
            "--last",
            "Write a duration such as 24h, 7d or 30d.",
        )
    return duration


def _text(found: dict[str, Any], output: Output) -> str:
    total = found["total"]
    head = (
        f"{counted(total['calls'], 'call')} from {found['from']} to {found['to']}, "
        f"{total['errors']:,} refused or failed"
    )
    by = found["groupBy"]
    rows = [[*(row[name] for name in by), *_cells(row)] for row in found["rows"]]
    return f"{head}\n\n{output.table((*by, *HEADERS), rows)}" if rows else head


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        f"{row['calls']:,}",
        f"{row['errors']:,}",
        f"{row['requestBytes']:,} B",
        f"{row['responseBytes']:,} B",
        f"{row['averageMilliseconds']:,.1f} ms",
        f"{row['longestMilliseconds']:,.1f} ms",
    ]
