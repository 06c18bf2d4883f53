"""One look at the present serves the requests that came before it, and no later one."""

from itertools import count

from overtide.lake.decide.present import Now
from overtide.serving.arrivals import LONGEST_SECONDS, Arrivals


class Looks:
    """Presents that are found one after the other; what happens during a look is told."""

    def __init__(self) -> None:
        self.time, self._numbers = 0.0, count()
        self.arrivals = Arrivals(lambda: self.time)
        self.during = lambda: None

    def found(self) -> int:
        return self.arrivals.present(self._look).as_of

    def _look(self) -> Now:
        number = next(self._numbers)
        self.during()
        return Now(number, number, None)


def test_what_came_before_a_look_shares_it():
    looks = Looks()
    looks.arrivals.note()
    looks.arrivals.note()
    assert [looks.found(), looks.found()] == [0, 0]


def test_what_came_after_a_look_began_has_another():
    looks = Looks()
    looks.found()
    looks.arrivals.note()
    assert looks.found() == 1
    looks.arrivals.note()
    looks.during = looks.arrivals.note
    assert looks.found() == 2
    looks.during = lambda: None
    assert looks.found() == 3


def test_a_look_is_shared_for_a_moment_only_and_may_be_forgotten():
    looks = Looks()
    looks.found()
    looks.time = LONGEST_SECONDS
    assert looks.found() == 1
    looks.arrivals.forget()
    assert looks.found() == 2
