"""The line of an answer to a batch says what the answer to one request says."""

import json

from hypothesis import given
from hypothesis import strategies as st

from overtide.schemas.errors import InvalidRequestError
from overtide.schemas.events import Event, Outcome
from overtide.serving.acceptance import STATUS, Answer, answer_document
from overtide.serving.wire.results import answer_line

INSTANTS = st.integers(0, 253_402_300_800 * 1_000_000 - 1)
TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"]))


@given(INSTANTS, INSTANTS, st.none() | INSTANTS, TEXTS, st.booleans(), st.sampled_from(Outcome))
def test_a_line_is_the_document(accepted, begin, end, name, repeated, outcome):
    event = Event(3, "e", accepted, "activity", None, "S_e", "k", begin, end, "me", "{}", name)
    answer = Answer(event, None, repeated, STATUS[outcome])
    line = answer_line(answer, 7)
    assert json.loads(line) == answer_document(answer, 7)
    assert line.endswith(b"\n")


def test_the_line_of_a_refusal_is_its_document():
    answer = Answer(refusal=InvalidRequestError("invalid_value", "No.", "x", "Yes."))
    assert json.loads(answer_line(answer, 0)) == answer_document(answer, 0)
