"""Which values fit a field, and of what type they are: SQL says what Python says."""

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overtide.schemas.types import type_of
from overtide.schemas.values import canonical

KINDS = (
    "string",
    "integer",
    "double",
    "decimal(12,2)",
    "decimal(5,0)",
    "decimal(4,4)",
    "boolean",
    "date",
    "datetime",
    "guid",
)
VALUES = [
    None,
    True,
    False,
    0,
    1,
    -5,
    2**53,
    1.5,
    -0.0,
    1e300,
    "",
    "x",
    "12",
    "-7",
    "+7",
    "007",
    str(2**53 + 1),
    str(-(2**63)),
    str(2**63),
    "1.50",
    "1.5",
    "-0.00",
    "0.1234",
    "-0.5000",
    ".1234",
    "1.0000",
    "1e3",
    "12345678901.00",
    "1990-01-02",
    "1990-02-30",
    "1990-1-2",
    "0000-01-01",
    "0001-01-01",
    "9999-12-31",
    "10000-01-01",
    "infinity",
    "-infinity",
    "epoch",
    "2026-01-02T03:04:05.000006Z",
    "2026-01-02T03:04:05Z",
    "2026-01-02T24:00:00.000000Z",
    "2026-01-02T23:59:60.000000Z",
    "2026-02-30T00:00:00.000000Z",
    "0000-01-01T00:00:00.000000Z",
    "0001-01-01T00:00:00.000000Z",
    "9999-12-31T23:59:59.999999Z",
    "true",
    "0a1b2c3d-0000-1111-2222-333344445555",
    "0A1B2C3D-0000-1111-2222-333344445555",
    "0123456789abcdef0123456789abcdef",
    "01234567-89ab-cdef-0123456789abcdef",
    "null",
    '"',
    "{}",
    "a\n",
    "\\",
]
ALMOST = st.one_of(
    st.sampled_from(VALUES),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**65), 2**65).map(str),
    st.decimals(-10, 10, places=4).map(str),
    st.dates().map(str),
    st.datetimes().map(lambda time: f"{time.isoformat(timespec='microseconds')}Z"),
    st.uuids().map(str),
    st.uuids().map(lambda one: one.hex),
    st.text("0123456789+-.:TZeE ", max_size=30),
    st.from_regex(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)?", fullmatch=True
    ),
    st.from_regex("[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", fullmatch=True),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
)
"""Canonical values of every type, and texts that are almost some."""


def fit_in_sql(kind, values):
    """Return which of these values fit the type, as SQL says it."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT coalesce({type_of(kind).fits_sql('v')}, false) FROM (SELECT unnest(?) AS v)",
            [[canonical(value) for value in values]],
        ).fetchall()
    return [value for value, (fits,) in zip(values, rows, strict=True) if fits]


def fit_in_python(kind, values):
    """Return which of these values are of the type as they are written."""
    return [value for value in values if type_of(kind).misfit(value) is None]


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_fits_in_sql_as_in_python(kind):
    assert fit_in_sql(kind, VALUES) == fit_in_python(kind, VALUES)


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(KINDS), st.lists(ALMOST, min_size=1, max_size=50))
def test_any_value_fits_in_sql_as_in_python(kind, values):
    assert fit_in_sql(kind, values) == fit_in_python(kind, values)


@pytest.mark.parametrize("kind", KINDS)
def test_a_live_value_has_the_type_of_its_column(kind):
    with duckdb.connect() as connection:
        row = connection.execute(
            f"SELECT typeof({type_of(kind).typed_sql('v')}) FROM (SELECT 'null' AS v)"
        ).fetchone()
    assert row[0].replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ") == type_of(kind).duckdb
