"""Generated histories: reads, stream, rebuild and SQL say what the oracle says.

They do so whatever happens.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.engine import Engine
from tests.engine_by_hand import HandEngine
from tests.histories import QUESTIONS, Story
from tests.history_steps import Step, histories
from tests.questions import Questions, ask_everything

QUICK = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
    database=None,
)
"""Shrinking takes minutes; `make fuzz` does it."""


@contextmanager
def told(kind: type[Engine], steps: list[Step], told_as: type[Story] = Story) -> Iterator[Story]:
    """Tell a history in a folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="history-"))
    (folder / "project").mkdir()
    story = told_as.begin(kind, folder / "project")
    try:
        story.tell(steps)
        yield story
    finally:
        story.engine.close()
        shutil.rmtree(folder)


@pytest.mark.fuzz
@pytest.mark.slow
@settings(QUICK, max_examples=4)
@given(steps=histories(), questions=QUESTIONS, batch=st.integers(1, 7))
def test_every_answer_is_the_oracle_s(steps: list[Step], questions: Questions, batch: int) -> None:
    with told(HandEngine, steps) as story:
        ask_everything(story, questions, batch)


@pytest.mark.fuzz
@pytest.mark.slow
@settings(QUICK, max_examples=2)
@given(steps=histories(refreshes=2, talk=6), questions=QUESTIONS, batch=st.integers(1, 7))
def test_every_answer_is_the_oracle_s_over_real_refreshes_and_streams(
    steps: list[Step], questions: Questions, batch: int
) -> None:
    with told(Engine, steps) as story:
        ask_everything(story, questions, batch)
