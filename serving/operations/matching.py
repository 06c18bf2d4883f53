"""Why records are one customer, and how the rules of matching fare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from overtide.schemas.configuration import Configuration
from overtide.schemas.errors import OvertideError
from overtide.schemas.loading import configuration_hash
from overtide.schemas.table import SCHEMA
from overtide.serving.access.roles import Role
from overtide.serving.fields import Target
from overtide.serving.joining_evidence import Evidence
from overtide.serving.joining_links import Link, Reference, Step, links_of, pairs_sql, steps_of
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
from overtide.serving.service import Ask, Service
from overtide.transforms.matching.decisions import ALWAYS

MOST, USUAL = 200, 25
MOST_RECORDS = 10_000
"""Records of one customer that are explained; how they are joined is looked for among these."""
TOP = Parameter("$top", f"How many records (default {USUAL}, at most {MOST}).", kind=int)
SKIP = Parameter("$skip", "How many of the first records to leave out.", kind=int)
PUBLISHED = f'SELECT "ConfigurationHash" FROM {SCHEMA}.runs ORDER BY "Run" DESC LIMIT 1'


@dataclass(frozen=True)
class Shown:
    """Some records of a customer, in the order in which they are told."""

    records: Sequence[Reference]
    winners: frozenset[Reference]
    steps: Sequence[Step]

    @property
    def pairs(self) -> list[tuple[Reference, Reference]]:
        """Each with the record that it was joined to."""
        return [
            (self.records[step.record], self.records[step.to])
            for step in self.steps
            if step.to is not None
        ]

    def told(
        self, evidence: Evidence, links: Mapping[frozenset[Reference], Link]
    ) -> list[dict[str, Any]]:
        """Return the records as documents, each with what joined it."""
        shown = [self.records[step.record] for step in self.steps]
        evidence.read(dict.fromkeys([*shown, *(other for _, other in self.pairs)]))
        large = evidence.too_large(shown)
        joined = {one: links.get(frozenset((one, other))) for one, other in self.pairs}
        to = dict(self.pairs)
        return [
            {
                "entity": one[0],
                "key": one[1],
                "winner": one in self.winners,
                "values": evidence.values.get(one, {}),
                "joinedTo": _joined_to(evidence, joined.get(one), one, to.get(one)),
                "tooLarge": large.get(one, []),
            }
            for one in shown
        ]


def _joined_to(
    evidence: Evidence, link: Link | None, one: Reference, other: Reference | None
) -> dict[str, Any] | None:
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
        **evidence.of_link(link, one),
    }


def joined(call: Call) -> Reply:
    """Return the records of a customer, each with what joined it to which other, and why."""
    top, skip = call.number(TOP.name, USUAL, MOST), call.number(SKIP.name, 0, MOST_RECORDS)
    card = call.service.reader.get(Target(call.path["entityId"]))
    known = card.records[:MOST_RECORDS]
    records = [(entity, key) for entity, key, _ in known]
    winners = frozenset((entity, key) for entity, key, winner in known if winner)
    first = next((place for place, one in enumerate(records) if one in winners), 0)
    configuration = _configured(call.service)
    with call.service.asking() as ask:
        pairs = pairs_sql(ask, dict.fromkeys(entity for entity, _ in records))
        steps = steps_of(ask, pairs, records, first) if records else []
        shown = Shown(records, winners, steps[skip : skip + top])
        evidence = Evidence(ask, call.service.generation().metadata.entities, configuration)
        document = {
            "customerId": card.customer_id,
            "run": card.run,
            "configurationChanged": _changed(ask, configuration),
            "recordCount": len(card.records),
            "records": shown.told(evidence, links_of(ask, pairs, shown.pairs)),
            "never": kept_apart(ask, configuration, call.service.paths.project, records),
        }
    return Reply(200, document)


def _configured(service: Service) -> Configuration | None:
    """Return the configuration as it is now, None where it is wrong."""
    try:
        return service.configuration()
    except OvertideError:
        return None


def _changed(ask: Ask, configuration: Configuration | None) -> bool:
    """Say whether what is configured now is not what was when the lake was published."""
    rows = ask(PUBLISHED)
    return configuration is None or rows != [(configuration_hash(configuration),)]


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
        "chains begin. Tells also which decisions keep others away, and which blocks were too "
        f"large to be compared. Looks at {MOST_RECORDS:,} records at most.",
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
