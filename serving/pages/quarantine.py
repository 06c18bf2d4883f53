"""Rows that did not come through a refresh as they are: which, why, and where they stand."""

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from overtide.serving.operations.contract import Reply
from overtide.serving.pages.page import Page, Visit
from overtide.serving.pages.refreshes import MAIN, MOST, current_of
from overtide.serving.pages.row_reasons import Say, reason_in_words
from overtide.serving.pages.spreadsheet_csv import without_formulas

ROWS = 50
ENDING = "_corrupt"
COLUMNS = ("CorruptionDetails", "PrimaryKey", "IsKept", "FileName", "LineNumber", "Record")
OF_ROWS = ("line", "filter")
"""What stands where a column does, of a reason that is about none."""
PLACE = re.compile(r"(?:^|; )([^:;{}]+): ")
"""Where a reason begins: the column, then what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Reason:
    """What is wrong with one column of a row (or all of it), and the text that stands there."""

    column: str
    text: str
    value: str | None

    def words(self, say: Say) -> str | None:
        """Return what is wrong in the person's language; None where that is not known."""
        return reason_in_words(say, self.text)


def reasons_of(details: str, record: str | None, known: Sequence[str]) -> list[Reason]:
    """Return the reasons that a row's details tell; `known` are the columns of its entity.

    A reason may itself hold `; ` and `: `: only what begins with a column begins a reason.
    """
    values = _values(record)
    starts = [one for one in PLACE.finditer(details) if one[1] in known or one.start() == 0]
    found = []
    for number, one in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(details)
        value = values.get(one[1])
        column = "" if one[1] in OF_ROWS and one[1] not in known else one[1]
        found.append(
            Reason(column, details[one.end() : end], None if value is None else str(value))
        )
    return found or [Reason("", details, None)]


def _values(record: str | None) -> Mapping[str, object]:
    try:
        found = json.loads(record or "null")
    except ValueError:
        return {}  # a line that is no row
    return found if isinstance(found, dict) else {}


async def entities(visit: Visit) -> Reply:
    """List the entities with how many of their rows are listed as corrupt."""
    return visit.shown("quarantine.html", entities=await _counted(visit), job=await _job(visit))


async def _counted(visit: Visit) -> list[tuple[str, int]]:
    asked = {"includeQuarantined": "true", "includeSizes": "true"}
    model = await visit.ask("Get-all-entity-metadata", None, asked)
    return [
        (one["qualifiedEntityName"].removesuffix(ENDING), one["rowCount"])
        for one in model["entities"]
        if one["entityType"] == "corrupt"
    ]


async def _count(visit: Visit, name: str, condition: str = "") -> int:
    query = {"$filter": condition} if condition else {}
    return int(await visit.ask("Get-count-with-OData-path", {"entityName": name}, query))


async def _job(visit: Visit) -> Mapping[str, Any] | None:
    asked = {"top": str(MOST), "includeTasks": "true"}
    return current_of(await visit.ask("Get-list-of-recent-workflow-jobs", MAIN, asked))


def condition_of(query: Mapping[str, str]) -> str:
    """Return what a person looks for as an OData filter, empty where that is everything."""
    parts = []
    if text := query.get("text", "").strip():
        told = "'" + text.replace("'", "''") + "'"
        parts.append(
            "("
            + " or ".join(
                f"contains(tolower({one}),tolower({told}))"
                for one in ("CorruptionDetails", "Record", "PrimaryKey", "FileName")
            )
            + ")"
        )
    if query.get("kept") in ("true", "false"):
        parts.append(f"IsKept eq {query['kept']}")
    return " and ".join(parts)


async def rows(visit: Visit) -> Reply:
    """Show a page of an entity's rows, those that are looked for."""
    return visit.shown("quarantine_rows.html", **await _found(visit), job=await _job(visit))


async def part(visit: Visit) -> Reply:
    """Show the rows alone, anew."""
    return visit.shown("_quarantine_rows.html", **await _found(visit))


async def _found(visit: Visit) -> dict[str, Any]:
    entity, condition = visit.path["entity"], condition_of(visit.query)
    described = await visit.ask("Get-entity-metadata", {"entityName": entity})
    name = {"entityName": entity + ENDING}
    text = visit.query.get("page", "1")
    page = int(text) if _is_number(text) else 1
    query = {"$top": str(ROWS), "$skip": str((max(page, 1) - 1) * ROWS), "$count": "true"}
    if condition:
        query["$filter"] = condition
    document = await visit.ask("Get-entities-with-OData-path", name, query)
    known = [one["friendlyName"] for one in described["attributes"]]
    return {
        "entity": entity,
        "rows": [
            {**row, "reasons": reasons_of(row["CorruptionDetails"], row["Record"], known)}
            for row in document["value"]
        ],
        "count": document["@odata.count"],
        "total": await _count(visit, entity + ENDING),
        "page": page,
        "pages": -(-document["@odata.count"] // ROWS),
        "was": visit.query["was"] if _is_number(visit.query.get("was", "")) else None,
        "query": {one: visit.query[one] for one in ("text", "kept") if visit.query.get(one)},
    }


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


async def download(visit: Visit) -> Reply:
    """Give the rows that are looked for as one CSV file."""
    entity, condition = visit.path["entity"], condition_of(visit.query)
    query = {"proxy": "true", "$select": ",".join(COLUMNS)}
    if condition:
        query["$filter"] = condition
    name = {"entityName": entity + ENDING}
    document = await visit.ask("Get-entities-with-OData-path", name, query)
    links = [parse_qs(urlsplit(one["uri"]).query)["link"][0] for one in document["httpRequests"]]
    headers = {
        "Content-Type": "text/csv; charset=utf-8; header=present",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(entity + ENDING)}.csv",
    }
    return Reply(200, headers=headers, stream=_parts(visit, name, links))


async def _parts(
    visit: Visit, name: Mapping[str, str], links: Sequence[str]
) -> AsyncIterator[bytes]:
    yield (",".join(COLUMNS) + "\r\n").encode()
    for link in links:
        reply = await visit.reply("Get-partition-with-OData-path", name, {"link": link})
        yield await without_formulas(reply.content or b"")


PAGES = (
    Page("GET", "/refreshes/rows", entities),
    Page("GET", "/refreshes/rows/{entity}", rows),
    Page("GET", "/refreshes/rows/{entity}/part", part),
    Page("GET", "/refreshes/rows/{entity}/csv", download),
)
