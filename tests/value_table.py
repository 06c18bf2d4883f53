"""The tables of docs/values.md: their rows, and the files that hold their values."""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PAGE = Path(__file__).parent.parent / "docs" / "values.md"
NAMED, REFUSED = "named", "refused"
"""What becomes of a value that is none of its type: in a source, and in an update."""
TEXT_TYPES = (
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.binary(),
    pa.dictionary(pa.int32(), pa.string()),
)
UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_TABLE = re.compile(r"<!-- values: (\{.*\}) -->\n\n(?:\|.*\n)+")
_ROW = re.compile(r"^\| (text|number|json|parquet|update) ?(.*?) \| `(.*)` \| (?:`(.*)`|(\w+)) \|$")


@dataclass(frozen=True)
class Row:
    """A value, how it comes in (of a Parquet column its type as well), and what becomes of it.

    Canonical JSON.
    """

    way: str
    column: str
    value: str
    becomes: str

    @property
    def named(self) -> bool:
        """Whether the value is none of its type."""
        return self.becomes in (NAMED, REFUSED)

    @property
    def canonical(self) -> Any:
        """What stands where the value was."""
        return None if self.named else json.loads(self.becomes)


@dataclass(frozen=True)
class Table:
    """Rows of one attribute type with its settings."""

    name: str
    attribute: dict[str, Any]
    time_zone: str
    rows: tuple[Row, ...]

    def of(self, *ways: str) -> dict[str, Row]:
        """Return the rows that come in some ways, by the names of their attributes."""
        return {f"V{number}": row for number, row in enumerate(self.rows) if row.way in ways}

    def texts(self) -> dict[str, tuple[Row, pa.DataType]]:
        """Return the texts in every Parquet type that holds them, by attribute name."""
        return {
            f"{name}_{number}": (row, kind)
            for name, row in self.of("text").items()
            for number, kind in enumerate(TEXT_TYPES)
        }


def tables() -> list[Table]:
    """Return all tables of the page."""
    return list(_tables(PAGE.read_text(encoding="utf-8")))


def _tables(page: str) -> Iterator[Table]:
    for number, found in enumerate(_TABLE.finditer(page)):
        attribute = json.loads(found[1])
        lines = found[0].splitlines()[4:]
        matches = [_ROW.fullmatch(line) for line in lines]
        assert all(matches), [line for line, match in zip(lines, matches, strict=True) if not match]
        rows = tuple(
            Row(match[1], match[2], match[3], match[4] or match[5]) for match in matches if match
        )
        yield Table(f"T{number}", attribute, attribute.pop("time_zone", "UTC"), rows)


FIXED = {"Id": "1", "Customer": "c", "Time": "2024-01-01T00:00:00Z"}
"""The columns of every file: a key, the customer, and the time of an activity."""


def csv_file(table: Table) -> bytes:
    """Return a CSV file of one row with all texts of a table."""
    out = io.StringIO()
    rows = table.of("text")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(
        [[*FIXED, *rows], [*FIXED.values(), *(json.loads(row.value) for row in rows.values())]]
    )
    return out.getvalue().encode()


def json_record(rows: dict[str, Row], **fixed: str) -> str:
    """Return the JSON text of a record."""
    values = [f"{json.dumps(name)}: {row.value}" for name, row in rows.items()]
    return (
        "{"
        + ", ".join([*(f'"{name}": "{value}"' for name, value in (FIXED | fixed).items()), *values])
        + "}"
    )


def parquet_file(table: Table) -> bytes:
    """Return a Parquet file of one row: all columns of a table, and its texts in every type."""
    columns = {name: pa.array([value]) for name, value in FIXED.items()}
    columns |= {name: array_of(row.column, row.value) for name, row in table.of("parquet").items()}
    columns |= {
        name: pa.array([json.loads(row.value)], pa.string()).cast(kind)
        if not pa.types.is_binary(kind)
        else pa.array([json.loads(row.value).encode()], kind)
        for name, (row, kind) in table.texts().items()
    }
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def array_of(column: str, value: str) -> pa.Array:
    """Return an array with a value, written as the page has it, of an Arrow type."""
    kind = _type(column)
    if value == "null":
        return pa.array([None], kind)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_time(kind):
        return _array_of_time(kind, value)
    if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.array(
            [json.loads(value).encode() if value.startswith('"') else bytes.fromhex(value)], kind
        )
    if pa.types.is_decimal(kind):
        return pa.array([Decimal(value)], kind)
    if kind == pa.uuid():
        return pa.array([UUID(value).bytes], kind)
    if pa.types.is_floating(kind):
        return pa.array([float(value)], pa.float64()).cast(kind)
    found = json.loads(value)
    return pa.array([list(found.items()) if pa.types.is_map(kind) else found], kind)


def _array_of_time(kind: pa.DataType, value: str) -> pa.Array:
    bits = pa.int32() if kind == pa.date32() else pa.int64()
    if re.fullmatch(r"-?\d+", value):
        return pa.array([int(value)], bits).view(kind)
    if pa.types.is_date(kind):
        days = date.fromisoformat(value).toordinal() - date(1970, 1, 1).toordinal()
        return pa.array([days if kind == pa.date32() else days * 86_400_000], bits).view(kind)
    return pa.array([_nanoseconds(value) // UNITS[kind.unit]], bits).view(kind)


def _nanoseconds(text: str) -> int:
    time, _, fraction = text.partition(".")
    return int(np.datetime64(time, "s").astype(np.int64)) * 10**9 + int(fraction.ljust(9, "0") or 0)


def _type(column: str) -> pa.DataType:
    name, _, inner = column.partition("(")
    if name.startswith("decimal"):
        precision, scale = map(int, inner.rstrip(")").split(","))
        return (
            pa.decimal128(precision, scale)
            if name == "decimal128"
            else pa.decimal256(precision, scale)
        )
    if found := re.fullmatch(r"timestamp\[(\w+)(?:, tz=(.+))?\]", column):
        return pa.timestamp(*[part for part in found.groups() if part])
    if found := re.fullmatch(r"fixed_size_binary\[(\d+)\]", column):
        return pa.binary(int(found[1]))
    kinds = (
        pa.int8(),
        pa.int16(),
        pa.int32(),
        pa.int64(),
        pa.uint8(),
        pa.uint16(),
        pa.uint32(),
        pa.uint64(),
        pa.float16(),
        pa.float32(),
        pa.float64(),
        pa.bool_(),
        pa.date32(),
        pa.date64(),
        pa.time64("us"),
        pa.time64("ns"),
        pa.binary(),
        pa.uuid(),
        pa.null(),
        pa.list_(pa.int64()),
        pa.struct([("a", pa.int64())]),
        pa.map_(pa.string(), pa.int64()),
    )
    return {str(kind): kind for kind in kinds}[column]
