"""Answers queries of tables: each at one moment, in one snapshot, within bounds."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from odatapy.server.uri.expression import Binary, BinaryOperatorKind, Expression, Literal, Member

from overtide.lake.generation import Generation
from overtide.schemas.instants import Instant
from overtide.schemas.paths import Paths
from overtide.schemas.values import Value
from overtide.serving.definitions import Definitions
from overtide.serving.fields import published
from overtide.serving.odata.entity_sets import ACTIVITY, CUSTOMER, EntitySet
from overtide.serving.odata.expressions import Scope
from overtide.serving.odata.facets import Facet, facets_found
from overtide.serving.odata.links import LIFE, ROWS, Link, Signatures
from overtide.serving.odata.lookups import (
    Named,
    alternate_keys,
    cards,
    named_customers,
    timelines,
)
from overtide.serving.odata.metadata import Model
from overtide.serving.odata.pages import Expansion, Row, counted, expansions, fetched, wanted
from overtide.serving.odata.paging import Token
from overtide.serving.odata.queries import Options, Query
from overtide.serving.odata.relations import Relations, Shown, given_rows
from overtide.serving.odata.scans import SECONDS, Scan, Scans
from overtide.serving.odata.search import DEFINED, fields_of, searched
from overtide.serving.odata.sql import TRUE, Sql
from overtide.serving.reader import Reader

LINK_SECONDS, MOST_OF_PART = 300.0, 10**9
"""How long one file of a link may take, and rows of it: as many as there are."""
ROW = "r"
"""What a row is called in SQL."""


@dataclass(frozen=True)
class Page:
    """A page: its rows, what is expanded of them, and the token of the next one."""

    shown: Shown
    rows: list[Row]
    expanded: Mapping[str, Expansion]
    next: Token | None
    count: int | None


@dataclass(frozen=True)
class Source:
    """Where a query's rows come from: a read, and the SQL of the rows of its entity sets."""

    scan: Scan
    rows: str
    activities: str


class Tables:
    """The tables of one project, as OData shows them; usable from every thread."""

    def __init__(self, paths: Paths, reader: Reader, definitions: Definitions) -> None:
        self.scans = Scans(paths)
        self.signatures = Signatures(paths.link_secret)
        self._definitions = definitions
        self._reader = reader
        self._lock = threading.Lock()
        self._model: tuple[Generation, Model] | None = None

    def generation(self) -> Generation:
        """Return what is published now; raise `nothing_published`."""
        return published(self._reader.current(shared=True))

    def model(self) -> Model:
        """Return the entity data model of what is published now."""
        generation = self.generation()
        with self._lock:
            if self._model is None or self._model[0] is not generation:
                self._model = generation, Model.of(generation.metadata)
            return self._model[1]

    def named(self, query: Query) -> Named | None:
        """Return the customers that a query names, None where it must scan."""
        generation = self.generation()
        keys = alternate_keys(generation.profile_fields, generation.metadata.entities)
        return named_customers(query, keys)

    def shown(self, as_of: Instant | None, known_at: Instant | None, base: bool) -> Shown:
        """Return what a read of these instants shows."""
        moment = self._reader.moment(as_of, known_at, shared=True)
        return Shown(moment.as_of, moment.known_at, self._reader.run_at(moment), base)

    def now(self) -> Instant:
        """Return the present."""
        return self._reader.now().as_of

    def page(self, query: Query, shown: Shown, size: int, token: Token | None) -> Page:
        """Return a page of a query, from the token's place on."""
        query, also = _with_key(query), self._searched(query)
        named = self.named(query)
        if named is not None and is_plain(query):
            return self._looked_up(query, shown, named, size, token)
        left = token.left if token is not None else query.options.top
        most = size if left is None else min(size, left)
        with self._source(query, shown, named) as source:
            scope = _scope(query, shown, source, self.model().sets[ACTIVITY])
            found = fetched(source.scan, source.rows, query.options, scope, most, token, also)
            count = self._count(query, source, scope, token, also)
            expanded = self._expanded(query, shown, source, found.rows)
        rest = None if left is None else left - len(found.rows)
        following = None
        if found.place is not None and rest != 0:
            following = Token(shown, found.place, rest, count, "")
        return Page(shown, found.rows, expanded, following, count)

    def _looked_up(
        self, query: Query, shown: Shown, named: Named, size: int, token: Token | None
    ) -> Page:
        """Return a page of customers that are named by their keys: no SQL is needed for them."""
        options = query.options
        found = sorted(self._cards(shown, named), key=lambda row: str(row["CustomerId"]))
        skipped = options.skip
        if token is not None:
            last = str(token.place[0][1])
            skipped = sum(str(row["CustomerId"]) <= last for row in found)
        left = token.left if token is not None else options.top
        most = size if left is None else min(size, left)
        rows = [
            {one.name: row.get(one.column) for one in options.entities.properties}
            for row in found[skipped : skipped + most]
        ]
        rest = None if left is None else left - len(rows)
        count = len(found) if options.count else None
        following = None
        if rows and rest != 0 and len(found) > skipped + most:
            place = (("VARCHAR", str(rows[-1]["CustomerId"])),)
            following = Token(shown, place, rest, count, "")
        return Page(shown, rows, {}, following, count)

    def count(self, query: Query, shown: Shown) -> int:
        """Return how many rows a query asks for."""
        also = self._searched(query)
        with self._source(query, shown, self.named(query)) as source:
            scope = _scope(query, shown, source, self.model().sets[ACTIVITY])
            return counted(source.scan, source.rows, query.options, scope, also)

    def facets(
        self, query: Query, shown: Shown, facets: Sequence[Facet]
    ) -> tuple[int, list[dict[str, Any]]]:
        """Return how many rows a query asks for, and how many of them each facet has."""
        also = self._searched(query)
        with self._source(query, shown, self.named(query)) as source:
            scope = _scope(query, shown, source, self.model().sets[ACTIVITY])
            where = wanted(query.options, scope, also)
            return facets_found(source.scan, source.rows, ROW, where, facets)

    def links(self, query: Query, path: str, shown: Shown, options: Mapping[str, str]) -> list[str]:
        """Return signed links to the files that hold all rows of a query."""
        parts = max(1, -(-self.count(query, shown) // ROWS))
        until = self.now() + LIFE
        return [
            self.signatures.signed(Link(path, part, parts, until, shown, dict(options)))
            for part in range(parts)
        ]

    def part(self, query: Query, link: Link) -> list[Row]:
        """Return the rows of the file that a link leads to."""
        with self._source(query, link.shown, self.named(query), LINK_SECONDS) as source:
            scope = _scope(query, link.shown, source, self.model().sets[ACTIVITY])
            entities = query.options.entities
            keys = ", ".join(f"{ROW}.{entities.named(name).sql}" for name in entities.key)
            of_part = Sql(f"hash({keys}) % ? = ?", (link.parts, link.part))
            asked = source.scan, source.rows, query.options, scope
            return fetched(*asked, MOST_OF_PART, also=of_part).rows

    def _searched(self, query: Query) -> Sql:
        """Return the condition of `$search`."""
        if query.search is None:
            return TRUE
        entities = query.options.entities
        fields = fields_of(self._definitions.current(DEFINED), self.model().sets)
        return searched(query.search, entities, fields.get(entities.name, ()), ROW)

    def _count(
        self, query: Query, source: Source, scope: Scope, token: Token | None, also: Sql
    ) -> int | None:
        if not query.options.count:
            return None
        if token is not None and token.count is not None:
            return token.count
        return counted(source.scan, source.rows, query.options, scope, also)

    def _expanded(
        self, query: Query, shown: Shown, source: Source, rows: list[Row]
    ) -> dict[str, Expansion]:
        if query.expanded is None:
            return {}
        scope = Scope(query.expanded.entities, ROW, shown.as_of)
        ids = [str(row["CustomerId"]) for row in rows]
        activities = source.activities
        if not activities:
            found = timelines(self._reader, ids, shown)
            activities = given_rows(source.scan, query.expanded.entities, found, "given_activities")
        return expansions(source.scan, activities, query.expanded, scope, ids)

    @contextmanager
    def _source(
        self, query: Query, shown: Shown, named: Named | None, seconds: float = SECONDS
    ) -> Iterator[Source]:
        """Give the rows that a query is about: those of the customers that it names, or all."""
        entities = query.options.entities
        if named is not None:
            with self.scans.of_rows() as scan:
                yield Source(scan, self._given(scan, entities, shown, named), "")
            return
        with self.relations(shown, seconds) as relations:
            activities = self.model().sets[ACTIVITY]
            needed = query.expanded is not None or _has_lambda(query.options)
            yield Source(
                relations.scan,
                relations.rows(entities),
                relations.rows(activities) if needed else "",
            )

    def _given(self, scan: Scan, entities: EntitySet, shown: Shown, named: Named) -> str:
        if entities.name == ACTIVITY:
            return given_rows(scan, entities, timelines(self._reader, named.values, shown))
        return given_rows(scan, entities, self._cards(shown, named))

    def _cards(self, shown: Shown, named: Named) -> list[dict[str, Value]]:
        generation = self.generation()
        keys = alternate_keys(generation.profile_fields, generation.metadata.entities)
        return cards(self._reader, named, shown, keys)

    @contextmanager
    def relations(self, shown: Shown, seconds: float = SECONDS) -> Iterator[Relations]:
        """Give the rows of all entity sets at a moment."""
        with self.scans.of_lake(seconds) as scan:
            profile = self.generation().metadata.profile
            yield Relations(scan, shown, profile, self._reader.events_since)

    def close(self) -> None:
        """Close the files."""
        self.scans.close()


def _scope(query: Query, shown: Shown, source: Source, activity_set: EntitySet) -> Scope:
    activities = None
    if query.options.entities.name == CUSTOMER and source.activities:
        activities = (activity_set, source.activities)
    return Scope(query.options.entities, ROW, shown.as_of, activities)


def is_plain(query: Query) -> bool:
    """Say whether a query that names its customers asks for nothing that takes SQL."""
    options = query.options
    return options.entities.name == CUSTOMER and not options.order and query.expanded is None


def _has_lambda(options: Options) -> bool:
    """Say whether a filter or an order asks for the activities of a customer."""
    texts = (options.texts.get("$filter", ""), options.texts.get("$orderby", ""))
    return any(f"{ACTIVITY}/" in text for text in texts)


def _with_key(query: Query) -> Query:
    """Return a query of one entity as one of all whose key is that."""
    condition: Expression | None = query.options.filter
    for name, value in query.key.items():
        kind = query.options.entities.named(name).kind.edm
        equal = Binary(BinaryOperatorKind.EQ, Member([name]), Literal(str(value), value, kind))
        condition = equal if condition is None else Binary(BinaryOperatorKind.AND, condition, equal)
    return replace(query, options=replace(query.options, filter=condition), key={})
