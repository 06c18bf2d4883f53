"""The types of the configuration's settings, walked along a path.

For suggestions, placeholders and the reference.
"""

from types import NoneType, UnionType
from typing import Annotated, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from overtide.schemas.mistakes import Path

NO_UUID = "00000000-0000-0000-0000-000000000000"


def settings_of(annotation: object) -> dict[str, FieldInfo]:
    """Return the settings of a section by the names that stand in the document.

    Nothing for other types.
    """
    for member in members(annotation):
        if isinstance(member, type) and issubclass(member, BaseModel):
            return {field.alias or name: field for name, field in member.model_fields.items()}
    return {}


def members(annotation: object) -> list[object]:
    """Return the types of a union, or the one type, without what is annotated on them."""
    if get_origin(annotation) is Annotated:
        return members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [inner for member in get_args(annotation) for inner in members(member)]
    return [annotation]


def below(annotation: object, path: Path) -> object:
    """Return the type of what stands at a path below a type; None where nothing may stand."""
    for step in path:
        annotation = _step(annotation, step)
    return annotation


def _step(annotation: object, step: str | int) -> object:
    settings = settings_of(annotation)
    if step in settings:
        return settings[str(step)].annotation
    for member in members(annotation):
        origin, inner = get_origin(member), get_args(member)
        if (origin is dict and isinstance(step, str)) or (origin is list and isinstance(step, int)):
            return inner[-1]
    return None


def placeholder(annotation: object) -> object:
    """Return a value that a type accepts, to stand where the document has none."""
    first = next((member for member in members(annotation) if member is not NoneType), str)
    settings = settings_of(first)
    if settings:
        return {name: _field(field) for name, field in settings.items() if field.is_required()}
    if get_origin(first) is list:
        return [placeholder(get_args(first)[0])]
    if get_origin(first) is Literal:
        return get_args(first)[0]
    return {} if get_origin(first) is dict else NO_UUID if first is UUID else "?"


def _field(field: FieldInfo) -> object:
    return placeholder(field.annotation)
