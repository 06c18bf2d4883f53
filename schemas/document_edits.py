"""Change numbers in the text of `overtide.yaml`, and nothing else: comments and layout stay."""

from collections.abc import Mapping
from typing import Any

import yaml

from overtide.schemas.errors import UsageError
from overtide.schemas.mistakes import Path, shown

Edit = tuple[int, int, str]
"""From where to where a text is replaced, and by what."""


def with_numbers(text: str, numbers: Mapping[Path, float]) -> str:
    """Return a document with numbers at paths, each an existing setting or a new one of a mapping.

    Raises `number_not_written` where that would change more: a value that comes from the
    environment, or one that stands in several places by an anchor.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    edits: dict[int, Edit] = {}
    for path, number in numbers.items():
        start, end, written = _edit(root, path, f"{number:g}")
        if edits.setdefault(start, (start, end, written)) != (start, end, written):
            raise _not_written(path)
    done = text
    for start, end, written in sorted(edits.values(), reverse=True):
        done = done[:start] + written + done[end:]
    _expect_only(text, done, numbers)
    return done


def _edit(root: yaml.Node | None, path: Path, number: str) -> Edit:
    node = root
    for step in path[:-1]:
        node = None if node is None else _below(node, step)
    if not isinstance(node, yaml.MappingNode) or not node.value:
        raise _not_written(path)
    there = _below(node, path[-1])
    if there is not None:
        return there.start_mark.index, there.end_mark.index, number
    if node.flow_style:
        end = node.value[-1][1].end_mark.index
        return end, end, f", {path[-1]}: {number}"
    start = node.start_mark
    return start.index, start.index, f"{path[-1]}: {number}\n{' ' * start.column}"


def _below(node: yaml.Node, step: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        found: yaml.Node = node.value[step]
        return found
    return None


def _expect_only(before: str, after: str, numbers: Mapping[Path, float]) -> None:
    """Raise unless the numbers, and nothing else, are what differs between two documents."""
    wanted, found = _apart(yaml.safe_load(before)), yaml.safe_load(after)
    for path, number in numbers.items():
        place = wanted
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = number
    if wanted != found:
        raise _not_written(next(iter(numbers)))


def _apart(value: object) -> Any:  # noqa: ANN401 - whatever a document holds
    """Return a document in which nothing is the same object: aliases give the anchor's own."""
    if isinstance(value, dict):
        return {key: _apart(one) for key, one in value.items()}
    return [_apart(one) for one in value] if isinstance(value, list) else value


def _not_written(path: Path) -> UsageError:
    return UsageError(
        "number_not_written",
        "A number cannot be written into overtide.yaml without changing more.",
        shown(path),
        "Write it there yourself; it may come from an anchor or the environment.",
    )
