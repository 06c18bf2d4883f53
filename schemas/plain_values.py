"""Values of a query as JSON holds them: what JSON has no exact form for is text."""

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from overtide.schemas.instants import format_instant, microseconds
from overtide.schemas.values import EXACT

INFINITE = {"9999-12-31T23:59:59.999999": "infinity", "0001-01-01T00:00:00": "-infinity"}
"""What DuckDB gives, without a zone, for its infinite instants."""


def plain_value(value: Any) -> Any:  # noqa: ANN401 - whatever a query gives
    """Return a value of Python or DuckDB as JSON holds it."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= EXACT else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(name): plain_value(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain_value(one) for one in value]
    return _written(value)


def _written(value: object) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return INFINITE.get(value.isoformat(), value.isoformat(timespec="microseconds"))
        return format_instant(microseconds(value.astimezone(UTC).replace(tzinfo=None)))
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)
