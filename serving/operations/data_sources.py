"""The data sources of the instance: their entities, and when they were last read."""

from typing import Any
from uuid import UUID, uuid5

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import NotFoundError
from overtide.schemas.instants import format_instant
from overtide.serving.access.roles import Role
from overtide.serving.operations.contract import INSTANCE, Call, Operation, Parameter, Reply
from overtide.serving.wire.refusals import Errors

DATA_SOURCE = Parameter("dataSourceId", "Id or name of the data source.", "path")
MODEL = Parameter("includeModel", "Show what its entities hold, too (default true).", kind=bool)


def data_sources(call: Call) -> Reply:
    """Return all data sources as DataSourceInfo, without their models."""
    sources = call.service.configuration().sources
    return Reply(200, [{"dataSourceMetadata": _metadata(call, name)} for name in sources])


def data_source(call: Call) -> Reply:
    """Return one data source as a DataSourceInfo."""
    asked, sources = call.path["dataSourceId"], call.service.configuration().sources
    for name, entities in sources.items():
        if asked.lower() in (name.lower(), _id(call, name)):
            document = {"dataSourceMetadata": _metadata(call, name)}
            with_model = MODEL.name not in call.query or call.flag(MODEL.name)
            return Reply(200, document | ({"model": _model(entities)} if with_model else {}))
    raise NotFoundError(
        "unknown_data_source",
        f"There is no data source {asked!r}.",
        "dataSourceId",
        f"Known are {', '.join(sources)}; GET manage/datasources shows their ids.",
    )


def _id(call: Call, name: str) -> str:
    """Return the id of a data source: the same for ever, it is made of its name."""
    return str(uuid5(UUID(call.service.instance_id), f"datasource:{name}"))


def _metadata(call: Call, name: str) -> dict[str, Any]:
    """Return a DataSourceMetadata."""
    configuration = call.service.configuration()
    entities = configuration.sources[name]
    times = {one.entity: one.timestamp for one in configuration.activities}
    publish = call.service.reader.published()
    return {
        "dataSourceId": _id(call, name),
        "instanceId": call.service.instance_id,
        "name": name,
        "friendlyName": name,
        "isActive": True,
        "entityNames": list(entities),
        "entitiesCount": len(entities),
        "entityInformation": [
            _entity(short, one, times.get(f"{name}_{short}")) for short, one in entities.items()
        ],
        "provisioningState": "active",
        "lastRefresh": None if publish is None else format_instant(publish.published_at),
        "refreshState": "notUpdated" if publish is None else "updated",
    }


def _entity(name: str, entity: Entity, time: str | None) -> dict[str, Any]:
    """Return a DatasourceEntityInformation."""
    meanings = {one: entity.attribute(one).semantic_type for one in entity.attributes}
    return {
        "entityName": name,
        "primaryKey": entity.primary_key,
        "entityType": "unspecified" if time is None else "activity",
        "timestampFieldName": time,
        "semanticLabels": [
            {"attributeName": attribute, "label": meaning.replace(".", "")}
            for attribute, meaning in meanings.items()
            if meaning is not None
        ],
    }


def _model(entities: dict[str, Entity]) -> dict[str, Any]:
    """Return a Model: what the entities hold, with the files' place and format as annotations."""
    return {
        "entities": [
            {
                "name": name,
                "annotations": [
                    {"name": "path", "value": one.path},
                    {"name": "format", "value": one.format},
                    *(
                        {"name": f"{attribute}:type", "value": one.attribute(attribute).type}
                        for attribute in one.attributes
                    ),
                ],
            }
            for name, one in entities.items()
        ]
    }


OPERATIONS = (
    Operation(
        "Get-all-data-sources",
        "GET",
        "/instances/{instanceId}/manage/datasources",
        Role.VIEWER,
        "List the data sources",
        "List the data sources.",
        data_sources,
        {200: "As asked for."},
        (INSTANCE,),
        errors=Errors.MANAGEMENT,
        blocks=True,
    ),
    Operation(
        "Get-data-source",
        "GET",
        "/instances/{instanceId}/manage/datasources/{dataSourceId}",
        Role.VIEWER,
        "Read a data source",
        "Reads a data source: its entities, what they hold, and when they were read.",
        data_source,
        {200: "As asked for."},
        (INSTANCE, DATA_SOURCE, MODEL),
        errors=Errors.MANAGEMENT,
        blocks=True,
        statuses=(404,),
    ),
)
