"""What a job may be asked to do: the product's operation types, and which of them a refresh covers.

A refresh reads all sources, unifies them and publishes the result, as one. So each part that it
covers is run as the whole.
"""

from overtide.schemas.errors import NotOfferedError, UsageError
from overtide.schemas.suggestions import did_you_mean

WHOLE = "all"
COVERED = (
    WHOLE,
    "none",
    "ingestion",
    "dataPreparation",
    "map",
    "match",
    "merge",
    "profileStore",
    "search",
    "realtimeM3Search",
    "activity",
    "relationship",
)
ELSEWHERE = (
    "derivedEntity",
    "hierarchy",
    "contact",
    "attributeMeasures",
    "entityMeasures",
    "measures",
    "segmentation",
    "segmentMembership",
    "enrichment",
    "preEnrichment",
    "transform",
    "intelligence",
    "aiBuilder",
    "insights",
    "export",
    "modelManagement",
    "roleAssignment",
    "analysis",
    "semanticEntity",
)
"""Those of the product that nothing here does."""
STAGES = {
    "ingest": "ingestion",
    "keys": "dataPreparation",
    "affected": "match",
    "blocks": "match",
    "match": "match",
    "identities": "match",
    "match tables": "match",
    "build Customer": "merge",
    "build UnifiedActivity": "activity",
    "build AlternateKey": "relationship",
    "serving generation": "profileStore",
}
"""Which type the stages of a refresh are of; the others are of the whole."""


def covered(name: str) -> str:
    """Return an operation type that a refresh covers.

    Raise `not_offered` for another one of the product, `invalid_parameter` for none.
    """
    known = {one.lower(): one for one in (*COVERED, *ELSEWHERE)}
    found = known.get(name.lower())
    if found is None:
        raise UsageError(
            "invalid_parameter",
            f"There is no operation type {name!r}.",
            "operationType",
            did_you_mean(name, known.values()) or f"Take {WHOLE}.",
        )
    if found in ELSEWHERE:
        raise NotOfferedError(
            "not_offered",
            f"{found}: this is not offered.",
            "operationType",
            f"A refresh covers {', '.join(COVERED)}.",
        )
    return found


def type_of_stage(stage: str) -> str:
    """Return the operation type of a stage."""
    return STAGES.get(stage, WHOLE)
