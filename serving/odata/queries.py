"""What a client asks of an entity set: its query options, parsed and checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from odatapy.errors import ODataException, UriParserSemanticException
from odatapy.server.uri.expression import Binary, Expression, Literal
from odatapy.server.uri.parser import Parser
from odatapy.server.uri.query_options import ExpandItem, SearchExpression
from odatapy.server.uri.resource import UriInfo, UriResourceEntitySet

from overtide.schemas.errors import OvertideError
from overtide.serving.fields import unknown_entity
from overtide.serving.odata.entity_sets import ACTIVITY, EntitySet
from overtide.serving.odata.metadata import Model
from overtide.serving.odata.refusals import invalid_query, not_supported

PARSED = ("$filter", "$select", "$expand", "$orderby", "$top", "$skip", "$count", "$search")
"""Options that the library parses; the others are read here."""
SEGMENT = "IsMemberOfSegment"
USUAL, MOST, MOST_EXPANDED = 100, 10_000, 1_000
"""Rows of a page: where nothing is said, at most, and at most with `$expand`."""

MOST_SKIPPED = 2**53
"""Rows: more than any table has."""
EQUAL = re.compile(r"([A-Za-z]\w*) eq '((?:[^']|'')*)'", re.ASCII)
"""A filter by one key, as nearly all are."""
MOST_REMEMBERED = 256
"""Parsed filters by one column."""
Order = tuple[tuple[Expression, bool], ...]
"""What rows are ordered by: each expression, and whether the greatest comes first."""


@dataclass(frozen=True)
class Options:
    """The options of a query, or of what is expanded in it; `texts` as they were given."""

    entities: EntitySet
    shown: tuple[str, ...]
    filter: Expression | None = None
    order: Order = ()
    top: int | None = None
    skip: int = 0
    count: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Query:
    """A query of an entity set, or of one entity by its `key`.

    `texts` are the options as they were given, but for where a page begins: next links repeat them.
    """

    options: Options
    key: Mapping[str, object]
    expanded: Options | None
    search: SearchExpression | None
    texts: Mapping[str, str]


def parsed(model: Model, path: str, texts: Mapping[str, str]) -> Query:
    """Parse a path such as `Customer` or `Shop_Contacts('1')` with its options.

    Raise `unknown_entity`, `invalid_query`, `query_not_supported`.
    """
    found = EQUAL.fullmatch(texts.get("$filter", ""))
    if found is None or len(texts) > 1:
        return _parsed(model, path, texts)
    # Clients ask for one key after the other, and the library needs long for each text.
    query = model.of_equal.get((path, found[1]))
    if query is None:
        query = _parsed(model, path, texts)
        if _has_text(query) and len(model.of_equal) < MOST_REMEMBERED:
            model.of_equal[path, found[1]] = query
        return query
    return _with_value(query, found[2], texts)


def _has_text(query: Query) -> bool:
    """Say whether the filter of a query compares something with a text."""
    found = query.options.filter
    return isinstance(found, Binary) and isinstance(found.right, Literal)


def _with_value(query: Query, written: str, texts: Mapping[str, str]) -> Query:
    """Return a query whose filter is `name eq 'value'` with another value, of these texts."""
    equal: Any = query.options.filter
    value = Literal(f"'{written}'", written.replace("''", "'"), equal.right.type_name)
    condition = Binary(equal.operator, equal.left, value)
    options = replace(query.options, filter=condition, texts=dict(texts))
    return replace(query, options=options, texts=dict(texts))


def _parsed(model: Model, path: str, texts: Mapping[str, str]) -> Query:
    name = path.partition("(")[0]
    if name not in model.sets:
        raise unknown_entity(name, model.sets)
    info = _info(model, path, {one: text for one, text in texts.items() if one in PARSED})
    part = info.resource_parts[0]
    if len(info.resource_parts) != 1 or not isinstance(part, UriResourceEntitySet):
        raise not_supported(f"The path {path}", "path")
    expanded = _expanded(model, info)
    if expanded is not None and info.search is not None:
        raise not_supported("$search together with $expand", "$search")
    return Query(
        _options(model.sets[name], info),
        dict(part.typed_keys),
        expanded,
        None if info.search is None else info.search.expression,
        dict(texts),
    )


def _info(model: Model, path: str, texts: Mapping[str, str]) -> UriInfo:
    """Let the library parse; whatever it makes of a text is an answer."""
    query = "&".join(f"{name}={quote(text)}" for name, text in texts.items())
    try:
        return Parser(model.edm).parse_uri(path, query)  # it decodes the query alone
    except (ODataException, UriParserSemanticException) as error:
        raise _refused(str(error)) from None
    except (RecursionError, ValueError, OverflowError, ArithmeticError) as error:
        why = "It is nested too deeply." if isinstance(error, RecursionError) else str(error)
        raise invalid_query(why or "It cannot be read.") from None


def _refused(message: str) -> OvertideError:
    if SEGMENT in message:
        return not_supported(f"{SEGMENT}: there are no segments yet, and so it", "$filter")
    if message.startswith("Unknown function"):
        return not_supported(message.removesuffix("."), "$filter")
    return invalid_query(message)


def _options(entities: EntitySet, asked: UriInfo | ExpandItem) -> Options:
    """Return the options that a query and an expansion have alike."""
    if asked.apply is not None or asked.compute is not None:
        raise not_supported("$apply and $compute", "$apply")
    # A literal orders nothing, and is no expression to SQL, which takes a number for a column.
    items = asked.orderby.items if asked.orderby else ()
    order = [item for item in items if not isinstance(item.expression, Literal)]
    return Options(
        entities,
        _shown(entities, asked),
        asked.filter.expression if asked.filter else None,
        tuple((item.expression, item.descending) for item in order),
        asked.top.value if asked.top else None,
        min(asked.skip.value, MOST_SKIPPED) if asked.skip else 0,
        bool(asked.count and asked.count.value),
        {
            name: option.raw
            for name, option in (
                ("$filter", asked.filter),
                ("$select", asked.select),
                ("$orderby", asked.orderby),
            )
            if option is not None
        },
    )


def _shown(entities: EntitySet, asked: UriInfo | ExpandItem) -> tuple[str, ...]:
    """Return the properties that `$select` names, all without one."""
    known = [one.name for one in entities.properties]
    items = asked.select.items if asked.select else []
    if not items or any(item.star for item in items):
        return tuple(known)
    named = {_named(item) for item in items}
    return tuple(name for name in known if name in named)


def _named(item: Any) -> str:  # noqa: ANN401 - an item of the library
    if item.is_navigation:  # it stands for a link, which nothing but full metadata shows
        return ""
    if len(item.path) != 1 or item.type_cast or item.operation:
        raise not_supported(f"$select of {item.path_str}", "$select")
    return str(item.path[0])


def _expanded(model: Model, info: UriInfo) -> Options | None:
    items = info.expand.items if info.expand else []
    if not items:
        return None
    item = items[0]
    if len(items) != 1 or not (item.star or item.path == [ACTIVITY]):
        raise not_supported(f"$expand of {', '.join(one.path_str for one in items)}", "$expand")
    for name in ("expand", "levels", "search", "is_ref", "is_count"):
        if getattr(item, name):
            raise not_supported(f"${name.removeprefix('is_')} within $expand", "$expand")
    return _options(model.sets[ACTIVITY], item)


def page_size(query: Query, wished: int | None) -> int:
    """Return how many rows a page has at most: `$top`, or what the client wishes, within bounds."""
    most = MOST if query.expanded is None else MOST_EXPANDED
    top = query.options.top
    return min(wished or (USUAL if top is None else top), most)
