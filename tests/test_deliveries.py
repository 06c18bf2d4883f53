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
from overtide.transforms.sources.files import check_columns
from tests.deliveries import FULL, Version, final, folder_of, texts
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


def test_versions_of_one_instant_and_those_without_a_time(tmp_path):
    rows = [
        version("", False, 1, "full", TIMES[1]),
        version(HOURS[0], False, 1, "later hour, same instant", TIMES[1]),
        version("", False, 2, "full", None),
        version(HOURS[0], False, 2, "undated, as of the end of its hour", None),
        version("", False, 3, "modified later than the hour of its delete", TIMES[2]),
        version(HOURS[0], True, 3, None, None),
        version("", False, 4, "deleted", TIMES[1]),
        version(HOURS[0], True, 4, None, TIMES[1]),
        version(HOURS[1], False, 5, "deleted in the same hour at the same instant", TIMES[2]),
        version(HOURS[1], True, 5, None, TIMES[2]),
        version(HOURS[1], True, 6, None, TIMES[0]),
    ]
    write(tmp_path / "people", rows, "jsonl")
    found = found_in(tmp_path, entity(format="jsonl"))
    assert {key: name for key, name, _ in found.rows} == {
        1: rows[1].texts[0],
        2: rows[3].texts[0],
        3: rows[4].texts[0],
    }
    changed = found.table.changes
    assert changed is not None
    assert (changed.delete_rows, changed.deleted_records, changed.undated_rows) == (3, 2, 3)


def test_what_is_wrong_is_listed_where_it_decides_and_counted_where_not(tmp_path):
    hour = folder_of(HOURS[0])
    texts(
        tmp_path / "people",
        {
            f"{FULL}/a.csv": "Id,Name,At\n1,a,soon\n2,b,2026-01-31T22:00:00Z\n,keyless,\n",
            f"{FULL}/b.csv": "Id,Name,At\n3,c,2026-01-31T22:00:00Z\n3,d,2026-01-31T22:00:00Z\n",
            f"{hour}/a.csv": "Id,Name,At\n1,new,2026-01-31T23:00:00Z\nshort\n",
            f"{folder_of(HOURS[0], True)}/a.csv": "Key,At,Id\nx,never,2\nx,,\n",
        },
    )
    found = found_in(tmp_path, entity())
    assert sorted(row[:2] for row in found.rows) == [(1, "new"), (3, "d")]
    deletes = f"people/{folder_of(HOURS[0], True)}/a.csv"
    assert {(one.file, one.line, one.key, one.kept, one.details) for one in found.corrupt} == {
        (f"people/{FULL}/a.csv", 4, None, False, "Id: the primary key is missing"),
        (
            f"people/{FULL}/b.csv",
            None,
            "3",
            False,
            'Id: another row with the key "3" is kept: {"Name":"d"}',
        ),
        (deletes, None, "2", False, 'At: expected datetime in ISO 8601 but found "never"'),
        (deletes, 3, None, False, "Id: the primary key is missing"),
        (f"people/{hour}/a.csv", 3, None, False, "line: expected number of columns: 3 found: 1"),
    }
    table = found.table
    assert (table.rows_read, table.set_aside, table.lost_rows, table.corrupt_records) == (
        9,
        3,
        1,
        5,
    )
    assert table.new_columns == ()


def test_the_filter_looks_at_the_latest_version(tmp_path):
    one = entity(filter="Status <> 'gone'", attributes=ATTRIBUTES)
    texts(
        tmp_path / "people",
        {
            f"{FULL}/a.csv": "Id,Name,At,Status\n1,a,2026-01-01,on\n2,b,2026-01-01,gone\n"
            "3,c,2026-01-01,on\n4,d,2026-01-01,gone\n4,e,2026-01-01,on\n",
            f"{folder_of(HOURS[0])}/a.csv": "Id,Name,At,Status\n1,a,2026-01-02,gone\n"
            "2,b,2026-01-02,on\n",
            f"{folder_of(HOURS[0], True)}/a.csv": "Id\n9\n",
        },
    )
    found = found_in(tmp_path, one)
    assert sorted(row[:2] for row in found.rows) == [(2, "b"), (3, "c"), (4, "e")]
    changed = found.table.changes
    assert changed is not None
    assert (found.table.filtered_rows, changed.superseded_rows, changed.delete_rows) == (2, 2, 1)


def test_keys_of_several_columns_and_dates(tmp_path):
    one = entity(
        primary_key=["Shop", "Id"],
        attributes={
            "Shop": "string",
            "Id": "integer",
            "At": {"type": "date", "format": "%d.%m.%Y", "column": "Changed"},
        },
        time_zone="Pacific/Auckland",
    )
    hour = "2026/02/01/12"  # the second of February there
    texts(
        tmp_path / "people",
        {
            f"{FULL}/a.csv": "Shop,Id,Changed\nA,1,02.02.2026\nB,1,03.02.2026\n",
            f"{folder_of(hour, True)}/a.csv": "Id,Shop\n1,A\n1,B\n",
        },
    )
    found = found_in(tmp_path, one)
    assert [row[0] for row in found.rows] == ["B"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("fulldata/a.csv", "`fulldata` is neither FullData nor IncrementalData; did you mean"),
        ("Incremental/2026/01/31/23/Upserts/a.csv", "did you mean `IncrementalData`?"),
        ("IncrementalData/a.csv", f"is in no delivery: it is above {folder_of('yyyy/mm/dd/hh')}"),
        ("IncrementalData/26/01/31/23/Upserts/a.csv", "`26` is no year of four digits."),
        ("IncrementalData/0000/01/31/23/Upserts/a.csv", "there is no hour 0000/01/31/23."),
        ("IncrementalData/2026/1/31/23/Upserts/a.csv", "`1` is no month of two digits."),
        ("IncrementalData/2026/13/31/23/Upserts/a.csv", "`13` is no month of two digits."),
        ("IncrementalData/2026/02/30/23/Upserts/a.csv", "there is no hour 2026/02/30/23."),
        ("IncrementalData/2026/01/31/24/Upserts/a.csv", "`24` is no hour from 00 to 23."),
        ("IncrementalData/2026/01/31/٢٣/Upserts/a.csv", "`٢٣` is no hour from 00 to 23."),
        ("IncrementalData/2026/01/31/Upserts/a.csv", "`Upserts` is no hour from 00 to 23."),
        ("IncrementalData/2026/01/31/23/a.csv", "it is above IncrementalData"),
        ("IncrementalData/2026/01/31/23/upserts/a.csv", "did you mean `Upserts`?"),
        ("IncrementalData/2026/01/31/23/Updates/a.csv", "is neither Upserts nor Deletes"),
    ],
)
def test_a_file_in_no_delivery_is_refused(tmp_path, name, why):
    texts(tmp_path / "people", {f"{FULL}/a.csv": "Id\n1\n", name: "Id\n1\n"})
    with pytest.raises(OvertideError) as error:
        find_deliveries(tmp_path, entity(), None)
    assert error.value.code == "misplaced_file"
    assert error.value.target == f"people/{name}"
    assert why in error.value.message


def test_many_misplaced_files_are_one_mistake(tmp_path):
    wrong = {f"IncrementalData/2026/{n}.csv": "x" for n in range(5)}
    texts(tmp_path / "people", {f"{FULL}/a.csv": "Id\n1\n", **wrong})
    with pytest.raises(OvertideError, match="4 more files are in none") as error:
        find_deliveries(tmp_path, entity(), None)
    assert len(error.value.details) == 3


def test_only_hours_that_have_ended_count_and_what_lies_beside_is_told(tmp_path):
    names = [
        f"{FULL}/part=1/a.csv.gz",
        f"{folder_of(HOURS[0])}/x/y/a",
        f"{folder_of(HOURS[0], True)}/a.csv",
        f"{folder_of(HOURS[1])}/a.csv",
        f"{folder_of('9999/12/31/23')}/a.csv",
    ]
    beside = [
        "model.json",
        "archive/2020.csv",
        f"{FULL}/_SUCCESS",
        f"{FULL}/.a.crc",
        f"{folder_of(HOURS[0])}/_temporary/0/a.csv",
    ]
    texts(tmp_path / "people", dict.fromkeys([*names, *beside], "Id\n1\n"))
    (tmp_path / "people" / folder_of("2026/01/01/00")).mkdir(parents=True)

    def at(now: str) -> Any:
        return find_deliveries(tmp_path, entity(), parse_instant(now))

    def files(found: Any) -> list[str]:
        return [str(one.relative_to(tmp_path / "people")) for one in found.files]

    before, after = at("2026-01-31T23:59:59.999999Z"), at("2026-02-01T00:00:00Z")
    assert files(before) == names[:1]
    assert files(after) == names[:3]
    assert before.told_waiting == {"files": 4, "hours": 3, "first": HOURS[0]}
    assert after.told_waiting == {"files": 2, "hours": 2, "first": HOURS[1]}
    assert after.passed_over == (
        f"{FULL}/.a.crc",
        f"{FULL}/_SUCCESS",
        f"{folder_of(HOURS[0])}/_temporary",
        "archive",
        "model.json",
    )


def test_a_link_to_a_folder_above_is_told(tmp_path):
    texts(tmp_path / "people", {f"{FULL}/a.csv": "Id,Name,At\n1,a,\n"})
    (tmp_path / "people" / FULL / "again").symlink_to("..")
    (finding,) = check_columns(tmp_path, entity())
    assert finding.code == "unreadable_file"
    assert finding.message.startswith(f"people/{FULL}/again cannot be read (Too many levels")


@pytest.mark.parametrize("there", ["nothing", "a file", "no full data", "an empty one"])
def test_a_folder_without_full_data_is_refused(tmp_path, there):
    if there == "a file":
        (tmp_path / "people").write_text("Id\n1\n")
    elif there != "nothing":
        texts(tmp_path / "people", {f"{folder_of(HOURS[0])}/a.csv": "Id\n1\n"})
    if there == "an empty one":
        (tmp_path / "people" / FULL / "below").mkdir(parents=True)
    with pytest.raises(OvertideError) as error:
        find_deliveries(tmp_path, entity(), None)
    assert (error.value.code, error.value.target) == ("no_files", "people")
    assert FULL in str(error.value)


# ---- whole refreshes: the first is at 08:00, and each an hour behind the one before
