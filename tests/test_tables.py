"""What is declared of every table: its key, its order, the people in it, and how long it keeps."""

import pytest

from overtide.schemas import match_tables, tables
from overtide.schemas.table import BY_ID, Kept, ProfileField, Table, history_of
from overtide.transforms.tables.registered import BASE_TABLES
from tests.small_project import Project

DECLARED = {one.name: one for one in vars(tables).values() if isinstance(one, Table)} | {
    one.name: one
    for one in (
        tables.customer([ProfileField("CustomerId", "string", False)]),
        match_tables.deduplication("S_a"),
        tables.corrupt("S_a"),
    )
}
PERSONAL = {
    "CustomerId",
    "PreviousCustomerId",
    "PrimaryKey",
    "MatchedPrimaryKey",
    "EventId",
    "Records",
}
"""Columns that name a person, or count people who share a value."""


@pytest.mark.parametrize("table", DECLARED.values(), ids=lambda table: table.name)
def test_what_is_declared_of_a_table_are_columns_of_it(table):
    named = {*table.key, *table.order, *(column for one in table.people for column in one)}
    assert named <= set(table.names)


@pytest.mark.parametrize("table", DECLARED.values(), ids=lambda table: table.name)
def test_a_table_that_names_people_says_how_they_are_found_in_it(table):
    assert bool(table.people) == bool(PERSONAL & set(table.names)), table.people


def test_every_base_table_is_declared_with_a_key_an_order_and_a_history():
    for name in BASE_TABLES:
        declared = DECLARED[name]
        assert declared.key
        assert declared.order
        assert set(declared.key) <= set(declared.order) | {"ActivityId"}
        assert "FirstRun" in declared.names
        past = history_of(declared)
        assert (past.kept, past.people) == (Kept.HISTORY, declared.people)
        assert past.key == (*declared.key, "FirstRun")
    assert set(BASE_TABLES) == {"Customer", *(one.name for one in tables.VERSIONED)}


def test_ids_are_the_only_ones_that_are_kept_for_ever_and_name_people():
    kept = {one.name for one in DECLARED.values() if one.kept is Kept.EVER and one.people}
    assert kept == {"Registry", "Departure", "Identity", "ClusterRegistry", "withdrawals"}
    assert DECLARED["Customer"].people == (BY_ID,)


@pytest.mark.slow
def test_keys_tell_the_rows_of_a_refreshed_lake_apart(tmp_path):
    from tests.refreshed_project import DOCUMENT, FILES

    project = Project(tmp_path, DOCUMENT).write(**FILES)
    project.refresh()
    there = {name for (name,) in project.rows("SELECT table_name FROM duckdb_tables()")}
    for name, declared in DECLARED.items():
        if declared.key and name in there:
            keys = ", ".join(f'"{column}"' for column in declared.key)
            assert project.rows(
                f'SELECT count(*) = count(DISTINCT ({keys})) FROM lake."{name}"'
            ) == [(True,)], name
    for name in BASE_TABLES:
        rows = f'SELECT {", ".join(DECLARED[name].order)} FROM lake."{name}"'
        said = f"{name} is to be written in its order, by which its rows are hashed"
        assert project.rows(rows) == project.rows(f"{rows} ORDER BY ALL"), said
