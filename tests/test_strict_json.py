"""JSON that came from outside: what is refused, and the limit of a document."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overtide.schemas import strict_json
from overtide.schemas.errors import OvertideError
from overtide.schemas.numbers import Number
from overtide.schemas.strict_json import checked_object, parse_json

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**4001),
    st.floats(),
    st.sampled_from(["1e400", "0.10", "1E-7"]).map(Number),
    st.text(st.characters(codec=None), max_size=40),
    st.lists(st.text(max_size=3), max_size=3),
)


def refusal(document):
    try:
        checked_object(document)
    except OvertideError as error:
        return error.code, error.message
    return None


@given(st.dictionaries(st.text(st.characters(codec=None), max_size=9), VALUES, max_size=6))
def test_what_is_small_at_a_glance_is_what_is_small_when_it_is_written(document):
    at_a_glance = refusal(document)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(strict_json, "MAX_BYTES", 200)
        limited = refusal(document)
        patched.setattr(strict_json, "_is_small", lambda _document: False)
        assert limited == refusal(document)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(strict_json, "_is_small", lambda _document: False)
        assert at_a_glance == refusal(document)


@pytest.mark.parametrize("text", [b"", b" \n", "", "\t"])
def test_what_holds_nothing_is_said_to_be_empty(text):
    with pytest.raises(OvertideError, match="This is no JSON document: it is empty") as error:
        parse_json(text)
    assert error.value.code == "invalid_json"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_bytes_are_utf_8_and_nothing_else(encoding):
    with pytest.raises(OvertideError) as error:
        parse_json('{"a": "é"}'.encode(encoding))
    assert error.value.code == "invalid_json"
    assert parse_json('{"a": "é"}'.encode("utf-8-sig")) == {"a": "é"}
