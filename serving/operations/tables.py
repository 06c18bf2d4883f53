"""Tables as OData v4: queries of entity sets, their metadata, and how many rows there are."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import quote

import anyio
import anyio.to_thread

from overtide.schemas.errors import UnavailableError
from overtide.schemas.instants import format_instant
from overtide.serving.access.roles import Role
from overtide.serving.odata.documents import Asked, entity_document, page_document
from overtide.serving.odata.negotiation import (
    CSV,
    JSON,
    TEXT,
    V401,
    XML,
    Form,
    form,
    media_type,
    preferred_size,
    version,
)
from overtide.serving.odata.paging import Token, decoded
from overtide.serving.odata.payload import (
    csv_text,
    json_text,
)
from overtide.serving.odata.queries import MOST, USUAL, Query, page_size, parsed
from overtide.serving.odata.refusals import not_supported
from overtide.serving.odata.relations import Shown
from overtide.serving.odata.requests import path_and_options
from overtide.serving.odata.tables import is_plain
from overtide.serving.operations.contract import (
    INSTANCE,
    READ,
    Call,
    Operation,
    Parameter,
    Reply,
)
from overtide.serving.operations.customers import moment_of

AT_ONCE, WAITING_SECONDS = 4, 20.0
"""Scans at once, and how long one waits for its turn."""
TURNS = anyio.CapacityLimiter(AT_ONCE)
ROOT = "/instances/{instanceId}/data"
ENTITY_PATH = Parameter(
    "entityName",
    "An entity set such as Customer, UnifiedActivity or DataSource_Entity; one entity with its key "
    "in brackets; a query may follow, encoded.",
    "path",
)
OPTIONS = (
    Parameter("$filter", "A condition, as in OData 4.01."),
    Parameter("$select", "The properties to show, joined by commas; `*` for all."),
    Parameter("$expand", "UnifiedActivity, with options of its own in brackets."),
    Parameter("$orderby", "What to order by; at last rows are ordered by their key."),
    Parameter("$top", "How many rows in all.", kind=int),
    Parameter("$skip", "How many rows to leave out at the beginning.", kind=int),
    Parameter("$skiptoken", "Where a page begins, as a next link has it."),
    Parameter("$count", "Say how many rows there are in all.", kind=bool),
    Parameter("$search", "Words to be found in the fields of the search index (manage/search)."),
    Parameter("$format", "json, or a media type; else the header Accept says it."),
    Parameter("forceSearch", "Read through the search index, which is so anyway.", kind=bool),
    Parameter("proxy", "Answer with links to CSV files of all rows.", kind=bool),
)
HEADERS = tuple(
    Parameter(name, text, "header")
    for name, text in (
        ("Accept", "application/json with odata.metadata=minimal, full or none."),
        ("Prefer", f"odata.maxpagesize=N: rows of a page (default {USUAL}, at most {MOST})."),
        ("OData-Version", "4.0 or 4.01."),
        ("OData-MaxVersion", "4.0 or 4.01."),
    )
)
KNOWN = tuple(one.name for one in (*OPTIONS, *READ))
FEW = 3
"""Customers that are looked up beside the event loop's other work: a thread takes longer."""
LATER = frozenset(("asOf", "knownAt", "$skiptoken"))
"""Options by which another instant may be meant, whose base may be in the lake alone."""
OF_COUNT = ("$filter", "$search")
OF_ALL = ("$select", "$format", "forceSearch", *(one.name for one in READ))
"""Options of counts beside instants, and those that every read takes."""


@dataclass(frozen=True, slots=True)
class Read:
    """A read of a table: the call with all of its options, the path, and the query."""

    call: Call
    path: str
    query: Query

    def expect_only(self, names: Iterable[str], what: str) -> None:
        """Refuse options that mean nothing here."""
        for name in self.call.query:
            if name not in (*names, *OF_ALL):
                raise not_supported(f"{name} {what}", name)


async def entities(call: Call) -> Reply:
    """Return a page of an entity set, or one entity.

    Customers that are named are looked up at once; what scans a table waits for its turn.
    """
    read = _read(call)
    if read.call.flag("proxy"):
        return await in_turn(_links, read)
    named = call.service.tables.named(read.query)
    if named is not None:
        if is_plain(read.query) and len(named.values) <= FEW and LATER.isdisjoint(read.call.query):
            return _entities(read)
        return await anyio.to_thread.run_sync(_entities, read)
    return await in_turn(_entities, read)


async def count(call: Call) -> Reply:
    """Return how many rows a query asks for, as a text."""
    return await in_turn(_count, _read(call))


Asking = TypeVar("Asking")


async def in_turn(
    run: Callable[[Asking], Reply], asked: Asking, turns: anyio.CapacityLimiter = TURNS
) -> Reply:
    """Run what may take long in a thread; only so many do at once, so that writes never wait."""
    borrower = object()
    try:
        with anyio.fail_after(WAITING_SECONDS):
            await turns.acquire_on_behalf_of(borrower)
    except TimeoutError:
        raise UnavailableError(
            "too_many_reads",
            "Other queries of tables take all the time there is.",
            None,
            "Ask again later, or ask for customers by their keys.",
        ) from None
    try:
        return await anyio.to_thread.run_sync(run, asked, limiter=anyio.CapacityLimiter(1))
    finally:
        turns.release_on_behalf_of(borrower)


def _read(call: Call) -> Read:
    """Parse a call; the options of its path are put among those of its query."""
    path, options = path_and_options(call.path["entityName"], call.query, KNOWN)
    call = replace(call, query=options)
    call.flag("forceSearch")  # every read shows what the search index shows
    return Read(call, path, parsed(call.service.tables.model(), path, options))


def _entities(read: Read) -> Reply:
    call, path, query = read.call, read.path, read.query
    shape = form(call.headers, call.query)
    one = bool(query.key)
    if one:
        read.expect_only(("$expand",), "of one entity")
    wished = preferred_size(call.headers)
    asked = Asked(_root(call), path, call.query)
    token = _token(asked, query)
    shown = token.shown if token else call.service.tables.shown(*moment_of(call))
    page = call.service.tables.page(query, shown, page_size(query, wished), token)
    headers = {**_headers(page.shown, shape), "Content-Type": shape.content_type}
    if wished is not None:
        headers["Preference-Applied"] = f"odata.maxpagesize={wished}"
    document = entity_document if one else page_document
    text = document(asked, query, page, shape)
    return Reply(200, content=text.encode(), headers=headers)


def _token(asked: Asked, query: Query) -> Token | None:
    text = asked.options.get("$skiptoken")
    if text is None:
        return None
    terms = len(query.options.order) + len(query.options.entities.key)
    return decoded(text, asked.digest, terms)


def _count(read: Read) -> Reply:
    call = read.call
    read.expect_only(OF_COUNT, "of a count")
    kind = media_type(call.headers, call.query, (TEXT, JSON))
    shown = call.service.tables.shown(*moment_of(call))
    found = call.service.tables.count(read.query, shown)
    headers = {"Content-Type": kind, "OData-Version": version(call.headers)}
    return Reply(200, content=str(found).encode(), headers=headers)


def _links(read: Read) -> Reply:
    """Return the product's partitions: requests that each give a CSV file without a header row."""
    call, path, query = read.call, read.path, read.query
    read.expect_only(("$filter", "proxy"), "with proxy=true")
    if query.key:
        raise not_supported("proxy=true of one entity", "proxy")
    options = {name: call.query[name] for name in ("$filter", "$select") if name in call.query}
    tables = call.service.tables
    links = tables.links(query, path, tables.shown(*moment_of(call)), options)
    root = f"{_root(call)}{quote(path)}/$partition?link="
    return Reply(200, {"httpRequests": [{"uri": root + one, "headers": {}} for one in links]})


async def partition(call: Call) -> Reply:
    """Return the file that a signed link leads to."""
    return await in_turn(_partition, call)


def _partition(call: Call) -> Reply:
    tables = call.service.tables
    link = tables.signatures.read(call.query["link"], tables.now())
    if link.path != call.path["entityName"]:
        raise not_supported("The link of another table", "link")
    query = parsed(tables.model(), link.path, link.options)
    stored = query.options.entities.stored
    shown = [one for one in stored if one.name in query.options.shown]
    text = csv_text(shown, tables.part(query, link))
    return Reply(
        200, content=text.encode(), headers={"Content-Type": f"{CSV}; charset=utf-8; header=absent"}
    )


def service_document(call: Call) -> Reply:
    """Return the service document: the entity sets and where they are."""
    shape, root = form(call.headers, call.query), _root(call)
    sets = call.service.tables.model().sets.values()
    document: dict[str, object] = {
        "value": [{"name": one.name, "kind": "EntitySet", "url": one.name} for one in sets]
    }
    if shape.metadata != "none":
        document = {"@odata.context": f"{root}$metadata", **document}
    headers = {"Content-Type": shape.content_type, "OData-Version": shape.version}
    return Reply(200, content=json_text(document).encode(), headers=headers)


def metadata(call: Call) -> Reply:
    """Return the CSDL document, in XML or JSON."""
    asked = version(call.headers)
    made = (XML, JSON) if asked == V401 else (XML,)  # 4.0 has no CSDL in JSON
    kind = media_type(call.headers, call.query, made)
    model = call.service.tables.model()
    text = model.as_xml(asked) if kind == XML else json_text(model.as_json(asked))
    return Reply(200, content=text.encode(), headers={"Content-Type": kind, "OData-Version": asked})


def _root(call: Call) -> str:
    return f"{call.root}/v1/instances/{call.service.instance_id}/data/"


def _headers(shown: Shown, shape: Form) -> dict[str, str]:
    return {
        "OData-Version": shape.version,
        "Overtide-As-Of": format_instant(shown.as_of),
        "Overtide-Known-At": format_instant(shown.known_at),
        "Overtide-Run": str(shown.run),
    }


FORMAT = next(one for one in OPTIONS if one.name == "$format")
OPERATIONS = (
    Operation(
        "Get-entities-with-OData-path",
        "GET",
        f"{ROOT}/{{entityName}}",
        Role.VIEWER,
        "Query a table",
        "Reads rows of an entity set as OData v4: the merged view, or that of another instant.",
        entities,
        {200: "A page of rows, with the link to the next one."},
        (INSTANCE, ENTITY_PATH, *OPTIONS, *READ, *HEADERS),
        statuses=(400, 404, 406),
    ),
    Operation(
        "Get-count-with-OData-path",
        "GET",
        f"{ROOT}/{{entityName}}/$count",
        Role.VIEWER,
        "Count rows of a table",
        "Counts the rows of an entity set that a filter lets through.",
        count,
        {200: "The number, as a text."},
        (
            INSTANCE,
            ENTITY_PATH,
            *(one for one in OPTIONS if one.name in OF_COUNT),
            *READ,
            *HEADERS,
        ),
        content=(TEXT, JSON),
        statuses=(400, 404, 406),
    ),
    Operation(
        "Get-partition-with-OData-path",
        "GET",
        f"{ROOT}/{{entityName}}/$partition",
        Role.VIEWER,
        "Read a file of a table",
        "Reads one of the CSV files that proxy=true gives links to; a link ends after an hour.",
        partition,
        {200: "The rows as CSV, without a header row."},
        (INSTANCE, ENTITY_PATH, Parameter("link", "The signed link.", required=True)),
        signed=True,
        content=(CSV,),
        statuses=(400, 403, 404),
    ),
    Operation(
        "Get-OData-metadata",
        "GET",
        f"{ROOT}/$metadata",
        Role.VIEWER,
        "Read the entity data model",
        "Describes all entity sets: CSDL in XML, or in JSON where that is accepted.",
        metadata,
        {200: "The CSDL document."},
        (INSTANCE, FORMAT, *HEADERS),
        content=(XML, JSON),
        statuses=(404, 406),
    ),
    Operation(
        "Get-OData-service-document",
        "GET",
        ROOT,
        Role.VIEWER,
        "List the entity sets",
        "Names all entity sets and where they are.",
        service_document,
        {200: "The service document."},
        (INSTANCE, FORMAT, *HEADERS),
        statuses=(404, 406),
    ),
)
