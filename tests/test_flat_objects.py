"""Objects that are written at once are written as an encoder writes them."""

import json

from hypothesis import given
from hypothesis import strategies as st

from overtide.schemas.flat_objects import FlatObject
from overtide.schemas.numbers import Number
from overtide.schemas.values import canonical

VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
OBJECTS = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), VALUES)


@given(OBJECTS, OBJECTS)
def test_sorted_names_give_canonical_json(values, fixed):
    names = sorted({*values, *fixed})
    assert FlatObject(names, fixed)(values) == canonical(values | fixed)


def test_a_number_that_knows_its_text_is_written_as_a_number():
    values = {"a%": Number("1.50"), "b": "%s"}
    assert FlatObject(["a%", "b"])(values) == canonical(values) == '{"a%":1.5,"b":"%s"}'
    assert json.loads(FlatObject(["b"], {"c": 5})(values | {"b": Number("2.0")})) == {"b": 2.0}
