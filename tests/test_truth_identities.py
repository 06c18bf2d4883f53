"""Generated histories of clusters: the refresh gives the same ids, aliases and registry rows as the oracle."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from schemas.configuration import Entity, UnifiedEntity
from tests.oracle_identities import Cluster, Identities, Ref, Registry, identify
from transforms import identities
from transforms.fingerprint import EMPTY
from transforms.identities import NOTHING, Unified
from transforms.keys import EntityTable
from transforms.pairs import ENTITY_SHIFT

NAMES = ("B_Primary", "A_Second", "C_Third")
"""Entities in match order, which is not the order of their names."""
KEYS = ("1", "10", "2", "é")

Mail = int
"""Records with one mail are one cluster."""
History = list[dict[Ref, Mail]]
Learnt = list[tuple[str, str, str, int]]
"""Rows of the table Registry."""


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Return what records there are at each refresh, and their mails: mostly as before, some moved, gone or new."""
    records = [(name, key) for name in NAMES for key in KEYS[:draw(st.integers(1, len(KEYS)))]]
    mails = st.integers(0, draw(st.integers(1, 5)))
    now: dict[Ref, Mail] = draw(st.dictionaries(st.sampled_from(records), mails, min_size=1))
    history = [now]
    for _ in range(draw(st.integers(1, 5))):
        now = now | draw(st.dictionaries(st.sampled_from(records), mails, max_size=4))
        gone = draw(st.sets(st.sampled_from(records), max_size=3))
        now = {record: mail for record, mail in now.items() if record not in gone}
        history.append(now)
    return history


def clusters_of(records: dict[Ref, Mail]) -> list[Cluster]:
    groups: dict[Mail, set[Ref]] = {}
    for record, mail in records.items():
        groups.setdefault(mail, set()).add(record)
    return [Cluster(group) for group in groups.values() if {entity for entity, _ in group} != {NAMES[2]}]


def refreshed(folder: Path, before: Registry, learnt: Learnt, records: dict[Ref, Mail], run: int) -> Identities:
    """Return what the refresh makes of the same, through its own tables."""
    folder.mkdir()
    numbers: dict[Ref, int] = {}
    entities = []
    for place, name in enumerate(NAMES):
        keys = [key for entity, key in records if entity == name]
        numbers |= {(name, key): (place << ENTITY_SHIFT) + row for row, key in enumerate(keys)}
        pq.write_table(pa.table({"Id": pa.array(keys, pa.string())}), folder / f"{name}.parquet")
        table = EntityTable(name, (str(folder / f"{name}.parquet"),), (len(keys),), "", 0, 0, 0, 0, 0, 0, (), EMPTY,
                            EMPTY)
        entity = Entity(path="a.csv", primary_key="Id", attributes={"Id": "string"})
        entities.append(Unified(place, table, entity, UnifiedEntity(entity=name, include_all=place < 2)))
    edges = [(numbers[record], min(numbers[other] for other in records if records[other] == mail))
             for record, mail in records.items()]
    edges = [(record, root) for record, root in edges if record != root]
    forest = pa.table({"record": pa.array([one for one, _ in edges], pa.int64()),
                       "root": pa.array([root for _, root in edges], pa.int64())})
    pq.write_table(forest, folder / "forest.parquet")
    with duckdb.connect() as connection:
        tables = remembered(connection, before, learnt)
        found = identities.identify(connection, entities, str(folder / "forest.parquet"), tables, "i", run, 1000,
                folder)
    return read_back(found, before)


def remembered(connection: duckdb.DuckDBPyConnection, registry: Registry, learnt: Learnt) -> dict[str, str]:
    """Put the registry into tables as the lake has them; return the SQL that reads each."""
    rows: dict[str, list] = {"Registry": learnt, "IdentityAlias": list(registry.alias.items()),
                             "Identity": [(one, run, *record) for one, (run, record) in registry.given.items()]}
    for name, nothing in NOTHING.items():
        connection.execute(f"CREATE TABLE {name}_before AS {nothing}")
        if rows[name]:
            places = ", ".join("?" * len(rows[name][0]))
            connection.executemany(f"INSERT INTO {name}_before VALUES ({places})", rows[name])
    return {name: f"SELECT * FROM {name}_before" for name in NOTHING}


def read_back(found: identities.Identified, before: Registry) -> Identities:
    keys = rows_of(found.alternate_keys)
    profiles: dict[str, set[Ref]] = {}
    for row in keys:
        profiles.setdefault(row["CustomerId"], set()).add((row["EntityName"], row["PrimaryKey"]))
    learnt = [((row["EntityName"], row["PrimaryKey"]), row["CustomerId"]) for row in rows_of(found.registry)]
    created = [(row["CustomerId"], (row["EntityName"], row["PrimaryKey"])) for row in rows_of(found.identity)]
    alias = [(row["PreviousCustomerId"], row["CustomerId"]) for row in rows_of(found.alias)]
    runs = {row["Run"] for row in rows_of(found.identity)}
    for pairs in (learnt, created, alias):
        assert len(dict(pairs)) == len(pairs), "a key appears twice"
    given = {one: (run, record) for one, record in created for run in runs}
    registry = Registry({**before.ids, **dict(learnt)}, {**before.given, **given}, dict(alias))
    assert {row["CustomerId"]: row["PreviousCustomerId"] for row in rows_of(found.customers)} == {
        one: ";".join(sorted(old for old, new in alias if new == one)) or None for one in profiles}
    return Identities({one: Cluster(records) for one, records in profiles.items()}, registry, dict(learnt),
            dict(created))


def rows_of(path: str) -> list[dict[str, str]]:
    return pq.read_table(path).to_pylist()


def check(folder: Path, history: History) -> None:
    """Run a history through the refresh's identities and the oracle's, comparing after each."""
    registry, learnt = Registry(), []
    for run, records in enumerate(history, 1):
        expected = identify(registry, clusters_of(records), run, "i", NAMES[0])
        assert refreshed(folder / str(run), registry, learnt, records, run) == expected
        registry = expected.registry
        learnt += [(*record, one, run) for record, one in expected.learnt.items()]


A, B, C, D = (NAMES[0], "1"), (NAMES[1], "1"), (NAMES[1], "2"), (NAMES[2], "1")


@pytest.mark.parametrize("history", [
    pytest.param([{A: 1, B: 2, D: 2}, {A: 1, B: 1}, {A: 1, B: 1, D: 3, C: 3}], id="a record returns with a merged id"),
    pytest.param([{A: 1, B: 2, C: 2}, {A: 1, B: 1}, {A: 1, B: 2, C: 3}], id="returned here, so not taken back there"),
    pytest.param([{A: 1, B: 2, C: 2}, {A: 1, B: 1}, {A: 1, B: 1, C: 1}], id="a merged id returns and is merged again"),
])
def test_merged_ids_return(tmp_path, history):
    check(tmp_path, history)


@pytest.mark.fuzz
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=[Phase.generate])
@given(history=histories())
def test_the_refresh_gives_the_ids_of_the_oracle(tmp_path_factory, history):
    check(tmp_path_factory.mktemp("history"), history)
