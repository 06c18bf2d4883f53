"""A fragment of SQL with its parameters: what a client wrote is only ever a parameter."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sql:
    """SQL text whose `?` stand for the parameters, in their order."""

    text: str
    parameters: tuple[object, ...] = ()


NULL, TRUE = Sql("NULL"), Sql("true")


def written(template: str, *parts: Sql) -> Sql:
    """Put parts into the `{}` of a template, in order, with their parameters."""
    text = template.format(*(part.text for part in parts))
    return Sql(text, tuple(one for part in parts for one in part.parameters))


def joined(separator: str, parts: Iterable[Sql]) -> Sql:
    """Join parts by a separator."""
    listed = list(parts)
    return Sql(
        separator.join(part.text for part in listed),
        tuple(one for part in listed for one in part.parameters),
    )
