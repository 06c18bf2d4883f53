"""Of a large file that changed in place the rows that are others are read; the result is the same.

Runs on Beam's embedded runner.
"""

import shutil
import threading
from collections.abc import Sequence
from datetime import datetime
from random import Random
from types import ModuleType
from typing import Any
from unittest.mock import patch

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from overtide.pipelines import differences, kept_rows
from overtide.schemas.configuration import Configuration
from overtide.transforms import row_hashes, told
from overtide.transforms.sources.contract import Layout, SourceText
from overtide.transforms.sources.formats import format_of
from overtide.transforms.tables import customer_changes
from tests.files_in_place import (
    COLUMNS,
    FORMATS,
    PEOPLE,
    PERSONS,
    Row,
    TwinsOf,
    configured,
    known,
    person,
    refreshed_once,
    twins_from,
    written,
)
from tests.small_project import Project


@pytest.fixture(autouse=True)
def _few_are_enough(monkeypatch):
    monkeypatch.setattr(differences, "LEAST", 0)
    monkeypatch.setattr(row_hashes, "LEAST", 0)


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory) -> dict[str, Project]:
    """Projects that were refreshed once, by the format of S_a; to be copied, not changed."""
    return refreshed_once(tmp_path_factory.mktemp("in_place"), PERSONS)


@pytest.fixture
def twins_of(refreshed, tmp_path) -> TwinsOf:
    """Two copies of one of them: for users' refreshes, and for those in full."""
    return twins_from(refreshed, tmp_path)


@pytest.mark.parametrize("kind", FORMATS)
def test_only_rows_that_are_others_are_read(twins_of, kind):
    twins = twins_of(kind)
    changed = [person(3, "Eve"), *PERSONS[:3], *PERSONS[4:-2], person(100)]  # in other places
    assert known(twins, kind, changed) == PEOPLE - 3
    assert known(twins, kind, [*PERSONS, person(100, "Bob")]) == PEOPLE  # what went comes back
    assert twins[0].table("S_a", "Name", "Id")[-1] == ("Bob100",)


def test_rows_that_go_alone_and_no_change_at_all_are_known(twins_of):
    twins = twins_of()
    assert known(twins, "csv", [*PERSONS, person(100)]) == PEOPLE
    assert known(twins, "csv", PERSONS) == PEOPLE
    assert known(twins, "csv", PERSONS) == 0  # nothing changed


def test_where_much_or_too_often_changed_all_is_read(twins_of, monkeypatch):
    twins = twins_of()
    many = [person(n, "Eve") if n < 7 else row for n, row in enumerate(PERSONS)]
    assert known(twins, "csv", many) == 0
    assert known(twins, "csv", [person(0, "Zoe"), *many[1:]]) == PEOPLE - 1  # since then
    monkeypatch.setattr(kept_rows, "MOST_CHANGES", 1)
    assert known(twins, "csv", [person(0, "Bob"), *many[1:]]) == 0
    assert known(twins, "csv", many) == PEOPLE - 1


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [("csv", [person(5, "Eve")]), ("jsonl", [PERSONS[5]])],
    ids=["of another key", "a repeat"],
)
def test_keys_that_meet_those_of_known_rows_are_settled_as_ever(twins_of, kind, wrong):
    assert known(twins_of(kind), kind, [*PERSONS, *wrong]) == 0


def test_values_that_cannot_be_read_are_listed(twins_of):
    twins = twins_of()
    wrong = [*PERSONS[:4], person(4, seen="never"), *PERSONS[5:]]
    assert known(twins, "csv", wrong) == PEOPLE - 1
    assert known(twins, "csv", [*wrong[:2], person(2, seen="soon"), *wrong[3:]]) == PEOPLE - 2
    assert twins[0].table("S_a_corrupt", "PrimaryKey") == [("2",), ("4",)]
    assert known(twins, "csv", PERSONS) == PEOPLE


def test_values_that_could_not_be_read_stay_listed_while_their_rows_stay(twins_of):
    twins = twins_of()
    wrong = [person(n, seen="never") if n < 7 else row for n, row in enumerate(PERSONS)]
    assert known(twins, "csv", wrong) == 0
    others = [*wrong[:1], PERSONS[1], *wrong[2:8], person(8, seen="soon"), *wrong[9:]]
    assert known(twins, "csv", others) == PEOPLE - 2
    listed = twins[0].table("S_a_corrupt", "PrimaryKey")
    assert listed == [(str(n),) for n in (0, 2, 3, 4, 5, 6, 8)]


def test_rows_that_change_their_keys_with_each_other_are_known(twins_of):
    twins = twins_of()
    swapped = [person(1, "Eve"), person(0, "Bob"), *PERSONS[2:]]
    assert known(twins, "csv", swapped) == PEOPLE - 2
    assert known(twins, "csv", [person(1, "Eve"), person(2, "Bob"), *PERSONS[2:]]) == 0


def test_a_file_in_another_encoding_is_known_too(twins_of):
    twins = twins_of()
    people = [person(number, "Zoë") for number in range(PEOPLE)]
    for project in twins:
        project.document["sources"]["S"]["a"] |= {"encoding": "latin-1", "path": "latin.csv"}
    for changed, expected in ((people, 0), ([person(0, "Anaïs"), *people[1:]], PEOPLE - 1)):
        for project in twins:
            written(project, "csv", changed)
            file = project.paths.project / "people.csv"
            file.with_name("latin.csv").write_bytes(file.read_text().encode("latin-1"))
        assert known(twins, "csv", changed) == expected
    assert twins[0].table("S_a", "Name")[0] == ("Anaïs0",)


def test_a_header_that_names_the_columns_otherwise_has_all_read(twins_of):
    twins = twins_of()
    heads = ("Id", "City", "Mail", "Name", "Seen")
    with patch("tests.files_in_place.COLUMNS", heads):
        assert known(twins, "csv", PERSONS) == 0
        assert known(twins, "csv", [person(0, "Eve"), *PERSONS[1:]]) == PEOPLE - 1
    assert ("Rome", "Eve0") in twins[0].table("S_a", "Name, City")


def test_a_file_that_is_called_otherwise_each_night_is_known(twins_of):
    twins = twins_of()
    wrong = [*PERSONS[:4], person(4, seen="never"), *PERSONS[5:]]
    for project in twins:
        project.document["sources"]["S"]["a"]["path"] = "people*.csv"
    assert known(twins, "csv", wrong) == PEOPLE - 1  # where files are makes no row another one
    for project in twins:
        (project.paths.project / "people.csv").unlink()
    eve = [person(0, "Eve"), *wrong[1:]]
    with patch("tests.files_in_place.NAMED", "people-2"):
        assert known(twins, "csv", eve) == PEOPLE - 2
    assert twins[0].table("S_a_corrupt", "PrimaryKey, FileName") == [("4", "people-2.csv")]
    with patch("tests.files_in_place.NAMED", "people-3"):  # a delivery beside it
        assert known(twins, "csv", [person(100, "Zoe")]) == 0
    assert len(twins[0].table("S_a")) == PEOPLE + 1


DAY = datetime(2024, 1, 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.array([DAY], pa.timestamp("us")), pa.array([DAY], pa.timestamp("us", "UTC"))),
        (pa.array([7], pa.int64()), pa.array([7], pa.timestamp("us"))),
        (pa.array([1.5], pa.float64()), pa.array(["1.5"], pa.string())),
        (pa.array([1], pa.int32()), pa.array([1], pa.date32())),
    ],
    ids=lambda values: str(values.type),
)
def test_values_of_another_type_have_other_hashes(tmp_path, one, other):
    entity = Configuration.model_validate(configured("parquet")).entities()["S_a"]
    found = []
    for values in (one, other):
        file = tmp_path / f"{len(found)}.parquet"
        pq.write_table(pa.table({"Seen": values}), file)
        layout = format_of(entity).layout(file, entity)
        source = SourceText(entity, file, file.name, layout, tmp_path / "copy")
        with duckdb.connect() as connection:
            hashed = format_of(entity).hashed_rows(connection, source)
            found += connection.execute(f"SELECT h, g FROM ({hashed})").fetchall()
    assert found[0] != found[1]


LINE = "3,Ann3,m3@x.com,Rome,2024-01-01"
TRICKS: dict[str, tuple[str, tuple[int, int] | None]] = {
    "over two lines": (LINE.replace("Rome", '"Ro\nme"'), None),
    "a line that is none": (f"{LINE},more", (1, 1)),
    "a quote that stays open": (LINE.replace("Rome", '"Rome'), None),
    "quotes": (LINE.replace("Rome", '"Ro""me"'), (1, 1)),
    "an empty line": (f"{LINE}\n", (0, 0)),
    "two lines": (f"{LINE}\n100,Zoe", (1, 0)),
    "a line twice": (f"{LINE}\n{LINE}", (1, 0)),
    "one line less": ("", (0, 1)),
    "another line end": (f"{LINE}\r", None),
    "a control character": (LINE.replace("Rome", "Ro\x01me"), None),
    "a NUL": (LINE.replace("Rome", "Ro\0me"), None),
    "letters of other alphabets": (LINE.replace("Rome", "Рим"), (1, 1)),
}
"""What stands for a line, and how many lines are then found to have come and gone."""


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("name", TRICKS)
def test_lines_that_came_and_went_are_told_if_they_are_rows(tmp_path, name, ends):
    line, expected = TRICKS[name]
    text = "\n".join([",".join(COLUMNS), *(",".join(map(str, row)) for row in PERSONS), ""])
    file, hashes = tmp_path / "people.csv", tmp_path / "hashes.parquet"
    file.write_bytes(text.replace("\n", ends).encode())
    entity = Configuration.model_validate(configured("csv")).entities()["S_a"]
    source = SourceText(entity, file, "people.csv", Layout(COLUMNS), tmp_path / "copy")
    with duckdb.connect() as connection:
        assert row_hashes.write_row_hashes(connection, source, PEOPLE, hashes)
        file.write_bytes(text.replace(LINE, line).replace("\n", ends).encode())
        asked = connection, source, str(hashes), PEOPLE, tmp_path
        apart = row_hashes.find_rows_apart(*asked)
        if expected is None or (ends == "\r\n" and name == "another line end"):
            assert apart is None
            return
        assert apart is not None
        came = apart.came.path.read_text().splitlines()[1:]
        gone = connection.execute("SELECT place FROM read_parquet(?)", [apart.gone]).fetchall()
        assert (len(came), len(gone), apart.gone_rows) == (*expected, expected[1])
        assert [place for (place,) in gone] == [3] * expected[1]
        assert set(came) <= set(line.split("\n"))


LETTERS = [f"{a}{b}" for a in "abcdefghijklmnopqrstuvwxyz" for b in "abcdefghijklmnopqrstuvwxyz"]
BEGUN = [f"{two} is what they begin with, and no more" for two in LETTERS]
IN_EIGHTS = [f"Seven, {one}fifteen{two} and others" for one, two in LETTERS]


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("csv", BEGUN),
        ("csv", IN_EIGHTS),
        ("parquet", BEGUN),
        ("parquet", IN_EIGHTS),
        ("parquet", ["", None]),
    ],
)
def test_texts_that_differ_in_little_have_other_hashes(tmp_path, kind, texts):
    file = tmp_path / f"people.{kind}"
    if kind == "csv":
        file.write_text("".join(f"{text}\n" for text in ["Name", *texts]))
    else:
        pq.write_table(pa.table({"Name": pa.array(texts, pa.string())}), file)
    entity = Configuration.model_validate(configured(kind)).entities()["S_a"]
    source = SourceText(entity, file, file.name, Layout(("Name", "More")), tmp_path / "copy")
    with duckdb.connect() as connection:
        hashed = format_of(entity).hashed_rows(connection, source)
        found = connection.execute(f"SELECT h, g FROM ({hashed})").fetchall()
    first, second = ({row[place] for row in found} for place in (0, 1))
    assert len(second) == len(found) == len(texts)
    assert len(first) == len(texts) or texts == IN_EIGHTS  # of which the first hash tells few apart


def test_a_lake_that_was_restored_has_all_read(twins_of):
    twins = twins_of()
    lakes = [project.paths.project / "lake" for project in twins]
    for lake in lakes:
        shutil.copytree(lake, lake.with_name("backup"))
    assert known(twins, "csv", [person(0, "Eve"), *PERSONS[1:]]) == PEOPLE - 1
    for lake in lakes:
        results = lake / "catalog.sqlite.files" / "results"
        shutil.move(results, lake.with_name("results"))  # of a later run than the catalog
        shutil.rmtree(lake)
        shutil.copytree(lake.with_name("backup"), lake)
        shutil.rmtree(results)
        shutil.move(lake.with_name("results"), results)
    assert known(twins, "csv", [person(0, "Zoe"), *PERSONS[1:]]) == 0


EDITS = ("change", "add", "remove", "move", "repeat", "empty", "revert")


def edited(rows: list[Row], edit: str, chance: Random) -> list[Row]:
    """Return rows with something changed."""
    found = list(rows)
    place = chance.randrange(len(found))
    if edit == "change":
        found[place] = person(found[place][0], chance.choice(["Ann", "Eve", "Bob"]), "Oslo")
    elif edit == "add":
        found.insert(place, person(chance.randint(0, 40), "Zoe"))
    elif edit == "remove" and len(found) > PEOPLE // 2:
        found.pop(place)
    elif edit == "move":
        found.append(found.pop(place))
    elif edit == "repeat":
        found.append(found[place])
    elif edit == "empty":
        found[place] = (found[place][0], None, None, None, None)
    elif edit == "revert":
        found = list(PERSONS)
    return found


def tell_nights(twins: Sequence[Project], kind: str, seed: int, nights: int = 3) -> int:
    """Edit rows night by night; return in how many of them some were known."""
    chance, rows, some = Random(seed), list(PERSONS), 0
    for _ in range(nights):
        for _ in range(chance.randint(1, 3)):
            rows = edited(rows, chance.choice(EDITS), chance)
        some += known(twins, kind, rows) > 0
    return some


@pytest.mark.parametrize(("kind", "seed"), [("csv", 1), ("jsonl", 2), ("parquet", 3)])
def test_any_edits_give_what_a_full_refresh_gives(twins_of, kind, seed):
    tell_nights(twins_of(kind), kind, seed)


@pytest.mark.long
@pytest.mark.parametrize("kind", FORMATS)
def test_many_edits_give_what_a_full_refresh_gives(twins_of, kind):
    assert sum(tell_nights(twins_of(kind), kind, seed, 5) for seed in range(100, 110)) > 10


def test_a_table_that_lost_its_files_is_made_anew(twins_of):
    mine, _ = twins_of()
    for rows in ([person(0, "Eve"), *PERSONS[1:]], [person(0, "Zoe"), *PERSONS[1:]], PERSONS):
        written(mine, "csv", rows)
        manifest: Any = mine.refresh().manifest
        first = rows[0][1] == "Eve0"
        assert manifest["reused"]["rows"] == (PEOPLE - 1 if first else 0)
        assert first or manifest["damaged"]["S_a"]["done"] == "made_anew"
        assert mine.table("S_a", "Id, Name") == sorted((int(str(r[0])), r[1]) for r in rows)
        for file in list((mine.paths.project / "lake").rglob("S_a/*.parquet")):
            file.unlink()


def test_differences_and_what_is_told_of_matching_are_made_once_beside_the_steps(
    twins_of, monkeypatch
):
    made: list[tuple[str, bool]] = []

    def noted(module: ModuleType, name: str) -> None:
        make = getattr(module, name)

        def noting(*asked: Any, **more: Any) -> object:
            made.append((name, threading.current_thread().name.startswith("beside")))
            return make(*asked, **more)

        monkeypatch.setattr(module, name, noting)

    noted(told, "oversized")
    noted(customer_changes, "write_difference")
    project = twins_of()[0]
    written(project, "csv", [*PERSONS, person(100)])
    project.refresh()
    assert sorted(made) == [("oversized", True), ("write_difference", True)]
