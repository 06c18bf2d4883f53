"""Sections of a configuration go to workers while threads of this process use them."""

import pickle
from functools import cached_property
from typing import Any

from overtide.schemas.configuration.model import Model


class Section(Model):
    first: Any
    second: int = 2

    @cached_property
    def computed(self) -> int:
        return self.second + 1


class Computing:
    """A value in whose pickling another thread computes something of its section."""

    section: Section

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        assert self.section.computed == 3
        return str, ("value",)


def test_a_section_of_which_something_is_computed_meanwhile_is_pickled():
    value = Computing()
    value.section = section = Section(first=value)
    found = pickle.loads(pickle.dumps(section))  # noqa: S301 - what this test wrote itself
    assert (found.first, found.second, found.computed) == ("value", 2, 3)
