"""Check the target and the fields of a profile update against the published generation."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from overtide.lake.generation import Generation
from overtide.schemas.errors import InvalidRequestError, NotFoundError, OvertideError, UsageError
from overtide.schemas.serving_metadata import ServedEntity
from overtide.schemas.suggestions import did_you_mean
from overtide.schemas.table import ProfileField
from overtide.schemas.types import type_of
from overtide.schemas.values import Value


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
        raise NotFoundError(
            "nothing_published",
            "There are no customers yet: nothing was published.",
            None,
            "Run `overtide refresh` first.",
        )
    return generation


def checked_target(generation: Generation, target: Target) -> Target:
    """Return the target as events keep it, a key in its canonical text.

    Raise when the base has no such customer.

    Codes: `customer_not_found`, `unknown_entity`, `entity_not_unified`.
    """
    if target.entity is None:
        if target.customer_id is None or generation.resolve_id(target.customer_id) is None:
            raise customer_not_found(target)
        return Target(target.customer_id)
    key = generation.key_text(target.entity, target.key or "")
    if generation.resolve_record(target.entity, key) is None:
        expect_unified(generation.metadata.entities, target.entity)
        raise customer_not_found(Target(None, target.entity, key))
    return Target(None, target.entity, key)


def customer_not_found(target: Target, when: str = "") -> OvertideError:
    """Return the error of a target that no customer is or has; `when` names an earlier base."""
    if target.entity is None:
        return NotFoundError(
            "customer_not_found",
            no_customer(target.customer_id, when),
            "CustomerId",
            "Check the id, or name the customer by a source record's key.",
        )
    return NotFoundError(
        "customer_not_found",
        f"No customer has the record {target.key!r} of {target.entity}{when}.",
        target.entity,
        "Check the key; a record counts once a refresh has unified it.",
    )


def no_customer(customer_id: str | None, when: str = "") -> str:
    """Return the sentence of an id that no customer has, or had in the base that `when` names."""
    return f"There is no customer {customer_id}{when}."


def expect_unified(entities: Mapping[str, ServedEntity], name: str) -> None:
    """Raise `unknown_entity`, or `entity_not_unified` where records make up no customers."""
    if name not in entities:
        raise unknown_entity(name, entities)
    if not entities[name].unified:
        others = ", ".join(other for other in entities if entities[other].unified)
        raise NotFoundError(
            "entity_not_unified",
            f"Records of {name} make up no customers: it is not unified.",
            name,
            f"Name the customer by a record of {others}, or by a CustomerId.",
        )


def unknown_entity(name: str, known: Iterable[str]) -> OvertideError:
    """Return the error of an entity that the base does not have; suggest one of those that fit."""
    return NotFoundError(
        "unknown_entity", f"There is no entity {name}.", name, did_you_mean(name, known)
    )


def checked_fields(generation: Generation, fields: Mapping[str, Any]) -> dict[str, Value]:
    """Return the canonical values of an update; raise what is wrong with them.

    Codes: `empty_update`, `unknown_field`, `field_not_updatable`, `invalid_value`; `invalid_fields`
    for several.
    """
    if not fields:
        raise UsageError(
            "empty_update", "The update names no field.", None, "Name at least one field."
        )
    values: dict[str, Value] = {}
    errors = []
    for name, value in fields.items():
        try:
            values[name] = type_of(updatable_type(generation, name)).from_json(value)
        except InvalidRequestError as error:
            errors.append(error.about(name))
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
        raise InvalidRequestError(
            "unknown_field", f"Customers have no field {name!r}.", name, did_you_mean(name, known)
        )
    if not field.updatable:
        raise InvalidRequestError(
            "field_not_updatable",
            f"{name} {_made(field)} and cannot be updated.",
            name,
            "Name fields that can be: `overtide get` shows them.",
        )
    return field.type


def _made(field: ProfileField) -> str:
    return "is told by the rules of clusters" if field.cluster else "identifies the customer"


def combined(errors: Sequence[OvertideError]) -> OvertideError:
    """Return one error for all: the only one itself, or `invalid_fields` with details."""
    if len(errors) == 1:
        return errors[0]
    names = ", ".join(str(error.target) for error in errors)
    return InvalidRequestError(
        "invalid_fields", f"{len(errors)} fields were refused: {names}.", details=tuple(errors)
    )
