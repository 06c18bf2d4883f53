"""Every row of docs/values.md, through every path.

Files, the lake, cards, timelines, posts and updates.
"""

import json

import pytest
import yaml

import overtide
from overtide.schemas.errors import OvertideError
from overtide.schemas.strict_json import parse_json, parse_lines
from tests.command_line import call
from tests.value_table import (
    FIXED,
    REFUSED,
    Row,
    Table,
    csv_file,
    json_record,
    parquet_file,
    tables,
)

TABLES = {table.name: table for table in tables()}
FORMATS = {"Csv": "csv", "Json": "jsonl", "Parquet": "parquet"}
ENTITIES = [f"{table}{kind}" for table in TABLES for kind in FORMATS]


def rows_of(table: Table, kind: str) -> dict[str, Row]:
    """The rows that an entity holds, by its attributes."""
    if kind == "Csv":
        return table.of("text")
    if kind == "Json":
        return table.of("text", "number", "json")
    return table.of("parquet") | {name: row for name, (row, _) in table.texts().items()}


def entity(table: Table, kind: str) -> dict[str, object]:
    declared = {
        "path": f"{table.name}.{FORMATS[kind]}",
        "format": FORMATS[kind],
        "primary_key": "Id",
        "time_zone": table.time_zone,
        "attributes": dict.fromkeys(FIXED, "string") | {"Time": "datetime"},
    }
    optional = table.attribute | {"optional": True}
    return declared | {
        "attributes": declared["attributes"] | dict.fromkeys(rows_of(table, kind), optional)
    }


def configuration() -> dict[str, object]:
    kinds = [(table, kind) for table in TABLES.values() for kind in FORMATS]
    shown = [(table, kind) for table, kind in kinds if kind != "Csv"]
    return {
        "instance": {"name": "values", "id": "5d0f0f3c-1e1b-4f8e-9c53-3f6f0a6b9f10"},
        "sources": {
            "S": {
                "People": {
                    "path": "people.csv",
                    "primary_key": "Id",
                    "attributes": {"Id": "string"},
                }
            }
            | {f"{table.name}{kind}": entity(table, kind) for table, kind in kinds}
        },
        "unification": {
            "entities": [
                {"entity": "S_People"},
                *({"entity": f"S_{table.name}{kind}"} for table, kind in shown),
            ],
            "merge": {
                "fields": [
                    {"name": f"{table.name}{name}", "from": [f"S_{table.name}{kind}.{name}"]}
                    for table, kind in shown
                    for name, row in rows_of(table, kind).items()
                    if kind == "Json" or row.way == "parquet"
                ]
            },
        },
        "relationships": [
            {"name": name, "entity": f"S_{name}", "foreign_key": "Customer", "to": "S_People"}
            for name in ENTITIES
        ],
        "activities": [
            {
                "entity": f"S_{table.name}{kind}",
                "name": f"{table.name}{kind}",
                "timestamp": "Time",
                "relationship": f"{table.name}{kind}",
                "title": "Id",
                "semantic": {name: name for name in rows_of(table, kind)},
            }
            for table, kind in kinds
        ],
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("values")
    (folder / "overtide.yaml").write_text(yaml.safe_dump(configuration(), sort_keys=False))
    (folder / "people.csv").write_text("Id\nc\n")
    for table in TABLES.values():
        (folder / f"{table.name}.csv").write_bytes(csv_file(table))
        (folder / f"{table.name}.jsonl").write_text(
            json_record(rows_of(table, "Json")), encoding="utf-8"
        )
        (folder / f"{table.name}.parquet").write_bytes(parquet_file(table))
    answer = call("-C", folder, "refresh")
    assert answer.code == 0, answer.err
    return folder


@pytest.fixture(scope="module")
def activities(folder):
    """What the timeline shows of each entity's record: its attributes' canonical values."""
    found = call("-C", folder, "--json", "timeline", "--key", "S_People=c").document
    return {one["ActivityName"]: json.loads(one["SemanticData"]) for one in found["activities"]}


def wanted(table: Table, kind: str) -> dict[str, object]:
    return {
        name: (row.canonical, type(row.canonical)) for name, row in rows_of(table, kind).items()
    }


def of_types(values: dict[str, object]) -> dict[str, object]:
    return {name: (value, type(value)) for name, value in values.items()}


@pytest.fixture(scope="module")
def typed(folder):
    """The one row of every entity's table."""
    rows = ", ".join(f'"S_{name}"' for name in ENTITIES)
    (row,) = call("-C", folder, "--json", "sql", f"SELECT {rows} FROM {rows}").document["rows"]
    return row


@pytest.fixture(scope="module")
def corrupt(folder):
    """What is wrong with every entity's record, by entity; empty where nothing is."""
    queries = (
        f"SELECT '{name}' AS entity, CorruptionDetails AS details FROM \"S_{name}_corrupt\""
        for name in ENTITIES
    )
    found = call("-C", folder, "--json", "sql", " UNION ALL ".join(queries)).document["rows"]
    return {one["entity"]: one["details"] for one in found}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_a_value_of_a_file_is_what_the_page_says(typed, activities, corrupt, table, kind):
    name, expected = f"{table.name}{kind}", wanted(table, kind)
    assert of_types({column: typed[f"S_{name}"][column] for column in expected}) == expected
    assert of_types(activities[name]) == expected
    named = {column for column, one in rows_of(table, kind).items() if one.named}
    assert {
        column for column in expected if f"{column}: expected" in corrupt.get(name, "")
    } == named
    assert (name in corrupt) == bool(named)


def test_validate_sees_what_a_refresh_cannot_read(folder):
    found = call("-C", folder, "--json", "validate").document["mistakes"]
    unfit = [one for one in found if one["code"] in ("values_do_not_fit", "nested_value")]
    assert {one["code"] for one in found if one not in unfit} == {"unmatched_entity"}
    assert {one["target"].removeprefix("sources.S.") for one in unfit} == {
        f"{table.name}{kind}.attributes.{name}"
        for table in TABLES.values()
        for kind in FORMATS
        for name, row in rows_of(table, kind).items()
        if row.named
    }


@pytest.mark.parametrize("kind", ["Json", "Parquet"])
@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_a_card_shows_what_the_page_says(folder, table, kind):
    found = call("-C", folder, "--json", "get", "--key", f"S_{table.name}{kind}=1").document[
        "fields"
    ]
    expected = {
        name: value for name, value in wanted(table, kind).items() if f"{table.name}{name}" in found
    }
    assert len(expected) == len(table.of("parquet") if kind == "Parquet" else rows_of(table, kind))
    assert of_types({name: found[f"{table.name}{name}"]["value"] for name in expected}) == expected


REFUSALS = ("invalid_value", "invalid_json")


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_a_posted_value_is_what_the_page_says(folder, table):
    with overtide.open(folder) as project:
        for name, row in rows_of(table, "Json").items():
            (record,) = parse_lines(json_record({name: row}, Id=f"post {name}"))
            refusal = record if isinstance(record, OvertideError) else None
            if refusal is None:
                (answer,) = project.post(f"S_{table.name}Json", [record])
                refusal = answer.refusal
            assert (row.value, refusal is not None) == (row.value, row.named or row.value == "NaN")
            if refusal:
                assert refusal.code in REFUSALS
                continue
            shown = json.loads(json.loads(answer.event.body)["SemanticData"])[name]
            assert (row.value, shown, type(shown)) == (
                row.value,
                row.canonical,
                type(row.canonical),
            )


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_a_value_of_an_update_is_what_the_page_says_or_refused(folder, table):
    field = f"{table.name}{next(iter(rows_of(table, 'Json')))}"
    ways = ("text", "number", "json", "update") if set(table.attribute) == {"type"} else ("update",)
    with overtide.open(folder) as project:
        for row in table.of(*ways).values():
            refusal = None
            try:
                project.update(fields={field: parse_json(row.value)}, key=("S_People", "c"))
            except OvertideError as error:
                refusal = error
            if refusal:
                assert refusal.code in REFUSALS
                assert (row.value, row.way != "update" or row.becomes == REFUSED) == (
                    row.value,
                    True,
                )
                continue
            shown, expected = project.get(key=("S_People", "c"))[field], json.loads(row.becomes)
            if row.value == '""':
                expected = ""  # an update says what it means
            assert (row.value, shown, type(shown)) == (row.value, expected, type(expected))
