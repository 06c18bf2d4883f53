"""Projects whose entities are in databases: the page's values, written into each kind."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

PAGE = Path(__file__).parent.parent / "docs" / "databases.md"
TABLES = re.compile(r"<!-- values of: (\w+) -->\n\n((?:\|.*\n)+)")
ROW = re.compile(r"^\| `(.*?)` \| `(.*?)` \| (?:`(.*)`|(named)) \|$", re.MULTILINE)
DATABASES = {
    "postgres": {"kind": "postgres", "connection_variable": "CRM_DATABASE"},
    "sqlite": {"kind": "sqlite", "path": "rows.sqlite"},
    "duckdb": {"kind": "duckdb", "path": "rows.duckdb"},
    "delta": {"kind": "delta", "path": "delta"},
}
PEOPLE = [
    {"Id": 1, "Name": "Ann", "Mail": "ann@x", "Amount": "12.50", "Since": "2020-01-02"},
    {"Id": 2, "Name": "Bén", "Mail": None, "Amount": "0.10", "Since": None},
    {"Id": 3, "Name": "n/a", "Mail": "cé\n,\"d'", "Amount": "-7.00", "Since": "1969-12-31"},
    {"Id": 4, "Name": "  ", "Mail": "dan@x", "Amount": None, "Since": "2024-02-29"},
]
ATTRIBUTES = {
    "Id": "integer",
    "Name": {"type": "string", "null_words": ["n/a"]},
    "Mail": "string",
    "Amount": "decimal(12, 2)",
    "Since": "date",
    "Half": {"type": "string", "expression": "upper(Name)"},
}


def rules() -> dict[str, list[tuple[str, str, object]]]:
    """The tables of the page: by kind, SQL of a value, the attribute's type, what it becomes."""
    return {
        kind: [(value, of, None if named else json.loads(text)) for value, of, text, named in rows]
        for kind, table in TABLES.findall(PAGE.read_text(encoding="utf-8"))
        for rows in [ROW.findall(table)]
    }


RULES = rules()


def entity(**more: object) -> dict[str, object]:
    return {"primary_key": "Id", "attributes": ATTRIBUTES, "filter": "Id <> '4'"} | more


def write_project(
    folder: Path,
    entities: dict[str, dict[str, object]],
    databases: dict[str, dict[str, str]] = DATABASES,
) -> None:
    first = f"S_{next(iter(entities))}"
    key = str(next(iter(entities.values()))["primary_key"])
    document = {
        "instance": {"name": "d", "id": "5d0f0f3c-1e1b-4f8e-9c53-3f6f0a6b9f11"},
        "databases": databases,
        "sources": {"S": entities},
        "unification": {
            "entities": [{"entity": first}],
            "merge": {"fields": [{"name": "Key", "from": [f"{first}.{key}"]}]},
        },
    }
    (folder / "overtide.yaml").write_text(yaml.safe_dump(document, sort_keys=False))


def literal(value: object) -> str:
    return "NULL" if value is None else "'{}'".format(str(value).replace("'", "''"))


def inserted(columns: str) -> list[str]:
    values = ", ".join(f"({', '.join(map(literal, row.values()))})" for row in PEOPLE)
    return [f"CREATE TABLE people ({columns})", f"INSERT INTO people VALUES {values}"]


def write_files(folder: Path) -> None:
    lines = [",".join(PEOPLE[0])]
    for row in PEOPLE:
        texts = ('"{}"'.format(str(one).replace('"', '""')) for one in row.values())
        lines.append(",".join(texts).replace('"None"', ""))
    (folder / "people.csv").write_text("\n".join(lines), encoding="utf-8")
    (folder / "people.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in PEOPLE), encoding="utf-8"
    )
    pq.write_table(pa.Table.from_pylist(PEOPLE), folder / "people.parquet")


def write_delta(table: Path) -> None:
    """Write the people as a Delta table of two files, one of which its log has removed."""
    (table / "_delta_log").mkdir(parents=True)
    types = {"Id": "long", "Name": "string", "Mail": "string", "Amount": "string", "Since": "date"}
    rows = pa.Table.from_pylist(PEOPLE)
    since = rows["Since"].cast(pa.date32())
    rows = rows.set_column(rows.schema.get_field_index("Since"), "Since", since)
    for name in ("kept", "gone"):
        pq.write_table(rows, table / f"{name}.parquet")
    fields = [
        {"name": name, "type": kind, "nullable": True, "metadata": {}}
        for name, kind in types.items()
    ]
    metadata = {
        "id": "5d0f0f3c-1e1b-4f8e-9c53-3f6f0a6b9f13",
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps({"type": "struct", "fields": fields}),
        "partitionColumns": [],
        "configuration": {},
    }
    added = {
        name: {
            "path": f"{name}.parquet",
            "partitionValues": {},
            "size": (table / f"{name}.parquet").stat().st_size,
            "modificationTime": 0,
            "dataChange": True,
        }
        for name in ("kept", "gone")
    }
    versions = [
        [
            {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
            {"metaData": metadata},
            *({"add": one} for one in added.values()),
        ],
        [{"remove": {"path": "gone.parquet", "dataChange": True, "deletionTimestamp": 0}}],
    ]
    for number, actions in enumerate(versions):
        text = "\n".join(map(json.dumps, actions))
        (table / "_delta_log" / f"{number:020d}.json").write_text(text)


def write_databases(folder: Path, server: object) -> None:
    server.run(
        "CREATE SCHEMA shop",
        *(
            one.replace("people", 'shop."People"')
            for one in inserted(
                '"Id" bigint, "Name" text, "Mail" varchar(90), "Amount" numeric, "Since" date'
            )
        ),
    )
    write_delta(folder / "delta" / "crm" / "people.v1")
    columns = "Id INTEGER, Name VARCHAR, Mail VARCHAR, Amount {}, Since DATE"
    with closing(sqlite3.connect(folder / "rows.sqlite")) as connection:
        for statement in inserted(columns.format("NUMERIC")):
            connection.execute(statement)
        connection.commit()
    with closing(duckdb.connect(str(folder / "rows.duckdb"))) as connection:
        for statement in inserted(columns.format("DECIMAL(20, 4)")):
            connection.execute(statement)
