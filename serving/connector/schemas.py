"""What the connector's operations answer and take, as schemas of Swagger 2.0."""

from collections.abc import Mapping
from typing import Any

from overtide.serving.webhooks.events import PUBLISHED, Event

Schema = dict[str, Any]


def titled(name: str) -> str:
    """Return a name as a title: `validUntil` as `Valid Until`."""
    words, word = [], ""
    for letter in name.removeprefix("$").replace("-", " "):
        if letter == " " or (letter.isupper() and word and not word[-1].isupper()):
            words.append(word)
            word = ""
        word += letter.strip()
    return " ".join(one[0].upper() + one[1:] for one in (*words, word) if one)


def of_kind(kind: str, name: str, text: str, **more: object) -> Schema:
    """Return the schema of a value."""
    return {"type": kind, "x-ms-summary": titled(name), "description": text, **more}


def of_texts(texts: Mapping[str, str]) -> Schema:
    """Return an object of texts, some of which may be missing: their names, and what they mean."""
    kind = {"type": "string", "x-nullable": True}
    return an_object(
        {
            name: kind | {"x-ms-summary": titled(name), "description": text}
            for name, text in texts.items()
        }
    )


def an_object(properties: Mapping[str, Schema], *required: str) -> Schema:
    """Return an object."""
    schema: Schema = {"type": "object", "properties": dict(properties)}
    return schema | ({"required": list(required)} if required else {})


def a_list(items: Schema) -> Schema:
    """Return a list."""
    return {"type": "array", "items": items}


def of_entity(member: str, entity: object) -> Schema:
    """Return what the metadata of an entity says in a member; the entity is chosen in the form."""
    return {
        "type": "object",
        "x-ms-dynamic-schema": {
            "operationId": "GetEntity",
            "parameters": {"instanceId": {"parameter": "instanceId"}, "entityName": entity},
            "value-path": member,
        },
    }


CHOSEN = {"parameter": "entityName"}
ROW = of_entity("rowJsonSchema", CHOSEN)
RECORD = of_entity("jsonSchema", CHOSEN)
CHANGES = of_entity("jsonSchema", "Customer")
"""Whoever names a customer, and how, the changes are those of Customer's fields."""
INSTANCES = a_list(
    of_texts({"instanceId": "Id of the instance.", "name": "What the instance is called."})
)
ENTITY = of_texts(
    {
        "qualifiedEntityName": "Full name of the entity.",
        "name": "Name within its data source.",
        "description": "What it holds.",
        "dataSourceName": "Its data source, if it has one.",
        "entityType": "What kind of entity it is.",
    }
)
ENTITIES = an_object(
    {
        "instanceId": of_kind("string", "instanceId", "Id of the instance."),
        "entities": a_list(ENTITY),
    }
)
DESCRIBED = an_object(
    {
        **ENTITY["properties"],
        "jsonSchema": {"type": "object", "description": "What may be sent about it."},
        "rowJsonSchema": {"type": "object", "description": "What its rows hold."},
    }
)
CREATED = an_object(
    {
        "statusCode": of_kind("integer", "statusCode", "201, or 202 where it is held."),
        "value": of_texts(
            {
                "eventId": "Id of the event.",
                "acceptedAt": "When it was accepted.",
                "validUntil": "When it ends.",
            }
        ),
    }
)
PAGE = an_object(
    {
        "value": a_list(ROW),
        "@odata.count": of_kind("integer", "count", "How many rows there are, if asked for."),
        "@odata.nextLink": of_kind("string", "nextLink", "Where the next page is."),
    }
)
PARTITIONS = an_object(
    {
        "httpRequests": a_list(
            an_object(
                {
                    "uri": of_kind("string", "uri", "A link to a CSV file; it ends in an hour."),
                    "headers": {"type": "object", "description": "Headers to send with it."},
                }
            )
        )
    }
)
KEYRING = an_object(
    {
        "customerId": of_kind("string", "customerId", "Id of the customer."),
        "instanceId": of_kind("string", "instanceId", "Id of the instance."),
        "keyRing": a_list(
            an_object(
                {
                    **of_texts(
                        {
                            "dataSourceName": "A data source.",
                            "entityName": "One of its entities.",
                            "preferredKey": "The key of the record that represents it.",
                        }
                    )["properties"],
                    "keys": a_list({"type": "string"}),
                }
            )
        ),
    }
)
SUBSCRIPTION = an_object(
    {
        "url": of_kind(
            "string",
            "url",
            "Where to send.",
            **{"x-ms-notification-url": True, "x-ms-visibility": "internal"},
        )
    },
    "url",
)
WEBHOOK = of_texts(
    {
        "webhookId": "Id of the webhook.",
        "event": "What it tells of.",
        "secret": "What its messages are signed with.",
    }
)
REFUSAL = of_texts({"errorCode": "The code of the error.", "message": "What is wrong."})
_OF_PUBLISH = {
    "run": of_kind("integer", "run", "Number of the run that is published."),
    "previousRun": of_kind(
        "integer", "previousRun", "The run that was told of before it.", **{"x-nullable": True}
    ),
    "publishedUtc": of_kind("string", "publishedUtc", "When it was published.", format="date-time"),
}
_OF_FAILURE = of_texts(
    {
        "jobId": "Id of the job.",
        "errorCode": "Why it failed, as a code.",
        "startedUtc": "When it began.",
        "endedUtc": "When it ended.",
    }
)


def notification(event: Event) -> Schema:
    """Return the message of an event."""
    data = an_object(_OF_PUBLISH) if event in PUBLISHED else _OF_FAILURE
    texts = {
        "id": "Id of the message: the same however often it comes.",
        "type": "What happened.",
        "timestamp": "When it happened.",
        "instanceId": "Id of the instance.",
    }
    return an_object({**of_texts(texts)["properties"], "data": data})
