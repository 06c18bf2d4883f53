"""Paths into the nested values of a source record, such as `customer.address[0].city`.

A path is a tuple of steps: names of columns and fields, and places in lists, from 0.
"""

import re
from collections.abc import Mapping
from typing import Any

Step = str | int
Path = tuple[Step, ...]

_STEP = re.compile(r'\.?(?:"((?:[^"]|"")+)"|([^."\[\]]+))|\[(\d{1,9})\]')


def parse_path(text: str) -> Path:
    """Return the steps of a path; raise ValueError that says what is wrong, and where.

    A name with a point, a bracket or a quote in it stands in double quotes.
    """
    steps: list[Step] = []
    place = 0
    while place < len(text):
        found = _STEP.match(text, place)
        if found is None or (not steps and (found.group(3) or found.group().startswith("."))):
            raise ValueError(f"character {place + 1} ({text[place]!r}) begins no name")
        quoted, name, number = found.groups()
        if steps and number is None and text[place] != ".":
            raise ValueError(f"a point is missing before character {place + 1}")
        steps.append(int(number) if number else quoted.replace('""', '"') if quoted else name)
        place = found.end()
    if not steps:
        raise ValueError("it is empty")
    return tuple(steps)


def shown_path(path: Path) -> str:
    """Return a path as text, as `parse_path` reads it."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            plain = not re.search(r'[."\[\]]', step)
            written = step if plain else '"' + step.replace('"', '""') + '"'
            text += ("." if text else "") + written
    return text


def value_at(record: Mapping[str, Any], path: Path) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return what a record holds at a path, None where it holds nothing there."""
    value: Any = record
    for step in path:
        if type(value) is dict or isinstance(value, Mapping):  # asking for the first is faster
            value = value.get(str(step))
        elif isinstance(value, list) and str(step).isdecimal():
            value = value[int(step)] if int(step) < len(value) else None
        else:
            return None
    return value


def pointer(path: Path) -> str:
    """Return a path as a JSON pointer, by which DuckDB finds what `value_at` finds."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def put(record: dict[str, Any], path: Path, value: object) -> None:
    """Put a value at a path of a record, with the objects and lists on its way."""
    place: Any = record
    for step, following in zip(path, (*path[1:], None), strict=True):
        if isinstance(step, int):
            place.extend([None] * (step + 1 - len(place)))
        inner = place[step] if isinstance(step, int) else place.get(step)
        if inner is None or following is None:
            inner = value if following is None else [] if isinstance(following, int) else {}
        place[step] = inner
        place = inner
