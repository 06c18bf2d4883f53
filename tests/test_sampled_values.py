"""What `validate` sees in a sample of the files.

Values, formats, keys and nested values, each fault once.
"""

import gzip
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from overtide.schemas.configuration.entities import Entity
from overtide.transforms.sources import lines, samples
from overtide.transforms.sources.files import Finding
from overtide.transforms.sources.layout import layout_of
from overtide.transforms.sources.sampled_values import check_values
from tests.command_line import call
from tests.small_plan import INSTANCE


def entity(attributes: dict[str, Any], path: str = "a.csv", **more: Any) -> Entity:
    return Entity.model_validate(
        {"path": path, "primary_key": "Id", "attributes": {"Id": "string"} | attributes} | more
    )


def found_in(folder: Path, values: list[str], attribute: Any, **more: Any) -> list[Finding]:
    """Return what is found in a column `V` of these texts."""
    (folder / "a.csv").write_text(
        "Id,V\n" + "".join(f'{number},"{value}"\n' for number, value in enumerate(values))
    )
    return check_values(folder, entity({"V": attribute}, **more))


@pytest.mark.parametrize(
    ("attribute", "values", "expected"),
    [
        (
            "integer",
            ["1", "x"],
            (
                "note",
                """1 of 2 sampled values of 'V' are no integer; the first is "x" (a.csv, line""",
            ),
        ),
        (
            "integer",
            ["1", "x", "y"],
            ("mistake", """2 of 3 sampled values of 'V' are no integer; the first is "x" """),
        ),
        ("integer", ["1", "", " ", "3"], None),
        ("string", ["x", "", "1"], None),
        ("boolean", ["yes", "no", "1"], None),
        ("guid", ["6f2c1f0e-5f0b-4b8c-9d2e-3a1b2c3d4e5f"], None),
        ("guid", ["6f2c"], ("mistake", "no guid")),
        ("decimal(4, 2)", ["1", "123.4"], ("note", "no decimal(4, 2)")),
        ("double", ["1,5", "2,25"], ("mistake", 'All of them fit `decimal_mark: ","`.')),
        (
            {"type": "double", "decimal_mark": ","},
            ["1.5", "2"],
            ("mistake", 'All of them fit `decimal_mark: "."`.'),
        ),
        (
            "decimal(9, 2)",
            ["7.843,97", "12,50", "1.000.000,00"],
            ("mistake", 'fit `decimal_mark: ","` and `thousands_separator: "."`.'),
        ),
        ("decimal(9, 2)", ["7,843.97"], ("mistake", 'and `thousands_separator: ","`.')),
        (
            "date",
            ["17.10.1990", "1999-11-07"],
            ("mistake", 'fit `format: ["%d.%m.%Y", ISO]`.'),
        ),
        (
            {"type": "date", "format": "%d/%m/%Y"},
            ["01/02/2024", "01/31/2024"],
            ("mistake", 'fit `format: "%m/%d/%Y"`.'),
        ),
        (
            {"type": "date", "format": "%d/%m/%Y"},
            ["31/01/2024", "01/31/2024", "1/1/2024"],
            ("note", "no date as %d/%m/%Y"),
        ),
        (
            {"type": "date", "format": "%d/%m/%Y"},
            ["2024-01-31"],
            ("mistake", "fit ISO 8601: leave `format` out."),
        ),
        ("date", ["31.01.24", "1.2.24"], ("mistake", 'fit `format: "%d.%m.%y"`.')),
        ("date", ["01/02/2024"], ("mistake", 'fit `format: "%d/%m/%Y"`, and `%m/%d/%Y` as well.')),
        (
            "date",
            ["03/04/2024", "2024-05-01"],
            ("mistake", 'fit `format: ["%d/%m/%Y", ISO]`, and `%m/%d/%Y` as well.'),
        ),
        (
            "date",
            ["13/04/2024", "2024-05-01"],
            ("mistake", 'fit `format: ["%d/%m/%Y", ISO]`.'),
        ),
        (
            {"type": "double", "decimal_mark": ",", "thousands_separator": "."},
            ["12.50", "1.25"],
            ("mistake", 'fit `decimal_mark: "."` without `thousands_separator`.'),
        ),
        ("date", ["20240131"], ("mistake", 'fit `format: "%Y%m%d"`.')),
        ("date", ["5 Jan 2024", "17 Dec 2023"], ("mistake", 'fit `format: "%d %b %Y"`.')),
        (
            "datetime",
            ["31/01/2024 10:00", "01/02/2024 9:30"],
            ("mistake", 'fit `format: "%d/%m/%Y %H:%M"`.'),
        ),
        (
            "datetime",
            ["1/31/2024 10:00:00 PM"],
            ("mistake", 'fit `format: "%m/%d/%Y %I:%M:%S %p"`.'),
        ),
        ("datetime", ["2024-01-31T10:00:00Z", "2024-01-31", "2024-01-31 10:00"], None),
        ("date", ["soon", "2024-01-01", "2024-01-02"], ("note", 'the first is "soon"')),
    ],
)
def test_values_that_are_not_of_their_type(tmp_path, attribute, values, expected):
    found = found_in(tmp_path, values, attribute)
    if expected is None:
        assert found == []
        return
    (one,) = found
    assert (one.severity, one.code, one.column) == (expected[0], "values_do_not_fit", "V")
    assert expected[1] in one.message


def test_a_format_that_fits_all_values_is_suggested(tmp_path):
    (one,) = found_in(tmp_path, ["13/01/2024"], {"type": "date", "format": "%Y"})
    assert one.suggestion == "%d/%m/%Y"


def test_a_mark_that_separates_thousands_is_not_suggested(tmp_path):
    attribute = {"type": "double", "decimal_mark": ",", "thousands_separator": "."}
    (one,) = found_in(tmp_path, ["12.50", "1.25"], attribute)
    assert one.suggestion is None
    (one,) = found_in(tmp_path, ["12.50"], attribute | {"thousands_separator": "'"})
    assert one.suggestion == "."


def test_keys_that_are_missing_or_repeated(tmp_path):
    (tmp_path / "a.csv").write_text('Id,V\n1,a\n01,b\n1,a\n,c\n" ",d\nx,e\n')
    numbers = {"Id": "integer", "V": "string"}
    missing, repeated = check_values(tmp_path, entity(numbers, max_set_aside_percent=50))[-2:]
    assert (missing.severity, missing.code) == ("note", "missing_key")
    assert (
        '3 of 6 sampled rows have no primary key; the first is a.csv, line 5, whose Id is "".'
        in missing.message
    )
    assert (repeated.severity, repeated.code) == ("note", "repeated_key")
    assert (
        '1 of 6 sampled rows have the key of another row and other values; the first is "1" '
        "(a.csv, line 2, and "
        "a.csv, line 3)." in repeated.message
    )
    (tmp_path / "b.csv").write_text("Id,V\n1,a\nx,b\n")
    (missing,) = check_values(tmp_path, entity(numbers, "b.csv"))  # one fault, one mistake
    assert "a.csv" not in missing.message
    assert (
        '1 of 2 sampled rows have no primary key; the first is b.csv, line 3, whose Id is "x", '
        "which is no "
        "integer." in missing.message
    )
    strict = check_values(tmp_path, entity(numbers))
    assert ("mistake", "missing_key") in [(one.severity, one.code) for one in strict]
    meant = check_values(tmp_path, entity(numbers, prefer={"policy": "most_filled"}))
    assert "repeated_key" not in [one.code for one in meant]


def test_nested_values_and_lines_that_are_no_rows(tmp_path):
    lines = [
        '{"Id": "1", "V": {"a": 1}}',
        '{"Id": "2", "V": [1]}',
        '{"Id": "3", "V": "x"}',
        "[]",
        '{"Id": "4"}',
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    nested, line = check_values(tmp_path, entity({"V": "string"}, "a.jsonl", format="jsonl"))
    assert (nested.severity, nested.code, line.severity, line.code) == (
        "mistake",
        "nested_value",
        "mistake",
        "unreadable_line",
    )
    assert (
        "2 of 3 sampled values of 'V' are lists or objects, which are no values; the first is "
        '{"a": 1} '
        "(a.jsonl, line 1)." in nested.message
    )
    assert (
        "1 of 5 sampled lines are no rows; the first is a.jsonl, line 4: it is no JSON object."
        in line.message
    )
    (tmp_path / "a.csv").write_text("Id,V\n" + "1,a\n" * 30 + "2\n")
    (line,) = check_values(tmp_path, entity({"V": "string"}))
    assert (line.severity, line.message) == (
        "note",
        "1 of 31 sampled lines are no rows; the first is a.csv, line 32: it has 1 columns, not 2.",
    )
    pq.write_table(pa.table({"Id": ["1", "2"], "V": [[1], [2]]}), tmp_path / "a.parquet")
    (nested,) = check_values(tmp_path, entity({"V": "string"}, "a.parquet", format="parquet"))
    assert "2 of 2 sampled values of 'V' are lists or objects" in nested.message
    assert "the first is [1] (a.parquet, row 1)." in nested.message


def test_typed_columns_of_parquet_are_read_by_their_values(tmp_path):
    times = [datetime(2024, 1, 1)] * 2
    table = pa.table(
        {
            "Id": [1, 2],
            "D": [date(2024, 1, 1), None],
            "T": times,
            "F": [1.0, float("nan")],
            "B": [True, None],
            "X": [Decimal("1.50")] * 2,
            "S": [b"1", b"x"],
            "Bad": times,
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    found = check_values(
        tmp_path,
        entity(
            {
                "Id": "integer",
                "D": "datetime",
                "T": "date",
                "F": "integer",
                "B": "boolean",
                "X": "decimal(9, 2)",
                "S": "integer",
                "Bad": "integer",
            },
            "a.parquet",
            format="parquet",
        ),
    )
    assert [(one.column, one.severity) for one in found] == [("S", "note"), ("Bad", "mistake")]


@pytest.mark.parametrize("size", [300_000, 40_000, 700, 500])
def test_a_large_file_is_looked_at_in_its_beginning_middle_and_end(tmp_path, size):
    lines = [f"{number:07d},v,2024-01-01" for number in range(size)]
    for bad in (3, size // 2 + 5, size - 10):
        lines[bad] = f"{bad:07d},v,2024-99-99"
    (tmp_path / "a.csv").write_text("Id,V,At\n" + "\n".join(lines) + "\n")
    (one,) = check_values(tmp_path, entity({"V": "string", "At": "date"}))
    assert one.message.startswith("3 of ")
    assert "(a.csv, line 5)" in one.message
    rows = list(
        samples.sampled_rows(tmp_path, entity({"V": "string", "At": "date"}), [tmp_path / "a.csv"])
    )
    assert (
        min(size, samples.ROWS) <= len({row.place for row in rows}) == len(rows) <= 3 * samples.ROWS
    )
    for row in rows:
        assert int(row.place.rpartition(" ")[2]) == int(row.values["Id"]) + 2


def test_a_text_of_several_lines_in_the_middle_is_not_taken_for_rows(tmp_path):
    inner = "\n".join(["not a key,no date"] * 100_000)
    (tmp_path / "a.csv").write_text("Id,V\n1,2024-01-01\n" + f'2,"{inner}"\n')
    for row in samples.sampled_rows(tmp_path, entity({"V": "string"}), [tmp_path / "a.csv"]):
        assert row.wrong is None


def test_many_files_and_many_columns_are_looked_at_in_part(tmp_path):
    attributes: dict[str, Any] = {f"c{number}": "string" for number in range(2_000)}
    for number in range(40):
        (tmp_path / f"a{number:02d}.csv").write_text(
            ",".join(["Id", *attributes]) + "\n" + f"{number}" + ",x" * 2_000 + "\n"
        )
    rows = list(
        samples.sampled_rows(
            tmp_path, entity(attributes, "a*.csv"), sorted(tmp_path.glob("a*.csv"))
        )
    )
    assert len(rows) == samples.FILES
    assert {row.place for row in rows} >= {"a00.csv, line 2", "a39.csv, line 2"}


def test_a_packed_file_is_not_read_from_its_middle(tmp_path):
    with gzip.open(tmp_path / "a.csv.gz", "wt") as file:
        file.write("Id,V\n1,a\n")
    layout = layout_of(tmp_path / "a.csv.gz", "a", entity({"V": "string"}))
    assert list(lines.later_lines(tmp_path / "a.csv.gz", "a", layout, 10, 0)) == []


# ---- with the configuration


def configured(folder: Path, **more: Any) -> None:
    """Write a project of contacts whose section has more settings."""
    (folder / "a.csv").write_text("Id,Name,Born,Spent\n1,Ann,31/01/2000,1\n2,Ben,13/12/2001,2\n")
    attributes = {
        "Id": "string",
        "Name": "string",
        "Born": {"type": "date", "format": "%d/%m/%Y"},
        "Spent": "double",
    }
    section = {
        "path": "a.csv",
        "primary_key": "Id",
        "attributes": attributes | more.pop("attributes", {}),
    } | more
    (folder / "overtide.yaml").write_text(
        yaml.safe_dump(
            {
                "instance": {"name": "T", "id": INSTANCE},
                "sources": {"S": {"C": section}},
                "unification": {
                    "entities": [{"entity": "S_C"}],
                    "merge": {"fields": [{"name": "Name", "from": ["S_C.Name"]}]},
                },
            }
        )
    )


def mistakes(folder: Path) -> list[tuple[str, str]]:
    answer = call("-C", folder, "--json", "validate")
    found = answer.document["mistakes"]
    assert answer.code == (2 if any(one["severity"] == "mistake" for one in found) else 0)
    return [(one["code"], one["target"].removeprefix("sources.S.C.")) for one in found]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, []),
        (
            {"attributes": {"Born": {"type": "dat", "format": "%d/%m/%Y"}}},
            [("invalid_value", "attributes.Born.type")],
        ),
        (
            {"attributes": {"Spent": {"type": "duble", "decimal_mark": ","}}},
            [("invalid_value", "attributes.Spent.type")],
        ),
        (
            {"attributes": {"Born": {"type": "date", "format": "yyyy"}}},
            [("invalid_format", "attributes.Born.format")],
        ),
        ({"attributes": {"Born": "date"}}, [("values_do_not_fit", "attributes.Born")]),
        (
            {"attributes": {"Born": "date", "Spent": "doubl"}},
            [("invalid_value", "attributes.Spent"), ("values_do_not_fit", "attributes.Born")],
        ),
        (
            {"attributes": {"Spent": "intger", "Fax": "string"}},
            [("invalid_value", "attributes.Spent"), ("missing_column", "attributes.Fax")],
        ),
        (
            {"time_zone": "Mars", "attributes": {"Born": "date"}},
            [("unknown_time_zone", "time_zone")],
        ),
        ({"delimeter": ";", "attributes": {"Fax": "string"}}, [("unknown_setting", "delimeter")]),
        (
            {"primary_kye": "x", "attributes": {"Fax": "string"}},
            [("unknown_setting", "primary_kye"), ("missing_column", "attributes.Fax")],
        ),
        ({"path": "b.csv"}, [("no_files", "path")]),
        ({"primary_key": "Idd"}, [("unknown_name", "primary_key")]),
        (
            {"prefer": {"policy": "most_recent", "attribute": "Bron"}},
            [("unknown_name", "prefer.attribute")],
        ),
        (
            {"prefer": {"policy": "most_recent", "attribute": "Name"}},
            [("wrong_type", "prefer.attribute")],
        ),
        ({"prefer": {"policy": "most_recent"}}, [("missing_setting", "prefer.attribute")]),
        ({"prefer": {"policy": "newest"}}, [("invalid_value", "prefer.policy")]),
        ({"prefer": {"attribute": "Born"}}, [("unused_setting", "prefer.attribute")]),
        ({"max_shrink_percent": 101}, [("invalid_value", "max_shrink_percent")]),
    ],
)
def test_every_fault_is_one_mistake_and_all_are_shown_at_once(tmp_path, settings, expected):
    configured(tmp_path, **settings)
    assert mistakes(tmp_path) == expected


@pytest.mark.parametrize(
    ("name", "form", "content"),
    [
        ("c.csv", "csv", b"A,B\n" + b"".join(b"%d,M\xfc\n" % one for one in range(20))),
        (
            "c.jsonl",
            "jsonl",
            b"".join(
                b'{"A":"%d","B":"%s"}\n' % (one, (b"x", b"M\xfc")[one % 2]) for one in range(20)
            ),
        ),
    ],
)
def test_lines_that_are_not_in_their_encoding_are_told_as_such(tmp_path, name, form, content):
    (tmp_path / name).write_bytes(content)
    document = {
        "instance": {"name": "t", "id": INSTANCE},
        "sources": {
            "S": {
                "C": {
                    "path": name,
                    "format": form,
                    "primary_key": "A",
                    "attributes": {"A": "string", "B": "string"},
                }
            }
        },
        "unification": {
            "entities": [{"entity": "S_C"}],
            "merge": {"fields": [{"name": "B", "from": ["S_C.B"]}]},
        },
    }
    (tmp_path / "overtide.yaml").write_text(yaml.safe_dump(document))
    answer = call("-C", tmp_path, "--json", "validate")
    found = [one["code"] for one in answer.document["mistakes"]]
    assert (answer.code, found) == (2, ["unreadable_line"])
    assert "not in the encoding" in answer.document["mistakes"][0]["message"]
