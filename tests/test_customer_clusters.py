"""Clusters of customers, such as households: columns of Customer, against plain Python."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from overtide.schemas import tables
from overtide.schemas.table import ProfileField
from tests.small_project import Project, hashes

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


def expected_ids(
    clusters: Mapping[str, frozenset[str]], before: Mapping[str, str], name: str
) -> dict[str, str]:
    """Return the id of each customer's cluster, with the ids that customers had before."""
    several = sorted(set(clusters.values()), key=min)
    heirs: dict[frozenset[str], list[tuple[int, str]]] = defaultdict(list)
    for one in sorted(set(before.values())):
        share = Counter(
            clusters[who] for who, had in before.items() if had == one and who in clusters
        )
        if share:
            heir = min(share, key=lambda cluster: (-share[cluster], min(cluster)))
            heirs[heir].append((-share[heir], one))
    ids = {cluster: min(some)[1] for cluster, some in heirs.items()}
    for cluster in several:
        counter = 0
        while cluster not in ids:
            made = "\x1f".join([INSTANCE, name, min(cluster), str(counter)])
            one = hashlib.md5(made.encode()).hexdigest()  # noqa: S324
            if one not in before.values():
                ids[cluster] = one
            counter += 1
    return {customer: ids[cluster] for customer, cluster in clusters.items()}


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
        assert ids == expected_ids(clusters, {}, name)
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


def test_an_id_stays_with_most_of_those_who_had_it(story):
    _, _, _, before, _, after = story
    had = {one: row["HouseholdId"] for one, row in before.items()}
    clusters = households(after)
    want = expected_ids(clusters, had, "HouseholdId")
    assert {one: row["HouseholdId"] for one, row in after.items()} == want
    stayed = [one for one in after if one in had and had[one] == after[one]["HouseholdId"]]
    assert len(stayed) > len(after) // 2
    plain = expected_ids(clusters, {}, "HouseholdId")
    assert any(want[one] != plain[one] for one in want), "no id is kept that would be another"


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
