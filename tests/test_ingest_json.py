"""JSON lines: a value is read as a posted record's is, and every line is a row or is named."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.schemas.configuration.entities import Attribute
from overtide.schemas.errors import OvertideError
from overtide.schemas.strict_json import parse_json
from overtide.schemas.types import type_of
from overtide.schemas.types.attribute_type import Reading
from overtide.transforms.sources import contract
from tests.engine import canonical
from tests.source_files import read


def lines(*texts: str) -> str:
    return "\n".join(texts)


def rows(tmp_path, text, attributes=None, **settings_of):
    return read(tmp_path, text, attributes, format="jsonl", **settings_of)


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        ("string", '"x"', "x"),
        ("string", "5", "5"),
        ("string", "1.10", "1.1"),
        ("string", "1e5", "100000"),
        ("string", "12345678901234567890123", "12345678901234567890123"),
        ("string", "-0", "0"),
        ("string", "true", "true"),
        ("string", "null", None),
        ("string", '""', None),
        ("string", '" "', " "),
        ("string", '"\\u00e9\\n"', "é\n"),
        ("string", '"\\ud83d\\ude00"', "😀"),
        ("integer", "5", 5),
        ("integer", '"007"', 7),
        ("integer", "9007199254740993", 9007199254740993),
        ("integer", '" "', None),
        ("decimal(18,2)", "1234567890123456.78", "1234567890123456.78"),
        ("decimal(18,2)", "2.675", "2.68"),
        ("double", "1e-7", 1e-7),
        ("double", "0.1", 0.1),
        ("boolean", "true", True),
        ("boolean", '"no"', False),
        ("boolean", "1", True),
        ("date", '"2024-02-29"', "2024-02-29"),
        ("datetime", '"2024-02-29T10:00:00+01:00"', "2024-02-29T09:00:00.000000Z"),
    ],
)
def test_values(tmp_path, kind, value, found):
    done = rows(tmp_path, f'{{"Id": 1, "A": {value}}}', {"Id": "string", "A": kind})
    assert (done.corrupt, [canonical(row[1]) for row in done.rows]) == ([], [found])


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("string", '{"b": 1}', '{"b":1}'),
        ("string", "[1, 2]", "[1,2]"),
        ("string", "[]", "[]"),
        ("string", '"x\\u0000y"', "x\\\\u0000y"),
        ("string", '"\\ud800"', "\\\\ud800"),
        ("integer", "5.5", "5.5"),
        ("integer", "1e-2", "0.01"),
        ("integer", "true", "true"),
        ("integer", "9223372036854775808", "9223372036854775808"),
        ("decimal(18,2)", "1e20", "100000000000000000000"),
        ("double", "1E400", "1E400"),
        ("double", "-Infinity", "-inf"),
        ("date", "20240229", "20240229"),
        ("boolean", "2", "2"),
    ],
)
def test_values_of_another_type_are_null_and_named(tmp_path, kind, value, shown):
    done = rows(
        tmp_path,
        lines('{"Id": 0}', f'{{"Id": 1, "A": {value}, "Z": {{}}}}'),
        {"Id": "string", "A": kind},
    )
    (corrupt,) = done.corrupt
    assert (dict(done.rows), corrupt.key, corrupt.line) == ({"0": None, "1": None}, "1", 2)
    assert corrupt.details.startswith(f"A: expected {kind.replace(' ', '')}")
    assert shown in corrupt.details.replace('\\"', '"')
    assert json.loads(corrupt.record)["Id"] == "1"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"Id": 2', "Expecting"),
        ("{'Id': 2}", "Expecting"),
        ('{"Id": 2,}', ""),
        ('{"Id": 2} x', "Extra data"),
        ('{"Id": 2}{"Id": 3}', "Extra data"),
        ("[1]", "not a JSON object"),
        ("5", "not a JSON object"),
        ("null", "not a JSON object"),
        ('"x"', "not a JSON object"),
        ('{"Id": 2, "Id": 3}', "'Id' is given twice"),
        ('{"Id": 2, "A": nan}', "Expecting value"),
        ('{"Id": 2, "A": Inf}', "Expecting value"),
        ('{"Id": 02}', ""),
        ('{"Id": 2, "A": "\t"}', "control character"),
        ('{"Id": "\x01"}', ""),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_lines_that_are_no_objects_are_set_aside(tmp_path, line, reason):
    done = rows(
        tmp_path,
        lines('{"Id": 1, "A": "a"}', "", line, "  ", '{"Id": 4, "A": "b"}'),
        {"Id": "string", "A": "string"},
    )
    (corrupt,) = done.corrupt
    assert done.rows == [("1", "a"), ("4", "b")]
    assert (corrupt.kept, corrupt.key, corrupt.line) == (False, None, 3)
    assert corrupt.record == line.replace("\x01", "\\x01").strip()
    assert reason in corrupt.details
    assert corrupt.details.startswith("line: not a JSON object")
    assert done.counts == (3, 2, 1, 0)


def test_what_is_no_number_is_null_and_no_key(tmp_path):
    text = lines(
        '{"Id": 1, "A": NaN}',
        '{"Id": NaN, "A": 1}',
        '{"Id": -Infinity, "A": 1}',
        '{"Id": 1e3, "A": 1e400}',
    )
    done = rows(tmp_path, text, {"Id": "string", "A": "double"})
    assert sorted(done.rows) == [("1", None), ("1000", None)]
    assert [(row.line, row.kept, row.details) for row in done.corrupt] == [
        (2, False, "Id: the primary key is missing"),
        (3, False, 'Id: the primary key is missing; Id: expected string but found "-inf"'),
        (4, True, 'A: expected double but found "1' + "0" * 400 + '"'),
    ]


def test_what_is_no_utf_8_spoils_its_line_alone(tmp_path):
    done = rows(
        tmp_path,
        b'\xef\xbb\xbf{"Id": 1}\r\n{"Id": "\xff"}\n{"Id": 3, "A": "\xc3\xa9"}\r\n',
        {"Id": "string", "A": {"type": "string", "optional": True}},
    )
    (corrupt,) = done.corrupt
    assert done.rows == [("1", None), ("3", "é")]
    assert (corrupt.line, corrupt.record) == (2, '{"Id": "\ufffd"}')
    assert corrupt.details == "line: it is not utf-8"


def test_a_line_that_is_too_long_is_set_aside(tmp_path, monkeypatch):
    monkeypatch.setattr(contract, "MAX_LINE", 4096)
    done = rows(
        tmp_path,
        lines('{"Id": 1}', '{"Id": "' + "x" * 100_000 + '"}', '{"Id": 3}'),
        {"Id": "string"},
    )
    (corrupt,) = done.corrupt
    assert done.rows == [("1",), ("3",)]
    assert (corrupt.line, len(corrupt.record), done.counts) == (2, 1000, (3, 2, 1, 0))


def test_a_key_that_some_objects_lack_is_null(tmp_path):
    many = (json.dumps({"Id": number}) for number in range(2_000))
    text = lines(*many, '{"Id": "a", "B": 1}', '{"Id": "b", "C": {}}')
    done = rows(
        tmp_path, text, {"Id": "string", "B": "integer", "D": {"type": "string", "optional": True}}
    )
    assert (dict(row[:2] for row in done.rows)["a"], len(done.rows), done.corrupt) == (1, 2_002, [])


@pytest.mark.parametrize("name", ['a"b/c~d', "a.b", "$", "*", "0", "é", "Id2[0]", "'"])
def test_keys_may_have_any_name(tmp_path, name):
    text = json.dumps({name: "x", "Id": 1, f"{name}2": "no", "id": "no"})
    assert rows(tmp_path, text, {"Id": "string", name: "string"}).rows == [("1", "x")]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty_file"),
        ("[]\n", "unreadable_file"),
        ('[{"Id": 1},\n{"Id": 2}]', "unreadable_file"),
        ('{"Id": 1}\n', "missing_column"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(tmp_path, text, code):
    with pytest.raises(OvertideError) as error:
        rows(tmp_path, text)
    assert error.value.code == code


def test_other_encodings(tmp_path):
    assert rows(tmp_path, '{"Id": 1, "Name": "é"}\n'.encode("utf-16"), encoding="utf-16").rows == [
        ("1", "é")
    ]


NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(-(10**19), 10**19, places=3, allow_nan=False).map("{:f}".format),
    st.sampled_from(["-0", "-0.0", "1.50"]),
    st.tuples(st.integers(-99, 99), st.integers(-25, 25)).map(
        lambda parts: f"{parts[0]}E{parts[1]:+}"
    ),
    st.integers(-99, 99).map("{}.00".format),
    st.sampled_from(["1e3", "20240229", "20240229.0", "1e300", "1e-300"]),
    st.tuples(st.integers(0, 9), st.text("0123456789", min_size=1, max_size=18)).map(
        "{0[0]}.{0[1]}".format
    ),
)
TEXTS = st.one_of(
    st.text(max_size=6),
    st.sampled_from(["2024-02-29", "yes", ": 1.10,", "a: 1e5}", '"', "\\u0000"]),
)
VALUES = st.one_of(
    NUMBERS,
    TEXTS.map(json.dumps),
    TEXTS.map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.sampled_from(["true", "false", "null", "[1.10]", '{"a": "b"}', "[]"]),
)
TYPES = ("string", "integer", "double", "decimal(18,2)", "boolean", "date", "datetime", "guid")


def posted(kind, text):
    try:
        return type_of(kind).from_source(Reading(), "UTC", parse_json(text))
    except OvertideError:
        return None


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(VALUES.filter(lambda text: max(text) < "\ud800"), min_size=1, max_size=30))
def test_a_value_is_read_as_that_of_a_posted_record(tmp_path, values):
    attributes = {"Id": "string"} | {
        kind: Attribute(type=kind).model_dump() | {"optional": True} for kind in TYPES
    }
    text = lines(
        *(
            "{" + f'"Id":{number}, ' + ",".join(f'"{kind}":{value}' for kind in TYPES) + "}"
            for number, value in enumerate(values)
        )
    )
    found = {
        row[0]: [canonical(value) for value in row[1:]]
        for row in rows(tmp_path, text, attributes).rows
    }
    for number, value in enumerate(values):
        expected = [posted(kind, value) for kind in TYPES]
        assert found[str(number)] == [
            int(one) if kind == "integer" and one else one
            for kind, one in zip(TYPES, expected, strict=True)
        ]
