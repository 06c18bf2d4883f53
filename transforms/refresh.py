"""The PTransforms of the refresh: each wires the functions of `unify` and `tables`.

What moves are references.

They keep to what every runner does right: one root, one leaf, no tagged outputs, no state, timers
or metrics.
"""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import TypeVar, cast

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import AsList, AsSingleton, PCollection

from overtide.schemas.errors import OvertideError
from overtide.transforms import clusters, unify
from overtide.transforms.identities import Identified
from overtide.transforms.kernel import out_of_memory
from overtide.transforms.keys import EntityTable
from overtide.transforms.plan import Plan, leave_error
from overtide.transforms.shrinking import expect_no_shrink
from overtide.transforms.tables import building
from overtide.transforms.tables.contract import BuiltTable
from overtide.transforms.tables.identity_tables import learnt_tables
from overtide.transforms.unify import PairTable, SourceFiles

Result = TypeVar("Result")


def guarded(step: Callable[..., Result], plan: Plan) -> Callable[..., Result]:
    """Return the step so that its error is left where the refresh finds it.

    Runners keep only the text of an error.

    A step that gives one thing after the other is done when it returns, so that its errors are
    left, too.
    """

    def run(*arguments: object) -> Result:
        try:
            result = step(*arguments, plan)
            return cast("Result", list(result)) if isinstance(result, Generator) else result
        except Exception as error:
            found = (
                error
                if isinstance(error, OvertideError)
                else out_of_memory(plan.settings.memory_limit, error)
            )
            if found:
                leave_error(plan, found)
            raise

    return run


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

    plan: Plan

    def expand(self, files: PCollection[SourceFiles]) -> PCollection[EntityTable]:
        """From source files to one table per entity."""
        settle = guarded(unify.settle_entity, self.plan)
        tables = (
            files
            | "Spread files over workers" >> beam.Reshuffle()
            | "Read and type files" >> beam.FlatMap(guarded(unify.read_files, self.plan))
            | "Key files by entity" >> beam.Map(lambda file: (file.entity, file))
            | "Collect files of an entity" >> beam.GroupByKey()
            | "Keep one row per key" >> beam.Map(lambda entry: settle(entry[0], entry[1]))
        )
        return tables | "Expect no shrunk source" >> beam.Map(
            guarded(expect_no_shrink, self.plan), AsList(tables)
        )


@dataclass(eq=False)  # Beam names its transforms by assigning to them
class FindPairs(beam.PTransform):
    """Block the records of the unified entities and find the pairs that the rules join."""

    plan: Plan

    def expand(self, tables: PCollection[EntityTable]) -> PCollection[PairTable]:
        """From entities to one table of pairs per pair of entities."""
        find, reduce = guarded(unify.find_pairs, self.plan), guarded(unify.reduce_pairs, self.plan)
        return (
            tables
            | "Write blocks" >> beam.FlatMap(guarded(unify.write_blocks, self.plan))
            | "Collect blocks of a search" >> beam.GroupByKey()
            | "Find pairs" >> beam.Map(lambda entry: find(entry[0], entry[1]))
            | "Key pairs by entities" >> beam.Map(lambda pairs: (pairs.search.pair, pairs))
            | "Collect pairs of entities" >> beam.GroupByKey()
            | "Keep the first rule" >> beam.Map(lambda entry: reduce(entry[0], entry[1]))
        )


@dataclass(eq=False)  # Beam names its transforms by assigning to them
class GiveIdentities(beam.PTransform):
    """Join the pairs to clusters and give each its CustomerId."""

    plan: Plan
    tables: PCollection[EntityTable]

    def expand(self, pairs: PCollection[PairTable]) -> PCollection[Identified]:
        """From pairs to the identities of all records: one element."""
        return (
            pairs
            | "Read edges" >> beam.Map(unify.edges_of)
            | "Join them to a forest" >> beam.CombineGlobally(JoinEdges())
            | "Give identities"
            >> beam.Map(guarded(unify.give_identities, self.plan), AsList(self.tables))
        )


@dataclass(eq=False)  # Beam names its transforms by assigning to them
class BuildTables(beam.PTransform):
    """Build the base tables part by part and stamp their rows with runs."""

    plan: Plan
    tables: PCollection[EntityTable]

    def expand(self, identified: PCollection[Identified]) -> PCollection[BuiltTable]:
        """From identities to the tables that keep a history, and what the registry learns."""
        order, build, stamp = (
            guarded(step, self.plan)
            for step in (building.orders, building.build_part, building.stamp)
        )
        built = (
            identified
            | "Order parts" >> beam.FlatMap(order, AsList(self.tables))
            | "Spread parts over workers" >> beam.Reshuffle()
            | "Build parts"
            >> beam.Map(
                build,
                AsSingleton(identified),
                AsList(self.tables),
            )
            | "Key parts by table" >> beam.Map(lambda part: (part.table, part))
            | "Collect parts of a table" >> beam.GroupByKey()
            | "Stamp runs"
            >> beam.FlatMap(
                lambda entry, tables: stamp(entry[0], entry[1], tables), AsList(self.tables)
            )
        )
        registry = identified | "Learn new records" >> beam.FlatMap(learnt_tables)
        return (built, registry) | "Join base tables" >> beam.Flatten()
