"""Tables that are read by what changed: the same rows as a fetch of all, and fewer are asked."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import duckdb
import pyarrow.parquet as pq
import pytest

from overtide.schemas.configuration.databases import Database
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.instants import DAY, HOUR, microseconds
from overtide.transforms.sources.databases.contract import Located
from overtide.transforms.sources.databases.copying import copy_entities
from overtide.transforms.sources.databases.look_back import KeptTables
from overtide.transforms.sources.fetching import tell_nobody
from tests.command_line import call
from tests.database_projects import write_project
from tests.postgres_server import postgres_server

BEGIN = datetime(2026, 3, 1)
NAME = "S_People"
ODD = {
    "timestamptz": ["infinity", "-infinity", "2999-01-01", None],
    "timestamp": ["infinity", "-infinity", "2999-01-01", None],
    "date": ["infinity", "-infinity", "2999-01-01", None],
    "text": ["", "soon", "01.02.2026", "2999-01-01", None],
    "TEXT": ["", "soon", "01.02.2026", "2999-01-01T00:00:00Z", 20260301, 2.5, None],
    "TIMESTAMP": ["infinity", "-infinity", "2999-01-01", None],
    "TIMESTAMP_NS": ["2200-01-01", None],
    "TIMESTAMP(3) NULL": ["2037-01-01", None],
    "DATETIME(6)": ["2999-01-01"],
}
KINDS = [
    *(("postgres", kind) for kind in ("timestamptz", "timestamp", "date", "text")),
    ("sqlite", "TEXT"),
    *(("duckdb", kind) for kind in ("TIMESTAMP", "timestamptz", "date", "text", "TIMESTAMP_NS")),
]


@dataclass
class Shop:
    """A table of people in a database of a kind, and what reads it."""

    kind: str
    column: str
    folder: object
    server: object
    environ: dict[str, str] = field(default_factory=dict)
    keys: str = "PRIMARY KEY"
    how: dict[str, str] = field(default_factory=dict)
    now: int = microseconds(BEGIN)

    def __post_init__(self) -> None:
        self.run(
            "DROP TABLE IF EXISTS people",
            f"CREATE TABLE people (id varchar(9) {self.keys}, n numeric(30, 2), "
            f"changed {self.column})",
        )

    def run(self, *statements: str) -> None:
        if self.kind in ("postgres", "mysql"):
            self.server.run(*statements)
            return
        file = str(self.folder / f"rows.{self.kind}")
        with closing({"sqlite": sqlite3, "duckdb": duckdb}[self.kind].connect(file)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    def write(self, *rows: tuple[str, object, object]) -> None:
        """Write rows: key, number and time; a later one of a key replaces the earlier."""
        there = {key: f"('{key}', {n}, {self.literal(at)})" for key, n, at in rows}
        if there:
            self.run(
                f"DELETE FROM people WHERE id IN ({', '.join(map(repr, there))})",
                f"INSERT INTO people VALUES {', '.join(there.values())}",
            )

    def literal(self, at: object) -> str:
        if at is None or isinstance(at, int | float):
            return "NULL" if at is None else str(at)
        return f"'{at}'" if self.kind == "mysql" else f"CAST('{at}' AS {self.column})"

    @property
    def located(self) -> Located:
        served = self.kind in ("postgres", "mysql")
        where = {"connection_variable": "CRM"} if served else {"path": f"rows.{self.kind}"}
        return Located("crm", Database(kind=self.kind, **where), self.folder, self.environ)

    @property
    def entity(self) -> Entity:
        return Entity(
            database="crm",
            table="people",
            primary_key="id",
            attributes={"id": "string", "n": "decimal(30, 2)", "changed": "datetime"},
            incremental={"last_modified": "changed"} | self.how,
            time_zone="Europe/Amsterdam",
        )

    def copied(self, full: bool = False, kept: bool = True) -> tuple[list[object], object]:
        """Return the rows as they were copied, with the schema, and what was told of it."""
        tables = KeptTables(self.folder / "tables", "engine", self.now, full) if kept else None
        found = copy_entities(
            self.located, {NAME: self.entity}, self.folder / "scratch", None, tell_nobody, tables
        )
        assert found.wrong == {}
        table = pq.read_table(found.files[NAME])
        rows = sorted(map(repr, table.cast(text_of(table.schema)).to_pylist()))
        schema = table.schema.to_string(show_field_metadata=True, show_schema_metadata=True)
        found.files[NAME].unlink()
        return [rows, schema], tables and tables.told[NAME]

    def same(self) -> dict[str, object]:
        """Compare a copy of what changed with one of all; return what was told of the first."""
        found, told = self.copied()
        everything, _ = self.copied(kept=False)
        assert found == everything
        assert told["rows"] + told["kept"] == len(everything[0])
        return told


def text_of(schema: object) -> object:
    """A schema with times as numbers: Python has no infinity of them."""
    import pyarrow as pa

    return pa.schema(
        [
            one.with_type(pa.int64())
            if pa.types.is_timestamp(one.type)
            else one.with_type(pa.int32())
            if pa.types.is_date(one.type)
            else one
            for one in schema
        ]
    )


@pytest.fixture(scope="module")
def postgres():
    with postgres_server() as found:
        yield found


@pytest.fixture
def shop(tmp_path, request):
    def shop(kind: str, column: str, **more: object) -> Shop:
        server = request.getfixturevalue(kind) if kind == "postgres" else None
        environ = {"CRM": server.url()} if server else {}
        return Shop(kind, column, tmp_path, server, environ, **more)

    return shop


def shown(shop: Shop, at: datetime) -> str:
    if shop.column == "date":
        return at.date().isoformat()
    if shop.column in ("text", "TEXT"):
        return f"{at.isoformat()}{['', 'Z', '+05:30'][at.minute % 3]}"
    return at.isoformat(" ")


def expect_the_same(people: Shop) -> None:
    """Tell a table changes, and compare what is read by them with a fetch of all."""
    kind, column, clock = people.kind, people.column, BEGIN
    random = Random(kind + column)
    first = [(f"p{n}", n, shown(people, clock - timedelta(days=n * 3))) for n in range(12)]
    first += [(f"o{n}", f"{n}.50", odd) for n, odd in enumerate(ODD[column])]
    people.write(*first, *([("old", 1, "0044-03-15 BC")] if kind == "postgres" else []))
    assert people.same()["all_because"] == "nothing_kept"
    fetched = []
    for step in range(6):
        clock += timedelta(hours=random.randrange(1, 30), minutes=step)
        people.now = microseconds(clock)
        changed = [
            (f"p{random.randrange(16)}", step, shown(people, clock - timedelta(minutes=late)))
            for late in random.sample(range(300), random.randrange(4))
        ]
        odd = (f"o{random.randrange(3)}", step, random.choice(ODD[column]))
        people.write(*changed, *[odd] * random.randrange(2))
        told = people.same()
        assert told["all_because"] in (None, "due")
        fetched += [told["rows"]] * (told["all_because"] is None)
    assert len(fetched) > 3
    assert max(fetched) < 18  # of some twenty


@pytest.mark.parametrize(("kind", "column"), KINDS)
def test_what_changed_makes_of_the_kept_rows_what_a_fetch_of_all_gives(shop, kind, column):
    expect_the_same(shop(kind, column))


@pytest.mark.parametrize(("kind", "column"), [("postgres", "timestamptz"), ("sqlite", "TEXT")])
def test_what_was_deleted_is_seen_in_the_window_at_once_and_else_by_a_fetch_of_all(
    shop, kind, column
):
    people = shop(kind, column, how={"look_back": "2d", "full_every": "3d"})
    people.write(*((f"p{n}", 1, shown(people, BEGIN - timedelta(days=n))) for n in range(20)))
    people.same()
    people.now += HOUR
    people.run("DELETE FROM people WHERE id IN ('p0', 'p1')")
    assert people.same()["kept"] >= 15
    people.run("DELETE FROM people WHERE id IN ('p15', 'p16')")
    (rows, _), told = people.copied()
    assert len(rows) == 18
    assert told["all_because"] is None
    assert people.copied(full=True)[1]["all_because"] == "asked"
    people.same()
    people.run("DELETE FROM people WHERE id = 'p17'")
    people.now += 3 * DAY
    assert people.same()["all_because"] == "due"
    people.now -= DAY  # a clock that is set back
    assert people.same()["all_because"] == "due"


def test_rows_whose_keys_are_not_unique_are_all_fetched_each_time(shop):
    people = shop("sqlite", "TEXT", keys="")
    people.write(*((f"p{n}", 1, shown(people, BEGIN)) for n in range(5)))
    assert people.same()["all_because"] == "nothing_kept"
    people.run(f"INSERT INTO people VALUES ('p1', 2, '{shown(people, BEGIN)}')")
    for _ in range(2):
        assert people.same()["all_because"] == "keys"
    people.run("DELETE FROM people WHERE n = 2", "UPDATE people SET id = NULL WHERE id = 'p2'")
    assert people.same()["all_because"] == "keys"
    people.write(("p2", 1, None))
    people.run("DELETE FROM people WHERE id IS NULL")
    assert people.same()["all_because"] == "nothing_kept"
    assert people.same()["all_because"] is None


def test_rows_that_tell_no_times_are_all_fetched_each_time(shop):
    people = shop("sqlite", "TEXT")
    people.write(("p1", 1, "soon"))
    for _ in range(2):
        assert people.same()["all_because"] == "times"


def cut(people: Shop) -> None:
    (file,) = people.folder.glob("tables/*/rows.parquet")
    text = file.read_bytes()
    file.write_bytes(text[: len(text) // 2])


def garbled(people: Shop) -> None:
    (file,) = people.folder.glob("tables/*/entry.json")
    file.write_text("{")


def another(people: Shop) -> None:
    people.environ["CRM"] += " application_name=other"


@pytest.mark.parametrize("change", [cut, garbled, another])
def test_rows_that_are_damaged_or_of_another_database_are_not_used(shop, change):
    people = shop("postgres", "timestamptz")
    people.write(("p1", 1, shown(people, BEGIN)))
    people.same()
    assert people.same()["all_because"] is None
    change(people)
    assert people.same()["all_because"] == "nothing_kept"
    assert people.same()["all_because"] is None


def test_a_connection_is_nowhere_in_what_is_kept(shop):
    people = shop("postgres", "timestamptz")
    people.write(("p1", 1, shown(people, BEGIN)))
    people.same()
    (entry,) = people.folder.glob("tables/*/entry.json")
    assert people.environ["CRM"] not in entry.read_text()
    assert entry.stat().st_mode & 0o77 == 0 or entry.parent.stat().st_mode & 0o77 == 0


@pytest.fixture
def project(tmp_path):
    """A project of one table of SQLite, and what runs commands in it."""
    with closing(sqlite3.connect(tmp_path / "rows.sqlite")) as rows, rows:
        rows.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, changed TEXT)")
        rows.executemany(
            "INSERT INTO people VALUES (?, ?, ?)",
            [(n, f"n{n}", f"2026-01-{n:02d}T10:00:00Z") for n in range(1, 29)],
        )
    attributes = {"id": "integer", "name": "string", "changed": "datetime"}
    how = {"last_modified": "changed", "look_back": "6h"}
    one = {"database": "sqlite", "table": "people", "primary_key": "id", "incremental": how}
    write_project(tmp_path, {"People": one | {"attributes": attributes}})
    return lambda *words: call("-C", tmp_path, *words)


def test_a_refresh_of_what_changed_is_one_of_all(project, tmp_path):
    def refresh(*words: str) -> tuple[object, object, str]:
        answer = project("--json", "refresh", *words)
        manifest = answer.document["manifest"]
        return manifest["tables"], manifest["fetched"]["S_People"], answer.err

    refresh()
    with closing(sqlite3.connect(tmp_path / "rows.sqlite")) as rows, rows:
        rows.execute("UPDATE people SET name = 'new', changed = '2026-02-01 08:00' WHERE id = 3")
        rows.execute("INSERT INTO people VALUES (99, 'late', '2026-02-01 09:00')")
    tables, told, said = refresh()
    assert told == {"rows": 6, "kept": 23, "since": "2026-01-25", "all_because": None}
    assert "S_People: 6 rows fetched of those modified since 2026-01-25, 23 kept" in said
    everything, told, _ = refresh("--full")
    assert told == {"rows": 29, "kept": 0, "since": None, "all_because": "asked"}
    assert tables == everything
    assert not any(path.name == "staged.overtide" for path in tmp_path.rglob("*"))


def test_what_was_kept_of_an_entity_that_is_gone_is_forgotten(project, tmp_path):
    assert project("refresh").code == 0
    (kept,) = tmp_path.glob("lake/*.files/tables/*")
    text = (tmp_path / "overtide.yaml").read_text()
    (tmp_path / "overtide.yaml").write_text(text.replace("People", "Others"))
    assert project("refresh").code == 0
    (other,) = tmp_path.glob("lake/*.files/tables/*")
    assert other != kept


WRONG = {
    "look_back: 2 days": ("invalid_duration", "look_back", "`2 days` is no duration"),
    "full_every: 0s": ("invalid_duration", "full_every", "of a second or more"),
    "format": ("invalid_value", "last_modified", "has `format`, but the database compares"),
    "path": ("unused_setting", "look_back", "`look_back` is about a table of a database"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_cannot_be_read_so_is_told(project, tmp_path, wrong):
    text = (tmp_path / "overtide.yaml").read_text()
    changed = {
        "format": text.replace("changed: datetime", "changed: {type: datetime, format: '%d.%m'}"),
        "path": text.replace("database: sqlite", "path: rows").replace("table: people", ""),
    }.get(wrong, text.replace("look_back: 6h", wrong))
    assert changed != text
    (tmp_path / "overtide.yaml").write_text(changed)
    mistakes = project("--json", "validate").document["mistakes"]
    code, setting, told = WRONG[wrong]
    (one,) = [one for one in mistakes if one["target"].endswith(f"incremental.{setting}")]
    assert one["code"] == code
    assert told in one["message"]
