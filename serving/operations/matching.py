"""Why records are one customer, and how the rules of matching fare."""

from collections.abc import Collection, Sequence
from typing import Any

from overtide.schemas.configuration import Configuration
from overtide.schemas.errors import ConfigurationError, SourceError
from overtide.schemas.loading import configuration_hash
from overtide.schemas.table import SCHEMA
from overtide.serving.access.roles import Role
from overtide.serving.fields import Target
from overtide.serving.joining_clusters import clusters_of
from overtide.serving.joining_evidence import Evidence
from overtide.serving.joining_links import Reference, Step, pairs_sql, steps_of
from overtide.serving.kept_apart import kept_apart
from overtide.serving.matching_statistics import statistics
from overtide.serving.operations.contract import (
    CUSTOMER_ID,
    INSTANCE,
    Call,
    Operation,
    Parameter,
    Reply,
    reading,
)
from overtide.serving.operations.customers import CUSTOMER
from overtide.serving.service import Service
from overtide.transforms.matching.decisions import ALWAYS

MOST, USUAL = 200, 25
MOST_RECORDS = 5_000
"""Records of one customer that are explained; how they are joined is looked for among these."""
TOP = Parameter("$top", f"How many records (default {USUAL}, at most {MOST}).", kind=int)
SKIP = Parameter("$skip", "How many of the first records to leave out.", kind=int)
PUBLISHED = f'SELECT "ConfigurationHash" FROM {SCHEMA}.runs ORDER BY "Run" DESC LIMIT 1'


def _told(
    evidence: Evidence, steps: Sequence[Step], winners: Collection[Reference]
) -> list[dict[str, Any]]:
    """Return records as documents, each with what joined it."""
    shown = [step.record for step in steps]
    evidence.read(dict.fromkeys([*shown, *(step.to for step in steps if step.to is not None)]))
    large = evidence.too_large(shown)
    return [
        {
            "entity": step.record[0],
            "key": step.record[1],
            "winner": step.record in winners,
            "values": evidence.values.get(step.record, {}),
            "joinedTo": _joined_to(evidence, step),
            "tooLarge": large.get(step.record, []),
        }
        for step in steps
    ]


def _joined_to(evidence: Evidence, step: Step) -> dict[str, Any] | None:
    link, other = step.link, step.to
    if link is None or other is None:
        return None
    return {
        "entity": other[0],
        "key": other[1],
        "values": evidence.values.get(other, {}),
        "kind": link.kind,
        "rule": link.rule,
        "score": link.score,
        "decided": link.rule == ALWAYS,
        **evidence.of_link(link, step.record),
    }


def joined(call: Call) -> Reply:
    """Return the records of a customer, each with what joined it to which other, and why."""
    top, skip = call.number(TOP.name, USUAL, MOST), call.number(SKIP.name, 0, MOST_RECORDS)
    card = call.service.reader.get(Target(call.path["entityId"]))
    known = card.records[:MOST_RECORDS]
    records = [(entity, key) for entity, key, _ in known]
    winners = {(entity, key): None for entity, key, winner in known if winner}
    configuration, hashes = _configured(call.service)
    clusters = [one.name for one in call.service.generation().metadata.profile if one.cluster]
    with call.service.asking() as ask:
        pairs = pairs_sql(ask, dict.fromkeys(entity for entity, _ in records))
        first = next(iter([*winners, *records]), None)
        steps = [] if first is None else steps_of(ask, pairs, records, first)
        evidence = Evidence(ask, call.service.generation().metadata.entities, configuration)
        document = {
            "customerId": card.customer_id,
            "run": card.run,
            "configurationChanged": not hashes & {one for (one,) in ask(PUBLISHED)},
            "recordCount": len(card.records),
            "records": _told(evidence, steps[skip : skip + top], winners),
            "never": kept_apart(ask, configuration, call.service.paths.project, records),
            "clusters": clusters_of(ask, card.customer_id, clusters),
        }
    return Reply(200, document)


def _configured(service: Service) -> tuple[Configuration | None, set[str]]:
    """Return the configuration as it is now, with its lists, and the hashes by which runs name it.

    None where it is wrong. A run that computed nothing names it by what stands in the file alone.
    """
    from overtide.transforms.matching.lists import with_lists

    try:
        alone = service.configuration()
        whole = with_lists(alone, service.paths.project)
    except (ConfigurationError, SourceError):
        return None, set()
    return whole, {configuration_hash(one) for one in (alone, whole)}


def matching(call: Call) -> Reply:
    """Return how the rules fared in the published run."""
    entities = call.service.generation().metadata.entities
    with call.service.asking() as ask:
        return Reply(200, statistics(ask, [name for name, one in entities.items() if one.unified]))


OPERATIONS = (
    Operation(
        "Explain-a-customer",
        "GET",
        f"{CUSTOMER}/matching",
        Role.VIEWER,
        "Explain why records are one customer",
        "Lists the source records of a customer, each with the one that it was joined to, by which "
        "rule and score, and what the rule compared; the first record is that from which the "
        "chains begin. Tells also which decisions keep others away, which blocks were too large to "
        "be compared, and by which pairs the clusters of the customer, such as a household, hang "
        f"together. Looks at {MOST_RECORDS:,} records at most.",
        joined,
        {200: "The records, and what joined them."},
        (INSTANCE, CUSTOMER_ID, TOP, SKIP),
        blocks=True,
        statuses=(400, 404),
    ),
    reading(
        "Get-matching-statistics",
        "/instances/{instanceId}/manage/matching",
        "Count what matching did",
        "Counts what the rules made of the records in the published run: by entity what was "
        "matched, by rule how many pairs and records, and how many that rule alone; how large "
        "customers are, which blocks and customers are large, and which values were ignored.",
        matching,
        statuses=(404,),
    ),
)
