"""What a second refresh changes of a small project, and what it leaves as it is."""

import random
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from overtide.pipelines.batch import build
from overtide.pipelines.runners import new_pipeline
from overtide.schemas.configuration import Configuration
from tests.generations import served_rows
from tests.oracle_identities import Cluster, Registry, identify, previous
from tests.refreshed_project import DOCUMENT, FILES, HEAD, ORDERS, A, copy_of, ids, project
from tests.small_plan import INSTANCE, plan_of
from tests.small_project import Project, hashes

__all__ = ["project"]


def test_the_same_input_again_changes_nothing(project, tmp_path):
    again = copy_of(project, tmp_path)
    before = {
        path.name: path.stat().st_mtime_ns for path in again.paths.storage.folder.rglob("*.parquet")
    }
    tables = {name: again.table(name) for name in hashes(project.done[0])}
    done = again.refresh(full=True)
    assert hashes(done) == hashes(project.done[0])
    assert {name: again.table(name) for name in hashes(done)} == tables
    histories = [
        f"{name}_history"
        for name in ("Customer", "UnifiedActivity", "AlternateKey", "IdentityAlias")
    ]
    assert [again.table(name) for name in histories] == [[]] * 4
    assert (len(again.table("Registry")), len(again.table("Identity"))) == (9, 4)
    assert {row[0] for row in again.table("Customer", "FirstRun")} == {1}
    after = {
        path.name: path.stat().st_mtime_ns for path in again.paths.storage.folder.rglob("*.parquet")
    }
    assert after == before
    assert len(again.table("runs")) == 2
    assert not again.paths.scratch.exists()


def served(project: Project, run: int) -> dict[str, list[tuple[Any, ...]]]:
    """Return the tables of the serving generation of a run."""
    (file,) = project.paths.serving.glob(f"run{run:06d}-*.sqlite")
    with closing(sqlite3.connect(file)) as connection:
        meta = connection.execute("SELECT * FROM meta WHERE key != 'over' ORDER BY key").fetchall()
    return {"meta": meta, **served_rows(file)}


@pytest.mark.parametrize("damaged", [False, True])
def test_the_generation_of_unchanged_customers_is_that_of_the_run_before(
    project, tmp_path, damaged
):
    again = copy_of(project, tmp_path)
    first = served(again, 1)
    if damaged:
        (file,) = again.paths.serving.glob("*.sqlite")
        file.write_bytes(file.read_bytes() + b"x")
    done = again.refresh(full=True)
    if not damaged:
        assert done.publish.generation == project.done[0].publish.generation
    again.document["real_time"] = {"update_ttl": "1h"}
    renewed = again.refresh()
    second = served(again, renewed.publish.run)
    assert {row[0] for row in second["meta"] if row not in first["meta"]} == {"real_time", "run"}
    assert first | {"meta": second["meta"]} == second


def test_the_types_of_the_pipeline_fit(project):
    plan = plan_of(project.paths.project, Configuration.model_validate(DOCUMENT))
    build(new_pipeline("FnApiRunner", PipelineOptions([])), plan, [])


def crowd(seed: int, rows: int = 120) -> dict[str, list[str]]:
    """Return many rows of each entity that share mails, cities and names.

    There are mistakes among them.
    """
    chance, pick = random.Random(seed), random.Random(seed + 1).choice

    def person() -> str:
        mail = f"m{chance.randint(1, rows // 2)}{pick(['', '+t'])}@x.com"
        name, city = (
            pick(["ann", "anna", "bob", ""]) + pick(["", " y"]),
            f"{pick('pq')}{chance.randint(1, rows // 8)}",
        )
        seen = pick(["2024-01-01", "", "bad"])
        return f"{pick(['', '0'])}{chance.randint(1, rows)},{name},{mail},{city},{seen}"

    people = {
        name: [person() for _ in range(rows)] + ["short", ",nobody,,,", '5,"open'] for name in "abc"
    }
    orders = [
        f"o{chance.randint(1, rows)},{chance.randint(1, rows)},"
        f"{pick(['2024-01-01', 'x'])},{number / 7:.3f}"
        for number in range(rows)
    ]
    return people | {"o": orders}


def test_content_is_free_of_order_files_and_buckets(tmp_path):
    heads = dict.fromkeys("abc", HEAD) | {"o": "Key,Owner,At,Paid\n"}
    found, kinds = [], []
    for number, (shuffle, files, rows_per_bucket) in enumerate(
        [(False, 1, 2_000_000), (True, 1, 40), (True, 3, 2_000_000), (True, 2, 7)]
    ):
        project = Project(tmp_path / str(number), DOCUMENT)
        for name, rows in crowd(seed=5).items():
            random.Random(number).shuffle(rows) if shuffle else None
            for part in range(files):
                project.write(
                    **{f"{name}{part}": heads[name] + "\n".join(rows[part::files]) + "\n"}
                )
        found.append(hashes(project.refresh(rows_per_bucket)))
        kinds.append({row[0] for row in project.table("oversized_blocks", "Kind")})
    assert found[1:] == found[:1] * 3
    assert kinds == [{"block", "cluster"}] * 4


def test_ids_follow_merges_and_splits_through_several_runs(project, tmp_path):
    story, registry = copy_of(project, tmp_path), Registry()
    ann, bob, cy, dee = (
        Cluster((f"S_{record[0]}", record[1:]) for record in records.split())
        for records in ("a1 a10", "a2 b1 b2", "a3", "b3 c1 c2")
    )
    bobby = Cluster([("S_b", "1")])
    split = [Cluster([("S_a", "1")]), Cluster([("S_a", "10")]), bob, cy, dee]
    together = A.replace("bob@x.com", "ann@x.com")
    apart = A.replace("1,Ann Lee,ann@x.com,Rome", "1,Zoe,zoe@x.com,Nice")
    four = [ann, bob, cy, dee]
    runs = [
        (A, four),
        (together, [ann | bob - bobby, bobby, cy, dee]),
        (A, four),
        (apart, split),
        (A, four),
    ]
    for run, (contacts, clusters) in enumerate(runs, 1):
        if run > 1:
            story.write(a=contacts).refresh()
        found = identify(registry, clusters, run, INSTANCE, "S_a")
        registry = found.registry
        assert ids(story) == {
            record: one for one, cluster in found.profiles.items() for record in cluster
        }
        assert (
            dict(story.table("IdentityAlias", "PreviousCustomerId, CustomerId")) == registry.alias
        )
        assert dict(story.table("Customer", "CustomerId, PreviousCustomerId")) == {
            one: previous(registry.alias, one) for one in found.profiles
        }
        assert {row[0] for row in story.table("Identity", "CustomerId")} == set(registry.given)


def test_rows_that_change_vanish_and_return(project, tmp_path):
    story = copy_of(project, tmp_path)
    story.write(
        a=A.replace("2,Bob,bob@x.com,Rome", "2,Rob,bob@x.com,Rome"), o=ORDERS.replace("o1,", "o9,")
    ).refresh()
    assert story.table("Customer_history", "S_a_Id, Name, FirstRun, ReplacedRun") == [
        ("2", "Bob", 1, 2)
    ]
    assert story.table("Customer", "Name, FirstRun") == [
        ("Ann Lee", 1),
        ("Cy", 1),
        ("Dee", 1),
        ("Rob", 2),
    ]
    assert story.table("UnifiedActivity", "SourceActivityId, FirstRun") == [
        ("o2", 1),
        ("o5", 1),
        ("o9", 2),
    ]
    story.write(**FILES).refresh()
    assert story.table("Customer", "Name, FirstRun") == [
        ("Ann Lee", 1),
        ("Bob", 3),
        ("Cy", 1),
        ("Dee", 1),
    ]
    gone = story.table("UnifiedActivity_history", "SourceActivityId, FirstRun, ReplacedRun")
    assert gone == [("o1", 1, 2), ("o9", 2, 3)]
    assert [story.card("S_a", "2", run)["Name"] for run in (1, 2, 3)] == ["Bob", "Rob", "Bob"]
