"""The serving generation of a run: built from its tables, with what reads need to know."""

from overtide.lake.catalog import Publish
from overtide.lake.generation_build import GenerationSources, build_generation, renew_generation
from overtide.lake.sealed import is_whole
from overtide.pipelines.batch import Found
from overtide.schemas.names import parquet_rows
from overtide.schemas.table import ProfileField
from overtide.schemas.tables import (
    ALTERNATE_KEY,
    IDENTITY_ALIAS,
    IGNORED_VALUES,
    OVERSIZED_BLOCKS,
    VANISHED_KEY,
)
from overtide.transforms import told
from overtide.transforms.plan import Plan
from overtide.transforms.step import attached_kernel
from overtide.transforms.steps import Steps
from overtide.transforms.tables.customer import Customer, profile_fields, profile_json


def fields_of(plan: Plan, found: Found) -> list[ProfileField]:
    """Return the columns of Customer."""
    return profile_fields(plan.configuration.unification, Steps(plan).unified(found.tables))


SERVED = (Customer.name, ALTERNATE_KEY.name, VANISHED_KEY.name, IDENTITY_ALIAS.name)
"""The tables that a serving generation is made of."""


def build_serving(plan: Plan, found: Found, before: Publish | None) -> str:
    """Write the serving generation of the run and return its name.

    Where nothing changed of what it is made of, it is that of the run before with other metadata.
    """
    files, fields = found.files, fields_of(plan, found)
    path, meta = plan.paths.generation(f"run{plan.run:06d}"), serving_meta(plan, fields)
    changed = any(files[table] is not None for table in SERVED)
    if before and not changed and is_whole(plan.paths, before.generation):
        return renew_generation(plan.paths.generation(before.generation), path, meta)
    with attached_kernel(plan.settings, plan.attach) as connection:
        customers, keys, vanished, aliases = (_rows(table, files[table]) for table in SERVED)
        profiles = profile_json(fields, Steps(plan).unified(found.tables), customers)
        sources = GenerationSources(profiles, keys, vanished, aliases)
        return build_generation(connection, path, meta, sources)


def _rows(table: str, files: tuple[str, ...] | None) -> str:
    return f"SELECT * FROM {f'lake.{table}' if files is None else parquet_rows(files)}"


def serving_meta(plan: Plan, fields: list[ProfileField]) -> dict[str, object]:
    """Return the metadata that acceptance and reading need.

    `overtide.lake.generation` describes it.
    """
    profile = [{"name": one.name, "type": one.type, "updatable": one.updatable} for one in fields]
    entities = {
        name: {
            "attributes": {
                column: entity.attribute(column).model_dump() for column in entity.attributes
            },
            "time_zone": entity.time_zone,
            "primary_key": entity.primary_key,
            "unified": name in plan.options,
        }
        for name, entity in plan.entities.items()
    }
    activities = {
        activity.entity: activity.model_dump()
        | {"foreign_key": relationship.foreign_key, "to": relationship.to}
        for activity, relationship in plan.activities
    }
    return {
        "run": plan.run,
        "instance": str(plan.configuration.instance.id),
        "profile": profile,
        "entities": entities,
        "activities": activities,
        "real_time": plan.configuration.real_time.model_dump(),
    }


def comparing_told(plan: Plan, found: Found) -> dict[str, object]:
    """Return what the manifest says of large blocks and customers, and ignored values."""
    large, ignored = (
        _rows(table.name, found.files[table.name]) for table in (OVERSIZED_BLOCKS, IGNORED_VALUES)
    )
    with attached_kernel(plan.settings, plan.attach) as connection:
        return told.told(connection, large, ignored)
