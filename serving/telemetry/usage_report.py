"""How the service was used: calls and bytes in a range of time, by what one asks for."""

from collections.abc import Sequence
from typing import Any

from overtide.schemas.errors import UsageError
from overtide.schemas.instants import DAY, Instant, format_instant
from overtide.schemas.suggestions import did_you_mean
from overtide.serving.telemetry.usage_file import GROUPS, UsageFile

USUAL, LONGEST = DAY, 30 * DAY
"""How far back a report looks where nothing is said, and at most."""
TIMES = ("hour", "day")


def groups_of(text: str) -> tuple[str, ...]:
    """Return the groups that a text names, separated by commas; raise `invalid_parameter`."""
    known = {name.lower(): name for name in GROUPS}
    found = []
    for name in filter(None, map(str.strip, text.split(","))):
        plain = name.replace("_", "").replace("-", "").lower()
        if plain not in known:
            raise UsageError(
                "invalid_parameter",
                f"Calls are not grouped by {name!r}.",
                "groupBy",
                did_you_mean(name, GROUPS) or f"Take some of {', '.join(GROUPS)}.",
            )
        found.append(known[plain])
    return tuple(dict.fromkeys(found))


def usage_report(
    file: UsageFile,
    since: Instant,
    until: Instant,
    by: Sequence[str],
    operation: str | None = None,
) -> dict[str, Any]:
    """Return the report as a JSON document: of one operation, of all where none is named."""
    rows = [_row(by, row) for row in file.totals(since, until, by, operation)]
    total = file.totals(since, until, (), operation)
    return {
        "from": format_instant(since),
        "to": format_instant(until),
        "groupBy": list(by),
        "rows": rows if by else [],
        "total": _row((), total[0] if total else (None,) * 6),
    }


def _row(by: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    named = {
        name: format_instant(value) if name in TIMES else value
        for name, value in zip(by, row, strict=False)
    }
    calls, errors, received, sent, micros, longest = (int(one or 0) for one in row[len(by) :])
    return {
        **named,
        "calls": calls,
        "errors": errors,
        "requestBytes": received,
        "responseBytes": sent,
        "averageMilliseconds": round(micros / calls / 1000, 3) if calls else 0.0,
        "longestMilliseconds": round(longest / 1000, 3),
    }
