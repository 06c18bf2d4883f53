"""One mistake is said once.

It neither makes others of what refers to it nor hides what is wrong beside it.
"""

from typing import Any

import pytest

from tests.configurations import REMOVED, checked, edited

CONTACTS, MEMBERS, ORDERS = "sources/Shop/Contacts", "sources/Club/Members", "sources/Shop/Orders"
MATCH, MERGE = "unification/match/0", "unification/merge"
RULE = {"name": "x", "conditions": [{"fields": "EMail"}]}


def test_one_mistake_does_not_make_others_of_what_refers_to_it(tmp_path):
    found = checked(tmp_path, edited((CONTACTS, "x")))
    assert [one.target for one in found] == ["sources.Shop.Contacts"]
    found = checked(tmp_path, edited((f"{CONTACTS}/attributes", ["x"])))
    assert [one.target for one in found] == ["sources.Shop.Contacts.attributes"]
    found = checked(tmp_path, edited(("sources", 5)))
    assert [one.target for one in found] == ["sources"]


def test_a_misspelt_policy_neither_invents_nor_hides_what_is_wrong_beside_it(tmp_path):
    prefer, field = "unification/entities/0/deduplicate/prefer", f"{MERGE}/fields/1"
    found = checked(
        tmp_path,
        edited(
            (f"{prefer}/policy", "recent"),
            (f"{prefer}/attribute", "Sen"),
            (f"{field}/policy", "recent"),
            (f"{field}/by/Club_Members", "Joind"),
        ),
    )
    assert [(one.code, one.target, one.suggestion) for one in found] == [
        ("invalid_value", "unification.entities[0].deduplicate.prefer.policy", "most_recent"),
        ("unknown_name", "unification.entities[0].deduplicate.prefer.attribute", "Seen"),
        ("invalid_value", "unification.merge.fields[1].policy", "most_recent"),
        ("unknown_name", "unification.merge.fields[1].by.Club_Members", "Joined"),
    ]


@pytest.mark.parametrize("rest", [{}, {"attribute": "Seen"}, {"attribute": "Name"}])
def test_nothing_is_said_of_what_a_misspelt_policy_needs(tmp_path, rest):
    found = checked(
        tmp_path,
        edited(
            ("unification/entities/0/deduplicate/prefer", {"policy": "recent", **rest}),
            (f"{MERGE}/fields/1/policy", "recent"),
            (f"{MERGE}/fields/1/by", REMOVED),
        ),
    )
    assert [one.target for one in found] == [
        "unification.entities[0].deduplicate.prefer.policy",
        "unification.merge.fields[1].policy",
    ]


@pytest.mark.parametrize(
    ("place", "value", "target"),
    [
        ("from/0", "Shop_Contact.EMail", "from[0]"),
        ("from/0", "EMail", "from[0]"),
        ("from", [], "from"),
        ("by", {"Shop_Contacts": "Born", "Club_Member": "Joined"}, "by.Club_Member"),
        ("by/Shop_Orders", "Item", "by.Shop_Orders"),
    ],
)
def test_a_misspelt_entity_of_a_column_is_said_once(tmp_path, place, value, target):
    found = checked(tmp_path, edited((f"{MERGE}/fields/1/{place}", value)))
    assert [one.target for one in found] == [f"unification.merge.fields[1].{target}"]


def renamed(source: str) -> dict[str, Any]:
    """Return the configuration with the source Shop renamed and its references kept true."""
    document = edited()
    document["sources"] = {
        source if name == "Shop" else name: one for name, one in document["sources"].items()
    }
    return document


def test_a_misspelt_source_is_said_where_its_entities_are_named_first(tmp_path):
    found = checked(tmp_path, renamed("Shopp"))
    assert [(one.code, one.target, one.suggestion) for one in found] == [
        ("unknown_name", "unification.entities[0].entity", "Shopp_Contacts"),
        ("unknown_name", "relationships[0].entity", "Shopp_Orders"),
        ("unknown_name", "activities[0].entity", "Shopp_Orders"),
    ]


def test_a_source_that_cannot_have_its_name_is_said_once(tmp_path):
    found = checked(tmp_path, renamed("Sh op"))
    assert [(one.code, one.target) for one in found] == [("invalid_name", 'sources."Sh op"')]


def test_a_name_that_does_not_exist_is_never_expected(tmp_path):
    found = checked(
        tmp_path,
        edited(("unification/entities/1/entity", "Club_Member"), (f"{MATCH}/to", "Club_Membr")),
    )
    assert [(one.target, one.suggestion) for one in found] == [
        ("unification.entities[1].entity", "Club_Members"),
        ("unification.match[0].to", "Club_Members"),
    ]
    assert not [one for one in found if "`Club_Member`" in one.expected]
