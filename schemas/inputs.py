"""What is read of a source record: the texts from which its attributes are made.

The same of a row of a file and of a posted record.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from overtide.schemas.source_paths import Path, parse_path, shown_path

if TYPE_CHECKING:
    from overtide.schemas.expressions.nodes import Node  # who has no expression loads none

FILTER = ""
"""The name of what an entity's filter makes, beside its attributes'."""


class Input(NamedTuple):
    """A text of a source record: where it stands, and the attribute by whose rules it is read.

    `owner` is the name of the attribute that needs it.
    """

    path: Path
    attribute: Any
    owner: str

    @property
    def column(self) -> str:
        """The column of the source in which it stands."""
        return str(self.path[0])


def inputs_of(
    attributes: Mapping[str, Any], expressions: Mapping[str, str], kind: Callable[..., Any]
) -> dict[str, Input]:
    """Return the inputs of attributes in their long form, by name.

    An attribute has one that is called like it; an expression (the filter's is among them) one for
    each column that it names. `kind` makes the attributes by which they are read.
    """
    inputs: dict[str, Input] = {}
    for name, one in attributes.items():
        if name not in expressions:
            inputs[name] = Input(source_of(name, one), one, name)
    for name, expression in expressions.items():
        how = attributes.get(name)
        words, optional = (how.null_words, how.optional) if how else (None, False)
        text = kind(type="string", null_words=words, optional=optional)
        inputs |= {input_name(name, path): Input(path, text, name) for path in paths_of(expression)}
    return inputs


def input_name(attribute: str, path: Path) -> str:
    """Return how the input of an expression is called: no attribute has a line end in its name."""
    return f"{attribute}:\n{shown_path(path)}"


def source_of(name: str, attribute: Any) -> Path:  # noqa: ANN401 - of the configuration or served
    """Return where an attribute's text stands in a source record."""
    if attribute.path is None:
        return (attribute.column or name,)
    try:
        return parse_path(attribute.path)
    except ValueError:
        return (attribute.path,)  # the checks of the configuration say so


@cache
def parsed(expression: str) -> "Node":
    """Return an expression that was read; raise `ExpressionError`."""
    from overtide.schemas.expressions.parsing import parse

    return parse(expression)


def paths_of(expression: str) -> list[Path]:
    """Return the paths that an expression names, each once; none of one that cannot be read."""
    from overtide.schemas.expressions.mistake import ExpressionError
    from overtide.schemas.expressions.parsing import columns_of

    try:
        return list(dict.fromkeys(column.path for column in columns_of(parsed(expression))))
    except ExpressionError:
        return []
