"""The first steps of a refresh: files become tables of entities, and these are hashed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

from overtide.transforms import unify
from overtide.transforms.beside import begin, finished
from overtide.transforms.entity_contents import with_content
from overtide.transforms.ingest import IngestedFiles
from overtide.transforms.keys import EntityTable
from overtide.transforms.plan import Plan
from overtide.transforms.shrinking import expect_no_shrink
from overtide.transforms.stages import rows_of_entity, rows_read
from overtide.transforms.step import Stage, guarded, step
from overtide.transforms.unify import SourceFiles

Tables = list[EntityTable]


@dataclass(frozen=True)
class ReadingSteps:
    """The steps that read, type, settle and hash the entities."""

    plan: Plan

    def begin_reading(self, files: Iterable[SourceFiles]) -> None:
        """Begin to read what will be asked for by steps of this process.

        Of an entity whose one file changed in place its rows are settled, too, once it is read.
        """
        for batch in files:
            if batch.before is not None:
                begin(self.plan.settings, batch, partial(self._read_to_settle, batch), little=True)
            elif batch.paths:
                begin(self.plan.settings, batch, partial(self._read, batch))

    def _read_to_settle(self, batch: SourceFiles) -> list[IngestedFiles]:
        found = self._read(batch)
        settle = partial(self.settle, batch.entity, found)
        begin(self.plan.settings, _settled(batch.entity), settle, little=True)
        return found

    @property
    def read(self) -> Callable[[SourceFiles], list[IngestedFiles]]:
        """Read and type source files, unless that was begun."""
        settings, read = self.plan.settings, self._read
        return lambda batch: finished(settings, batch, partial(read, batch))

    @property
    def _read(self) -> Callable[[SourceFiles], list[IngestedFiles]]:
        plan = self.plan
        read = partial(unify.read_files, entities=plan.entities, project=plan.paths.project)
        stage = Stage[list[IngestedFiles]](
            "ingest", rows_read, lambda found: {"keys": rows_read(found)}
        )
        return step(plan.settings, "ingest", read, stage)

    @property
    def settle(self) -> Callable[[str, Iterable[IngestedFiles]], EntityTable]:
        """Keep one row per primary key of an entity, and hash none."""
        plan = self.plan
        settle = partial(
            unify.settle_entity,
            entities=plan.entities,
            prefer={name: plan.preference(name) for name in plan.entities},
            project=plan.paths.project,
        )
        ahead = partial(rows_of_entity, plan.configuration)
        stage = Stage[EntityTable]("keys", lambda table: table.rows_read, ahead)
        return step(plan.settings, "keys", settle, stage)

    @property
    def settled(self) -> Callable[[str, Iterable[IngestedFiles]], EntityTable]:
        """Keep one row per primary key, unless that was begun."""
        settings, settle = self.plan.settings, self.settle
        return lambda name, files: finished(settings, _settled(name), partial(settle, name, files))

    @property
    def hash_beside(self) -> Callable[[EntityTable], EntityTable]:
        """Hash the rows of an entity beside the steps to come, else at once.

        One of them, which joins pairs to clusters, takes one core: so this begins as late as it
        may. What changed in place is little, and hashed while few records are matched, if these are
        few.
        """
        settings, hash_ = self.plan.settings, self._hash
        few = self.plan.narrowing is not None

        def hashing(table: EntityTable) -> EntityTable:
            if table.content is not None or (few and table.changed is not None):
                return table
            begun = begin(settings, table.files, partial(hash_, table))
            return table if begun else hash_(table)

        return hashing

    @property
    def hashed(self) -> Callable[[EntityTable], EntityTable]:
        """Return a table with the fingerprint of its rows, whatever else is known of it by now."""
        settings, hash_ = self.plan.settings, self._hash

        def hashed(table: EntityTable) -> EntityTable:
            if table.content is not None:
                return table
            found = finished(settings, table.files, partial(hash_, table))
            return replace(table, content=found.content, ingested=found.ingested)

        return hashed

    @property
    def begin_hashing(self) -> Callable[[Tables], Tables]:
        """Begin to hash what changed in place."""
        settings, hash_ = self.plan.settings, self._hash

        def begun(tables: Tables) -> Tables:
            for table in tables:
                if table.content is None and table.changed is not None:
                    begin(settings, table.files, partial(hash_, table))
            return tables

        return begun

    @property
    def _hash(self) -> Callable[[EntityTable], EntityTable]:
        hash_, entities = step(self.plan.settings, "hashed", with_content), self.plan.entities
        return lambda table: hash_(table, entities[table.entity])

    @property
    def expect_no_shrink(self) -> Callable[[EntityTable, Tables], EntityTable]:
        """Stop where an entity has far fewer rows than before."""
        before = {} if self.plan.allow_shrink else self.plan.kept_before
        expect = partial(expect_no_shrink, entities=self.plan.entities, before=before)
        return guarded(self.plan.settings, expect)


def _settled(entity: str) -> tuple[str, str]:
    """Return what an entity's table is called as what is done beside other steps."""
    return "settled", entity
