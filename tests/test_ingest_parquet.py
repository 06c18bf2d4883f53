"""Parquet: every type of a column, read as every type of an attribute."""

import io
import json
import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.schemas.errors import OvertideError
from tests.engine import canonical
from tests.source_files import Found, read


class Wrong(Enum):
    """Stands for a value that is null in the flow and named among the corrupt.

    Its text is the same everywhere.
    """

    VALUE = "wrong"


WRONG = Wrong.VALUE


def file_of(values: list[Any] | pa.Array, kind: pa.DataType | None) -> bytes:
    out = io.BytesIO()
    keys = [str(number) for number in range(len(values))]
    pq.write_table(
        pa.table(
            {"Id": keys, "A": values if isinstance(values, pa.Array) else pa.array(values, kind)}
        ),
        out,
    )
    return out.getvalue()


def read_as(tmp_path, content: bytes, wanted: dict[str, Any], **settings_of: Any) -> Found:
    return read(tmp_path, content, {"Id": "string", "A": wanted}, format="parquet", **settings_of)


def values_of(found: Found) -> list[Any]:
    wrong = {
        row.key for row in found.corrupt if row.kept and row.details.startswith("A: expected ")
    }
    assert len(wrong) == len(found.corrupt)
    return [WRONG if key in wrong else canonical(value) for key, value in found.rows]


DAY, NOON = date(2024, 1, 31), datetime(2024, 1, 31, 12, 0, 0, 123456)
MIDNIGHT = datetime(2024, 1, 31)
BERLIN = "2024-01-30T23:00:00.000000Z"


@pytest.mark.parametrize(
    ("kind", "values", "wanted", "expected"),
    [
        (pa.int64(), [1, None, 2**62], "integer", [1, None, 2**62]),
        (pa.int8(), [-5], "integer", [-5]),
        (pa.uint64(), [2**64 - 1, 7], "integer", [WRONG, 7]),
        (pa.uint64(), [2**64 - 1], "string", [str(2**64 - 1)]),
        (pa.int64(), [1, 0, 2], "boolean", [True, False, WRONG]),
        (pa.int32(), [5], "decimal(9,2)", ["5.00"]),
        (pa.int64(), [2**62], "decimal(9,2)", [WRONG]),
        (pa.int64(), [3], "double", [3.0]),
        (pa.int64(), [3], "date", [WRONG]),
        (pa.float64(), [1.0, -0.0, 2.5, 1e20, float("nan")], "integer", [1, 0, WRONG, WRONG, None]),
        (pa.float64(), [0.1, 1e-7, float("nan"), float("inf")], "double", [0.1, 1e-7, None, WRONG]),
        (
            pa.float64(),
            [2.675, 1e-7, 1e20, 1e15, float("nan")],
            "decimal(18,2)",
            ["2.68", "0.00", WRONG, "1000000000000000.00", None],
        ),
        (pa.float64(), [1.0, 0.1], "string", ["1", "0.1"]),
        (pa.float64(), [1.0, 0.5], "boolean", [True, WRONG]),
        (pa.float32(), [0.1], "double", [0.1]),
        (pa.float32(), [0.1, 7], "decimal(9,1)", ["0.1", "7.0"]),
        (pa.float16(), [0.5], "double", [0.5]),
        (
            pa.decimal128(9, 2),
            [Decimal("12.50"), Decimal("3.00")],
            "decimal(18,2)",
            ["12.50", "3.00"],
        ),
        (pa.decimal128(9, 2), [Decimal("12.50"), Decimal("3.00")], "integer", [WRONG, 3]),
        (pa.decimal128(9, 2), [Decimal("12.50")], "double", [12.5]),
        (pa.decimal128(3, 3), [Decimal("0.125")], "double", [0.125]),
        (pa.decimal128(38, 0), [Decimal(10**37)], "decimal(38,0)", [str(10**37)]),
        (pa.bool_(), [True, None], "boolean", [True, None]),
        (pa.bool_(), [True], "string", ["true"]),
        (pa.bool_(), [True], "integer", [WRONG]),
        (pa.date32(), [DAY, date(1, 1, 1)], "date", ["2024-01-31", "0001-01-01"]),
        (pa.date64(), [DAY], "date", ["2024-01-31"]),
        (pa.date32(), [DAY], "datetime", [BERLIN]),
        (pa.date32(), [DAY], "string", ["2024-01-31"]),
        (pa.date32(), [DAY], "integer", [WRONG]),
        (pa.timestamp("s"), [MIDNIGHT], "datetime", [BERLIN]),
        (pa.timestamp("ms"), [MIDNIGHT], "datetime", [BERLIN]),
        (pa.timestamp("us"), [NOON], "datetime", ["2024-01-31T11:00:00.123456Z"]),
        (pa.timestamp("ns"), [NOON], "datetime", ["2024-01-31T11:00:00.123456Z"]),
        (pa.timestamp("us"), [MIDNIGHT, NOON], "date", ["2024-01-31", "2024-01-31"]),
        (pa.timestamp("ns"), [NOON], "date", ["2024-01-31"]),
        (
            pa.timestamp("us", "America/New_York"),
            [NOON.replace(tzinfo=UTC)],
            "datetime",
            ["2024-01-31T12:00:00.123456Z"],
        ),
        (
            pa.timestamp("ns", "UTC"),
            [NOON.replace(tzinfo=UTC)],
            "datetime",
            ["2024-01-31T12:00:00.123456Z"],
        ),
        (
            pa.timestamp("us", "UTC"),
            [datetime(2024, 1, 30, 23, 30, tzinfo=UTC)],
            "date",
            ["2024-01-31"],
        ),
        (pa.time64("us"), [time(10, 0)], "string", ["10:00:00"]),
        (pa.time32("s"), [time(10, 0)], "datetime", [WRONG]),
        (pa.duration("us"), [timedelta(days=1)], "date", [WRONG]),
        (pa.string(), ["x", "", None], "string", ["x", None, None]),
        (pa.large_string(), [" 7 "], "integer", [7]),
        (pa.string(), ["2024-01-31 12:00"], "datetime", ["2024-01-31T11:00:00.000000Z"]),
        (pa.dictionary(pa.int32(), pa.string()), ["x", "y", "x"], "string", ["x", "y", "x"]),
        (pa.binary(), [b"abc", "é".encode(), b"\xff\x00"], "string", ["abc", "é", WRONG]),
        (pa.binary(), [b"7"], "integer", [7]),
        (pa.binary(), [b"7\x00"], "integer", [WRONG]),
        (pa.string(), ["a\0b", "\0", "a"], "string", [WRONG, WRONG, "a"]),
        (pa.string(), ["7\x00"], "integer", [WRONG]),
        (pa.string(), ["2024-01-31\x00"], "date", [WRONG]),
        (pa.string(), ["yes\x00"], "boolean", [WRONG]),
        (pa.string(), ["00000000-0000-0000-0000-000000000005\x00"], "guid", [WRONG]),
        (pa.string(), ["2.5\x00"], "decimal(9,2)", [WRONG]),
        (pa.string(), ["2.5\x00"], "double", [WRONG]),
        (pa.string(), ["2024-01-31 12:00\x00"], "datetime", [WRONG]),
        (pa.binary(4), [b"abcd"], "string", ["abcd"]),
        (pa.null(), [None, None], "integer", [None, None]),
        (pa.list_(pa.int64()), [[1, 2], None], "string", [WRONG, None]),
        (pa.list_(pa.int64(), 2), [[1, 2]], "string", [WRONG]),
        (pa.struct([("a", pa.int64())]), [{"a": 1}], "string", [WRONG]),
        (pa.map_(pa.string(), pa.int64()), [[("a", 1)]], "integer", [WRONG]),
        (pa.list_(pa.struct([("a", pa.list_(pa.string()))])), [[{"a": ["b"]}]], "string", [WRONG]),
        (pa.uuid(), [UUID(int=5).bytes], "guid", [str(UUID(int=5))]),
        (pa.uuid(), [UUID(int=5).bytes], "string", [str(UUID(int=5))]),
    ],
    ids=str,
)
def test_a_column_is_read_by_its_own_type(tmp_path, kind, values, wanted, expected):
    found = read_as(tmp_path, file_of(values, kind), {"type": wanted}, time_zone="Europe/Berlin")
    assert values_of(found) == expected
    assert found.counts == (len(values), len(values), 0, 0)


@pytest.mark.parametrize(
    ("kind", "value", "wanted", "expected"),
    [
        (pa.date32(), DAY, {"type": "date", "format": "%m/%d/%Y"}, "2024-01-31"),
        (
            pa.timestamp("us"),
            NOON,
            {"type": "datetime", "format": "%d.%m.%y %H:%M"},
            "2024-01-31T12:00:00.123456Z",
        ),
        (
            pa.decimal128(9, 2),
            Decimal("12.50"),
            {"type": "decimal(9,2)", "decimal_mark": ","},
            "12.50",
        ),
        (pa.float64(), 12.5, {"type": "double", "decimal_mark": ","}, 12.5),
        (
            pa.string(),
            "31.01.24 12:00",
            {"type": "datetime", "format": "%d.%m.%y %H:%M"},
            "2024-01-31T12:00:00.000000Z",
        ),
        (pa.string(), "12,5", {"type": "decimal(9,2)", "decimal_mark": ","}, "12.50"),
    ],
)
def test_formats_and_decimal_marks_are_about_texts(tmp_path, kind, value, wanted, expected):
    assert values_of(read_as(tmp_path, file_of([value], kind), wanted)) == [expected]


def test_nanoseconds_are_cut(tmp_path):
    instants = pa.array([1_706_695_200_123_456_789, 999], pa.int64()).cast(pa.timestamp("ns"))
    found = read_as(tmp_path, file_of(instants, None), {"type": "datetime"})
    assert values_of(found) == ["2024-01-31T10:00:00.123456Z", "1970-01-01T00:00:00.000000Z"]


def test_instants_outside_the_years_1_to_9999_are_named(tmp_path):
    instants = pa.array([-(10**17), 10**18, 2**63 - 1, 0], pa.int64()).cast(pa.timestamp("us"))
    found = read_as(tmp_path, file_of(instants, None), {"type": "datetime"})
    assert values_of(found) == [WRONG, WRONG, WRONG, "1970-01-01T00:00:00.000000Z"]


FAR = [
    2**63 - 1,
    -(2**63),
    2**60,
    253_402_300_800_000,
    253_402_300_799_999,
    -30_000_000_000_000,
    -62_135_596_800_001,
]


@pytest.mark.parametrize("statistics", [True, False])
@pytest.mark.parametrize("zone", [None, "UTC"])
def test_milliseconds_beyond_every_calendar_are_named(tmp_path, zone, statistics):
    out = io.BytesIO()
    times = pa.array([*FAR, 0, None], pa.int64()).view(pa.timestamp("ms", zone))
    keys = pa.array([str(number) for number in range(len(times))])
    pq.write_table(
        pa.table({"Id": keys, "A": times, "New": keys}), out, write_statistics=statistics
    )
    found = values_of(read_as(tmp_path, out.getvalue(), {"type": "datetime"}))
    assert found == [
        WRONG,
        WRONG,
        WRONG,
        WRONG,
        "9999-12-31T23:59:59.999000Z",
        "1019-05-04T18:40:00.000000Z",
        WRONG,
        "1970-01-01T00:00:00.000000Z",
        None,
    ]


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_nanoseconds_before_1970_are_cut_like_digits(tmp_path, zone):
    times = pa.array([-1, -1001, -1000, None, 1], pa.int64()).view(pa.timestamp("ns", zone))
    found = values_of(read_as(tmp_path, file_of(times, None), {"type": "datetime"}))
    assert found == [
        "1969-12-31T23:59:59.999999Z",
        "1969-12-31T23:59:59.999998Z",
        "1969-12-31T23:59:59.999999Z",
        None,
        "1970-01-01T00:00:00.000000Z",
    ]


def test_a_time_of_nanoseconds_is_read(tmp_path):
    times = pa.array([36_000_000_000_001, None, 1999], pa.int64()).view(pa.time64("ns"))
    found = values_of(read_as(tmp_path, file_of(times, None), {"type": "string"}))
    assert found == ["10:00:00", None, "00:00:00.000001"]


def test_the_record_shows_nested_values_as_json(tmp_path):
    found = read_as(
        tmp_path,
        file_of([{"a": [1, None]}], pa.struct([("a", pa.list_(pa.int64()))])),
        {"type": "string"},
    )
    assert found.corrupt[0].details == 'A: expected string but found "{\\"a\\":[1,null]}"'
    assert found.corrupt[0].record == '{"Id":"0","A":"{\\"a\\":[1,null]}"}'


def test_a_decimal_of_more_digits_than_can_be_read_is_refused(tmp_path):
    with pytest.raises(OvertideError, match="has A as a decimal of 50 digits") as error:
        read_as(
            tmp_path, file_of([Decimal("0.50")], pa.decimal256(50, 2)), {"type": "decimal(18,2)"}
        )
    assert error.value.code == "unreadable_file"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"Id,A\n1,2\n", r"is not a Parquet file \(it seems to be text\)"),
        (b"", r"is not a Parquet file \(it is empty\)"),
        (b"PAR1", "is a Parquet file that ends in the middle"),
        (file_of([1], pa.int64())[:-4], "is a Parquet file that ends in the middle"),
        (file_of([1], pa.int64())[:50], "is a Parquet file that ends in the middle"),
        (b"PAR1" + b"x" * 100 + b"PAR1", "is a Parquet file that is damaged"),
    ],
)
def test_what_is_no_parquet_is_refused(tmp_path, content, what):
    with pytest.raises(OvertideError, match=what) as error:
        read_as(tmp_path, content, {"type": "string"})
    assert error.value.code == "unreadable_file"


@pytest.mark.parametrize("place", [0.3, 0.5, 0.7])
def test_a_damaged_file_is_refused_or_read(tmp_path, place):
    good = file_of([f"text {number}" for number in range(5_000)], pa.string())
    cut = int(len(good) * place)
    with pytest.raises(OvertideError) as error:
        read_as(tmp_path, good[:cut] + b"\xff" * 300 + good[cut + 300 :], {"type": "string"})
    assert error.value.code == "unreadable_file"


def test_columns_missing_new_and_optional(tmp_path):
    content = file_of([1], pa.int64())
    attributes = {"Id": "string", "B": {"type": "date", "optional": True}}
    found = read(tmp_path, content, attributes, format="parquet")
    assert (found.rows, found.table.new_columns) == ([("0", None)], ("A",))
    with pytest.raises(OvertideError, match="has no column 'B'"):
        read(tmp_path, content, {"Id": "string", "B": "date"}, format="parquet")


def test_a_file_without_rows_is_refused(tmp_path):
    with pytest.raises(OvertideError) as error:
        read_as(tmp_path, file_of([], pa.string()), {"type": "string"})
    assert error.value.code == "no_rows"


def test_keys_that_are_null_or_blank_are_set_aside(tmp_path):
    out = io.BytesIO()
    pq.write_table(pa.table({"Id": ["1", None, "", "  "], "A": [1, 2, 3, 4]}), out)
    found = read_as(tmp_path, out.getvalue(), {"type": "integer"})
    assert (found.rows, found.counts) == ([("1", 1)], (4, 1, 3, 0))
    assert {row.details for row in found.corrupt} == {"Id: the primary key is missing"}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.floats(width=64), min_size=1, max_size=50))
def test_doubles_are_read_exactly(tmp_path, values):
    found = values_of(read_as(tmp_path, file_of(values, pa.float64()), {"type": "double"}))
    assert found == [
        None if math.isnan(value) else WRONG if math.isinf(value) else value for value in values
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.one_of(st.floats(width=64), st.integers(-(2**70), 2**70).map(float)),
        min_size=1,
        max_size=50,
    ),
    st.sampled_from(["string", "integer", "decimal(38,10)", "boolean", "double"]),
)
def test_a_number_is_read_as_the_same_one_in_json(tmp_path, values, kind):
    values = [value for value in values if math.isfinite(value)] + [0.5]
    found = values_of(read_as(tmp_path, file_of(values, pa.float64()), {"type": kind}))
    lines = "\n".join(
        json.dumps({"Id": str(number), "A": value}) for number, value in enumerate(values)
    )
    assert found == values_of(read(tmp_path, lines, {"Id": "string", "A": kind}, format="jsonl"))


def test_numbers_that_are_none_are_no_keys(tmp_path):
    out = io.BytesIO()
    pq.write_table(pa.table({"Id": [1001.0, float("nan"), float("inf"), 0.5]}), out)
    found = read(tmp_path, out.getvalue(), {"Id": "string"}, format="parquet")
    assert (sorted(found.rows), found.counts) == ([("0.5",), ("1001",)], (4, 2, 2, 0))
    assert {row.details for row in found.corrupt} == {
        "Id: the primary key is missing",
        'Id: the primary key is missing; Id: expected string but found "inf"',
    }


def test_a_text_with_a_nul_is_shown_with_an_escape(tmp_path):
    found = read_as(tmp_path, file_of(["\0", "a\0b", "\0x"], pa.string()), {"type": "string"})
    assert [row.details for row in found.corrupt] == [
        f'A: expected string but found "{shown}"' for shown in ("\\u0000", "a\\u0000b", "\\u0000x")
    ]
