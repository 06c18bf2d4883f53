"""What took how long, for whoever collects traces; where nobody does, spans cost next to nothing.

A span is opened where work is done. Who sends spans away is set once, by the front door.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol, Self

Attribute = str | int | float | bool


class Span(Protocol):
    """Work in progress. Attributes hold no id of a person, no value and no token."""

    def named(self, name: str) -> None:
        """Give it another name."""

    def tell(self, attributes: Mapping[str, Attribute], error: str = "") -> None:
        """Add attributes; an error code says that the work failed."""

    def child(self, name: str, began: int, ended: int, attributes: Mapping[str, Attribute]) -> None:
        """Add a part that is over: nanoseconds since 1970."""


class Tracer(Protocol):
    """Begins spans."""

    def span(
        self, name: str, attributes: Mapping[str, Attribute], parent: Mapping[str, str] | None
    ) -> AbstractContextManager[Span]:
        """Begin a span within the present one, or within the one that a request's headers name."""


class _Nothing:
    """The span of whom nobody watches."""

    def named(self, name: str) -> None:
        pass

    def tell(self, attributes: Mapping[str, Attribute], error: str = "") -> None:
        pass

    def child(self, name: str, began: int, ended: int, attributes: Mapping[str, Attribute]) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass


NOTHING = _Nothing()
_tracers: list[Tracer] = []


def send_to(tracer: Tracer | None) -> None:
    """Let a tracer of this process begin spans from now on, None for nobody."""
    _tracers[:] = [] if tracer is None else [tracer]


def watched() -> bool:
    """Say whether anybody collects spans."""
    return bool(_tracers)


def span(
    name: str, attributes: Mapping[str, Attribute] = {}, parent: Mapping[str, str] | None = None
) -> AbstractContextManager[Span]:
    """Begin a span for the block; `parent` are the headers of a request that may name another."""
    return _tracers[0].span(name, attributes, parent) if _tracers else NOTHING
