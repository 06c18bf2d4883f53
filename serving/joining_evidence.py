"""What the rules compared of a customer's records: values as read and as compared, and blocks.

The pairs are the lake's; how a rule compares is said by the configuration as it is now, which may
be another one than that of the publish: then a rule that is gone tells nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from overtide.schemas import match_tables
from overtide.schemas.configuration import Configuration
from overtide.schemas.names import quoted
from overtide.schemas.serving_metadata import ServedEntity
from overtide.schemas.table import SCHEMA
from overtide.schemas.types import type_of
from overtide.serving.joining_links import Link, Reference
from overtide.serving.service import Ask

if TYPE_CHECKING:
    from overtide.transforms.matching.pairs import Search
    from overtide.transforms.matching.rules import RuleMatcher

Row = dict[str, Any]
Texts = Mapping[str, str | None]


@dataclass(frozen=True)
class Evidence:
    """The rules as they are configured now, and what the lake holds of some records."""

    ask: Ask
    entities: Mapping[str, ServedEntity]
    """The published ones."""
    configuration: Configuration | None
    """None where it is wrong now."""
    values: dict[Reference, Texts] = field(default_factory=dict)

    @cached_property
    def matcher(self) -> "RuleMatcher | None":
        """The rules, None where the configuration is wrong now."""
        from overtide.transforms.matching.evidence import matcher_of

        return None if self.configuration is None else matcher_of(self.configuration)

    def compared(self, entity: str) -> list[str]:
        """Return the attributes of an entity that the rules compare, and that are published."""
        from overtide.transforms.matching.evidence import fields_of

        if self.matcher is None or entity not in self.matcher.entities:
            return []
        named = fields_of(self.matcher, entity)
        return [name for name in named if name in self.entities[entity].attributes]

    def read(self, records: Iterable[Reference]) -> None:
        """Read what the rules compare of these records."""
        keys: dict[str, list[str]] = {}
        for entity, key in records:
            keys.setdefault(entity, []).append(key)
        for entity, some in keys.items():
            names = self.compared(entity) if entity in self.entities else []
            if names:
                rows = self.ask(_values(entity, self.entities[entity], names), (some,))
                self.values.update(
                    {(entity, key): dict(zip(names, row, strict=True)) for key, *row in rows}
                )

    def of_link(self, link: Link, first: Reference) -> Row:
        """Return how the rule of a link compares its records, what is of `first` first.

        Nothing where the rule is not there any more, or a person decided.
        """
        from overtide.transforms.matching.evidence import evidence
        from overtide.transforms.matching.two_records import Two

        nothing: Row = {"threshold": None, "blocks": [], "comparisons": None}
        search = self._search(link)
        if self.matcher is None or search is None:
            return nothing
        ends = (link.other, link.one)  # that of the later entity first, as rules have it
        texts = self.values.get(ends[0], {}), self.values.get(ends[1], {})
        two = Two((0, 1), (ends[0][0], ends[1][0]), texts)
        found = evidence(self.matcher, search, two, self._shared)
        if ends[0] != first:
            for one in found["comparisons"]:
                one |= {name: one[name][::-1] for name in ("before", "after", "ignored")}
        return found

    def too_large(self, records: Sequence[Reference]) -> dict[Reference, list[Row]]:
        """Return by record the blocks by which it was compared with nobody: too many share them.

        A record that stands for a cluster that was too large to be merged tells that, too.
        """
        from overtide.transforms.matching.evidence import BETWEEN, blocks_of

        blocks = {
            one: blocks_of(self.matcher, one[0], self.values[one], self._shared)
            for one in records
            if self.matcher is not None and one in self.values
        }
        values = {block[3] for some in blocks.values() for block in some}
        rows = self.ask(LARGE, ([*values, *(key for _, key in records)],))
        found: dict[Reference, list[Row]] = {}
        for kind, entity, other, rule, value, size in rows:
            told = {"kind": kind, "rule": rule, "values": value.split(BETWEEN), "records": size}
            for one in records:
                block = (entity, other, rule, value)
                if one == (entity, value) if kind == "cluster" else block in blocks.get(one, ()):
                    found.setdefault(one, []).append(told)
        return found

    def _search(self, link: Link) -> "Search | None":
        from overtide.transforms.matching.evidence import search_of

        if self.matcher is None:
            return None
        search = search_of(self.matcher, link.other[0], link.one[0], link.rule)
        if search is None:
            return None
        for name in (search.lower, search.upper):
            fields = {one for side in self.matcher.sides[name][search] for one in side.fields}
            if not fields <= set(self.compared(name)):
                return None
        return search

    @cached_property
    def _shared(self) -> set[tuple[str, str, str]]:
        """Values that too many records share; nothing is read where any number may."""
        rows = self.ask(
            f"""SELECT "EntityName", "Attributes", "Value"
            FROM {SCHEMA}.{match_tables.IGNORED_VALUES.name} WHERE "Reason" = 'shared'"""
        )
        return {(entity, attributes, value) for entity, attributes, value in rows}


LARGE = f"""SELECT "Kind", "EntityName", "MatchedEntityName", "Rule", "Value", "Records"
    FROM {SCHEMA}.{match_tables.OVERSIZED_BLOCKS.name}
    WHERE "Kind" IN ('block', 'cluster') AND "Value" IN (SELECT unnest(?::VARCHAR[]))
    ORDER BY "Records" DESC, "Kind", "EntityName", "MatchedEntityName", "Value", "Rule" """


def _values(entity: str, served: ServedEntity, names: Sequence[str]) -> str:
    """Return the query of the texts of attributes of some records, after the record's key."""

    def text(name: str) -> str:
        return type_of(served.attributes[name].type).text_sql(quoted(name))

    key = text(served.primary_key)
    return f"""SELECT {key}, {", ".join(map(text, names))} FROM {SCHEMA}.{quoted(entity)}
        WHERE {key} IN (SELECT unnest(?::VARCHAR[]))"""
