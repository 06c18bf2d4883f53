"""The steps of a refresh: each pure function with what it needs of the plan, and no more.

Here and in `reading_steps` alone the plan is taken apart. What moves to workers with a step is what
it needs.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from overtide.transforms import unify
from overtide.transforms.beside import begin, finished
from overtide.transforms.closure import find_affected
from overtide.transforms.customer_clusters import gathered
from overtide.transforms.identities import Identified
from overtide.transforms.inheritance import remembered
from overtide.transforms.keys import EntityTable
from overtide.transforms.matching.contract import Counted, Key, PairTable, rules_of
from overtide.transforms.matching.decided import keep_to_decisions
from overtide.transforms.matching.decisions import Decision, read_decisions_of
from overtide.transforms.matching.earlier_pairs import earlier_pairs, with_earlier
from overtide.transforms.plan import Plan
from overtide.transforms.reading_steps import ReadingSteps, Tables
from overtide.transforms.records import Unified, unified_of
from overtide.transforms.related import followed, is_by_key
from overtide.transforms.stages import (
    rows_of_affected,
    rows_of_customers,
    stage_of_blocks,
    stage_of_history,
    stage_of_part,
    stage_of_whole,
)
from overtide.transforms.step import Stage, guarded, step
from overtide.transforms.tables import building
from overtide.transforms.tables.contract import Basis, BuiltTable, PartOrder, Published, TablePart
from overtide.transforms.tables.entities import entity_tables
from overtide.transforms.tables.matches import match_tables
from overtide.transforms.tables.registered import BASE_TABLES, DIFFERENCES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DescribeMatches = Callable[[Identified, list[PairTable], Tables], list[BuiltTable]]
EARLIER, MATCHING = "earlier pairs", "tables of matching"
"""Pairs as they are published, and what is told of matching, as what is done beside other steps."""


@dataclass(frozen=True)
class Steps:
    """The steps of one refresh, in the order in which they are done."""

    plan: Plan

    @property
    def reading(self) -> ReadingSteps:
        """The first steps."""
        return ReadingSteps(self.plan)

    @property
    def narrows(self) -> bool:
        """Whether only records that a change may concern are to be matched, if these are few."""
        return self.plan.narrowing is not None

    @property
    def _attach_others(self) -> tuple[str, ...]:
        """The SQL that attaches the lake, where what is made of all records may read others'."""
        return self.plan.attach if self.narrows else ()

    @property
    def find_affected(self) -> Callable[[Tables], Tables]:
        """Return the tables with the records that alone are to be matched, if these are few.

        One core matches few. Meanwhile rows are hashed that changed in place, and the pairs of the
        same records are found as they are published.
        """
        plan, unified = self.plan, self.unified
        narrowing, matcher, begin_hashing = plan.narrowing, plan.matcher, self.reading.begin_hashing
        decided, decisions = self.decided, self._decisions

        def find(connection: "DuckDBPyConnection", folder: Path, tables: Tables) -> Tables:
            if narrowing is None:
                return tables
            records, said = unified(tables), decisions() if decided else None
            return find_affected(connection, folder, tables, records, narrowing, matcher, said)

        stage = Stage[Tables]("affected", rows_of_affected)
        affected = step(plan.settings, "affected", find, stage, plan.attach)
        earlier = self._earlier_pairs

        def found(tables: Tables) -> Tables:
            tables = begin_hashing(affected(tables))
            if any(one.affected for one in tables):
                begin(plan.settings, EARLIER, partial(earlier, tables), little=True)
            return tables

        return found

    @property
    def find_earlier_pairs(self) -> Callable[[list[PairTable], Tables], list[PairTable]]:
        """Return pairs with those of the same records as published, if not all were matched."""
        settings, find = self.plan.settings, self._earlier_pairs

        def found(pairs: list[PairTable], tables: Tables) -> list[PairTable]:
            if not any(one.affected for one in tables):
                return pairs
            return with_earlier(pairs, finished(settings, EARLIER, partial(find, tables)))

        return found

    @property
    def _earlier_pairs(self) -> Callable[[Tables], list[PairTable]]:
        plan, unified = self.plan, self.unified
        most = plan.configuration.unification.limits.cluster_size if self.decided else None
        earlier = partial(earlier_pairs, matcher=plan.matcher, most=most)
        find = step(plan.settings, "earlier", earlier)
        return lambda tables: find(unified(tables))

    @property
    def unified(self) -> Callable[[Tables], list[Unified]]:
        """Return those of the entities that are unified, in match order."""
        return partial(unified_of, self.plan.configuration.unification.entities, self.plan.entities)

    @property
    def prepare(self) -> Callable[[EntityTable], list[tuple[Key, Any]]]:
        """Write what is compared of an entity, if it is unified."""
        unified, matcher = self.unified, self.plan.matcher
        prepare = step(self.plan.settings, "blocks", matcher.prepare, stage_of_blocks)
        return lambda table: [piece for one in unified([table]) for piece in prepare(one)]

    @property
    def compare(self) -> Callable[[Key, Iterable[Any]], Counted]:
        """Find pairs among what is compared together."""
        stage = Stage[Counted]("match", lambda found: found.rows)
        return step(self.plan.settings, "pairs", self.plan.matcher.compare, stage)

    @property
    def conclude(self) -> Callable[[int, Iterable[Any]], PairTable]:
        """Gather the pairs of two entities."""
        return step(self.plan.settings, "pairs", self.plan.matcher.conclude)

    @property
    def decided(self) -> bool:
        """Whether people decided of any pairs, or rules keep records apart through others."""
        unification = self.plan.configuration.unification
        return unification.decisions is not None or any(
            rule.through_others for rules in rules_of(unification).values() for rule in rules
        )

    @property
    def _decisions(self) -> Callable[[], list[Decision]]:
        """Return what people decided."""
        return partial(read_decisions_of, self.plan.configuration, self.plan.paths.project)

    @property
    def keep_to_decisions(self) -> Callable[[list[PairTable], Tables], list[PairTable]]:
        """Add pairs that are always one customer, and cut apart those that never are."""
        plan, unified, decisions = self.plan, self.unified, self._decisions
        most = plan.configuration.unification.limits.cluster_size

        def keep(
            connection: "DuckDBPyConnection",
            folder: Path,
            pairs: list[PairTable],
            records: list[Unified],
        ) -> list[PairTable]:
            return keep_to_decisions(connection, folder, pairs, records, decisions(), most)

        keep_step = step(plan.settings, "decided", keep)
        return lambda pairs, tables: keep_step(pairs, unified(tables))

    @property
    def give_identities(self) -> Callable[[pa.RecordBatch, Tables], Identified]:
        """Give every cluster its CustomerId, and customers the columns of their clusters."""
        plan, unified, gather = self.plan, self.unified, self._gather
        give = partial(
            unify.give_identities,
            before=remembered(plan.published),
            instance=str(plan.configuration.instance.id),
            run=plan.run,
            unification=plan.configuration.unification,
        )
        stage = Stage[Identified]("identities", lambda found: found.records, rows_of_customers)
        identify = step(plan.settings, "identities", give, stage, plan.attach)
        return lambda forest, tables: gather(identify(forest, unified(tables)), unified(tables))

    @property
    def follow_relationships(self) -> Callable[[Identified, Tables], Identified]:
        """Find the customers to whom fields and hops lead; `tables` has activities, too."""
        plan = self.plan
        follow = partial(followed, configuration=plan.configuration)
        return step(plan.settings, "related", follow, None, self._attach_others)

    @property
    def _gather(self) -> Callable[[Identified, list[Unified]], Identified]:
        """Give customers the columns of their clusters, if any are configured."""
        plan = self.plan
        if not plan.configuration.unification.clusters:
            return lambda identified, _: identified
        gather = partial(
            gathered,
            configuration=plan.configuration,
            published=plan.published,
            run=plan.run,
            rows_per_bucket=plan.rows_per_bucket,
            threads=plan.settings.threads,
        )
        return step(plan.settings, "clusters", gather, None, plan.attach)

    @property
    def basis(self) -> Callable[[Identified, Tables], Basis]:
        """Return what the base tables are made of."""
        plan = self.plan
        return partial(
            Basis,
            entities=plan.entities,
            unification=plan.configuration.unification,
            activities=plan.activities,
            run=plan.run,
            rows_per_bucket=plan.rows_per_bucket,
            direct=frozenset(
                one.name
                for one in plan.configuration.relationships
                if is_by_key(plan.configuration, one)
            ),
        )

    @property
    def begin_building(self) -> Callable[[Identified, Tables, list[PairTable]], Identified]:
        """Begin the parts of the base tables that are differences, and what is told of matching.

        They are small, and none takes all cores all the time. What asks for one of them comes
        after: a runner does in any order what does not wait for another.
        """
        settings, order = self.plan.settings, self.order
        build, describe = self._build, self._describe_matches

        def begun(identified: Identified, tables: Tables, pairs: list[PairTable]) -> Identified:
            changes = [one for one in order(identified, tables) if one.changes]
            for one in changes:
                begin(settings, one, partial(build, one, identified, tables), little=True)
            if any(one.affected for one in tables):  # those of all records are large
                begin(settings, MATCHING, partial(describe, identified, pairs, tables), little=True)
            return identified

        return begun

    @property
    def order(self) -> Callable[[Identified, Tables], Iterator[PartOrder]]:
        """Order the parts of the base tables."""
        basis, differing = self.basis, self.plan.differing
        return guarded(self.plan.settings, lambda *found: building.orders(basis(*found), differing))

    @property
    def build(self) -> Callable[[PartOrder, Identified, Tables], TablePart]:
        """Build a part of a base table, unless that was begun."""
        settings, build = self.plan.settings, self._build
        return lambda order, *found: finished(settings, order, partial(build, order, *found))

    @property
    def _build(self) -> Callable[[PartOrder, Identified, Tables], TablePart]:
        basis, settings, before = self.basis, self.plan.settings, self.plan.differing
        part = partial(building.build_part, threads=settings.threads)
        build = step(settings, "parts", part, stage_of_part, self._attach_others)

        def differ(
            connection: "DuckDBPyConnection", folder: Path, order: PartOrder, found: Basis
        ) -> TablePart:
            return DIFFERENCES[order.table](connection, folder, found, before[order.table])

        changed = step(settings, "parts", differ, stage_of_part, self.plan.attach)
        return lambda order, identified, tables: (changed if order.changes else build)(
            order, basis(identified, tables)
        )

    @property
    def stamp(self) -> Callable[[str, Iterable[TablePart], Tables], list[BuiltTable]]:
        """Stamp the rows of a base table with runs."""
        plan, unified, published = self.plan, self.unified, self.published
        unification = plan.configuration.unification
        compared = partial(building.compared, columns=plan.published, run=plan.run)
        compare = step(plan.settings, "stamped", compared, stage_of_history, plan.attach)

        def stamp(name: str, parts: Iterable[TablePart], tables: Tables) -> list[BuiltTable]:
            declared = BASE_TABLES[name].declared(unification, unified(tables))
            return building.stamp(declared, parts, published, compare)

        return guarded(plan.settings, stamp)

    @property
    def written_whole(self) -> Callable[[BuiltTable], BuiltTable]:
        """Write a difference to a table as all of its rows, where these are scattered."""
        plan = self.plan
        scattered = {name for name, one in plan.differing.items() if one.scattered}
        write = step(plan.settings, "whole", building.written_whole, stage_of_whole, plan.attach)
        return lambda built: (
            write(built) if built.gone is not None and built.table.name in scattered else built
        )

    @property
    def published(self) -> Published:
        """The tables that are published now."""
        return Published(self.plan.published, self.plan.hashes, self.plan.last.get("placed", {}))

    @property
    def describe_entity(self) -> Callable[[EntityTable], list[BuiltTable]]:
        """Return the tables of an entity; unchanged ones stay as they are."""
        entities, published = self.plan.entities, self.published
        there = {
            name: entity.files or ()
            for one in self.plan.differing.values()
            for name, entity in one.entities.items()
        }
        return lambda table: [
            published.without_same_files(
                published.without_unchanged(one), there.get(one.table.name, ())
            )
            for one in entity_tables(table, entities[table.entity])
        ]

    @property
    def describe_matches(self) -> DescribeMatches:
        """Return the tables of matching, unless that was begun; unchanged ones stay as they are."""
        settings, describe = self.plan.settings, self._describe_matches
        return lambda *found: finished(settings, MATCHING, partial(describe, *found))

    @property
    def _describe_matches(self) -> DescribeMatches:
        unified, published, plan = self.unified, self.published, self.plan
        limit = plan.configuration.unification.limits.large_customer
        stage = Stage[list[BuiltTable]](
            "match tables", lambda found: sum(table.content.rows for table in found)
        )
        describe = step(
            plan.settings,
            "matched",
            partial(match_tables, large_customer=limit, before=plan.differing),
            stage,
            plan.attach,
        )
        return lambda identified, pairs, tables: [
            published.without_unchanged(one) for one in describe(identified, pairs, unified(tables))
        ]
