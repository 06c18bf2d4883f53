"""The content hash: exactly these bytes, free of order and layout.

Every other table has another hash.
"""

import hashlib
import struct
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import reduce
from itertools import pairwise
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from overtide.transforms import fingerprint as hashing
from overtide.transforms.digests import _numbers
from overtide.transforms.fingerprint import (
    EMPTY,
    Fingerprint,
    _Column,
    fingerprint,
    fingerprint_in_order,
    fingerprint_of_files,
)

TYPES = {
    "t": "VARCHAR",
    "u": "VARCHAR",
    "i": "BIGINT",
    "d": "DOUBLE",
    "n": "DECIMAL(9,2)",
    "b": "BOOLEAN",
    "day": "DATE",
    "at": "TIMESTAMPTZ",
}
ARROW = pa.schema(
    [
        ("t", pa.string()),
        ("u", pa.string()),
        ("i", pa.int64()),
        ("d", pa.float64()),
        ("n", pa.decimal128(9, 2)),
        ("b", pa.bool_()),
        ("day", pa.date32()),
        ("at", pa.timestamp("us", "UTC")),
    ]
)
Row = tuple[Any, ...]
TEXTS = (
    st.none()
    | st.text("ab\x1c\x1d\x1e\x1f", max_size=3)
    | st.sampled_from(["é😀", "null", "a\x1cb"])
)
ROWS = st.tuples(
    TEXTS,
    TEXTS,
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.floats(allow_nan=False),
    st.none() | st.decimals(-9_999_999, 9_999_999, places=2),
    st.none() | st.booleans(),
    st.none() | st.dates(),
    st.none() | st.datetimes(datetime(1, 1, 2), timezones=st.just(UTC)),
)


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def of_rows(connection, rows: list[Row], types: dict[str, str] | None = None) -> Fingerprint:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in ARROW]
    connection.register("rows", pa.table(columns, schema=ARROW))
    return fingerprint(connection, "FROM rows", types or TYPES)


# ---- the same in plain Python


def text(value: Any) -> str:
    if value is None:
        return "\x1d"
    if isinstance(value, str):
        return value.replace("\x1d", "\x1d\x1e").replace("\x1c", "\x1d\x1f")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return str(us(value))
    return repr(value) if isinstance(value, float) else str(value)


def canonical(row: Row) -> bytes:
    return "\x1c".join(map(text, row)).encode()


def expected(rows: list[Row]) -> Fingerprint:
    digests = [int(hashlib.sha256(canonical(row)).hexdigest()[:16], 16) for row in rows]
    return Fingerprint(len(rows), sum(digests), reduce(int.__xor__, digests, 0))


A_ROW = (
    "ünï",
    "a\x1cb",
    -7,
    0.1,
    Decimal("-0.50"),
    True,
    date(2024, 2, 29),
    datetime(2024, 2, 29, 10, 0, 0, 1, tzinfo=UTC),
)
NULLS = (None,) * len(A_ROW)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(ROWS, max_size=6))
@example([A_ROW, NULLS])
@example([("", "", 0, -0.0, Decimal("0.00"), False, date(1, 1, 1), datetime(1, 1, 1, tzinfo=UTC))])
@example(
    [
        (*NULLS[:3], value, *NULLS[4:])
        for value in (5e-324, 1e22, 1e16, 123456789012345680.0, 1e-5, 0.0001, 1.0)
    ]
)
def test_a_row_is_these_bytes(connection, rows):
    assert of_rows(connection, rows) == expected(rows)


def test_the_hash_of_a_table_never_changes(connection):
    assert (
        of_rows(connection, [A_ROW, NULLS]).hex()
        == "00f3407aad5dbacb4729e47f2e5c573489852435399ec08114e85141a67de897"
    )
    assert EMPTY.hex() == "e8ca2bd51293d64a258fa06d61809d2630efb827bfde97f6fa9209b51bb32ba7"
    assert of_rows(connection, []) == EMPTY


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(ROWS, max_size=8), st.data())
def test_order_and_split_do_not_matter(connection, rows, data):
    whole = of_rows(connection, rows)
    shuffled, cut = data.draw(st.permutations(rows)), data.draw(st.integers(0, len(rows)))
    assert of_rows(connection, shuffled) == whole
    assert of_rows(connection, shuffled[:cut]) + of_rows(connection, shuffled[cut:]) == whole
    assert whole + EMPTY == whole


PAIRS = st.lists(st.tuples(TEXTS, TEXTS), max_size=4)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(PAIRS, PAIRS)
@example([(None, "\x1e")], [("", "\x1d\x1c")])
@example([(None, "a")], [("\x1d", "a")])
@example([("a\x1c", "b")], [("a", "\x1cb")])
@example([("a", "")], [("a", None)])
@example([("a", "b"), ("a", "b")], [])
@example([("a", "b"), ("a", "b"), ("c", "d")], [("c", "d"), ("c", "d"), ("a", "b")])
def test_other_rows_have_another_hash(connection, some, others):
    types = {"t": "VARCHAR", "u": "VARCHAR"}
    first, second = (
        of_rows(connection, [(*row, *NULLS[2:]) for row in rows], types) for rows in (some, others)
    )
    assert (first == second) == (Counter(some) == Counter(others))
    assert (first.hex() == second.hex()) == (first == second)


# ---- by the processor's own SHA-256


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(ROWS, max_size=6))
@example([A_ROW, NULLS])
@example([])
def test_the_processor_gives_the_same_hash(connection, rows):
    of_rows(connection, rows)  # registers them
    assert hashing._by_processor(connection, "FROM rows", TYPES) == expected(rows)


def test_many_rows_are_hashed_by_the_processor_in_several_batches(connection, monkeypatch):
    rows = f"SELECT range AS i, 'é' || range AS t FROM range({hashing.MANY})"
    types = {"i": "BIGINT", "t": "VARCHAR"}
    found = []
    for fast in (True, False):
        monkeypatch.setattr(hashing, "is_fast", lambda fast=fast: fast)
        monkeypatch.setattr(hashing, "AT_ONCE", 100_000)
        found.append(fingerprint(connection, rows, types))
    texts = [f"{number}\x1cé{number}" for number in range(hashing.MANY)]
    digests = [int(hashlib.sha256(one.encode()).hexdigest()[:16], 16) for one in texts]
    whole = Fingerprint(len(texts), sum(digests), reduce(int.__xor__, digests))
    assert found == [whole, whole]


@pytest.mark.parametrize("column", ["i", hashing.PLACE.upper()])
@pytest.mark.parametrize("sizes", [(1, 5), (5, 1, 0), (3,), (0,), ()])
def test_files_are_hashed_in_slices_and_each_row_once(monkeypatch, tmp_path, sizes, column):
    monkeypatch.setattr(hashing, "MANY", 2)
    with duckdb.connect(config={"threads": 3}) as connection:
        files = [str(tmp_path / f"{place}.parquet") for place, _ in enumerate(sizes)]
        rows = [f"SELECT range AS {column} FROM range({size})" for size in sizes]
        for file, query in zip(files, rows, strict=True):
            connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet)")
        whole = " UNION ALL ".join(rows) or f"SELECT 1 AS {column} LIMIT 0"
        types = {column: "BIGINT"}
        expected = fingerprint(connection, whole, types)
        assert fingerprint_of_files(connection, files, types) == expected
    assert expected.rows == sum(sizes)


def test_digests_are_read_wherever_their_array_begins():
    digests = [hashlib.sha256(bytes([number])).digest() for number in range(5)]
    for begin, end in ((0, 5), (2, 4), (5, 5)):
        numbers = _numbers(pa.array(digests, pa.binary())[begin:end])
        wanted = [int.from_bytes(one[:8]) for one in digests[begin:end]]
        assert numbers.tolist() == wanted


# ---- of rows in order


def column(values: list[Any], kind: pa.DataType) -> bytes:
    """Return the digests of a column: each row's -1 for null, else a text's bytes or 0.

    And the values.
    """
    texts = pa.types.is_string(kind)
    whole = {pa.bool_(): (1, int), pa.date32(): (4, days), ARROW.field("at").type: (8, us)}
    if texts:
        pieces = [b"" if value is None else value.encode() for value in values]
    elif kind == pa.float64():
        pieces = [
            struct.pack("<d", value or 0) if value is not None else bytes(8) for value in values
        ]
    else:
        width, number = whole.get(kind, (kind.bit_width // 8, unscaled))
        pieces = [
            (0 if value is None else number(value)).to_bytes(width, "little", signed=True)
            for value in values
        ]
    shape = [
        -1 if value is None else len(piece) if texts else 0
        for value, piece in zip(values, pieces, strict=True)
    ]
    shapes = b"".join(size.to_bytes(4 if texts else 1, "little", signed=True) for size in shape)
    return hashlib.sha256(shapes).digest() + hashlib.sha256(b"".join(pieces)).digest()


def days(day: date) -> int:
    return day.toordinal() - date(1970, 1, 1).toordinal()


def us(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def unscaled(number: int | Decimal) -> int:
    return int(number.scaleb(2)) if isinstance(number, Decimal) else number


def of_groups(rows: list[tuple[int, Row]]) -> Fingerprint:
    groups: dict[int, list[Row]] = {}
    for group, row in rows:
        groups.setdefault(group, []).append(row)
    columns = [
        b"".join(
            column([row[place] for row in group], kind) for place, kind in enumerate(ARROW.types)
        )
        for group in groups.values()
    ]
    digests = [int(hashlib.sha256(digest).hexdigest()[:16], 16) for digest in columns]
    return Fingerprint(len(rows), sum(digests), reduce(int.__xor__, digests, 0))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.integers(0, 3), ROWS), max_size=12),
    st.integers(1, 4),
    st.sampled_from([1, 2, 7, 50_000]),
)
@example([(0, A_ROW), (0, NULLS), (1, NULLS), (1, A_ROW), (1, A_ROW)], 2, 1)
def test_rows_in_order_are_hashed_by_group_whatever_the_slices(connection, rows, slices, batch):
    ordered = sorted(rows, key=lambda row: (row[0], canonical(row[1])))
    columns = [list(values) for values in zip(*(row for _, row in ordered), strict=True)] or [
        [] for _ in ARROW
    ]
    numbered = pa.table(columns, schema=ARROW).append_column(
        "g", pa.array([group for group, _ in ordered], pa.int32())
    )
    connection.register("drawn", numbered)
    connection.execute(
        "CREATE OR REPLACE TABLE ordered AS FROM drawn"
    )  # other cursors see no registered table
    bounds = [4 * place // slices for place in range(slices + 1)]
    queries = [f"FROM ordered WHERE g >= {low} AND g < {high}" for low, high in pairwise(bounds)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("overtide.transforms.fingerprint.BATCH", batch)
        assert fingerprint_in_order(connection, queries, TYPES, "g") == of_groups(ordered)


def test_a_column_is_read_wherever_its_array_begins_and_whatever_lies_under_its_nulls():
    texts = pa.array(["x", "ab", None, "c"]).slice(1)
    numbers = pa.Array.from_buffers(
        pa.int8(), 4, [pa.py_buffer(b"\x0b"), pa.py_buffer(b"1234")]
    )  # 3 is null
    found = [_Column.of(array) for array in (texts, numbers.slice(1), numbers.slice(4))]
    assert [column.shape.tolist() for column in found] == [[2, -1, 1], [0, -1, 0], []]
    assert [bytes(column.values[column.ends[0] : column.ends[-1]]) for column in found] == [
        b"abc",
        b"2\x004",
        b"",
    ]


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(PAIRS, PAIRS)
@example([("ab", "c")], [("a", "bc")])
@example([("a", "b"), ("", "c")], [("a", "b"), ("c", "")])
@example([("a", None)], [("a", "")])
@example([("a", "b"), ("c", "d")], [("a", "d"), ("c", "b")])
@example([("ab", "x"), ("c", "x")], [("a", "x"), ("bc", "x")])
def test_other_rows_in_order_have_another_hash(connection, some, others):
    found = []
    for rows in (some, others):
        connection.register(
            "drawn",
            pa.table(
                [list(column) for column in zip(*rows, strict=True)] or [[], []],
                schema=pa.schema([("t", pa.string()), ("u", pa.string())]),
            ),
        )
        connection.execute("CREATE OR REPLACE TABLE ordered AS FROM drawn")
        found.append(
            fingerprint_in_order(
                connection, ["FROM ordered"], {"t": "VARCHAR", "u": "VARCHAR"}, "0"
            )
        )
    assert (found[0] == found[1]) == (some == others)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(ROWS, max_size=5))
def test_a_wide_table_has_the_same_hash_as_if_it_were_narrow(connection, rows):
    narrow = of_rows(connection, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashing, "WIDE", 3)
        assert of_rows(connection, rows) == narrow
