"""SQL for Admins: a statement, its rows, and files of them."""

import json
from collections.abc import Mapping
from urllib.parse import quote

from overtide.schemas.errors import (
    FailedError,
    InvalidRequestError,
    NotFoundError,
    OvertideError,
    UnavailableError,
    UsageError,
)
from overtide.serving.operations.contract import Reply
from overtide.serving.pages.page import Page, Visit
from overtide.serving.pages.spreadsheet_csv import without_formulas

ADDRESS = "/data/sql"
ROWS = 200
"""Rows that are shown; a file has all of them."""
LONGEST_ADDRESS = 4000
ANSWERED = (FailedError, InvalidRequestError, NotFoundError, UnavailableError, UsageError)
"""Refusals of a statement, which are shown beside it; of who may not ask there is a page."""
HELP = 'SELECT "Name", "Kind", "Signature", "Description" FROM lake_help ORDER BY "Name"'
FILES: Mapping[str, tuple[str, str]] = {
    "csv": ("text/csv", "csv"),
    "parquet": ("application/vnd.apache.parquet", "parquet"),
}


async def form(visit: Visit) -> Reply:
    """Show where one writes a statement; the one that the address has is not run by itself."""
    # Whoever may not ask is told so at once, not after having written something.
    if not visit.may("Query-with-SQL"):
        await visit.ask("Query-with-SQL", None, None, {"sql": ""})
    return _shown(visit, visit.query.get("q", ""))


def _shown(
    visit: Visit,
    statement: str,
    result: Mapping[str, object] | None = None,
    error: OvertideError | None = None,
) -> Reply:
    status = 200 if error is None else error.status
    headers = {}
    if visit.fragment and statement and len(statement) <= LONGEST_ADDRESS:
        headers = {"HX-Push-Url": f"{ADDRESS}?q={quote(statement, safe='')}"}
    template = "_sql_result.html" if visit.fragment else "sql.html"
    # A refusal of the statement is what the person asked for, not a failure of the page.
    shown_status = 200 if visit.fragment else status
    return visit.shown(
        template,
        shown_status,
        headers,
        statement=statement,
        result=result,
        error=error,
        excerpt=None if error is None else excerpt(statement, error.target),
    )


def excerpt(statement: str, place: str | None) -> tuple[str, int] | None:
    """Return the line that a place names, and how many letters stand before it."""
    if place is None or not place.startswith("line "):
        return None
    line, _, column = place.removeprefix("line ").partition(", column ")
    lines = statement.replace("\r\n", "\n").split("\n")
    numbers = line + column
    if not (numbers.isascii() and numbers.isdigit() and 0 < int(line) <= len(lines)):
        return None
    return lines[int(line) - 1], int(column) - 1


async def run(visit: Visit) -> Reply:
    """Run the statement and show its first rows, or give a file of all of them."""
    statement = visit.form.get("q", "").replace("\r\n", "\n")
    wanted = visit.form.get("file", "")
    try:
        if wanted in FILES:
            return await _file(visit, statement, wanted)
        asked = {"top": str(ROWS)}
        result = await visit.ask("Query-with-SQL", None, asked, {"sql": statement})
    except ANSWERED as error:
        return _shown(visit, statement, error=error)
    rows = [[_text(value) for value in row] for row in result["rows"]]
    return _shown(visit, statement, {**result, "rows": rows})


def _text(value: object) -> str | None:
    """Return a value as it is read; lists and objects as JSON."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


async def _file(visit: Visit, statement: str, wanted: str) -> Reply:
    kind, ending = FILES[wanted]
    reply = await visit.reply("Query-with-SQL", None, None, {"sql": statement}, {"Accept": kind})
    named = {"Content-Disposition": f'attachment; filename="result.{ending}"'}
    content = reply.content or b""
    if wanted == "csv":
        content = await without_formulas(content)
    return Reply(200, headers={**reply.headers, **named}, content=content)


async def names(visit: Visit) -> Reply:
    """List the tables, views and macros that a statement may name."""
    found = await visit.ask("Query-with-SQL", None, {"top": "5000"}, {"sql": HELP})
    kinds: dict[str, list[tuple[str, str, str]]] = {}
    for name, kind, signature, text in found["rows"]:
        kinds.setdefault(kind, []).append((name, signature, text))
    return visit.shown("_sql_names.html", kinds=kinds)


PAGES = (
    Page("GET", ADDRESS, form),
    Page("POST", ADDRESS, run),
    Page("GET", f"{ADDRESS}/names", names),
)
