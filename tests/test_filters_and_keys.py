"""Which rows of an entity count, and keys of several attributes."""

from typing import Any

import pytest

from overtide.pipelines.manifest import entity_counts, expect_all_rows
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import OvertideError
from overtide.schemas.serving_metadata import ServedAttribute, ServedEntity
from overtide.serving.source_records import SourceRecords
from tests.configurations import checked, edited
from tests.source_files import read

CONTENT = """Id,Status,Points
1,ok,5
2,deleted,6
3,,7
4,OK,x
,deleted,8
,ok,9
1,ok,5
"""
ATTRIBUTES: dict[str, Any] = {"Id": "string", "Status": "string", "Points": "integer"}


def test_rows_that_do_not_count_are_left_out_and_counted(tmp_path):
    found = read(tmp_path, CONTENT, ATTRIBUTES, filter="lower(Status) <> 'deleted'")
    assert sorted(found.rows) == [("1", "ok", 5), ("4", "OK", None)]
    assert (found.table.rows_read, found.table.filtered_rows) == (7, 3)
    assert (found.table.set_aside, found.table.exact_repeats) == (1, 1)
    expect_all_rows([found.table])
    assert entity_counts(found.table)["filtered_rows"] == 3


def test_a_row_of_which_the_filter_says_nothing_stays_and_is_named(tmp_path):
    found = read(tmp_path, CONTENT, ATTRIBUTES, filter="cast(Points AS integer) > 5")
    assert sorted(row[0] for row in found.rows) == ["2", "3", "4"]
    (named,) = [row for row in found.corrupt if row.key == "4"]
    assert named.details.startswith("filter: it cannot be computed; Points: expected integer")
    assert named.kept


def test_a_filter_that_leaves_nothing_is_refused(tmp_path):
    with pytest.raises(OvertideError, match="that its filter keeps, of 7") as error:
        read(tmp_path, CONTENT, ATTRIBUTES, filter="Status = 'none'")
    assert error.value.code == "no_rows"


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"Id": 1, "Status": "ok", "Points": 6}, None),
        ({"Id": 1, "Status": "ok", "Points": 5}, "record_left_out"),
        ({"Id": 1, "Status": "ok"}, "record_left_out"),
        ({"Id": 1, "Points": "x"}, "invalid_value"),
    ],
)
def test_a_posted_record_is_filtered_as_a_row_is(record, code):
    attributes = {name: ServedAttribute(type=kind) for name, kind in ATTRIBUTES.items()}
    entity = ServedEntity(attributes, "UTC", "Id", filter="cast(Points AS integer) > 5")
    found = None
    try:
        errors = SourceRecords(entity)(record)[1]
        found = errors[0].code if errors else None
    except OvertideError as error:
        found = error.code
    assert found == code


def test_a_key_of_several_attributes(tmp_path):
    attributes = {"Nr": {"column": "Order No", "type": "integer"}, "Line": "string", "V": "string"}
    content = "Order No,Line,V\n007,a|b,1\n7.0,a|b,2\n7,a\\,3\n7,a\\|,4\n7,,5\nx,a,6\n"
    found = read(tmp_path, content, attributes, primary_key=["Nr", "Line"])
    assert {row[3]: row[2] for row in found.rows} == {
        r"7|a\|b": "2",
        r"7|a\\": "3",
        r"7|a\\\|": "4",
    }
    assert found.table.set_aside == 2
    reasons = [row.details for row in found.corrupt if "Nr" in row.details]
    assert any("Nr_Line: its expression cannot be computed" in reason for reason in reasons)
    entity = Entity.model_validate(
        {"path": "a", "primary_key": ["Nr", "Line"], "attributes": attributes}
    )
    assert entity.primary_key == "Nr_Line"
    served = {
        name: ServedAttribute(**entity.attribute(name).model_dump()) for name in entity.attributes
    }
    record = {"Order No": 7.0, "Line": "a|b", "V": None}
    values, errors = SourceRecords(ServedEntity(served, "UTC", "Nr_Line"))(record)
    assert (values["Nr_Line"], errors) == (r"7|a\|b", [])


def test_a_part_of_a_key_is_read_with_its_marks(tmp_path):
    number = {"type": "integer", "thousands_separator": ".", "decimal_mark": ","}
    attributes = {"Nr": number, "Line": "string"}
    content = 'Nr;Line\n1.234;a\n1234;b\n"1.234,0";c\n'
    found = read(tmp_path, content, attributes, primary_key=["Nr", "Line"], delimiter=";")
    assert sorted(row[-1] for row in found.rows) == ["1234|a", "1234|b", "1234|c"]


ORDERS = "sources/Shop/Orders"


@pytest.mark.parametrize(
    ("edit", "code", "target", "words"),
    [
        (
            (f"{ORDERS}/filter", "Item ="),
            "invalid_expression",
            "sources.Shop.Orders.filter",
            "A value is missing before the end (at character 7)",
        ),
        (
            (f"{ORDERS}/filter", "lower(Item)"),
            "invalid_expression",
            "sources.Shop.Orders.filter",
            "A condition was expected, and this is a text",
        ),
        (
            (f"{ORDERS}/filter", "Itme = 'x'"),
            "missing_column",
            "sources.Shop.Orders.filter",
            "no column 'Itme'",
        ),
        (
            (f"{ORDERS}/primary_key", ["OrderId", "Itme"]),
            "unknown_name",
            "sources.Shop.Orders.primary_key",
            "Did you mean `Item`?",
        ),
        (
            (f"{ORDERS}/primary_key", ["OrderId", "PlacedAt"]),
            "wrong_type",
            "sources.Shop.Orders.primary_key",
            "a primary key is a",
        ),
    ],
)
def test_a_mistake_is_told_at_its_place(tmp_path, edit, code, target, words):
    found = [one for one in checked(tmp_path, edited(edit)) if one.severity == "mistake"]
    assert [(one.code, one.target) for one in found] == [(code, target)]
    assert words in str(found[0])


def test_a_composite_key_is_right(tmp_path):
    assert checked(tmp_path, edited((f"{ORDERS}/primary_key", ["OrderId", "Item"]))) == []


def test_an_expression_may_make_the_whole_key_of_several(tmp_path):
    lines = {
        "path": "data/orders.csv",
        "primary_key": ["OrderId", "Item"],
        "attributes": {"OrderId": "string", "Item": "string", "ContactId": "string"},
    }
    onwards = {"name": "Onwards", "entity": "Shop_Lines", "foreign_key": "ContactId"}
    wanted = (
        ("sources/Shop/Lines", lines),
        ("relationships/1", onwards | {"to": "Shop_Contacts"}),
        ("relationships/0/to", "Shop_Lines"),
        ("relationships/0/foreign_key", "Line"),
    )
    for attribute, right in (
        ("string", False),
        ({"expression": "concat(OrderId, '|', Item)"}, True),
    ):
        found = checked(tmp_path, edited(*wanted, (f"{ORDERS}/attributes/Line", attribute)))
        assert ([one.code for one in found if one.severity == "mistake"] == []) is right, found
