"""The JSON documents of pages and entities, with the links that lead on from them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

from overtide.schemas.errors import NotFoundError
from overtide.schemas.instants import format_instant
from overtide.serving.odata.entity_sets import ACTIVITY
from overtide.serving.odata.negotiation import Form
from overtide.serving.odata.pages import NEWEST_FIRST, Row
from overtide.serving.odata.paging import digest, encoded
from overtide.serving.odata.payload import entity_text, expansion_members, json_text, object_text
from overtide.serving.odata.queries import USUAL, Options, Query
from overtide.serving.odata.relations import Shown
from overtide.serving.odata.tables import Page

PLACES = ("$skip", "$skiptoken")
"""The options that say where a page begins."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked: the address of all tables, the path beneath it, and the options."""

    root: str
    path: str
    options: Mapping[str, str]

    @property
    def lasting(self) -> dict[str, str]:
        """The options that are the same for all pages."""
        return {name: text for name, text in self.options.items() if name not in PLACES}

    @property
    def digest(self) -> str:
        """What tells a query apart, wherever its page begins."""
        return digest(self.lasting, self.path)


def page_document(asked: Asked, query: Query, page: Page, form: Form) -> str:
    """Return the JSON text of a page."""
    options = query.options
    members: list[tuple[str, str]] = []
    if form.metadata != "none":
        context = f"{asked.root}$metadata#{options.entities.name}{_shape(query)}"
        members.append(("@odata.context", json_text(context)))
    if page.count is not None:
        members.append(("@odata.count", str(page.count)))
    texts = (_entity(asked, query, page, row, form) for row in page.rows)
    members.append(("value", f"[{','.join(texts)}]"))
    if page.next is not None:
        token = encoded(replace(page.next, query=asked.digest))
        following = link(asked.root, asked.path, {**asked.lasting, "$skiptoken": token})
        members.append(("@odata.nextLink", json_text(following)))
    return object_text(members)


def entity_document(asked: Asked, query: Query, page: Page, form: Form) -> str:
    """Return the JSON text of one entity; raise `entity_not_found` where there is none."""
    if not page.rows:
        raise NotFoundError(
            "entity_not_found", f"There is no {asked.path}.", asked.path, "Check its key."
        )
    text = _entity(asked, query, page, page.rows[0], form)
    if form.metadata == "none":
        return text
    context = f"{asked.root}$metadata#{query.options.entities.name}{_shape(query)}/$entity"
    return f"{object_text([('@odata.context', json_text(context))])[:-1]},{text[1:]}"


def link(root: str, path: str, options: Mapping[str, str]) -> str:
    """Return the address of a path with its options."""
    texts = (f"{quote(name, safe='$')}={quote(text, safe='')}" for name, text in options.items())
    return f"{root}{quote(path)}?{'&'.join(texts)}"


def _entity(asked: Asked, query: Query, page: Page, row: Row, form: Form) -> str:
    options = query.options
    more = _expansion(asked, query, page, row, form)
    return entity_text(options.entities, options.shown, row, form, asked.root, more)


def _shape(query: Query) -> str:
    """Return what a context says of the properties that are shown."""
    options = query.options
    whole = len(options.shown) == len(options.entities.properties)
    names = [] if whole else list(options.shown)
    if query.expanded is not None:
        names.append(f"{ACTIVITY}()")
    return f"({','.join(names)})" if names else ""


def _expansion(
    asked: Asked, query: Query, page: Page, row: Row, form: Form
) -> list[tuple[str, str]]:
    """Return the members of a customer that show its activities."""
    if query.expanded is None:
        return []
    customer, inner = str(row["CustomerId"]), query.expanded
    following = _rest(asked.root, customer, inner, page.shown)
    found = page.expanded[customer]
    return expansion_members(
        inner.entities, inner.shown, found, form, asked.root, inner.count, following
    )


def _rest(root: str, customer: str, inner: Options, shown: Shown) -> str:
    """Return the address of the activities of a customer that did not fit."""
    given, own = inner.texts, f"CustomerId eq '{customer}'"
    newest = ",".join(f"{name} desc" if down else name for name, down in NEWEST_FIRST)
    options = {
        "$filter": f"{own} and ({given['$filter']})" if "$filter" in given else own,
        "$orderby": given.get("$orderby", newest),
        "$select": given.get("$select", "*"),
        "$skip": str(inner.skip + USUAL),
        "asOf": format_instant(shown.as_of),
        "knownAt": format_instant(shown.known_at),
        "base": str(shown.base).lower(),
    }
    return link(root, ACTIVITY, options)
