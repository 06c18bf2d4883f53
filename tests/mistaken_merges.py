"""Edits that make the columns of Customer wrong, and what `validate` finds then."""

from tests.configurations import REMOVED

MERGE = "unification/merge"

OF_MERGE: dict[str, tuple[list[tuple[str, object]], str, str, str]] = {
    # name: edits, code, target, part of the sentence
    "a column of our own": (
        [(f"{MERGE}/fields/0/name", "customerid")],
        "reserved_name",
        "unification.merge.fields[0].name",
        "needs itself",
    ),
    "a column with a blank": (
        [(f"{MERGE}/fields/0/name", "Full Name")],
        "invalid_name",
        "unification.merge.fields[0].name",
        "`Full Name` cannot be a column of Customer.",
    ),
    "two columns of one name": (
        [(f"{MERGE}/fields/0/name", "TOWN")],
        "duplicate_name",
        "unification.merge.groups[0].fields[1]",
        "`Town` and `TOWN` are one name",
    ),
    "a column called as an alternate key": (
        [(f"{MERGE}/fields/0/name", "Shop_Contacts_ContactId")],
        "duplicate_name",
        "unification.merge.fields[0].name",
        "is there twice",
    ),
    "a source without its entity": (
        [(f"{MERGE}/fields/0/from/0", "Name")],
        "invalid_value",
        "unification.merge.fields[0].from[0]",
        "`Name` names no entity and attribute.",
    ),
    "a source of an unknown entity": (
        [(f"{MERGE}/fields/0/from/0", "Shop_Contact.Name")],
        "unknown_name",
        "unification.merge.fields[0].from[0]",
        "Did you mean `Shop_Contacts`?",
    ),
    "a source that is no attribute": (
        [(f"{MERGE}/fields/0/from/0", "Shop_Contacts.Nmae")],
        "unknown_name",
        "unification.merge.fields[0].from[0]",
        "Did you mean `Name`?",
    ),
    "a source twice": (
        [(f"{MERGE}/fields/0/from/1", "Shop_Contacts.Name")],
        "duplicate_name",
        "unification.merge.fields[0].from[1]",
        "sources of a column",
    ),
    "a column of two types": (
        [(f"{MERGE}/fields/0/from/1", "Club_Members.Level")],
        "wrong_type",
        "unification.merge.fields[0]",
        "combines values of different types: integer and string",
    ),
    "importance with attributes": (
        [(f"{MERGE}/fields/1/policy", "importance")],
        "unused_setting",
        "unification.merge.fields[1].by",
        "`importance` compares no attribute.",
    ),
    "the most recent without attributes": (
        [(f"{MERGE}/fields/1/by/Club_Members", REMOVED)],
        "missing_setting",
        "unification.merge.fields[1].by",
        "needs the attribute of Club_Members",
    ),
    "the most recent of another entity": (
        [(f"{MERGE}/fields/1/by/Club_Member", "Joined")],
        "unknown_name",
        "unification.merge.fields[1].by.Club_Member",
        "Did you mean `Club_Members`?",
    ),
    "the most recent text": (
        [(f"{MERGE}/fields/1/by/Club_Members", "Name")],
        "wrong_type",
        "unification.merge.fields[1].by.Club_Members",
        "`Name` is of type string",
    ),
    "dates against numbers": (
        [(f"{MERGE}/fields/1/by/Club_Members", "Level")],
        "wrong_type",
        "unification.merge.fields[1].by",
        "Dates and numbers cannot be compared.",
    ),
    "a group without sources": (
        [(f"{MERGE}/groups/0/from", {})],
        "invalid_value",
        "unification.merge.groups[0].from",
        "A group has 1 to 15 sources.",
    ),
    "a group with too few attributes": (
        [(f"{MERGE}/groups/0/from/Shop_Contacts", ["Points"])],
        "invalid_value",
        "unification.merge.groups[0].from.Shop_Contacts",
        "names 1 attributes for 2 fields",
    ),
    "a group with a column that nothing fills": (
        [(f"{MERGE}/groups/0/from/Club_Members", ["Level", None])],
        "missing_setting",
        "unification.merge.groups[0].fields[1]",
        "No source fills `Town`.",
    ),
    "a group of two types": (
        [(f"{MERGE}/groups/0/from/Club_Members", ["Town", "Name"])],
        "wrong_type",
        "unification.merge.groups[0]",
        "`Points` combines values of different types",
    ),
    "a group of too many columns": (
        [(f"{MERGE}/groups/0/fields", [f"F{number}" for number in range(11)])],
        "invalid_value",
        "unification.merge.groups[0].fields",
        "at most 10 entries",
    ),
}
