"""What people decided that keeps others away from a customer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from overtide.schemas import tables
from overtide.schemas.configuration import Configuration
from overtide.schemas.errors import SourceError
from overtide.schemas.table import SCHEMA
from overtide.serving.joining_links import Reference
from overtide.serving.service import Ask
from overtide.transforms.matching.decisions import read_decisions_of

MOST = 100
CUSTOMERS = f"""SELECT "EntityName", "PrimaryKey", "CustomerId"
    FROM {SCHEMA}.{tables.ALTERNATE_KEY.name} WHERE ("EntityName", "PrimaryKey")
    IN (SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[]))"""


def kept_apart(
    ask: Ask, configuration: Configuration | None, project: Path, records: Sequence[Reference]
) -> dict[str, Any] | None:
    """Return the `never` decisions about any of these records, and whose the other record is.

    They are those of the project's file as it is now: one that came since the publish counts from
    the next refresh. None where the configuration or the file is wrong now.
    """
    if configuration is None:
        return None
    try:
        decisions = read_decisions_of(configuration, project)
    except SourceError:
        return None
    own = set(records)
    found = [
        (one, other)
        for decision in decisions
        if not decision.always
        for one, other in [(decision.one, decision.other)[:: 1 if decision.one in own else -1]]
        if one in own
    ]
    others = list(dict.fromkeys(other for _, other in found[:MOST]))
    rows = ask(CUSTOMERS, [*map(list, zip(*others, strict=True))]) if others else []
    customers = {(entity, key): customer for entity, key, customer in rows}
    return {
        "count": len(found),
        "pairs": [
            {
                "entity": one[0],
                "key": one[1],
                "otherEntity": other[0],
                "otherKey": other[1],
                "otherCustomerId": customers.get(other),
            }
            for one, other in found[:MOST]
        ],
    }
