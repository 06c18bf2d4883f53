"""Activities are published as a difference where only few of them may have changed."""

from typing import Any

import duckdb
import pytest

from overtide.lake import sealed
from overtide.lake.catalog import connect
from overtide.lake.damage import damage_of
from overtide.lake.generation import Generation
from overtide.lake.publish import _remove_rows
from overtide.pipelines import differences
from overtide.schemas.configuration import Configuration
from overtide.schemas.errors import SourceError
from overtide.schemas.names import ROW_ID
from overtide.schemas.signatures import signature
from overtide.schemas.tables import UNIFIED_ACTIVITY
from overtide.transforms.same_files import files_apart
from tests.changing_project import HEADS, document
from tests.compared_projects import served_by
from tests.small_project import Project, hashes

ORDERS = [f"o{number},{1 + number % 3},2024-01-0{1 + number % 9},{number}" for number in range(12)]
FILES = {
    "a1": f"{HEADS['a']}\n1,Ann,a@x.com,Rome,2024-01-01\n2,Bob,b@x.com,Oslo,\n3,Cy,c@x.com,Ulm,\n",
    "b1": f"{HEADS['b']}\n1,Anna,a@x.com,Rome,2024-01-01\n",
    "o1": "\n".join([HEADS["o"], *ORDERS[:6], ""]),
    "o2": "\n".join([HEADS["o"], *ORDERS[6:], ""]),
}
NEW_ORDER = f"{HEADS['o']}\no90,1,2024-02-01,1\n"
RECORDS = {
    "AlternateKey",
    "ConflationMatchPairs",
    "DecidedPairs",
    "DeduplicationPairs",
    "Deduplication_S_a",
    "Deduplication_S_b",
    "IdentityAlias",
    "MatchBlock",
    "MatchValue",
    "VanishedKey",
}
TOLD = {"Customer", "UnifiedActivity"} | RECORDS
SOURCE_IDS = "SELECT SourceActivityId FROM lake.UnifiedActivity"
TABLES = (
    "UnifiedActivity",
    "UnifiedActivity_history",
    "Customer",
    "Customer_history",
    "AlternateKey",
)


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory) -> Project:
    """A project that was refreshed once; to be copied, not changed."""
    project = Project(tmp_path_factory.mktemp("differences") / "project", document())
    project.document["activities"][0]["semantic"] = {"Paid": "Paid"}
    project.write(**FILES).refresh()
    return project


@pytest.fixture
def twins(refreshed, tmp_path) -> list[Project]:
    """Two copies of it: one to be refreshed as users do, and one in full."""
    return [refreshed.copied(tmp_path / name) for name in ("mine", "full")]


def taken(twins: list[Project], **files: str) -> int:
    """Write files and refresh both; return how many activities one took over.

    Their tables, hashes, serving generations and timelines must be the same.
    """
    mine, full = (twin.write(**files) for twin in twins)
    done: Any = mine.refresh()
    assert hashes(done) == hashes(full.refresh(full=True))
    published = [twin.tables(TABLES) for twin in twins]
    for name in TABLES:
        assert published[0][name] == published[1][name], name
    assert served_by(mine) == served_by(full)
    return int(done.manifest["reused"]["activities"])


def test_rows_come_change_and_go(twins):
    changed = FILES["o2"].replace(ORDERS[7], "o7,2,2024-03-03,7").replace(ORDERS[8] + "\n", "")
    delivery = f"{HEADS['o']}\no90,1,2024-02-01,1\no91,,2024-02-01,1\n"
    assert taken(twins, o2=changed, o3=delivery) == 10
    mine = twins[0]
    gone = mine.table("UnifiedActivity_history", "SourceActivityId, FirstRun, ReplacedRun")
    assert gone == [("o7", 1, 2), ("o8", 1, 2)]
    came = mine.rows("SELECT SourceActivityId FROM lake.UnifiedActivity WHERE FirstRun = 2")
    assert sorted(came) == [("o7",), ("o90",)]
    assert len(files_of(mine)) == 2


def test_what_came_and_goes_again_is_shown_no_more(twins):
    """The timelines are again those that lie beneath the ones of the generation before."""
    assert taken(twins, o3=NEW_ORDER) == 12
    for twin in twins:
        (twin.paths.project / "o3.csv").unlink()
    taken(twins)


def test_activities_follow_records_to_other_customers(twins):
    first, third = (owner_of(twins[0], key) for key in ("o0", "o2"))
    assert first != third
    merged = FILES["a1"].replace("3,Cy,c@x.com", "3,Cy,a@x.com")
    assert 0 < taken(twins, a1=merged) < 12
    assert owner_of(twins[0], "o0") == owner_of(twins[0], "o2")
    taken(twins, a1=FILES["a1"])
    assert [owner_of(twins[0], key) for key in ("o0", "o2")] == [first, third]


NOBODY = ("no_foreign_key", "unknown_record", "no_customer")


def nobody(twins: list[Project], **files: str) -> list[int]:
    """Write files and refresh both; return how many activities are of nobody, by reason.

    One of them is told of a difference, and both count the same.
    """
    assert taken(twins, **files) > 0
    counted: list[dict[str, int]] = []
    for twin in twins:
        manifest: Any = twin.done[-1].manifest
        counted.append(manifest["entities"]["S_o"]["of_nobody"])
        assert manifest["activities_of_nobody"] == sum(counted[-1].values())
    assert counted[0] == counted[1]
    return [counted[0][why] for why in NOBODY]


def test_activities_of_nobody_are_counted_by_what_changed(twins):
    lines = ["1,Anna,a@x.com,Rome,2024-01-01", "5,Eva,e@x.com,Bonn,"]
    orders = ["o1,1,2024-01-01,1", "o2,5,2024-01-01,1", "o3,6,2024-01-01,1", "o4,,2024-01-01,1"]

    def b(*rows: str) -> str:
        return "\n".join([HEADS["b"], *rows, ""])

    def o(*rows: str) -> str:
        return "\n".join([HEADS["o"], *rows, ""])

    for twin in twins:
        twin.document["relationships"][0]["to"] = "S_b"  # customers only together with others
        twin.write(b1=b(*lines), o1=o(*orders), o2=HEADS["o"] + "\n").refresh()
    arrived = b(*lines, "6,Flo,f@x.com,Bonn,")
    assert nobody(twins, b1=arrived) == [1, 0, 2]
    belongs = FILES["a1"].replace("3,Cy,c@x.com", "3,Cy,e@x.com")
    assert nobody(twins, a1=belongs) == [1, 0, 1]
    assert nobody(twins, b1=b(*lines)) == [1, 1, 0]
    assert nobody(twins, a1=FILES["a1"], o2=o("o5,5,2024-01-01,1")) == [1, 1, 2]
    assert nobody(twins, b1=b(lines[0])) == [1, 3, 0]
    changed = [orders[0], "o2,,2024-01-01,1", "o3,1,2024-01-01,1", "o4,7,2024-01-01,1"]
    assert nobody(twins, o1=o(*changed)) == [1, 2, 0]
    assert nobody(twins, o1=o(*changed[::2])) == [0, 1, 0]


def test_records_that_are_delivered_may_have_texts_as_keys(twins):
    for twin in twins:
        twin.document["relationships"][0]["to"] = "S_b"
        twin.document["sources"]["S"]["b"]["attributes"] |= {"Id": "string"}
        twin.document["sources"]["S"]["o"]["attributes"] |= {"Owner": "string"}
        twin.write(o2=f"{HEADS['o']}\no2,1,2024-01-01,1\no3,7,2024-01-01,1\n").refresh()
    assert nobody(twins, b2=f"{HEADS['b']}\n7,Flo,f@x.com,Bonn,\n")[2] > 0


def test_other_rules_make_all_of_them(twins):
    for twin in twins:
        twin.document["activities"][0]["title"] = "Owner"
    assert taken(twins) == 0


def test_many_differences_become_one_table(twins, monkeypatch):
    monkeypatch.setattr(differences, "MOST_FILES", 2)
    found = [
        taken(twins, **{f"o{number}": f"{HEADS['o']}\no9{number},1,2024-02-01,1\n"})
        for number in (3, 4, 5)
    ]
    assert found == [12, 13, 14]
    assert len(files_of(twins[0])) == 1


def test_a_table_of_which_much_went_is_written_anew_with_the_next_difference(twins, monkeypatch):
    monkeypatch.setattr(differences, "FEW", 0)
    left = [FILES["o2"].replace(f"{one}\n", "") for one in ORDERS[7:9]]
    assert taken(twins, o2=left[0]) == 11
    assert rows_of_files(twins[0]) == [[12, 1]]
    monkeypatch.setattr(differences, "MOST_GONE", 8)
    assert taken(twins, o2=left[1].replace(f"{ORDERS[7]}\n", "")) == 10
    assert rows_of_files(twins[0]) == [[10, 0]]


def test_what_says_which_rows_went_is_needed(twins):
    mine = twins[0].write(o2=FILES["o2"].replace(ORDERS[7] + "\n", ""))
    mine.refresh()
    (removed,) = mine.paths.storage.table("UnifiedActivity").glob("*delete*.parquet")
    removed.write_bytes(b"")
    with connect(mine.paths) as lake:
        (found,) = damage_of(lake, mine.paths.storage).files["UnifiedActivity"]
    assert mine.paths.storage.file(found) == removed


@pytest.fixture
def rotten(twins, monkeypatch):
    """The file of the served generation, which a disk has changed as if nobody had touched it."""
    mine = twins[0]
    path = mine.paths.generation(mine.rows("SELECT Generation FROM lake.runs")[0][0])
    content = path.read_bytes()
    assert b'["Ann"' in content
    path.write_bytes(content.replace(b'["Ann"', b'["Xnn"'))
    monkeypatch.setitem(sealed._whole, path, signature(path))
    return path


def test_what_a_disk_lost_is_not_taken_over_into_the_next_generation(twins, rotten):
    taken(twins, a1=FILES["a1"].replace("Bob", "Rob"))


def test_what_a_disk_lost_beneath_a_generation_still_shows(twins, rotten, monkeypatch):
    mine = twins[0].write(o3=NEW_ORDER)
    done = mine.refresh()
    name = done.publish.generation
    assert Generation(mine.paths.generation(name)).files[1:] == (rotten,)
    monkeypatch.setattr(sealed, "_whole", {})
    monkeypatch.setattr(sealed, "_noted", lambda *_: None)
    assert not sealed.is_whole(mine.paths, name)


def test_rows_that_go_but_are_not_there_are_told_by_count(refreshed, tmp_path):
    with connect(refreshed.paths) as lake:
        gone = tmp_path / "gone.parquet"
        rows = "SELECT * REPLACE ('none' AS ActivityId) FROM lake.UnifiedActivity LIMIT 2"
        lake.execute(f"COPY ({rows}) TO '{gone}'")
    with duckdb.connect() as lake:
        lake.execute(
            "ATTACH ':memory:' AS lake; CREATE TABLE lake.UnifiedActivity (ActivityId VARCHAR)"
        )
        with pytest.raises(SourceError, match="Of 2 rows of UnifiedActivity that go, 0 are there"):
            _remove_rows(lake, UNIFIED_ACTIVITY, str(gone), is_same=True)


def test_rows_go_by_their_places_where_the_lake_is_the_same(twins, tmp_path):
    mine, gone = twins[0], tmp_path / "gone.parquet"
    with connect(mine.paths, read_only=False) as lake:
        (o7,), (o8,) = lake.execute("""
            SELECT ActivityId FROM lake.UnifiedActivity WHERE SourceActivityId IN ('o7', 'o8')
            ORDER BY SourceActivityId""").fetchall()
        # The key of the one row, and the place of the other.
        lake.execute(f"""
            COPY (SELECT '{o7}' AS ActivityId, rowid AS {ROW_ID} FROM lake.UnifiedActivity
              WHERE ActivityId = '{o8}') TO '{gone}'""")
        for is_same, went in ((True, "o8"), (False, "o7")):
            lake.execute("BEGIN")
            _remove_rows(lake, UNIFIED_ACTIVITY, str(gone), is_same)
            left = {one for (one,) in lake.execute(SOURCE_IDS).fetchall()}
            lake.execute("ROLLBACK")
            assert {f"o{number}" for number in range(12)} - left == {went}


def files_of(project: Project) -> list[tuple[Any, ...]]:
    """Return the files of the activities in the lake."""
    return project.rows("SELECT data_file FROM ducklake_list_files('lake', 'UnifiedActivity')")


def rows_of_files(project: Project) -> list[list[int]]:
    """Return how many rows the files of the activities have, and how many of these went."""
    found = project.rows(differences.FILES.format(names="'UnifiedActivity'"))
    return [numbers for _, _, *numbers in found]


def owner_of(project: Project, key: str) -> object:
    """Return the customer of an activity."""
    query = f"SELECT CustomerId FROM lake.UnifiedActivity WHERE SourceActivityId = '{key}'"
    return project.rows(query)[0][0]


def test_only_keys_of_records_make_differences():
    mine = document()
    assert differences.rules_of(Configuration.model_validate(mine)).keys() == TOLD
    mine["relationships"][0] |= {"to": "Customer", "field": "Name"}
    mine["relationships"][0].pop("normalize", None)
    assert differences.rules_of(Configuration.model_validate(mine)).keys() == {"Customer"} | RECORDS
    mine = document(made=True)
    assert differences.rules_of(Configuration.model_validate(mine)).keys() == {"UnifiedActivity"}


def test_files_are_told_apart_by_what_they_are(tmp_path):
    kept, linked, new, old = (tmp_path / name for name in ("kept", "linked", "new", "old"))
    kept.write_text("1")
    linked.hardlink_to(kept)
    new.write_text("2")
    old.write_text("2")
    found = files_apart([str(linked), str(new)], [str(kept), str(old)])
    assert found == ([str(new)], [str(old)])
