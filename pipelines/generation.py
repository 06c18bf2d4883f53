"""The serving generation of a run: built from its tables, with what reads need to know."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from overtide.lake.activity_build import build_activities, over_before
from overtide.lake.catalog import Publish
from overtide.lake.generation import Generation
from overtide.lake.generation_build import GenerationSources, build_generation
from overtide.lake.generation_changes import (
    CHANGED,
    GenerationChanges,
    Rows,
    change_generation,
    renew_generation,
)
from overtide.lake.sealed import is_whole, may_lie_beneath
from overtide.pipelines.found import Found
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import GenerationError
from overtide.schemas.match_tables import IGNORED_VALUES, OVERSIZED_BLOCKS
from overtide.schemas.names import parquet_rows
from overtide.schemas.serving_metadata import (
    RealTimeDefaults,
    ServedActivity,
    ServedAttribute,
    ServedEntity,
    ServingMetadata,
    encoded,
)
from overtide.schemas.table import ProfileField
from overtide.schemas.tables import (
    ALTERNATE_KEY,
    IDENTITY_ALIAS,
    RELATED_KEY,
    UNIFIED_ACTIVITY,
    VANISHED_KEY,
)
from overtide.transforms import told
from overtide.transforms.kernel import count, stop_kernels
from overtide.transforms.plan import Plan
from overtide.transforms.related import way_of
from overtide.transforms.step import attached_kernel
from overtide.transforms.steps import Steps
from overtide.transforms.tables.customer import Customer, profile_fields, profile_json


def fields_of(plan: Plan, found: Found) -> list[ProfileField]:
    """Return the columns of Customer."""
    return profile_fields(plan.configuration.unification, Steps(plan).unified(found.tables))


SERVED = (
    Customer.name,
    ALTERNATE_KEY.name,
    VANISHED_KEY.name,
    IDENTITY_ALIAS.name,
    RELATED_KEY.name,
)
"""The tables that a serving generation is made of, in the order of `GenerationSources`."""


def build_serving(plan: Plan, found: Found, before: Publish | None) -> str:
    """Write the serving generation of the run and return its name.

    Where nothing changed of what it is made of, it is that of the run before, with other metadata
    where those changed.
    """
    files, fields = found.files, fields_of(plan, found)
    path, metadata = plan.paths.generation(f"run{plan.run:06d}"), serving_metadata(plan, fields)
    changed = any(files[table] is not None for table in SERVED)
    if before and not changed and is_whole(plan.paths, before.generation):
        there = plan.paths.generation(before.generation)
        timelines = _build_timelines(plan, found, before)
        if _says_the_same(there, metadata, timelines):
            return before.generation
        if may_lie_beneath(plan.paths, before.generation) and _has_the_columns(there, metadata):
            return renew_generation(there, path, metadata, timelines)
    with (
        _beside(_build_timelines, plan, found, before) as building,
        attached_kernel(plan.settings, plan.attach) as connection,
    ):
        known, changes = _generation_before(plan, metadata, before), _changes(plan, found)
        if known is not None and changes is not None:
            asked = known, path, metadata, _sources_of_changed(plan, found, changes), changes
            customers = count(connection, f"SELECT count(*) FROM lake.{Customer.name}")
            name = change_generation(connection, *asked, customers, building)
            if name is not None:
                return name
        return build_generation(connection, path, metadata, _sources(plan, found), building)


def _sources(plan: Plan, found: Found) -> GenerationSources:
    """Return what a generation is made of."""
    customers, *others = (found.named(name).all_rows for name in SERVED)
    return GenerationSources(profile_json(fields_of(plan, found), customers), *others)


def _sources_of_changed(plan: Plan, found: Found, changes: GenerationChanges) -> GenerationSources:
    """Return what a generation says of the customers that are others.

    Nearly all of them came, and where all did no other row of the widest table is read.
    """
    customers, *others = map(found.named, SERVED)
    came, gone = changes.profiles.came, changes.profiles.gone
    stay = f"""
        FROM {CHANGED} ANTI JOIN ({came}) AS came USING (CustomerId)
        ANTI JOIN ({gone}) AS gone USING (CustomerId)"""
    left = customers.rows_with(f" SEMI JOIN ({stay}) AS stay USING (CustomerId)")
    profiles = profile_json(fields_of(plan, found), f"({came}) UNION ALL BY NAME ({left})")
    only = f" SEMI JOIN {CHANGED} USING (CustomerId)"
    return GenerationSources(profiles, *(one.rows_with(only) for one in others))


def _generation_before(
    plan: Plan, metadata: ServingMetadata, before: Publish | None
) -> Path | None:
    """Return the generation of the run before, where this engine made it alike and it is whole.

    What it says of customers depends on their columns alone: other metadata may lie over it.
    """
    if before is None or not plan.differing:
        return None
    there = plan.paths.generation(before.generation)
    usable = may_lie_beneath(plan.paths, before.generation) and _has_the_columns(there, metadata)
    return there if usable else None


def _changes(plan: Plan, found: Found) -> GenerationChanges | None:
    """Return what came and went in the served tables, None where a history was written anew."""
    outputs, rows = {output.table.name: output for output in found.outputs}, []
    for name in SERVED:
        files, past = outputs[name].files, outputs.get(f"{name}_history")
        if files is None:
            none = f"SELECT * FROM lake.{name} LIMIT 0"
            rows.append(Rows(none, none))
            continue
        if past is None or past.files is None or not past.append:
            return None
        came = f"SELECT * FROM {parquet_rows(files)} WHERE FirstRun = {plan.run}"
        rows.append(Rows(came, f"SELECT * FROM {parquet_rows(past.files)}"))
    profiles, keys, vanished, aliases, related = rows
    return GenerationChanges(profiles, keys, vanished, aliases, related)


@contextmanager
def _beside(
    function: Callable[[Plan, Found, Publish | None], str],
    plan: Plan,
    found: Found,
    before: Publish | None,
) -> Iterator[Callable[[], str]]:
    """Do something in another thread while the block runs; give what waits for its result."""
    with ThreadPoolExecutor(1) as thread:
        result = thread.submit(function, plan, found, before).result
        try:
            yield result
        except BaseException:
            stop_kernels(plan.settings.scratch)
            raise


def _build_timelines(plan: Plan, found: Found, before: Publish | None) -> str:
    """Write the activities of the run in place and return their name.

    Of a difference those of its customers alone, where the others' are there.
    """
    built, published = found.output(UNIFIED_ACTIVITY), plan.differing.get(UNIFIED_ACTIVITY.name)
    content, rows = built.content.hex(), built.rows_with
    with attached_kernel(plan.settings, plan.attach) as connection:
        if built.gone is None:
            return build_activities(connection, plan.paths, content, rows)
        over = None
        if before and published and is_whole(plan.paths, before.generation):
            changed = " UNION ALL ".join(
                f"SELECT CustomerId FROM {parquet_rows(files)}"
                for files in (built.files or (), [built.gone])
            )
            known = before.generation, published.content.hex()
            over = over_before(connection, plan.paths, *known, changed)
        return build_activities(connection, plan.paths, content, rows, over)


def _says_the_same(generation: Path, metadata: ServingMetadata, timelines: str) -> bool:
    """Say whether a generation has this metadata, its run aside, and these timelines.

    Not one of another version, nor one whose timelines lie over these.
    """
    try:
        with closing(Generation(generation)) as there:
            alike = replace(there.metadata, run=metadata.run)
            return there.timelines == timelines and encoded(alike) == encoded(metadata)
    except GenerationError:
        return False


def _has_the_columns(generation: Path, metadata: ServingMetadata) -> bool:
    """Say whether a generation's documents hold the values of these columns, in their order."""
    try:
        return Generation(generation).metadata.profile == metadata.profile
    except GenerationError:
        return False


def serving_metadata(plan: Plan, fields: list[ProfileField]) -> ServingMetadata:
    """Return the metadata that acceptance and reading need."""
    return ServingMetadata(
        plan.run,
        str(plan.configuration.instance.id),
        tuple(fields),
        {name: _entity(entity, name in plan.options) for name, entity in plan.entities.items()},
        {
            activity.entity: ServedActivity(
                **activity.model_dump(),
                foreign_key=relationship.foreign_key,
                to=way_of(plan.configuration, relationship),
                normalize=None if relationship.field is None else list(relationship.normalize),
            )
            for activity, relationship in plan.activities
        },
        RealTimeDefaults(**plan.configuration.real_time.model_dump()),
    )


def _entity(entity: Entity, unified: bool) -> ServedEntity:
    attributes = {
        name: ServedAttribute(**entity.attribute(name).model_dump()) for name in entity.attributes
    }
    return ServedEntity(attributes, entity.time_zone, entity.primary_key, unified, entity.filter)


def comparing_told(plan: Plan, found: Found) -> dict[str, object]:
    """Return what the manifest says of large blocks and customers, and ignored values."""
    large, ignored = (found.output(table).all_rows for table in (OVERSIZED_BLOCKS, IGNORED_VALUES))
    with attached_kernel(plan.settings, plan.attach) as connection:
        return told.told(connection, large, ignored)
