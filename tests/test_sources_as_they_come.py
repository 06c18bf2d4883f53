"""Sources as they come: nested values, other names, formats, separators and words.

A value has one meaning in files of every format and in posted records.
"""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.checks import check_project
from overtide.schemas.configuration.entities import Attribute, Entity
from overtide.schemas.serving_metadata import ServedAttribute, ServedEntity
from overtide.schemas.source_paths import parse_path, put, shown_path, value_at
from overtide.schemas.strict_json import parse_line
from overtide.schemas.strptime import meant_format
from overtide.serving.source_records import SourceRecords
from tests.configurations import TEXT, checked, edited
from tests.engine import canonical
from tests.source_files import read_files

PATHS = {
    "Id": {"path": "id"},
    "Number": {"path": "order.number", "type": "integer"},
    "City": {"path": "customer.address[0].city"},
    "Price": {"path": "lines[1]", "type": "double", "decimal_mark": ",", "null_words": ["999"]},
    "Whole": {"path": 'customer."a.b"', "type": "decimal(9, 2)"},
    "Address": {"path": "customer.address"},
    "Name": {"column": "full name"},
}


def entity(form: str, attributes: dict[str, Any], path: str = "a") -> Entity:
    return Entity.model_validate(
        {"path": path, "format": form, "primary_key": "Id", "time_zone": "Europe/Amsterdam"}
        | {"max_set_aside_percent": 100, "attributes": attributes}
    )


def served(one: Entity) -> ServedEntity:
    attributes = {
        name: ServedAttribute(**one.attribute(name).model_dump()) for name in one.attributes
    }
    return ServedEntity(attributes, one.time_zone, one.primary_key)


def posted(one: Entity, record: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """The values of a posted record, null where they are refused, and what is refused."""
    values, errors = SourceRecords(served(one))(record)
    return values | {str(error.target): None for error in errors}, {
        str(error.target) for error in errors
    }


def in_files(folder: Path, one: Entity) -> dict[str, tuple[dict[str, Any], set[str]]]:
    """The values of the rows by their keys, and the attributes that are named."""
    read = read_files(folder, one, [folder / one.path])
    named = {
        str(row.key): {part.partition(": ")[0] for part in row.details.split("; ")}
        for row in read.corrupt
        if row.kept
    }
    rows = [dict(zip(one.attributes, row, strict=True)) for row in read.rows]
    return {
        str(row["Id"]): (
            {name: text(value) for name, value in row.items()},
            named.get(str(row["Id"]), set()),
        )
        for row in rows
    }


def text(value: Any) -> str | None:
    found = canonical(value)
    return None if found is None else str(found)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.sampled_from([999, 999.0, 1.5, 0.1, 1e22, 1e-7, "1,5", "999", "x", "", " ", [], {}, [1]]),
    st.text(max_size=4),
)
ORDERS = st.fixed_dictionaries(
    {},
    optional={
        "order": st.one_of(VALUES, st.fixed_dictionaries({}, optional={"number": VALUES})),
        "lines": st.one_of(VALUES, st.lists(VALUES, max_size=3)),
        "full name": VALUES,
        "more": VALUES,
        "customer": st.one_of(
            VALUES,
            st.fixed_dictionaries(
                {"a.b": VALUES},
                optional={
                    "address": st.one_of(
                        VALUES,
                        st.lists(st.one_of(VALUES, st.fixed_dictionaries({"city": VALUES}))),
                        st.fixed_dictionaries({"0": st.fixed_dictionaries({"city": VALUES})}),
                    )
                },
            ),
        ),
    },
)


@settings(deadline=None, max_examples=15, suppress_health_check=list(HealthCheck))
@given(st.lists(ORDERS, min_size=1, max_size=12))
def test_a_nested_value_is_that_of_a_posted_record(tmp_path, orders):
    orders = [{"id": str(number), **order} for number, order in enumerate(orders)]
    attributes = {name: one | {"optional": True} for name, one in PATHS.items()}
    one = entity("jsonl", attributes | {"Id": "string"} | {"Id": PATHS["Id"]})
    (tmp_path / "a").write_text("\n".join(map(json.dumps, orders)))
    found = in_files(tmp_path, one)
    for order in orders:
        record = parse_line(json.dumps({k: v for k, v in order.items() if k != "more"}))
        values, refused = posted(one, record)
        expected = {name: text(value) for name, value in values.items()}
        assert found[order["id"]] == (expected, refused), order


def test_a_nested_value_of_parquet_is_that_of_json(tmp_path):
    rows = [
        {
            "id": "1",
            "order": {"number": 7},
            "customer": {"address": [{"city": "Oslo"}], "a.b": 1.005},
            "lines": [1.5, 999.0],
            "full name": "Ann",
        },
        {"id": "2", "order": None, "customer": None, "lines": [], "full name": None},
        {
            "id": "3",
            "order": {"number": None},
            "customer": {"address": [], "a.b": None},
            "lines": [0.25, 2.5],
            "full name": "x",
        },
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a")
    found = in_files(tmp_path, entity("parquet", PATHS))
    (tmp_path / "b").write_text("\n".join(map(json.dumps, rows)))
    assert found == in_files(tmp_path, entity("jsonl", PATHS, "b"))
    assert found["1"][0]["City"] == "Oslo"
    assert [found[key][0]["Price"] for key in "123"] == [None, None, "2.5"]
    assert found["1"][1] == {"Address"}


WAYS: dict[str, tuple[dict[str, Any], list[tuple[Any, str | None]]]] = {
    "several formats": (
        {"type": "date", "format": ["%d.%m.%y", "%d.%m.%Y", "ISO", "%Y%m%d"]},
        [
            ("31.1.2024", "2024-01-31"),
            ("31.1.24", "2024-01-31"),
            ("2024-01-31", "2024-01-31"),
            ("20240131", "2024-01-31"),
            (20240131, "2024-01-31"),
            ("1/31/2024", None),
        ],
    ),
    "several formats of times": (
        {"type": "datetime", "format": ["%d.%m.%Y %H:%M:%S.%f", "ISO", "%d.%m.%Y"]},
        [
            ("31.1.2024 10:00:00.1234567", "2024-01-31T09:00:00.123456Z"),
            ("2024-01-31T10:00:00Z", "2024-01-31T10:00:00.000000Z"),
            ("31.1.2024", "2024-01-30T23:00:00.000000Z"),
            ("31.1.2024 10", None),
        ],
    ),
    "points between thousands": (
        {"type": "decimal(12, 2)", "decimal_mark": ",", "thousands_separator": "."},
        [
            ("1.234.567,895", "1234567.90"),
            ("1234567,8", "1234567.80"),
            ("1.5", None),
            ("12.34,5", None),
            ("1.234", "1234.00"),
            (1.234, "1.23"),
            (1234.5, "1234.50"),
            ("-1.000", "-1000.00"),
            (",5", "0.50"),
            ("1.234,", "1234.00"),
            ("1.2345", None),
        ],
    ),
    "blanks between thousands": (
        {"type": "integer", "thousands_separator": " "},
        [
            ("1 234 567", "1234567"),
            ("1\u00a0234\u202f567", "1234567"),
            ("12 34", None),
            (" 1 234 ", "1234"),
            (1234.0, "1234"),
            ("1 234.0", "1234"),
        ],
    ),
    "apostrophes between thousands": (
        {"type": "double", "thousands_separator": "'"},
        [("1'234.5", "1234.5"), ("1\u2019234e2", "123400.0"), ("1''234", None), (1e3, "1000.0")],
    ),
    "points in whole numbers": (
        {"type": "integer", "decimal_mark": ",", "thousands_separator": "."},
        [("1.000", "1000"), (1.0, "1"), (1.5, None), ("1.0", None), ("7,0", "7"), (1.234, None)],
    ),
    "words": (
        {"type": "boolean", "true_words": ["Ja", "x", "1"], "false_words": ["nee", "2", "T"]},
        [
            ("JA", "True"),
            (" x ", "True"),
            ("nee", "False"),
            (2, "False"),
            ("t", "False"),
            (True, "True"),
            (False, "False"),
            ("yes", "True"),
            ("jawohl", None),
            (2.0, "False"),
        ],
    ),
}


@pytest.mark.parametrize("what", WAYS)
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_value_may_be_written_otherwise(tmp_path, what, form):
    attribute, values = WAYS[what]
    one = entity(form, {"Id": "string", "V": attribute})
    rows = [{"Id": str(place), "V": value} for place, (value, _) in enumerate(values)]
    rows = rows if form == "jsonl" else [row for row in rows if isinstance(row["V"], str)]
    if form == "csv":
        lines = [f'{row["Id"]},"{row["V"]}"' for row in rows]
        (tmp_path / "a").write_text("\n".join(["Id,V", *lines]))
    elif form == "jsonl":
        (tmp_path / "a").write_text("\n".join(map(json.dumps, rows)))
    else:
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a")
    found = in_files(tmp_path, one)
    for row in rows:
        expected = values[int(row["Id"])][1]
        refused = {"V"} if expected is None else set()
        assert found[row["Id"]] == ({"Id": row["Id"], "V": expected}, refused), row
        shown, wrong = posted(one, parse_line(json.dumps(row)))
        assert (text(shown["V"]), wrong) == (expected, refused), row


def test_one_column_may_be_two_attributes(tmp_path):
    attributes = {
        "Id": {"column": "nr"},
        "Day": {"column": "when", "type": "date"},
        "when": "string",
    }
    (tmp_path / "a").write_text("nr,when,\n1,2024-01-31T10:00,x\n")
    one = entity("csv", attributes)
    assert in_files(tmp_path, one)["1"][0] == {
        "Id": "1",
        "Day": "2024-01-31",
        "when": "2024-01-31T10:00",
    }
    assert posted(one, {"nr": 1, "when": "2024-01-31"})[0]["Day"] == "2024-01-31"


def test_a_path_is_written_as_it_is_read():
    for text in ("a", "a.b", "a[0].b", 'a."b.c"[12]', '"x""y".z', "a b.c-d"):
        path = parse_path(text)
        assert parse_path(shown_path(path)) == path
        record: dict[str, Any] = {}
        put(record, path, 5)
        assert value_at(record, path) == 5
    for text in ("", ".a", "a.", "a..b", "[0]", "a[x]", "a[0", "a]", 'a"b"', "a[0]b"):
        with pytest.raises(ValueError, match=r"character|empty|begins|point"):
            parse_path(text)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("yyyy-MM-dd HH:mm:ss", "%Y-%m-%d %H:%M:%S"),
        ("DD/MM/YYYY HH24:MI:SS", "%d/%m/%Y %H:%M:%S"),
        ("dd/mm/yyyy hh24:mi:ss", "%d/%m/%Y %H:%M:%S"),
        ("M/d/yy h:mm tt", "%m/%d/%y %I:%M %p"),
        ("yyyy-mm-dd", "%Y-%m-%d"),
        # Months and minutes can't be told apart, a letter means nothing known, nothing is a month.
        *((one, None) for one in ("YYYY-MM-DD HH:MM:SS", "yyyy-mm-dd hh:mm:ss", "dd.MM.yyyy X")),
        *((one, None) for one in ("yyyy", "dd yyyy", "DD-MON-YYYY")),
    ],
)
def test_what_a_format_of_other_systems_means(written, meant):
    assert meant_format(written) == meant


MISTAKES: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "no path": ({"path": "a..b"}, "invalid_value", ".path", "`a..b` is no path: character 2"),
    "a path of CSV": ({"path": "a.b"}, "unused_setting", ".path", "csv hold nothing nested"),
    "a path and a column": ({"path": "a", "column": "b"}, "unused_setting", ".path", "`column`"),
    "a missing column": ({"column": "Nmae"}, "missing_column", "", "no column 'Nmae'"),
    "no format": ({"type": "date", "format": []}, "invalid_value", ".format", "no format"),
    "one wrong format": (
        {"type": "date", "format": ["%d.%m.%Y", "dd-MM-yyyy"]},
        "invalid_format",
        ".format[1]",
        "Did you mean `%d-%m-%Y`?",
    ),
    "thousands like decimals": (
        {"type": "double", "thousands_separator": "."},
        "invalid_value",
        ".thousands_separator",
        "is the decimal mark already",
    ),
    "thousands of a text": (
        {"thousands_separator": " "},
        "wrong_type",
        ".thousands_separator",
        "Type string has no thousands.",
    ),
    "words of a text": ({"true_words": ["x"]}, "wrong_type", ".true_words", "no words"),
    "a word of both": (
        {"type": "boolean", "true_words": ["x"], "false_words": ["n", "X "]},
        "duplicate_name",
        ".false_words[1]",
        "`X ` cannot mean true and false.",
    ),
    "true as false": (
        {"type": "boolean", "false_words": ["TRUE"]},
        "duplicate_name",
        ".false_words[0]",
        "cannot mean true and false",
    ),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_told_with_its_place(tmp_path, what):
    setting, code, place, words = MISTAKES[what]
    added = "sources/Shop/Contacts/attributes/New"
    column = {} if {"column", "path"} & set(setting) else {"column": "Name"}
    found = checked(tmp_path, edited((added, setting | column)))
    serious = [one for one in found if one.severity == "mistake"]
    assert [(one.code, one.target) for one in serious] == [
        (code, "sources.Shop.Contacts.attributes.New" + place)
    ]
    assert words in str(serious[0])
    assert serious[0].line


def test_a_path_that_finds_nothing_is_told(tmp_path):
    (tmp_path / "a").write_text('{"Id": 1, "a": {"b": 1}}\n{"Id": 2, "a": {"b": 1}}\n')
    (tmp_path / "overtide.yaml").write_text(
        TEXT.replace(
            "sources:\n",
            "sources:\n  New:\n    New:\n      path: a\n      format: jsonl\n"
            "      primary_key: Id\n      attributes: {Id: string, X: {path: a.c}}\n",
        )
    )
    found = [one for one in check_project(tmp_path, {}) if "New.New" in (one.target or "")]
    assert ("missing_value", "sources.New.New.attributes.X.path", "mistake") in [
        (one.code, one.target, one.severity) for one in found
    ]
    (missing,) = (str(one) for one in found if one.code == "missing_value")
    assert missing.endswith("Correct the path, or mark the attribute `optional: true`.")


def test_attributes_are_plain_models():
    assert Attribute(column="a").reading == Attribute().reading
