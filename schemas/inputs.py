"""What is read of a source record: the texts from which its attributes are made.

The same of a row of a file and of a posted record.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from overtide.schemas.source_paths import Path, parse_path


class Input(NamedTuple):
    """A text of a source record: where it stands, and the attribute by whose rules it is read."""

    path: Path
    attribute: Any

    @property
    def column(self) -> str:
        """The column of the source in which it stands."""
        return str(self.path[0])


def inputs_of(attributes: Mapping[str, Any]) -> dict[str, Input]:
    """Return the inputs of attributes in their long form, by the attributes' names."""
    return {name: Input(source_of(name, one), one) for name, one in attributes.items()}


def source_of(name: str, attribute: Any) -> Path:  # noqa: ANN401 - of the configuration or served
    """Return where an attribute's text stands in a source record."""
    if attribute.path is None:
        return (attribute.column or name,)
    try:
        return parse_path(attribute.path)
    except ValueError:
        return (attribute.path,)  # the checks of the configuration say so
