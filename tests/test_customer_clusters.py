"""Clusters of customers, such as households: columns of Customer, against plain Python."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import closing
from itertools import pairwise
from random import Random
from typing import Any, cast

import duckdb
import pytest
import yaml

from overtide.cli.explained_pairs import explanation_text
from overtide.cli.output import Output
from overtide.pipelines.matching.explaining import explained
from overtide.project import Project as OpenedProject
from overtide.schemas import tables
from overtide.schemas.table import ProfileField
from overtide.serving.access.principals import Principal
from overtide.serving.operations import matching
from overtide.serving.operations.contract import Call
from overtide.serving.pages.joined import words_of
from overtide.serving.pages.preferences import Preferences
from overtide.serving.pages.rendering import Rendering
from overtide.serving.pages.static_files import StaticFiles
from overtide.serving.pages.texts import Texts
from overtide.transforms.cluster_ids import give_ids
from tests.oracle_identities import Identities, Registry, identify
from tests.small_project import Project, hashes
from tests.tried import opened

INSTANCE = "6f1c0c5e-2f4f-4a57-9c7e-0d2a5b7e1a10"
HOUSE = {
    "name": "HouseholdId",
    "rules": [
        {
            "name": "Address",
            "conditions": [
                {"fields": "Last", "normalize": ["lower"], "aliases": "Names"},
                {"fields": ["Street", "City"], "normalize": ["address"], "all_parts": True},
            ],
        },
        {"name": "Phone", "conditions": [{"fields": "Phone"}]},
        {"name": "All", "conditions": [{"fields": "City"}], "enabled": False},
    ],
}
TOWN = {"name": "record_0", "rules": [{"name": "Town", "conditions": [{"fields": "City"}]}]}
COLUMNS = ("Last", "Street", "City", "Phone")


def document(**more: Any) -> dict[str, Any]:
    attributes = dict.fromkeys(("Id", "Mail", *COLUMNS), "string")
    mail = {"name": "Mail", "conditions": [{"fields": "Mail"}]}
    return {
        "instance": {"name": "T", "id": INSTANCE},
        "sources": {
            "S": {"C": {"path": "c.csv", "primary_key": "Id", "attributes": attributes}},
        },
        "unification": {
            "entities": [{"entity": "S_C", "deduplicate": {"rules": [mail]}}],
            "merge": {"fields": [{"name": one, "from": [f"S_C.{one}"]} for one in COLUMNS]},
            "aliases": {"Names": {"Smyth": "Smith"}},
            "clusters": [HOUSE, TOWN],
            "limits": {"cluster_size": 9, "block_size": 100},
            **more,
        },
    }


def people(random: Random, number: int) -> list[dict[str, str]]:
    def one_of(*texts: str) -> str:
        return random.choice(texts)

    return [
        {
            "Id": f"{key:03d}",
            "Mail": f"{random.randint(0, number)}@x",
            "Last": one_of("Smith", "smyth", "Jones", "Berg", "Diaz", ""),
            "Street": f"{random.randint(1, 25)} Park {one_of('Street', 'St')}" if key % 9 else "",
            "City": one_of("Ede", "Delft", "", "n/a"),
            "Phone": f"+31 {random.randint(0, 3 * number)}" if key % 3 else "unknown",
        }
        for key in range(number)
    ]


def text(rows: list[dict[str, str]]) -> str:
    lines = [",".join(row.values()) for row in rows]
    return "\n".join([",".join(("Id", "Mail", *COLUMNS)), *lines, ""])


Profile = Mapping[str, str | None]


def households(profiles: Mapping[str, Profile]) -> dict[str, frozenset[str]]:
    """Return the customers of each customer's household, in plain Python."""
    blocks: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for customer, one in profiles.items():
        if one["Last"] and one["Street"] and one["City"] not in (None, "n/a"):
            last = one["Last"].lower().replace("smyth", "smith")
            street = one["Street"].replace("Street", "St")
            blocks["address", last, street, str(one["City"])].add(customer)
        if one["Phone"] not in (None, "unknown"):
            blocks["phone", str(one["Phone"])].add(customer)
    return joined(profiles, blocks)


def towns(profiles: Mapping[str, Profile]) -> dict[str, frozenset[str]]:
    blocks = defaultdict(set)
    for customer, one in profiles.items():
        if one["City"] not in (None, "n/a"):
            blocks[one["City"]].add(customer)
    return joined(profiles, blocks)


def joined(profiles: Mapping[str, Profile], blocks: Mapping[Any, set[str]]) -> Any:
    found = {one: {one} for one in profiles}
    for some in blocks.values():
        whole = set().union(*(found[one] for one in some))
        found |= dict.fromkeys(whole, whole)
    return {
        one: frozenset(some) if len(some) <= 9 else frozenset([one]) for one, some in found.items()
    }


def identified(
    clusters: Mapping[str, frozenset[str]], before: Registry, name: str, run: int
) -> Identities:
    """Give clusters their ids as the oracle gives customers theirs: each is a record here."""
    several = {frozenset((name, one) for one in cluster) for cluster in clusters.values()}
    return identify(before, several, run, INSTANCE, name)


def ids_of(found: Identities) -> dict[str, str]:
    return {one: key for key, cluster in found.profiles.items() for _, one in cluster}


def customers(project: Project) -> dict[str, dict[str, Any]]:
    names = ("CustomerId", *COLUMNS, "HouseholdId", "record_0")
    rows = project.rows(f"SELECT {', '.join(names)} FROM lake.Customer")
    return {row[0]: dict(zip(names, row, strict=True)) for row in rows}


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """Two refreshes; before the second a third of all people move, come or go."""
    random = Random(11)
    made = Project(tmp_path_factory.mktemp("clusters") / "a", document())
    rows = people(random, 150)
    first = made.write(c=text(rows)).refresh()
    before = customers(made)
    moved = {row["Id"]: row for row in people(random, 170) if random.random() < 0.35}
    now = [moved.pop(row["Id"], row) for row in rows if random.random() < 0.9]
    made.write(c=text([*now, *moved.values()]))
    other = made.copied(made.paths.project.parent / "b")
    second = made.refresh()
    return made, other, first, before, second, customers(made)


def test_clusters_are_what_hangs_together_and_each_has_one_id(story):
    _, _, first, before, _, _ = story
    for name, told, clusters in (
        ("HouseholdId", first.manifest["clusters"][0], households(before)),
        ("record_0", first.manifest["clusters"][1], towns(before)),
    ):
        ids = {one: row[name] for one, row in before.items()}
        assert ids == ids_of(identified(clusters, Registry(), name, 1))
        sizes = Counter(ids.values())
        assert told == {
            "name": name,
            "clusters": len(sizes),
            "of_several": sum(size > 1 for size in sizes.values()),
            "largest": max(sizes.values()),
        }
    assert first.manifest["clusters"][0]["of_several"] > 5


def test_what_is_too_large_is_none_and_is_told(story):
    made, _, _, before, _, _ = story
    assert len({row["record_0"] for row in before.values()}) == len(before)
    large = made.rows(
        "SELECT EntityName, Records FROM lake.oversized_blocks WHERE Kind = 'cluster'"
    )
    assert [entity for entity, _ in large] == ["Customer"] * len(large)
    assert len(large) >= 2
    ignored = {row[:3] for row in made.table("ignored_values")}
    assert ("Customer", "Phone", "unknown") in ignored


def test_an_id_is_inherited_as_a_customers_is(story):
    made, _, _, before, _, after = story
    first = identified(households(before), Registry(), "HouseholdId", 1)
    second = identified(households(after), first.registry, "HouseholdId", 2)
    assert {one: row["HouseholdId"] for one, row in after.items()} == ids_of(second)
    plain = ids_of(identified(households(after), Registry(), "HouseholdId", 1))
    assert plain != ids_of(second), "no id is kept that would be another"
    rows = "SELECT CustomerId, ClusterId, IsGiven, Run FROM lake.ClusterRegistry WHERE Cluster = "
    learnt = [
        *((one, key, True, 1) for (_, one), key in first.learnt.items()),
        *((one, key, True, 2) for (_, one), key in second.learnt.items()),
        *((one, key, False, 2) for (_, one), key in second.left),
    ]
    assert sorted(made.rows(f"{rows}'HouseholdId'")) == sorted(learnt)
    assert second.left


def test_pairs_say_by_what_the_customers_of_a_cluster_hang_together(story):
    made, _, _, _, _, after = story
    pairs = made.rows(
        "SELECT ClusterId, CustomerId, MatchedCustomerId, Rule, Score FROM lake.ClusterPairs "
        "WHERE Cluster = 'HouseholdId'"
    )
    sizes = Counter(row["HouseholdId"] for row in after.values())
    assert Counter(pair[0] for pair in pairs) == {
        one: size - 1 for one, size in sizes.items() if size > 1
    }
    for cluster, one, other, rule, score in pairs:
        both = [after[one], after[other]]
        assert one < other
        assert {row["HouseholdId"] for row in both} == {cluster}
        assert score == 100
        if rule == "Phone":
            assert both[0]["Phone"] == both[1]["Phone"] is not None
        else:
            assert rule == "Address"
            assert both[0]["City"] == both[1]["City"] is not None
    assert {pair[3] for pair in pairs} == {"Address", "Phone"}


def house_of(after: Mapping[str, Mapping[str, Any]]) -> tuple[str, list[str]]:
    """Return the largest household, and its customers in their order."""
    sizes = Counter(row["HouseholdId"] for row in after.values())
    house = max(sizes, key=lambda one: (sizes[one], one))
    return house, sorted(one for one, row in after.items() if row["HouseholdId"] == house)


def test_two_records_are_told_whether_their_customers_are_of_one_cluster(story):
    made, _, _, _, _, after = story
    _, inside = house_of(after)
    outside = next(one for one in sorted(after) if one not in inside)
    keys = dict(made.rows("SELECT CustomerId, any_value(S_C_Id) FROM lake.Customer GROUP BY ALL"))
    with opened(made) as found:
        told = explained(found, *(("S_C", keys[one]) for one in (inside[0], inside[-1])))
        apart = explained(found, *(("S_C", keys[one]) for one in (inside[0], outside)))
    (house, town) = told["clusters"]
    assert (house["name"], house["together"], house["tooLarge"]) == ("HouseholdId", True, None)
    ends = [link["customers"] for link in house["chain"]]
    assert {ends[0][0], ends[-1][1]} == {house["customers"][0], house["customers"][1]}
    assert all(before[1] == then[0] for before, then in pairwise(ends))
    assert {link["rule"] for link in house["chain"]} <= {"Address", "Phone"}
    assert town["name"] == "record_0"
    assert not town["together"]
    assert [one["together"] for one in apart["clusters"]] == [False, False]
    assert apart["clusters"][0]["chain"] == []
    shown = ["\n".join(explanation_text(one, Output())) for one in (told, apart)]
    assert "HouseholdId: one cluster." in shown[0]
    assert "HouseholdId: different clusters." in shown[1]


def test_the_service_tells_the_cluster_of_a_customer_and_its_pairs(story):
    made, _, _, _, _, after = story
    house, inside = house_of(after)
    folder = made.paths.project
    (folder / "overtide.yaml").write_text(yaml.safe_dump(made.document, sort_keys=False))
    with OpenedProject(folder) as project:
        call = Call(project.service(), cast("Principal", None), {"entityId": inside[0]})
        told = matching.joined(call).document
    (one, town) = told["clusters"]
    assert (one["name"], one["id"], one["customerCount"]) == ("HouseholdId", house, len(inside))
    ends = [{link["customerId"], link["matchedCustomerId"]} for link in one["links"]]
    assert set().union(*ends) == set(inside)
    assert len(ends) == len(inside) - 1
    assert (town["customerCount"], town["links"]) == (1, [])

    def shown(**more: Any) -> str:
        found = {**told, "clusters": [{**one, **more}, town]}
        values = {"found": found, "words": words_of, "skipped": 0, "more": None, "unfolded": True}
        rendering = Rendering(Texts(), StaticFiles())
        return rendering.rendered("_joined.html", Preferences("en"), values).decode()

    page = shown()
    assert f"HouseholdId: {len(inside)} customers hang together" in page
    assert {other for other in inside if f'href="/customers/{other}"' in page} == {*inside[1:]}
    assert "this customer" in page
    assert "record_0" not in page
    assert "known from the next refresh" in shown(links=None)


@pytest.mark.parametrize("seed", range(12))
def test_ids_of_a_long_story_are_those_of_the_oracle(tmp_path, seed):
    """Customers come, go, move together and apart, and find their ids again."""
    random, registry, run = Random(seed), Registry(), 0
    names = [c * 32 for c in "0123456789abcdef"[: random.randrange(3, 9)]]
    with closing(duckdb.connect()) as connection:
        connection.execute("ATTACH ':memory:' AS lake")
        columns = ", ".join(f"{one.name} {one.type}" for one in tables.CLUSTER_REGISTRY.columns)
        connection.execute(f"CREATE TABLE lake.ClusterRegistry ({columns})")
        for run in range(1, 12):
            there = [one for one in names if random.random() < 0.8]
            houses: dict[int, set[str]] = defaultdict(set)
            for one in there:
                houses[random.randrange(3)].add(one)
            clusters = {one: frozenset(some) for some in houses.values() for one in some}
            found = identified(clusters, registry, "House", run)
            registry = found.registry
            folder = tmp_path / str(run)
            folder.mkdir()
            roots = [f"('{one}', '{min(some)}')" for one, some in clusters.items()]
            rows = f"VALUES {', '.join(roots)}" if roots else "SELECT '', '' WHERE false"
            forest = f"SELECT * FROM ({rows}) AS forest(CustomerId, root)"
            with closing(connection.cursor()) as own:
                published = {"ClusterRegistry": {}}
                given = give_ids(own, folder, forest, "House", published, INSTANCE, run)
            assert dict(connection.execute(f"FROM '{given.ids}'").fetchall()) == ids_of(found)
            connection.execute(f"INSERT INTO lake.ClusterRegistry FROM '{given.learnt}'")


def test_a_lake_without_a_registry_of_clusters_begins_with_the_ids_that_it_shows(tmp_path):
    one, other, third = (c * 32 for c in "abc")
    with closing(duckdb.connect()) as connection:
        connection.execute("ATTACH ':memory:' AS lake")
        connection.execute(f"""CREATE TABLE lake.Customer AS SELECT * FROM (VALUES
            ('{one}', '{"7" * 32}'), ('{other}', '{"7" * 32}'), ('{third}', 'none'))
            AS had(CustomerId, House)""")
        forest = f"""SELECT * FROM (VALUES ('{one}', '{one}'), ('{other}', '{other}'),
            ('{third}', '{other}')) AS forest(CustomerId, root)"""
        published = {"Customer": {"CustomerId": "VARCHAR", "House": "VARCHAR"}}
        given = give_ids(connection, tmp_path, forest, "House", published, INSTANCE, 5)
        ids = dict(connection.execute(f"FROM '{given.ids}'").fetchall())
        learnt = connection.execute(f"FROM '{given.learnt}' WHERE Run = 0").fetchall()
    assert ids[one] == "7" * 32
    assert ids[other] == ids[third] != "7" * 32
    assert {row[1] for row in learnt} == {one, other}


def test_buckets_and_what_was_kept_change_nothing(story):
    _, other, _, _, second, _ = story
    assert hashes(other.refresh(rows_per_bucket=10, full=True)) == hashes(second)


def test_a_cluster_is_a_column_that_is_read_and_never_updated(story):
    made, _, _, _, _, after = story
    key = made.rows("SELECT S_C_Id FROM lake.Customer ORDER BY 1 LIMIT 1")[0][0]
    card = made.card("S_C", key, 2)
    assert card["HouseholdId"] in {row["HouseholdId"] for row in after.values()}
    fields = made.rows("SELECT count(HouseholdId) FROM lake.Customer_live")
    assert fields == [(len(after),)]
    assert made.rows(
        "SELECT IsUpdatable FROM lake.profile_fields WHERE Name = 'HouseholdId' AND Run = 1"
    ) == [(False,)]
    (column, _) = tables.customer([ProfileField("HouseholdId", "string", False, True)]).columns
    assert column.comment == "cluster: the same for customers who belong together"
