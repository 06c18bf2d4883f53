"""The actions and triggers of the connector: which operations they are, and how a form shows them.

A new one is a line here; its path, parameters and texts are those of the registered operation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from overtide.serving.connector import schemas
from overtide.serving.connector.schemas import Schema
from overtide.serving.webhooks.events import Event

CALLER = "connector"
"""In whose name changes are made: what its calls are limited by."""
ADVANCED = (
    "validUntil",
    "eventTime",
    "asOf",
    "knownAt",
    "base",
    "$select",
    "$orderby",
    "$skip",
    "$count",
    "$search",
    "accepts",
    "includeQuarantined",
    "includeSelfConflatedEntity",
)
"""Parameters that a form shows when it is asked for more."""
READ = ("$select", "asOf", "knownAt", "base")
WRITE = ("validUntil", "eventTime", "caller")


@dataclass(frozen=True, slots=True)
class Action:
    """One operation of the connector; `shown` are the parameters that it has beside the path's.

    `picks`: what the entities accept that its form offers. `hidden`: forms call it by themselves.
    """

    id: str
    operation: str
    summary: str
    answer: Schema | None
    shown: tuple[str, ...] = ()
    body: Schema | None = None
    picks: str | None = None
    pages: bool = False
    preview: bool = False
    hidden: bool = False
    trigger: Event | None = None
    fixed: Mapping[str, str] = field(default_factory=dict)

    @property
    def visibility(self) -> str | None:
        """How prominent it is."""
        return "internal" if self.hidden else ("important" if self.trigger else None)


TRIGGERS = {
    Event.REFRESH_FINISHED: "When a refresh has finished",
    Event.REFRESH_FAILED: "When a refresh has failed",
    Event.UNIFICATION_FINISHED: "When unification has finished",
}
ACTIONS = (
    Action(
        "CreateItem",
        "Create-an-entity",
        "Create item",
        schemas.CREATED,
        WRITE,
        schemas.RECORD,
        "records",
        preview=True,
        fixed={"caller": CALLER},
    ),
    Action(
        "UpdateItem",
        "Update-an-entity",
        "Update item",
        None,
        WRITE,
        schemas.CHANGES,
        "changes",
        preview=True,
        fixed={"caller": CALLER},
    ),
    Action("GetItem", "Get-an-item", "Get item", schemas.ROW, READ),
    Action(
        "GetItems",
        "Get-entities-with-OData-path",
        "Get items from an entity",
        schemas.PAGE,
        ("$filter", "$top", "$orderby", "$skip", "$count", "$search", *READ),
        pages=True,
    ),
    Action(
        "GetEntities",
        "Get-all-entity-metadata",
        "Get entities",
        schemas.ENTITIES,
        ("accepts", "includeQuarantined", "includeSelfConflatedEntity"),
    ),
    Action(
        "GetPartitions",
        "Get-partitions",
        "Retrieve partitions for an entity",
        schemas.PARTITIONS,
        ("$filter", *READ),
        preview=True,
    ),
    Action(
        "FindCustomer",
        "Get-keyring",
        "Find customer",
        schemas.KEYRING,
        ("dataSourceName", "entityName", "key"),
    ),
    *(
        Action(
            f"On{event.value[0].upper()}{event.value[1:]}",
            f"Create-a-webhook-of-{event.value}",
            summary,
            schemas.WEBHOOK,
            body=schemas.SUBSCRIPTION,
            trigger=event,
        )
        for event, summary in TRIGGERS.items()
    ),
    Action("GetInstances", "Get-all-instances", "Get instances", schemas.INSTANCES, hidden=True),
    Action("GetEntity", "Get-entity-metadata", "Get entity", schemas.DESCRIBED, hidden=True),
    Action("DeleteWebhook", "Delete-a-webhook", "Delete webhook", None, hidden=True),
)
