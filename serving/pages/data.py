"""Data: entities with attributes and profiles, how they are related, the state of the log."""

from collections.abc import Mapping
from typing import Any

from overtide.serving.operations.contract import Reply
from overtide.serving.pages.page import Page, Visit
from overtide.serving.pages.relationship_map import HEIGHT, WIDTH, drawing

ORDER = ("profile", "unifiedActivity", "unspecified", "activity")
"""Kinds of entities in the order in which they are listed; what unification keeps stands last."""
TOP_VALUES = 10
EVENTS = 100
"""Events that were set aside, of one page."""


async def data(visit: Visit) -> Reply:
    """Show what there is; before the first publish, the sources and the state alone."""
    status = await visit.ask("Get-status")
    sources = [
        await visit.ask(
            "Get-data-source", {"dataSourceId": one["dataSourceMetadata"]["dataSourceId"]}
        )
        for one in await visit.ask("Get-all-data-sources")
    ]
    published = status["published"] is not None
    found = await _entities(visit) if published else {}
    return visit.shown(
        "data.html",
        state=status,
        sources=[_files(one) for one in sources],
        entities=list(found.values()),
        **(await _related(visit, found) if published else {"relationships": [], "map": None}),
    )


async def _entities(visit: Visit) -> dict[str, dict[str, Any]]:
    model = await visit.ask("Get-all-entity-metadata", None, {"includeSizes": "true"})
    return {one["qualifiedEntityName"]: one for one in sorted(model["entities"], key=_order)}


def _order(entity: Mapping[str, Any]) -> tuple[int, str]:
    kind = entity["entityType"]
    ingested = entity["dataflowType"] == "ingestion"
    place = ORDER.index(kind) if kind in ORDER and (kind != "unspecified" or ingested) else 9
    return place, entity["qualifiedEntityName"]


async def _related(visit: Visit, entities: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    relationships = [
        *await visit.ask("Get-all-relationships"),
        *await visit.ask("Get-all-system-created-relationships"),
    ]
    kinds = {name: one["entityType"] for name, one in entities.items()}
    box = {"width": WIDTH, "height": HEIGHT}
    return {"relationships": relationships, "map": drawing(kinds, relationships), "box": box}


def _files(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return a data source with the files of its entities."""
    metadata = source["dataSourceMetadata"]
    entities = []
    for one in source["model"]["entities"]:
        known = {item["name"]: item["value"] for item in one["annotations"]}
        entities.append({"name": one["name"], "path": known["path"], "format": known["format"]})
    return {"name": metadata["name"], "entities": entities}


async def matching(visit: Visit) -> Reply:
    """Show how the rules of matching fared in the published run."""
    return visit.shown("matching.html", found=await visit.ask("Get-matching-statistics"))


async def quarantined(visit: Visit) -> Reply:
    """Show a page of the real-time events that were set aside."""
    text = visit.query.get("page", "1")
    page = max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1
    asked = {"$top": str(EVENTS), "$skip": str((page - 1) * EVENTS)}
    found = await visit.ask("Get-quarantined-events", {}, asked)
    pages = -(-found["count"] // EVENTS)
    return visit.shown("quarantined.html", found=found, page=page, pages=pages)


async def entity(visit: Visit) -> Reply:
    """Show an entity: its attributes, each with a profile to be opened."""
    name = visit.path["entity"]
    found = await visit.ask(
        "Get-entity-metadata", {"entityName": name}, {"attributesAnnotations": "true"}
    )
    size = await visit.ask("Get-entity-size", {"entityName": name})
    types = {one["name"]: one["value"] for one in found["annotations"]}
    keys = {one["name"] for key in found["keys"] for one in key}
    return visit.shown("entity.html", entity=found, size=size, types=types, keys=keys)


async def profile(visit: Visit) -> Reply:
    """Show what the values of one attribute look like."""
    path = {
        "qualifiedEntityName": visit.path["entity"],
        "attributeName": visit.path["attribute"],
    }
    found = await visit.ask("Get-an-attribute-profile", path)
    bins = found.get("histogram", [])
    most = max((one["count"] for one in bins), default=0)
    values = found["valueCounts"][:TOP_VALUES]
    return visit.shown("_profile.html", profile=found, bins=bins, most=most, values=values)


PAGES = (
    Page("GET", "/data", data),
    Page("GET", "/data/matching", matching),
    Page("GET", "/data/quarantined", quarantined),
    Page("GET", "/data/entities/{entity}", entity),
    Page("GET", "/data/entities/{entity}/{attribute}", profile),
)
