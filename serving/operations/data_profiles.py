"""Data profiles: what the values of an entity, or of one attribute, look like."""

from typing import Any

from overtide.schemas import tables
from overtide.schemas.errors import NotFoundError
from overtide.schemas.instants import format_instant
from overtide.schemas.suggestions import did_you_mean
from overtide.serving.access.roles import Role
from overtide.serving.data_profiles import attribute_profile, entity_profile
from overtide.serving.fields import unknown_entity
from overtide.serving.odata.entity_sets import EntitySet, entity_sets
from overtide.serving.operations.contract import INSTANCE, Call, Operation, Parameter, Reply
from overtide.serving.wire.refusals import Errors

PATH = "/instances/{instanceId}/dataprofile/{qualifiedEntityName}"
ENTITY = Parameter("qualifiedEntityName", "Full name of an entity.", "path")
ATTRIBUTE = Parameter("attributeName", "Name of an attribute.", "path")
ATTRIBUTES = Parameter("includeAttributeData", "Profile all attributes, too.", kind=bool)


def profile(call: Call) -> Reply:
    """Return an EntityDataProfile."""
    rows, corrupt = _asked(call)
    attributes = rows.stored if call.flag(ATTRIBUTES.name) else ()
    with call.service.asking() as ask:
        document = entity_profile(ask, rows, corrupt)
        found = [attribute_profile(ask, rows, one, corrupt) for one in attributes]
    dated = _dated(call)
    document["attributeDataProfiles"] = [one | dated for one in found]
    return Reply(200, document | dated)


def profile_of_attribute(call: Call) -> Reply:
    """Return an AttributeDataProfile."""
    rows, corrupt = _asked(call)
    name, known = call.path["attributeName"], {one.name: one for one in rows.stored}
    if name not in known:
        raise NotFoundError(
            "unknown_attribute",
            f"{rows.name} has no attribute {name!r}.",
            name,
            did_you_mean(name, known),
        )
    with call.service.asking() as ask:
        found = attribute_profile(ask, rows, known[name], corrupt)
    return Reply(200, found | _dated(call))


def _asked(call: Call) -> tuple[EntitySet, str | None]:
    """Return the entity that is asked for, and the table of its corrupt records."""
    metadata = call.service.generation().metadata
    known, name = entity_sets(metadata), call.path["qualifiedEntityName"]
    if name not in known:
        raise unknown_entity(name, known)
    return known[name], tables.corrupt(name).name if name in metadata.entities else None


def _dated(call: Call) -> dict[str, Any]:
    """Return when what is profiled was published."""
    publish = call.service.reader.published()
    return {"profilingDate": None if publish is None else format_instant(publish.published_at)}


OPERATIONS = (
    Operation(
        "Get-an-entity-profile",
        "GET",
        PATH,
        Role.VIEWER,
        "Profile an entity",
        "Counts the rows of an entity as it was published last, and profiles its attributes.",
        profile,
        {200: "As asked for."},
        (INSTANCE, ENTITY, ATTRIBUTES),
        errors=Errors.MANAGEMENT,
        blocks=True,
        statuses=(404,),
    ),
    Operation(
        "Get-an-attribute-profile",
        "GET",
        f"{PATH}/{{attributeName}}",
        Role.VIEWER,
        "Profile an attribute",
        "Tells what the values of an attribute look like: counts, the most frequent ones, and of "
        "numbers quantiles, moments and a histogram.",
        profile_of_attribute,
        {200: "As asked for."},
        (INSTANCE, ENTITY, ATTRIBUTE),
        errors=Errors.MANAGEMENT,
        blocks=True,
        statuses=(404,),
    ),
)
