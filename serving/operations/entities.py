"""The entities of the instance: what they hold, how large they are, how they are related."""

from collections.abc import Callable
from typing import Any

from overtide.schemas.errors import NotFoundError, UsageError
from overtide.schemas.names import quoted
from overtide.schemas.suggestions import did_you_mean
from overtide.schemas.table import SCHEMA
from overtide.serving.entities import (
    QUARANTINED,
    SELF_CONFLATED,
    DescribedEntity,
    described,
    naming_customers,
    taking_records,
)
from overtide.serving.examples import example_of
from overtide.serving.fields import unknown_entity
from overtide.serving.operations.contract import Call, Operation, Parameter, Reply, reading
from overtide.serving.relationships import Relationship, declared, made
from overtide.serving.wire.entities import annotations, entity_metadata, relationship_metadata
from overtide.serving.wire.json_schemas import row_schema, sent_schema

ENTITY = Parameter("entityName", "Full name of an entity.", "path")
ANNOTATIONS = Parameter("attributesAnnotations", "Tell more of the attributes.", kind=bool)
QUARANTINE = Parameter(
    "includeQuarantined", "Show those of corrupt and set-aside records, too.", kind=bool
)
DUPLICATES = Parameter(
    "includeSelfConflatedEntity", "Show those of duplicates within an entity, too.", kind=bool
)
ACCEPTS = Parameter(
    "accepts",
    "Show only those that take new `records`, or by whose keys `changes` name a customer.",
)
SIZES_TOO = Parameter("includeSizes", "Show how many rows and bytes each has, too.", kind=bool)
ACCEPTING = {"records": taking_records, "changes": naming_customers}
RELATIONSHIP = Parameter("relationshipName", "Name of the relationship.", "path")
ALL_SIZES = """SELECT table_name, file_size_bytes + delete_file_size_bytes
    FROM ducklake_table_info('lake')"""
SIZES = """SELECT file_size_bytes + delete_file_size_bytes FROM ducklake_table_info('lake')
    WHERE table_name = ?"""


def all_entities(call: Call) -> Reply:
    """Return all entities as an IC360EntityModel."""
    hidden = set()
    if not call.flag(QUARANTINE.name):
        hidden.add(QUARANTINED)
    if not call.flag(DUPLICATES.name):
        hidden.add(SELF_CONFLATED)
    known = _accepting(call, _described(call))
    shown = [one for one in known.values() if one.kind.entity not in hidden]
    entities = [_document(call, one) for one in shown]
    if call.flag(SIZES_TOO.name):
        _add_sizes(call, shown, entities)
    return Reply(200, {"instanceId": call.service.instance_id, "entities": entities})


def _add_sizes(call: Call, shown: list[DescribedEntity], documents: list[dict[str, Any]]) -> None:
    """Add `rowCount` and `size`, bytes of its files, to the document of each entity."""
    with call.service.asking() as ask:
        sizes = dict(ask(ALL_SIZES))
        for one, document in zip(shown, documents, strict=True):
            ((rows,),) = ask(f"SELECT count(*) FROM {SCHEMA}.{quoted(one.rows.name)}")
            document |= {"rowCount": rows, "size": sizes.get(one.rows.name, 0)}


def _accepting(call: Call, known: dict[str, DescribedEntity]) -> dict[str, DescribedEntity]:
    """Return the entities that take what is asked for, all where nothing is."""
    asked = call.query.get(ACCEPTS.name)
    if asked is None:
        return known
    if asked not in ACCEPTING:
        raise UsageError(
            "invalid_parameter",
            f"{asked!r} is nothing that entities accept.",
            ACCEPTS.name,
            f"Ask for {' or '.join(ACCEPTING)}.",
        )
    names = ACCEPTING[asked](call.service.generation().metadata)
    return {name: one for name, one in known.items() if name in names}


def entity(call: Call) -> Reply:
    """Return one entity as an IEntityMetadata, with what may be sent about it and what is read."""
    one = _named(call)
    schemas = {
        "jsonSchema": sent_schema(call.service.generation(), one.rows.name),
        "rowJsonSchema": row_schema(one.rows),
    }
    return Reply(200, _document(call, one) | schemas)


def entity_size(call: Call) -> Reply:
    """Return how many rows an entity has, and the bytes of its files, as an EntitySize."""
    one = _named(call)
    name = one.rows.name
    sizes = call.service.rows(SIZES, [name])
    ((rows,),) = call.service.rows(f"SELECT count(*) FROM {SCHEMA}.{quoted(name)}")
    return Reply(
        200,
        {"qualifiedEntityName": name, "size": sizes[0][0] if sizes else 0, "rowCount": rows},
    )


def all_relationships(call: Call) -> Reply:
    """Return the relationships that the project declares."""
    return Reply(200, [_relationship(call, one) for one in declared(call.service.configuration())])


def system_relationships(call: Call) -> Reply:
    """Return the relationships that unification makes."""
    metadata = call.service.generation().metadata
    return Reply(200, [_relationship(call, one) for one in made(metadata)])


def relationship(call: Call) -> Reply:
    """Return one relationship, whoever made it."""
    known = {one.name: one for one in _relationships(call)}
    name = call.path["relationshipName"]
    if name not in known:
        raise NotFoundError(
            "unknown_relationship",
            f"There is no relationship {name!r}.",
            name,
            did_you_mean(name, known),
        )
    return Reply(200, _relationship(call, known[name]))


def _described(call: Call) -> dict[str, DescribedEntity]:
    return described(call.service.configuration(), call.service.generation().metadata)


def _named(call: Call) -> DescribedEntity:
    known, name = _described(call), call.path["entityName"]
    if name not in known:
        raise unknown_entity(name, known)
    return known[name]


def _document(call: Call, one: DescribedEntity) -> dict[str, Any]:
    generation = call.service.generation()
    document = entity_metadata(one, _relationships(call))
    document["annotations"] = annotations(one) if call.flag(ANNOTATIONS.name) else []
    example = example_of(generation, one.rows.name)
    return document if example is None else document | {"example": example}


def _relationships(call: Call) -> list[Relationship]:
    metadata = call.service.generation().metadata
    return [*declared(call.service.configuration()), *made(metadata)]


def _relationship(call: Call, one: Relationship) -> dict[str, Any]:
    return relationship_metadata(one, call.service.instance_id)


def _telling(
    name: str,
    path: str,
    title: str,
    run: Callable[[Call], Reply],
    *parameters: Parameter,
) -> Operation:
    place = f"/instances/{{instanceId}}/manage/{path}"
    return reading(name, place, title, f"{title}.", run, *parameters, statuses=(404,))


_LISTED = (ANNOTATIONS, QUARANTINE, DUPLICATES, ACCEPTS, SIZES_TOO)
OPERATIONS = (
    *(
        operation
        for word, more in (("entities", ""), ("tables", "-as-tables"))
        for operation in (
            _telling(
                f"Get-all-entity-metadata{more}", word, "List the entities", all_entities, *_LISTED
            ),
            _telling(
                f"Get-entity-metadata{more}",
                f"{word}/{{entityName}}",
                "Describe an entity, with an example and JSON Schemas of what is sent and read",
                entity,
                ENTITY,
                ANNOTATIONS,
            ),
            _telling(
                f"Get-entity-size{more}",
                f"{word}/{{entityName}}/entitysize",
                "Tell how large an entity is",
                entity_size,
                ENTITY,
            ),
        )
    ),
    _telling(
        "Get-all-relationships",
        "relationships",
        "List the declared relationships",
        all_relationships,
    ),
    _telling(
        "Get-a-relationship",
        "relationships/{relationshipName}",
        "Read a relationship",
        relationship,
        RELATIONSHIP,
    ),
    _telling(
        "Get-all-system-created-relationships",
        "systemrelationships",
        "List the relationships that unification makes",
        system_relationships,
    ),
)
