"""How entities are related, as a drawing: boxes in columns, and a line from each key to its record.

Whoever holds the key of another stands to the left of it, as far as that is possible.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT, ACROSS, DOWN, MARGIN = 256, 46, 80, 22, 12
LETTERS = 29
"""Letters of a name that fit into a box; the whole name is its title."""


@dataclass(frozen=True, slots=True)
class Box:
    """An entity: its place and what is written in it."""

    name: str
    shown: str
    kind: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Line:
    """A relationship: the path of its line, and what it is called."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """All of it, with the size that it takes."""

    boxes: Sequence[Box]
    lines: Sequence[Line]
    width: int
    height: int


def drawing(kinds: Mapping[str, str], relationships: Sequence[Mapping[str, Any]]) -> Drawing:
    """Return the drawing of the entities that are related; `kinds` are their types by name."""
    pairs = [
        (one["fromEntityName"], one["toEntityName"], one["name"])
        for one in relationships
        if one["fromEntityName"] in kinds and one["toEntityName"] in kinds
    ]
    columns = _columns([(begin, end) for begin, end, _ in pairs])
    tallest = max((len(names) for names in columns), default=0)
    boxes: dict[str, Box] = {}
    for place, names in enumerate(columns):
        top = MARGIN + (tallest - len(names)) * (HEIGHT + DOWN) // 2
        for number, name in enumerate(names):
            x, y = MARGIN + place * (WIDTH + ACROSS), top + number * (HEIGHT + DOWN)
            boxes[name] = Box(name, _shortened(name), kinds[name], x, y)
    lines = [Line(name, _path(boxes[begin], boxes[end])) for begin, end, name in pairs]
    width = 2 * MARGIN + len(columns) * (WIDTH + ACROSS) - ACROSS
    height = 2 * MARGIN + tallest * (HEIGHT + DOWN) - DOWN
    return Drawing(list(boxes.values()), lines, max(width, 0), max(height, 0))


def _columns(pairs: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Return names by column: each to the left of all that it refers to; circles are cut."""
    following: dict[str, list[str]] = defaultdict(list)
    for begin, end in pairs:
        following[begin].append(end)
    depth: dict[str, int] = {}

    def reach(name: str, seen: frozenset[str]) -> int:
        if name not in depth:
            next_ones = [one for one in following[name] if one not in seen]
            depth[name] = max((reach(one, seen | {one}) + 1 for one in next_ones), default=0)
        return depth[name]

    names = sorted({name for pair in pairs for name in pair})
    for name in names:
        reach(name, frozenset((name,)))
    deepest = max(depth.values(), default=-1)
    found: list[list[str]] = [[] for _ in range(deepest + 1)]
    for name in names:
        found[deepest - depth[name]].append(name)
    return found


def _path(begin: Box, end: Box) -> str:
    """Return a curve from the right side of a box to the left side of another."""
    x1, y1 = begin.x + WIDTH, begin.y + HEIGHT // 2
    x2, y2 = end.x, end.y + HEIGHT // 2
    if x2 <= x1:  # to itself, or back: around the outside
        x2 = end.x + WIDTH
        return f"M{x1} {y1 - 8} C{x1 + 50} {y1 - 8} {x2 + 50} {y2 + 8} {x2} {y2 + 8}"
    bend = (x2 - x1) // 2
    return f"M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"


def _shortened(name: str) -> str:
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"
