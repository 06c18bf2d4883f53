"""Folders of full data and changes: the latest version of each record, hour by hour."""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import OvertideError
from overtide.schemas.instants import parse_instant
from overtide.transforms.sources.deliveries import find_deliveries
from tests.deliveries import FULL, Version, final, folder_of
from tests.source_files import Found, read_files

ATTRIBUTES = {"Id": "integer", "Name": "string", "At": "datetime"}
HOURS = ("2026/01/31/23", "2026/02/01/00", "2026/02/01/01")
TIMES = ("2026-01-31T22:00:00Z", "2026-01-31T23:59:59.999999Z", "2026-02-01T00:30:00Z")


def write(folder: Path, rows: Iterable[Version], form: str = "csv") -> None:
    """Write rows into the folders of their deliveries, a file for each two of one."""
    folders: dict[str, list[Version]] = defaultdict(list)
    for row in rows:
        folders[folder_of(row.hour, row.deletes)].append(row)
    for place, some in {FULL: [], **folders}.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        for number in range(0, len(some) or 1, 2):
            file = folder / place / f"part-{number}"
            values = [
                {"Id": row.key, "At": row.texts[1]}
                | ({} if row.deletes else {"Name": row.texts[0]})
                for row in some[number : number + 2]
            ]
            write_file(file, values, form)


def write_file(file: Path, values: list[dict[str, Any]], form: str) -> None:
    """Write a file of a format; one without rows has its columns."""
    if form == "jsonl":
        file.write_text("".join(json.dumps(one) + "\n" for one in values) or '{"Id":null}\n')
        return
    names = list(values[0]) if values else list(ATTRIBUTES)
    if form == "parquet":
        kinds = {"Id": pa.int64(), "Name": pa.string(), "At": pa.string()}
        schema = pa.schema([(name, kinds[name]) for name in names])
        pq.write_table(pa.Table.from_pylist(values, schema), file)
        return
    lines = [
        ",".join("" if one[name] is None else str(one[name]) for name in names) for one in values
    ]
    file.write_text("\n".join([",".join(names), *lines]) + "\n")


def entity(**more: Any) -> Entity:
    """Return an entity that is delivered so."""
    document = {
        "path": "people",
        "primary_key": "Id",
        "attributes": ATTRIBUTES,
        "incremental": {"last_modified": "At"},
        "max_set_aside_percent": 100,
    }
    return Entity.model_validate(document | more)


def found_in(project: Path, one: Entity, now: str | None = None) -> Found:
    """Read the deliveries of an entity as a refresh does."""
    instant = parse_instant(now) if now else None
    return read_files(project, one, list(find_deliveries(project, one, instant).files))


def shown(found: Found) -> dict[int, tuple[str | None, str | None]]:
    """Return the records that are kept."""

    def text(at: datetime | None) -> str | None:
        return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None

    return {key: (name, text(at)) for key, name, at in found.rows}


def version(hour: str, deletes: bool, key: int, name: str | None, at: str | None) -> Version:
    """Return a delivered row."""
    modified = datetime.fromisoformat(at) if at else None
    return Version(hour, deletes, key, (None if deletes else name, at), modified)


ROWS = st.builds(
    version,
    st.sampled_from(("", "", *HOURS)),
    st.booleans(),
    st.integers(1, 4),
    st.none() | st.sampled_from("ab"),
    st.none() | st.sampled_from(TIMES),
).filter(lambda row: row.hour or not row.deletes)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(ROWS, min_size=1, max_size=12), form=st.sampled_from(["csv", "parquet"]))
def test_the_latest_version_is_the_record(tmp_path_factory, rows, form):
    project = tmp_path_factory.mktemp("project")
    write(project / "people", rows, form)
    records, fates = final(rows)
    if not records:
        with pytest.raises(OvertideError) as error:
            found_in(project, entity(format=form))
        assert error.value.code == "no_rows"
        return
    found = found_in(project, entity(format=form))
    assert shown(found) == {key: one.texts for key, one in records.items()}
    changed = found.table.changes
    assert changed is not None
    assert fates == {
        "repeats": found.table.exact_repeats,
        "lost": found.table.lost_rows,
        "superseded": changed.superseded_rows,
        "deletes": changed.delete_rows,
        "deleted": changed.deleted_records,
    }
    assert changed.undated_rows == sum(row.at is None for row in rows)
    assert changed.hours == len({row.hour for row in rows if row.hour})
