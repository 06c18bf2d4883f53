"""A log that others append to meanwhile is the one that was read before, whenever they do it."""

from dataclasses import astuple

import pytest

from overtide.eventlog.contract import Instants, ReadableLog, continues, expect_same_log
from overtide.schemas.errors import OvertideError
from tests.small_log import NOW, again, clock, log, update

__all__ = ["clock", "log"]


class Busy:
    """A log to which another process appends just before the n-th question that is asked of it."""

    def __init__(self, log, clock, turn):
        self._log, self._clock, self._turn = log, clock, turn

    def __getattr__(self, name):
        self._turn -= 1
        if self._turn == 0:
            self._clock[0] += 1
            self._log.append([update("later")])
        return getattr(self._log, name)


@pytest.mark.parametrize("turn", range(1, 6))
def test_a_log_that_goes_on_meanwhile_continues(log, clock, turn):
    log.append([update(str(number)) for number in range(3)])
    tail = log.tail()
    assert continues(Busy(log, clock, turn), tail.position, tail.accepted_at)


@pytest.mark.parametrize("turn", range(1, 6))
def test_another_log_that_goes_on_meanwhile_does_not(log, clock, tmp_path, turn):
    log.append([update(str(number)) for number in range(3)])
    marks = [astuple(log.tail())]
    log.close()
    for file in log.path.parent.iterdir():
        file.unlink()
    clock[0] = NOW + 1_000
    other = again(log, clock)
    other.append([update(str(number)) for number in range(3)])
    with pytest.raises(OvertideError, match="another event log") as refused:
        expect_same_log(Busy(other, clock, turn), marks)
    assert refused.value.code == "log_replaced"
    other.close()


def test_nobody_can_ask_for_the_end_and_the_last_acceptance_one_after_the_other():
    """A refresh did: where an event came between them, its run named no log that ever was."""
    named = [name for name in dir(ReadableLog) + dir(Instants) if "accepted" in name]
    assert named == []
