"""Generated histories with restored catalogs and damaged generations.

Every answer is that of the restored truth.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine import Engine
from tests.engine_by_hand import HandEngine
from tests.histories import QUESTIONS
from tests.history_steps import Step
from tests.questions import Questions, ask_everything
from tests.restored_histories import RestoredStory, restored_histories
from tests.test_truth import QUICK, told


@pytest.mark.fuzz
@pytest.mark.slow
@settings(QUICK, max_examples=4)
@given(steps=restored_histories(), questions=QUESTIONS, batch=st.integers(1, 7))
def test_every_answer_is_that_of_the_restored_lake(
    steps: list[Step], questions: Questions, batch: int
) -> None:
    with told(HandEngine, steps, RestoredStory) as story:
        ask_everything(story, questions, batch)


@pytest.mark.fuzz
@pytest.mark.slow
@settings(QUICK, max_examples=1)
@given(steps=restored_histories(refreshes=2, talk=4), questions=QUESTIONS, batch=st.integers(1, 7))
def test_every_answer_is_that_of_a_restored_lake_with_real_refreshes(
    steps: list[Step], questions: Questions, batch: int
) -> None:
    with told(Engine, steps, RestoredStory) as story:
        ask_everything(story, questions, batch)
