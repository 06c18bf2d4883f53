"""A changed setting costs what it touches; the result is that of a full refresh.

Runs on Beam's embedded runner.
"""

from collections.abc import Callable
from typing import Any

import pytest

from overtide.lake.catalog import METADATA
from overtide.pipelines import differences, table_rules
from tests.changing_project import HEADS, OTHERWISE, document
from tests.compared_projects import MEASURED, served_by, tables_of
from tests.small_project import Project

PEOPLE = 12
RECORDS = PEOPLE + PEOPLE // 2
LEARNING = ("Registry", "Departure", "Identity", "Customer_history", "AlternateKey_history")
Change = Callable[[dict[str, Any]], object]


def entity(name: str, *lines: str) -> str:
    """Return a file of an entity."""
    return "\n".join([HEADS[name], *lines, ""])


def people(numbers: range, name: str = "Ann") -> list[str]:
    """Return lines of people, each in a town of his own."""
    return [f"{n},{name}{n},m{n}@x.com,{name[0]}{n},2024-01-0{1 + n % 9}" for n in numbers]


FIRST = {
    "a1": entity("a", *people(range(PEOPLE))),
    "b1": entity("b", *people(range(0, PEOPLE, 2), "Bob")),
    "o1": entity("o", *(f"o{n},{n},2024-01-01,{n}" for n in range(PEOPLE))),
}
MORE = {
    "a2": entity("a", *people(range(100, 101), "Zoe"), "101,Cy,m3@x.com,Ulm,2024-02-01"),
    "o2": entity("o", "o100,100,2024-02-01,5"),
}
"""A newcomer, one who is a customer already, and an order: one of the records is matched anew."""


@pytest.fixture(autouse=True)
def _few_are_enough(monkeypatch):
    monkeypatch.setattr(differences, "LEAST", 0)


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory) -> Project:
    """A project of two kinds of activities that was refreshed once; to be copied."""
    project = Project(tmp_path_factory.mktemp("settings") / "project", document(paid=True))
    project.write(**FIRST).refresh()
    return project


@pytest.fixture
def twins(refreshed, tmp_path) -> list[Project]:
    """Two copies of it: one to be refreshed as users do, and one in full."""
    return [refreshed.copied(tmp_path / name) for name in ("mine", "full")]


def reused(
    twins: list[Project], *changes: Change, bucket: int = 1_000, **files: str
) -> dict[str, int]:
    """Configure and write files, and refresh both; return what one took over.

    All that they say and publish must be the same, however many rows a `bucket` of one has.
    """
    for twin in twins:
        for change in changes:
            change(twin.document)
        twin.write(**files)
    mine, full = twins
    done: Any = [mine.refresh(bucket).manifest, full.refresh(full=True).manifest]
    said = [{n: v for n, v in one.items() if n not in MEASURED} for one in done]
    assert said[0] == said[1]
    names = [*said[0]["tables"], *LEARNING, "MatchBlock"]
    assert tables_of(mine, names) == tables_of(full, names)
    assert served_by(mine) == served_by(full)
    assert not done[1]["reused"]["records"]
    taken: dict[str, int] = done[0]["reused"]
    return taken


def merged(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the columns of Customer."""
    found: list[dict[str, Any]] = document["unification"]["merge"]["fields"]
    return found


def by_newest(document: dict[str, Any]) -> None:
    """Let the newest record give a column."""
    merged(document)[1].update(policy="most_recent", by={"S_a": "Seen", "S_b": "Seen"})


def own_winners(document: dict[str, Any]) -> None:
    """Let a column come from another record than the one that wins."""
    prefer = {"of": ["Name", "City"], "policy": "least_recent", "attribute": "Seen"}
    document["unification"]["entities"][0]["deduplicate"]["per_attribute"] = [prefer]


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(MORE, id="more rows"),
        pytest.param({}, id="the same rows", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize(
    ("change", "activities"),
    [
        (lambda one: one["activities"][1].update(title="Key"), PEOPLE),
        (lambda one: one["activities"][1].update(name="Others"), PEOPLE),
        (lambda one: one["activities"].pop(), PEOPLE),
        (OTHERWISE["hidden"], 2 * PEOPLE),
        (OTHERWISE["longer"], 2 * PEOPLE),
        (by_newest, 2 * PEOPLE),
        (OTHERWISE["mailed"], 2 * PEOPLE),
        (own_winners, 2 * PEOPLE),
    ],
    ids=["title", "name", "removed", "hidden", "attribute", "policy", "column", "winners"],
)
def test_records_are_not_matched_anew(twins, change, activities, files):
    found = reused(twins, change, **files)
    assert (found["records"], found["activities"]) == (RECORDS - bool(files), activities)
    assert reused(twins, a3=entity("a", *people(range(200, 201))))["records"] >= RECORDS


def test_an_activity_is_added_and_comes_back(twins):
    before = twins[0].table("UnifiedActivity", "* EXCLUDE (FirstRun)")
    assert reused(twins, lambda one: one["activities"].pop(0))["activities"] == PEOPLE
    orders = document()["activities"]
    found = reused(twins, lambda one: one.update(activities=orders + one["activities"]))
    assert (found["records"], found["activities"]) == (RECORDS, PEOPLE)
    assert twins[0].table("UnifiedActivity", "* EXCLUDE (FirstRun)") == before


def test_activities_of_other_rules_are_counted_that_are_of_nobody(twins):
    orders = entity("o", "o200,,2024-02-01,5", "o201,999,2024-02-01,5")
    change = OTHERWISE["titled"]
    assert reused(twins, change, o3=orders)["activities"] == PEOPLE
    manifest: Any = twins[0].done[-1].manifest
    for name in ("S_o", "S_p"):
        counts = manifest["entities"][name]["of_nobody"]
        assert (counts["no_foreign_key"], counts["unknown_record"]) == (1, 1)


def test_where_most_activities_have_other_rules_all_are_made(twins):
    titles: list[Change] = [
        lambda one: one["activities"][0].update(title="Paid"),
        lambda one: one["activities"][1].update(title="Key"),
    ]
    found = reused(twins, *titles)
    assert (found["records"], found["activities"]) == (RECORDS, 0)


def test_activities_by_other_values_than_keys_let_records_be(twins):
    assert reused(twins, OTHERWISE["fielded"], **MORE)["records"] == RECORDS - 1
    merging = entity("a", "300,Ann,m1@x.com,Ulm,2024-02-01", "301,Ann,m5@x.com,Ulm,2024-02-01")
    assert 0 < reused(twins, a3=merging)["records"] < RECORDS + 2


def test_winners_of_merged_customers_are_those_of_a_full_refresh(twins):
    both = entity("a", "300,Eve,m1@x.com,,2023-01-01", "301,,m1@x.com,Ulm,2022-01-01")
    assert reused(twins, a2=both)["records"]
    merging = entity("a", "302,Zoe,m1@x.com,Bonn,2021-01-01", "303,Zoe,m4@x.com,Bonn,2021-01-01")
    assert reused(twins, a3=merging)["records"]
    parting = entity("a", "303,Zoe,m4@x.com,Bonn,2021-01-01")
    assert reused(twins, own_winners, by_newest, a3=parting, bucket=2)["records"]


@pytest.mark.parametrize(
    "change",
    [OTHERWISE["off"], lambda one: one["unification"]["match"][0]["rules"].pop()],
    ids=["off", "gone"],
)
def test_a_rule_lets_all_records_be_matched_and_activities_be(twins, change):
    found = reused(twins, change, **MORE)
    assert (found["records"], found["activities"]) == (0, 2 * PEOPLE)


def test_a_rule_that_does_not_apply_says_nothing(twins):
    reused(twins, OTHERWISE["off"])
    assert reused(twins, without_first_rule, **MORE)["records"] == RECORDS - 1


def without_first_rule(document: dict[str, Any]) -> None:
    """Remove the first rule."""
    document["unification"]["match"][0]["rules"].pop(0)


def test_a_meaning_costs_no_reading_and_is_told(twins):
    found = reused(twins, with_meaning)
    assert (found["files"], found["of"], found["records"]) == (4, 4, RECORDS)
    assert "Seen: Person.Seen" in comment(twins[0], "S_a")
    reused(twins, without_meaning)
    assert "Seen" not in comment(twins[0], "S_a")


def with_meaning(document: dict[str, Any]) -> None:
    """Say what an attribute means."""
    own = document["sources"]["S"]["a"]
    seen = {"type": "date", "semantic_type": "Person.Seen"}
    own["attributes"] = own["attributes"] | {"Seen": seen}


def without_meaning(document: dict[str, Any]) -> None:
    """Say of an attribute what is said of it at first."""
    own = document["sources"]["S"]["a"]
    own["attributes"] = own["attributes"] | {"Seen": "date"}


def test_a_meaning_of_what_is_compared_lets_all_be_matched(twins):
    found = reused(twins, OTHERWISE["meant"])
    assert (found["files"], found["records"], found["activities"]) == (4, 0, 2 * PEOPLE)


def comment(project: Project, table: str) -> str:
    """Return what the lake tells of a table."""
    ((found,),) = project.rows(f"""
        SELECT g.value FROM {METADATA}.ducklake_tag g
        JOIN {METADATA}.ducklake_table t ON t.table_id = g.object_id
        WHERE t.table_name = '{table}' AND g.key = 'comment' AND g.end_snapshot IS NULL
          AND t.end_snapshot IS NULL""")
    return str(found)


def test_what_another_engine_made_is_made_anew(twins, monkeypatch):
    """What a manifest of it says of rules, in whatever form, is not looked at."""
    monkeypatch.setattr(table_rules, "engine", lambda: "another")
    found = reused(twins, **MORE)
    assert (found["records"], found["activities"]) == (0, 0)
