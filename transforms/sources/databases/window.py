"""Which rows of a table may have changed since it was read: those modified late enough.

Each kind of database is asked so in its own words, in which an index of the column helps. The rows
that were kept are asked in DuckDB's, and both must mean the same rows: one that the database does
not give and that is not kept would be lost. What has no comparable time is always among them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.instants import DAY, EARLIEST, EPOCH, Instant, microseconds
from overtide.schemas.names import literal

if TYPE_CHECKING:
    import pyarrow as pa

TEXT = "VARCHAR"
ISO = "^[0-9]{4}-[0-9]{2}-[0-9]{2}"
"""How a text begins that is compared by its date; offsets and separators are within `SLACK`."""
SLACK = 2 * DAY


@dataclass(frozen=True)
class Window:
    """Rows whose column is of a kind (one of DuckDB's types) and no older than its beginning."""

    kind: str
    begins: Instant
    """In microseconds of what the column shows, as if that were UTC."""
    undated: bool = True
    """Whether some of the rows that were kept have no comparable time."""

    @property
    def text(self) -> str:
        """The beginning as the column would show it."""
        shown = EPOCH + timedelta(microseconds=max(self.begins, EARLIEST))
        if self.kind in ("DATE", TEXT):
            return shown.date().isoformat()
        return shown.isoformat(" ", "microseconds") + ("+00" if self.kind != "TIMESTAMP" else "")

    @property
    def literal(self) -> str:
        """The beginning in SQL, of DuckDB and of PostgreSQL."""
        kind = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ", TEXT: ""}.get(self.kind, self.kind)
        return f"{kind} {literal(self.text)}".strip()


def kind_of(column: "pa.Field") -> str | None:
    """Return the kind of a copied column, None of one that tells no times."""
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        return "TIMESTAMP" if column.type.tz is None else "TIMESTAMP WITH TIME ZONE"
    if pa.types.is_date(column.type):
        return "DATE"
    return (
        TEXT if pa.types.is_string(column.type) or pa.types.is_large_string(column.type) else None
    )


def within_window(value: str, window: Window) -> str:
    """Return DuckDB's SQL that says whether a row may have changed, by its `value`."""
    return f"({undated(value, window.kind)} OR {value} >= {window.literal})"


def undated(value: str, kind: str) -> str:
    """Return DuckDB's SQL that says whether a row has no comparable time."""
    if kind == TEXT:
        return f"{value} IS NULL OR NOT regexp_matches({value}, {literal(ISO)})"
    return f"{value} IS NULL OR NOT isfinite({value}::{kind})"


def newest_sql(value: str, kind: str, entity: Entity, now: Instant) -> str:
    """Return DuckDB's SQL of the latest value of rows, in microseconds; none later than `now`.

    A row that is dated in the future would hide all that changes until then.
    """
    if kind == TEXT:
        day = f"TRY_CAST(regexp_extract({value}, {literal(ISO)}) AS DATE)"
        return f"max(epoch_us({day}::TIMESTAMP)) FILTER (epoch_us({day}::TIMESTAMP) <= {now})"
    shown = now
    if kind != "TIMESTAMP WITH TIME ZONE":
        at = (EPOCH + timedelta(microseconds=now)).replace(tzinfo=ZoneInfo("UTC"))
        local = at.astimezone(ZoneInfo(entity.time_zone)).replace(tzinfo=None)
        shown = microseconds(datetime.combine(local.date(), local.time()))
    cast = f"{value}::{'TIMESTAMP' if kind == 'DATE' else kind}"
    return f"max(epoch_us({cast})) FILTER (isfinite({cast}) AND epoch_us({cast}) <= {shown})"
