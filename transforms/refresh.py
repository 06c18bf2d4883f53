"""The PTransforms of the refresh: each only wires steps; what moves are references.

They keep to what every runner does right: one root, one leaf, no tagged outputs, no state, timers
or metrics. What is to be spread over workers has a key of its own, and what is gathered has one key
for all: a Reshuffle is six transforms more, a list of all is eight functions, and each costs a
small refresh some milliseconds (docs/decisions/small-refreshes.md).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import AsList, AsSingleton, PCollection

from overtide.transforms import clusters, unify
from overtide.transforms.identities import Identified
from overtide.transforms.ingest import IngestedFiles
from overtide.transforms.keys import EntityTable
from overtide.transforms.matching.contract import PairTable
from overtide.transforms.steps import Steps
from overtide.transforms.tables.contract import BuiltTable
from overtide.transforms.unify import SourceFiles

Element = TypeVar("Element")


class JoinEdges(beam.CombineFn):
    """Join the edges of all pairs.

    What moves between workers is one forest of each, so none ever holds all edges.
    """

    def create_accumulator(self) -> list[pa.RecordBatch]:
        """Begin with no edge."""
        return []

    def add_input(self, parts: list[pa.RecordBatch], more: pa.RecordBatch) -> list[pa.RecordBatch]:
        """Keep more edges."""
        return [*parts, more]

    def merge_accumulators(self, several: Iterable[list[pa.RecordBatch]]) -> list[pa.RecordBatch]:
        """Join the edges of several workers."""
        return [clusters.join([part for parts in several for part in parts])]

    def compact(self, parts: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
        """Join the edges of a worker to a forest before they move."""
        return [clusters.join(parts)]

    def extract_output(self, parts: list[pa.RecordBatch]) -> pa.RecordBatch:
        """Return the forest of all edges."""
        return clusters.join(parts)


@dataclass(eq=False)  # Beam names its transforms by assigning to them
class ReadSources(beam.PTransform):
    """Read, type and settle every entity."""

    steps: Steps

    def expand(self, files: PCollection[tuple[int, SourceFiles]]) -> PCollection[EntityTable]:
        """From source files, each with its number, to one table per entity."""
        reading = self.steps.reading
        read, settle = reading.read, reading.settled
        expect, hash_beside = reading.expect_no_shrink, reading.hash_beside
        tables = (
            files
            | "Spread files over workers" >> beam.GroupByKey()
            | "Read and type files"
            >> beam.FlatMap(
                lambda entry: [(one.entity, one) for one in unify.of_entity(_only(entry[1]), read)]
            )
            | "Collect files of an entity" >> beam.GroupByKey()
            | "Keep one row per key" >> beam.Map(lambda entry: _settled(entry[0], entry[1], settle))
        )
        settled = tables | "Expect no shrunk source" >> beam.Map(
            lambda table, of_all: hash_beside(expect(table, of_all)), AsList(tables)
        )
        if not self.steps.narrows:
            return settled
        return (
            settled
            | "Collect tables of entities" >> beam.combiners.ToList()
            | "Find what changes concern" >> beam.FlatMap(self.steps.find_affected)
        )


@dataclass(eq=False)  # Beam names its transforms by assigning to them
class FindPairs(beam.PTransform):
    """Find the pairs of records that belong together, by whatever matcher."""

    steps: Steps

    def expand(self, tables: PCollection[EntityTable]) -> PCollection[PairTable]:
        """From entities to one table of pairs per pair of entities."""
        compare, conclude = self.steps.compare, self.steps.conclude
        pairs = (
            tables
            | "Write blocks" >> beam.FlatMap(self.steps.prepare)
            | "Collect blocks of a search" >> beam.GroupByKey()
            | "Find pairs" >> beam.Map(lambda entry: (entry[0][0], compare(entry[0], entry[1])))
            | "Collect pairs of entities" >> beam.GroupByKey()
            | "Keep the first rule" >> beam.Map(lambda entry: conclude(entry[0], entry[1]))
        )
        if self.steps.decided:
            pairs = (
                pairs
                | "Collect all pairs" >> beam.combiners.ToList()
                | "Keep to decisions" >> beam.FlatMap(self.steps.keep_to_decisions, AsList(tables))
            )
        if not self.steps.narrows:
            return pairs
        return (
            pairs
            | "Collect pairs of now" >> beam.combiners.ToList()
            | "Find earlier pairs" >> beam.FlatMap(self.steps.find_earlier_pairs, AsList(tables))
        )


@dataclass(eq=False)  # Beam names its transforms by assigning to them
class GiveIdentities(beam.PTransform):
    """Join the pairs to clusters and give each its CustomerId."""

    steps: Steps
    tables: PCollection[EntityTable]

    def expand(self, pairs: PCollection[PairTable]) -> PCollection[Identified]:
        """From pairs to the identities of all records: one element.

        It is there without any pair, since every entity begins with no edge: what Beam does to
        combine nothing, too, is four functions more.
        """
        give, follow = self.steps.give_identities, self.steps.follow_relationships
        begin_building = self.steps.begin_building
        none = self.tables | "Begin with no edge" >> beam.Map(lambda _table: (None, clusters.EMPTY))
        edges = pairs | "Read edges" >> beam.Map(lambda table: (None, unify.edges_of(table)))
        return (
            (none, edges)
            | "Gather edges" >> beam.Flatten()
            | "Join them to a forest" >> beam.CombinePerKey(JoinEdges())
            | "Give identities"
            >> beam.Map(
                lambda entry, *found: begin_building(
                    follow(give(entry[1], found[0]), found[0]), *found
                ),
                AsList(self.tables),
                AsList(pairs),
            )
        )


@dataclass(eq=False)  # Beam names its transforms by assigning to them
class BuildTables(beam.PTransform):
    """Build the base tables part by part and stamp their rows with runs."""

    steps: Steps
    tables: PCollection[EntityTable]

    def expand(self, identified: PCollection[Identified]) -> PCollection[tuple[None, BuiltTable]]:
        """From identities to the tables that keep a history, with the one key of all results."""
        order, build, stamp = self.steps.order, self.steps.build, self.steps.stamp
        return (
            identified
            | "Order parts"
            >> beam.FlatMap(
                lambda identified, tables: [
                    ((one.table, one.number), one) for one in order(identified, tables)
                ],
                AsList(self.tables),
            )
            | "Spread parts over workers" >> beam.GroupByKey()
            | "Build parts"
            >> beam.Map(
                lambda entry, identified, tables: (
                    entry[0][0],
                    build(_only(entry[1]), identified, tables),
                ),
                AsSingleton(identified),
                AsList(self.tables),
            )
            | "Collect parts of a table" >> beam.GroupByKey()
            | "Stamp runs"
            >> beam.FlatMap(
                lambda entry, tables: [(None, one) for one in stamp(entry[0], entry[1], tables)],
                AsList(self.tables),
            )
        )


def _settled(
    entity: str,
    files: Iterable[IngestedFiles | EntityTable],
    settle: Callable[[str, Iterable[IngestedFiles]], EntityTable],
) -> EntityTable:
    """Return the table of an entity: the one that is there, or what its files make."""
    found = list(files)
    there = [one for one in found if isinstance(one, EntityTable)]
    files_read = [one for one in found if isinstance(one, IngestedFiles)]
    return there[0] if there else settle(entity, files_read)


def _only(values: Iterable[Element]) -> Element:
    """Return the one value of a key that is given once."""
    (value,) = values
    return value
