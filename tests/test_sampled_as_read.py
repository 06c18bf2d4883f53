"""What is sampled is what a refresh reads: values of every type, lines and encodings."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.schemas.configuration.entities import Entity
from overtide.transforms.sources.sampled_values import check_values
from tests.source_files import read_files
from tests.test_sampled_values import entity

KINDS = [
    "integer",
    "double",
    "decimal(6, 2)",
    "boolean",
    "date",
    "datetime",
    "guid",
    "string",
    {"type": "date", "format": "%d/%m/%Y"},
    {"type": "double", "decimal_mark": ","},
]
TEXTS = st.sampled_from(
    [
        "",
        " ",
        "1",
        "-7",
        "1.5",
        "1,5",
        "yes",
        "no",
        "2024-01-31",
        "31/01/2024",
        "2024-01-31 10:00",
        "2024-01-31T10:00:00Z",
        "x",
        "6f2c1f0e-5f0b-4b8c-9d2e-3a1b2c3d4e5f",
        "99999999999999999999",
    ]
)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("form", ["csv", "jsonl"])
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(values=st.lists(TEXTS, min_size=1, max_size=12))
def test_what_validate_calls_unfit_is_what_a_refresh_cannot_read(tmp_path, kind, form, values):
    file = tmp_path / f"a.{form}"
    lines = (
        ["Id,V", *(f'{number},"{text}"' for number, text in enumerate(values))]
        if form == "csv"
        else [json.dumps({"Id": str(number), "V": text}) for number, text in enumerate(values)]
    )
    file.write_text("\n".join(lines) + "\n")
    one = entity({"V": kind}, file.name, format=form)
    unread = read_files(tmp_path, one, [file]).table.corrupt_records
    found = [finding.message for finding in check_values(tmp_path, one)]
    assert [int(text.partition(" ")[0]) for text in found] == ([unread] if unread else [])


def rows_and_findings(
    folder: Path, one: Entity, name: str
) -> tuple[tuple[int, int, int, int], int, list[str]]:
    read = read_files(folder, one, [folder / name])
    found = [finding.code for finding in check_values(folder, one)]
    return read.counts, read.table.corrupt_records, found


@pytest.mark.parametrize(
    ("kind", "line", "corrupt", "codes"),
    [
        ("double", '{"Id": "%d", "V": NaN}', 0, []),
        ("string", '{"Id": "%d", "V": 1e400}', 0, []),
        ("double", '{"Id": "%d", "V": 1e400}', 20, ["values_do_not_fit"]),
        ("double", '{"Id": "%d", "V": -Infinity}', 20, ["values_do_not_fit"]),
        ("string", '\u00a0{"Id": "%d", "V": 1}', 0, ["unreadable_line"]),
    ],
)
def test_lines_are_sampled_as_a_refresh_reads_them(tmp_path, kind, line, corrupt, codes):
    lines = [line % number for number in range(20)] + ['{"Id": "x", "V": 1}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    one = entity({"V": kind}, "a.jsonl", format="jsonl", max_set_aside_percent=100)
    counts, named, found = rows_and_findings(tmp_path, one, "a.jsonl")
    aside = 20 if codes == ["unreadable_line"] else 0
    assert (counts, named - aside, found) == ((21, 21 - aside, aside, 0), corrupt, codes)


UUIDS = pa.array([bytes([number]) * 16 for number in range(20)], pa.uuid())
NUMBERS = pa.array([Decimal(number) / 4 for number in range(20)], pa.decimal128(9, 2))
TWENTY = pa.array([2**62] * 20, pa.int64())


@pytest.mark.parametrize(
    ("column", "attribute", "code"),
    [
        (UUIDS, "guid", None),
        (UUIDS, "string", None),
        (UUIDS.storage, "guid", None),
        (UUIDS.storage.cast(pa.binary()), "guid", None),
        (NUMBERS, {"type": "double", "decimal_mark": ","}, None),
        (NUMBERS, {"type": "decimal(9, 2)", "decimal_mark": ","}, None),
        (NUMBERS, {"type": "string", "null_words": ["2.50"]}, None),
        (pa.array([20240131] * 20), {"type": "date", "format": "%Y%m%d"}, None),
        (pa.array([date(2024, 1, 31)] * 20), {"type": "date", "format": "%d/%m/%Y"}, None),
        (pa.array([10] * 20, pa.time64("us")), "datetime", "values_do_not_fit"),
        (pa.array([float("inf")] * 20), "double", "values_do_not_fit"),
        (pa.array([2**31 - 1] * 20, pa.int32()).view(pa.date32()), "date", "values_do_not_fit"),
        (pa.array([2**31 - 1] * 20, pa.int32()).view(pa.date32()), "string", "values_do_not_fit"),
        (TWENTY.view(pa.timestamp("us")), "datetime", "values_do_not_fit"),
        (TWENTY.view(pa.timestamp("us")), "string", "values_do_not_fit"),
        (pa.array([[1]] * 20), "string", "nested_value"),
        (pa.array([b"\xff"] * 20), "string", "values_do_not_fit"),
    ],
)
def test_typed_values_are_sampled_as_a_refresh_reads_them(tmp_path, column, attribute, code):
    table = pa.table({"Id": pa.array([str(number) for number in range(20)]), "V": column})
    pq.write_table(table, tmp_path / "a.parquet")
    one = entity({"V": attribute}, "a.parquet", format="parquet")
    counts, named, found = rows_and_findings(tmp_path, one, "a.parquet")
    assert (counts, named, found) == ((20, 20, 0, 0), 20 if code else 0, [code] if code else [])


def test_a_key_of_sixteen_bytes_is_one(tmp_path):
    pq.write_table(pa.table({"Id": UUIDS}), tmp_path / "a.parquet")
    one = entity({"Id": "guid"}, "a.parquet", format="parquet")
    assert rows_and_findings(tmp_path, one, "a.parquet") == ((20, 20, 0, 0), 0, [])


def test_a_line_in_the_middle_that_is_not_in_the_encoding_is_seen(tmp_path):
    lines = [b'{"Id": "%d", "V": "%s"}' % (one, b"x" * 90) for one in range(9_000)]
    lines[4_510] = b'{"Id": "x", "V": "M\xfcller"}'
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    (found,) = check_values(tmp_path, entity({"V": "string"}, "a.jsonl", format="jsonl"))
    assert found.message.endswith("line 4511: it is not in the encoding of its file.")
