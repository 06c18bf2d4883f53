"""A plan and entity tables made by hand, for tests of the steps of a refresh."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from overtide.schemas.configuration import Configuration
from overtide.schemas.numbers import decimal_shape
from overtide.schemas.paths import Paths
from overtide.transforms.fingerprint import EMPTY
from overtide.transforms.kernel import KernelSettings
from overtide.transforms.keys import EntityTable
from overtide.transforms.plan import Plan
from overtide.transforms.step import new_folder

INSTANCE = "6f2c1f0e-5f0b-4b8c-9d2e-3a1b2c3d4e5f"
ARROW = {
    "string": pa.string(),
    "guid": pa.string(),
    "integer": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us", "UTC"),
}
_numbers = itertools.count()


def configuration(
    entities: dict[str, dict[str, str]], match: Sequence[dict[str, Any]] = (), **more: Any
) -> Configuration:
    """Return a configuration of unified entities (full name -> attributes, primary key first).

    `entity` and `unified` map a name to more of its section, or `unified` to None for an entity
    that is not unified; `merge`, `limits` and the sections of a whole document are taken as they
    are.
    """
    sources: dict[str, dict[str, Any]] = {}
    for name, attributes in entities.items():
        source, entity = name.split("_")
        sources.setdefault(source, {})[entity] = {
            "path": f"{name}.csv",
            "primary_key": next(iter(attributes)),
            "attributes": attributes,
        } | more.get("entity", {}).get(name, {})
    unified = more.get("unified", {})
    members = [
        {"entity": name} | unified.get(name, {})
        for name in entities
        if unified.get(name, {}) is not None
    ]
    unification = {
        "entities": members,
        "match": list(match),
        "merge": more.get("merge", {}),
        "limits": more.get("limits", {}),
    }
    whole = {
        name: more[name]
        for name in ("relationships", "activities", "lake", "real_time")
        if name in more
    }
    return Configuration.model_validate(
        {
            "instance": {"name": "small", "id": INSTANCE},
            "sources": sources,
            "unification": unification,
        }
        | whole
    )


def plan_of(
    folder: Path,
    document: Configuration,
    rows_per_bucket: int = 1_000_000,
    records: int = 1_000,
    run: int = 1,
) -> Plan:
    """Return the plan of a refresh in a folder of its own.

    Fewer rows per bucket make more buckets.
    """
    place = folder / f"plan {next(_numbers)}"
    (place / "scratch").mkdir(parents=True)
    return Plan(
        document,
        Paths.of(place),
        KernelSettings(1, "500MB", place / "scratch"),
        run,
        rows_per_bucket,
        records,
        {},
        {},
    )


def table_of(plan: Plan, name: str, rows: Sequence[dict[str, Any]], files: int = 1) -> EntityTable:
    """Return the table of an entity with these rows, in several files if asked."""
    entity = plan.entities[name]
    schema = pa.schema([(one, arrow_type(entity.attribute(one).type)) for one in entity.attributes])
    parts = [rows[number::files] for number in range(files)]
    paths = []
    for part in parts:
        paths.append(str(new_folder(plan.scratch, "tables") / f"{name}.parquet"))
        pq.write_table(pa.Table.from_pylist(list(part), schema), paths[-1])
    return EntityTable(
        name,
        tuple(paths),
        tuple(map(len, parts)),
        "",
        len(rows),
        len(rows),
        0,
        0,
        0,
        0,
        (),
        EMPTY,
        EMPTY,
        EMPTY,
    )


def arrow_type(kind: str) -> pa.DataType:
    """Return the Arrow type of an attribute type."""
    return pa.decimal128(*decimal_shape(kind)) if kind.startswith("decimal") else ARROW[kind]
