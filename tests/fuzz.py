"""`python -m tests.fuzz N`.

Compare N generated histories with the oracle, by hand and over real refreshes and streams.

Histories come in groups; a group is made from its seed alone. The first that fails is made small
and printed, with the command that runs its group again.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st

from overtide.lake.catalog import UNCHECKED
from tests import test_truth_identities
from tests.engine import Engine
from tests.engine_by_hand import HandEngine
from tests.histories import QUESTIONS
from tests.history_steps import Step, histories
from tests.questions import Questions, ask_everything
from tests.restored_histories import RestoredStory, restored_histories
from tests.test_truth import told

GROUP = 10
"""Histories of one seed."""
EVERY = 4
"""Of so many groups one plans its queries as a user's; planning takes longer than all the rest."""
UNPLANNED = "statistics_propagation,join_order"


@dataclass(frozen=True)
class Kind:
    """A kind of history: how often a group is of this kind (percent), and what runs one group."""

    name: str
    share: int
    check: Callable[..., None]


def _by_hand(shrink: bool) -> Callable[..., None]:
    @given(steps=histories(), questions=QUESTIONS, batch=st.integers(1, 7))
    def every_answer(steps: list[Step], questions: Questions, batch: int) -> None:
        with told(HandEngine, steps) as story:
            ask_everything(story, questions, batch)

    return _settled(every_answer, shrink)


def _real(shrink: bool) -> Callable[..., None]:
    @given(steps=histories(refreshes=2, talk=6), questions=QUESTIONS, batch=st.integers(1, 7))
    def every_answer(steps: list[Step], questions: Questions, batch: int) -> None:
        with told(Engine, steps) as story:
            ask_everything(story, questions, batch)

    return _settled(every_answer, shrink)


def _restored(shrink: bool) -> Callable[..., None]:
    @given(steps=restored_histories(), questions=QUESTIONS, batch=st.integers(1, 7))
    def every_answer(steps: list[Step], questions: Questions, batch: int) -> None:
        with told(HandEngine, steps, RestoredStory) as story:
            ask_everything(story, questions, batch)

    return _settled(every_answer, shrink)


def _restored_real(shrink: bool) -> Callable[..., None]:
    @given(
        steps=restored_histories(refreshes=2, talk=4), questions=QUESTIONS, batch=st.integers(1, 7)
    )
    def every_answer(steps: list[Step], questions: Questions, batch: int) -> None:
        with told(Engine, steps, RestoredStory) as story:
            ask_everything(story, questions, batch)

    return _settled(every_answer, shrink)


def _identities(shrink: bool) -> Callable[..., None]:
    @given(history=test_truth_identities.histories())
    def every_id(history: test_truth_identities.History) -> None:
        folder = Path(tempfile.mkdtemp(prefix="identities-"))
        test_truth_identities.check(folder, history)
        shutil.rmtree(folder)

    return _settled(every_id, shrink)


def _settled(check: Callable[..., None], shrink: bool) -> Callable[..., None]:
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    return hypothesis.settings(
        max_examples=GROUP,
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )(check)


KINDS = {
    "identities": _identities,
    "hand": _by_hand,
    "real": _real,
    "restored": _restored,
    "restored-real": _restored_real,
}


def kind_of(seed: int) -> str:
    """Return the kind of a seed's group.

    Of ten groups four by hand, three of identities, two restored, one real.
    """
    kinds = (
        "hand",
        "identities",
        "hand",
        "restored",
        "hand",
        "real",
        "identities",
        "restored",
        "identities",
        "hand",
    )
    return "restored-real" if seed % 20 == 15 else kinds[seed % 10]


def main() -> int:
    """Run as many histories as asked; 1 when one fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("histories", type=int, nargs="?", default=200)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first group")
    parser.add_argument("--kind", choices=sorted(KINDS), help="only histories of this kind")
    parser.add_argument(
        "--no-shrink", action="store_true", help="print the first failure as it was found"
    )
    arguments = parser.parse_args()
    # Every database here is tiny, and two threads of DuckDB take half as much again of the
    # processor as one.
    UNCHECKED["threads"] = 1
    started, done = time.monotonic(), 0
    for seed in range(arguments.seed, arguments.seed + -(-arguments.histories // GROUP)):
        kind = arguments.kind or kind_of(seed)
        UNCHECKED["disabled_optimizers"] = UNPLANNED if seed % EVERY else ""
        try:
            hypothesis.seed(seed)(KINDS[kind](not arguments.no_shrink))()
        except BaseException:
            print(f"\nFailed: python -m tests.fuzz {GROUP} --seed {seed} --kind {kind}", flush=True)
            raise
        done += GROUP
        print(
            f"{done} histories clean, {time.monotonic() - started:.0f} s (seed {seed}: {kind})",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
