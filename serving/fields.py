"""Check the target and the fields of a profile update against the published generation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from overtide.lake.generation import Generation
from overtide.schemas.errors import OvertideError, usage_error
from overtide.schemas.suggestions import did_you_mean
from overtide.schemas.types import type_of
from overtide.schemas.values import Value

NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Target:
    """What an update or a withdrawal is about.

    A CustomerId, or a source record by entity and primary key.
    """

    customer_id: str | None = None
    entity: str | None = None
    key: str | None = None

    def document(self) -> dict[str, str | None]:
        """Return the target as it is part of a request's hash."""
        return {"customerId": self.customer_id, "entity": self.entity, "key": self.key}


def published(generation: Generation | None) -> Generation:
    """Return the generation; raise `nothing_published` before the first refresh."""
    if generation is None:
        raise OvertideError(
            "nothing_published",
            "There are no customers yet: nothing was published.",
            None,
            "Run `overtide refresh` first.",
            NOT_FOUND,
        )
    return generation


def checked_target(generation: Generation, target: Target) -> Target:
    """Return the target as events keep it, a key in its canonical text.

    Raise when the base has no such customer.

    Codes: `customer_not_found`, `unknown_entity`, `entity_not_unified`.
    """
    if target.entity is None:
        if target.customer_id is None or generation.resolve_id(target.customer_id) is None:
            raise OvertideError(
                "customer_not_found",
                f"There is no customer {target.customer_id}.",
                "CustomerId",
                "Check the id, or name the customer by a source record's key.",
                NOT_FOUND,
            )
        return Target(target.customer_id)
    expect_unified(generation.entities, target.entity)
    key = generation.key_text(target.entity, target.key or "")
    if generation.resolve_record(target.entity, key) is None:
        raise OvertideError(
            "customer_not_found",
            f"No customer has the record {key!r} of {target.entity}.",
            target.entity,
            "Check the key; a record counts once a refresh has unified it.",
            NOT_FOUND,
        )
    return Target(None, target.entity, key)


def expect_unified(entities: Mapping[str, Any], name: str) -> None:
    """Raise `unknown_entity`, or `entity_not_unified` where records make up no customers."""
    if name not in entities:
        raise unknown_entity(name, entities)
    if not entities[name].get("unified", True):  # runs published by earlier versions do not say
        others = ", ".join(other for other in entities if entities[other].get("unified", True))
        raise OvertideError(
            "entity_not_unified",
            f"Records of {name} make up no customers: it is not unified.",
            name,
            f"Name the customer by a record of {others}, or by a CustomerId.",
            NOT_FOUND,
        )


def unknown_entity(name: str, known: Iterable[str]) -> OvertideError:
    """Return the error of an entity that the base does not have; suggest one of those that fit."""
    return OvertideError(
        "unknown_entity", f"There is no entity {name}.", name, did_you_mean(name, known), NOT_FOUND
    )


def checked_fields(generation: Generation, fields: Mapping[str, Any]) -> dict[str, Value]:
    """Return the canonical values of an update; raise what is wrong with them.

    Codes: `empty_update`, `unknown_field`, `field_not_updatable`, `invalid_value`; `invalid_fields`
    for several.
    """
    if not fields:
        raise usage_error(
            "empty_update", "The update names no field.", None, "Name at least one field."
        )
    values: dict[str, Value] = {}
    errors = []
    for name, value in fields.items():
        try:
            values[name] = type_of(updatable_type(generation, name)).from_json(value)
        except OvertideError as error:
            error.target = name
            errors.append(error)
    if errors:
        raise combined(errors)
    return values


def updatable_type(generation: Generation, name: str) -> str:
    """Return the type of a field that updates may change.

    Raise `unknown_field` or `field_not_updatable`.
    """
    field = generation.profile_fields.get(name)
    if field is None:
        known = (field.name for field in generation.profile_fields.values() if field.updatable)
        raise OvertideError(
            "unknown_field", f"Customers have no field {name!r}.", name, did_you_mean(name, known)
        )
    if not field.updatable:
        raise OvertideError(
            "field_not_updatable",
            f"{name} identifies the customer and cannot be updated.",
            name,
            "Name fields that can be: `overtide get` shows them.",
        )
    return field.type


def combined(errors: list[OvertideError]) -> OvertideError:
    """Return one error for all: the only one itself, or `invalid_fields` with details."""
    if len(errors) == 1:
        return errors[0]
    names = ", ".join(str(error.target) for error in errors)
    return OvertideError(
        "invalid_fields", f"{len(errors)} fields were refused: {names}.", details=errors
    )
