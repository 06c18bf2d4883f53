"""The metadata of a serving generation: written as ever, and read as any version wrote it."""

import json

import pytest

from overtide.schemas.serving_metadata import ServedAttribute, decoded, encoded
from overtide.schemas.types.attribute_type import Reading

WRITTEN = """{"run": 3, "instance": "5d0f0f3c-1e1b-4f8e-9c53-3f6f0a6b9f10", \
"profile": [{"name": "CustomerId", "type": "string", "updatable": false}], \
"entities": {"Shop_Orders": {"attributes": {\
"At": {"type": "date", "format": "%d-%m-%Y", "decimal_mark": ".", "semantic_type": null, \
"optional": true, "null_words": ["N/A"], "country": null}}, \
"time_zone": "UTC", "primary_key": "At", "unified": false}}, \
"activities": {"Shop_Orders": {"entity": "Shop_Orders", "name": "Orders", "relationship": "of", \
"type": "SalesOrder", "timestamp": "At", "title": "At", "description": null, "url": null, \
"icon": null, "type_display": null, "semantic": {"Day": "At"}, "foreign_key": "By", \
"to": "Shop_People"}}, "real_time": {"update_ttl": "4h", "activity_ttl": "30d"}}"""


def test_it_is_written_as_ever():
    assert json.dumps(encoded(decoded(json.loads(WRITTEN)))) == WRITTEN


def test_what_an_earlier_version_did_not_say_is_what_it_did():
    documents = json.loads(WRITTEN)
    documents["entities"]["Shop_Orders"] = {
        "attributes": {"At": {"type": "double", "decimal_mark": ","}},
        "time_zone": "UTC",
        "primary_key": "At",
    }
    entity = decoded(documents).entities["Shop_Orders"]
    assert entity.unified
    assert entity.attributes == {"At": ServedAttribute("double", decimal_mark=",")}
    assert entity.attributes["At"].reading == Reading(None, ",")


def test_what_a_later_one_says_besides_is_left_out_unless_its_version_is_another():
    documents = json.loads(WRITTEN)
    documents["entities"]["Shop_Orders"]["colour"] = documents["colour"] = "blue"
    assert decoded(documents) == decoded(json.loads(WRITTEN))
    with pytest.raises(ValueError, match="it has version 2, not 1"):
        decoded(documents | {"version": 2})
