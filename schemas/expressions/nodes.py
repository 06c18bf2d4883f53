"""The parts of an expression that was read."""

from dataclasses import dataclass

from overtide.schemas.source_paths import Path


@dataclass(frozen=True)
class Literal:
    """A text, a number (its digits), true, false or null."""

    kind: str
    text: str
    place: int


@dataclass(frozen=True)
class Column:
    """What stands at a path of the row."""

    path: Path
    place: int


@dataclass(frozen=True)
class Call:
    """A function or an operator, and what it is applied to."""

    name: str
    parts: "tuple[Node, ...]"
    place: int


@dataclass(frozen=True)
class Cast:
    """The text of a value read as a type; `may_fail` gives null for one that is none."""

    value: "Node"
    type: str
    may_fail: bool
    place: int


@dataclass(frozen=True)
class Case:
    """Conditions with their values, and the value of what is left."""

    whens: "tuple[tuple[Node, Node], ...]"
    other: "Node | None"
    place: int


Node = Literal | Column | Call | Cast | Case
