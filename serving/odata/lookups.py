"""Queries that name their customers: they are looked up one by one, and no table is scanned."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from odatapy.server.uri.expression import (
    Binary,
    BinaryOperatorKind,
    Expression,
    ListExpression,
    Literal,
    Member,
)

from overtide.schemas.errors import NotFoundError
from overtide.schemas.serving_metadata import ServedEntity
from overtide.schemas.values import Value
from overtide.serving.fields import Target
from overtide.serving.odata.entity_sets import ACTIVITY, CUSTOMER
from overtide.serving.odata.queries import Query
from overtide.serving.odata.relations import Shown
from overtide.serving.reader import Reader

MOST_LOOKED_UP = 100
"""Keys of one query that are looked up; with more of them a scan is no slower."""


@dataclass(frozen=True, slots=True)
class Named:
    """The customers that a query names: by a column and its values."""

    column: str
    values: tuple[str, ...]


def named_customers(query: Query, profile: Iterable[str]) -> Named | None:
    """Return the customers that a query of Customer or UnifiedActivity names; None of another.

    Of Customer the whole filter must be `key eq 'x'` or `key in (…)`, of UnifiedActivity one of the
    terms that `and` joins.
    """
    entities, filter_ = query.options.entities, query.options.filter
    if filter_ is None or query.search is not None:
        return None
    if entities.name == CUSTOMER:
        return _named(filter_, {*profile, "CustomerId"}, query)
    if entities.name == ACTIVITY:
        found = (_named(one, {"CustomerId"}, query) for one in _conjuncts(filter_))
        return next((one for one in found if one is not None), None)
    return None


def _conjuncts(expression: Expression) -> list[Expression]:
    if isinstance(expression, Binary) and expression.operator is BinaryOperatorKind.AND:
        return [*_conjuncts(expression.left), *_conjuncts(expression.right)]
    return [expression]


def _named(expression: Expression, columns: set[str], query: Query) -> Named | None:
    if not isinstance(expression, Binary) or not isinstance(expression.left, Member):
        return None
    values = _values(expression)
    path = expression.left.path
    if (
        values is None
        or len(path) != 1
        or expression.left.is_collection
        or len(values) > MOST_LOOKED_UP
    ):
        return None
    column = query.options.entities.named(path[0]).column
    return Named(column, values) if column in columns else None


def _values(expression: Binary) -> tuple[str, ...] | None:
    right = expression.right
    items = right.items if isinstance(right, ListExpression) else [right]
    fits = {BinaryOperatorKind.EQ: 1, BinaryOperatorKind.IN: len(items)}
    if fits.get(expression.operator) != len(items):
        return None
    texts = [one.value for one in items if isinstance(one, Literal) and isinstance(one.value, str)]
    return tuple(dict.fromkeys(texts)) if len(texts) == len(items) else None


def alternate_keys(profile: Iterable[str], entities: Mapping[str, ServedEntity]) -> dict[str, str]:
    """Return the entity of each column of Customer that is an alternate key."""
    known = {f"{name}_{entity.primary_key}": name for name, entity in entities.items()}
    return {column: known[column] for column in profile if column in known}


def cards(
    reader: Reader, named: Named, shown: Shown, keys: Mapping[str, str]
) -> list[dict[str, Value]]:
    """Return the rows of Customer that have one of the values in the column."""
    found: dict[str, dict[str, Value]] = {}
    for value in named.values:
        target = (
            Target(value)
            if named.column == "CustomerId"
            else Target(None, keys[named.column], value)
        )
        try:
            merged = reader.merged(target, shown.as_of, shown.known_at, shown.base, shared=True)
        except NotFoundError as error:
            if error.code != "customer_not_found":
                raise
            continue
        row = merged.values()
        if row[named.column] == value:  # a previous id, or a loser's key, leads there too
            found[merged.profile.customer_id] = row
    return list(found.values())


def timelines(reader: Reader, ids: Iterable[str], shown: Shown) -> list[dict[str, Value]]:
    """Return the rows of UnifiedActivity of these customers."""
    found: list[dict[str, Value]] = []
    for one in ids:
        try:
            timeline = reader.timeline(Target(one), shown.as_of, shown.known_at, shown.base)
        except NotFoundError as error:
            if error.code != "customer_not_found":
                raise
            continue
        if timeline.customer_id == one:
            found += [{"CustomerId": one, **entry.activity} for entry in timeline.entries]
    return found
