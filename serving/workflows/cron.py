"""When cron expressions are due in a time zone.

An expression whose minute and hour are given, such as `30 2 * * *`, goes by the clock on the wall:
in an hour that is repeated it is due once, at its first time, and in one that is skipped at the
next time that exists. One whose minute or hour begins with `*`, such as `*/15 * * * *`, goes by
time that passes: a repeated hour has its times twice, a skipped one none. So does Debian's cron.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from overtide.schemas.errors import UsageError
from overtide.schemas.instants import SECOND, Instant, microseconds

FIELDS = 5
SUNDAY_LAST = re.compile(r"-sun\b", re.IGNORECASE)
"""Sunday at the end of days, as in `FRI-SUN`: its name is 0 to cronsim, which knows 7 as well."""


def expect_cron(expression: str, zone: ZoneInfo, now: Instant) -> None:
    """Raise `invalid_cron` for what is no cron expression, or for one that is never due."""
    try:
        if len(expression.split()) != FIELDS:
            raise CronSimError("It has not five fields")
        if next(_dues(expression, zone, now), None) is None:
            raise CronSimError("It is never due")
    except CronSimError as error:
        raise UsageError(
            "invalid_cron",
            f"{expression!r} is no cron expression: {error}.",
            "cronSchedules",
            "Write minute, hour, day of month, month and day of week, such as `30 2 * * MON-FRI`.",
        ) from None


def next_due(expressions: Sequence[str], zone: ZoneInfo, after: Instant) -> Instant | None:
    """Return the first instant after another one at which one of the expressions is due."""
    found = [next(_dues(expression, zone, after), None) for expression in expressions]
    return min((due for due in found if due is not None), default=None)


def last_due(
    expressions: Sequence[str], zone: ZoneInfo, after: Instant, until: Instant
) -> Instant | None:
    """Return the last instant after one and up to another at which one of them is due."""
    return max(
        (
            due
            for expression in expressions
            for due in takewhile(lambda due: due <= until, _dues(expression, zone, after))
        ),
        default=None,
    )


def _dues(expression: str, zone: ZoneInfo, after: Instant) -> Iterator[Instant]:
    """Give the instants after another one, in order.

    Within a repeated hour cronsim gives again the first time of what was due before.
    """
    start = datetime.fromtimestamp(after // SECOND, UTC).astimezone(zone)
    for local in CronSim(SUNDAY_LAST.sub("-7", expression), start):
        due = microseconds(local.astimezone(UTC).replace(tzinfo=None))
        if due > after:
            yield due
