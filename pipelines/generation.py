"""The serving generation of a run: built from its tables, with what reads need to know."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from overtide.lake.activity_build import build_activities
from overtide.lake.activity_files import named_by
from overtide.lake.catalog import Publish
from overtide.lake.generation import Generation
from overtide.lake.generation_build import GenerationSources, build_generation, renew_generation
from overtide.lake.sealed import is_whole
from overtide.pipelines.batch import Found
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
from overtide.transforms.kernel import stop_kernels
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
"""The tables that a serving generation is made of."""


def build_serving(plan: Plan, found: Found, before: Publish | None) -> str:
    """Write the serving generation of the run and return its name.

    Where nothing changed of what it is made of, it is that of the run before, with other metadata
    where those changed.
    """
    files, fields = found.files, fields_of(plan, found)
    path, metadata = plan.paths.generation(f"run{plan.run:06d}"), serving_metadata(plan, fields)
    changed = any(files[table] is not None for table in SERVED)
    if before and not changed and is_whole(plan.paths, before.generation):
        there, timelines = plan.paths.generation(before.generation), _build_timelines(plan, found)
        if timelines in named_by(plan.paths, [before.generation]) and _says_the_same(
            there, metadata
        ):
            return before.generation
        return renew_generation(there, path, metadata, timelines)
    with (
        _beside(_build_timelines, plan, found) as building,
        attached_kernel(plan.settings, plan.attach) as connection,
    ):
        customers, keys, *others = (_rows(table, files[table]) for table in SERVED)
        profiles = profile_json(fields, Steps(plan).unified(found.tables), customers)
        sources = GenerationSources(profiles, keys, *others)
        return build_generation(connection, path, metadata, sources, building)


@contextmanager
def _beside(
    function: Callable[[Plan, Found], str], plan: Plan, found: Found
) -> Iterator[Callable[[], str]]:
    """Do something in another thread while the block runs; give what waits for its result."""
    with ThreadPoolExecutor(1) as thread:
        result = thread.submit(function, plan, found).result
        try:
            yield result
        except BaseException:
            stop_kernels(plan.settings.scratch)
            raise


def _build_timelines(plan: Plan, found: Found) -> str:
    """Write the activities of the run in place and return their name."""
    built = found.output(UNIFIED_ACTIVITY)
    content, rows = built.content.hex(), _rows(UNIFIED_ACTIVITY.name, built.files)
    if built.gone is not None:
        stays = f"lake.{UNIFIED_ACTIVITY.name} ANTI JOIN {parquet_rows([built.gone])}"
        rows = f"SELECT * FROM {stays} USING (ActivityId) UNION ALL BY NAME {rows}"
    with attached_kernel(plan.settings, plan.attach) as connection:
        return build_activities(connection, plan.paths, content, rows)


def _says_the_same(generation: Path, metadata: ServingMetadata) -> bool:
    """Say whether a generation has this metadata, its run aside; not one of another version."""
    try:
        there = replace(Generation(generation).metadata, run=metadata.run)
    except GenerationError:
        return False
    return encoded(there) == encoded(metadata)


def _rows(table: str, files: tuple[str, ...] | None) -> str:
    return f"SELECT * FROM {f'lake.{table}' if files is None else parquet_rows(files)}"


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
    large, ignored = (
        _rows(table.name, found.files[table.name]) for table in (OVERSIZED_BLOCKS, IGNORED_VALUES)
    )
    with attached_kernel(plan.settings, plan.attach) as connection:
        return told.told(connection, large, ignored)
