"""Edits that make a configuration wrong, and what `validate` finds then."""

from tests.configurations import REMOVED
from tests.mistaken_merges import OF_MERGE
from tests.mistaken_relationships import OF_RELATIONSHIPS
from tests.mistaken_scores import OF_SCORES
from tests.mistaken_services import SERVICE
from tests.mistaken_sources import OF_SOURCES
from tests.mistaken_unifications import OF_UNIFICATION

ORDERS = "sources/Shop/Orders"
MATCH = "unification/match/0"
RULE = {"name": "x", "conditions": [{"fields": "EMail"}]}


CASES: dict[str, tuple[list[tuple[str, object]], str, str, str]] = {
    # name: edits, code, target, part of the sentence
    "an unknown section": (
        [("unificaton", {})],
        "unknown_setting",
        "unificaton",
        "Did you mean `unification`?",
    ),
    "a setting unlike all": (
        [("lake/xyz", 1)],
        "unknown_setting",
        "lake.xyz",
        "Settings here are `catalog`, `data`",
    ),
    "a missing section": (
        [("unification", REMOVED)],
        "missing_setting",
        "unification",
        "`unification` is missing.",
    ),
    "a number as a text": (
        [("instance/name", 5)],
        "invalid_value",
        "instance.name",
        "Expected a text (put it in quotes), found `5`.",
    ),
    "an empty text": (
        [("instance/name", "")],
        "invalid_value",
        "instance.name",
        "Expected a text that is not empty",
    ),
    "no text at all": (
        [("instance/name", None)],
        "invalid_value",
        "instance.name",
        "Expected a text",
    ),
    "a mapping as a text": (
        [("lake/catalog", {"a": 1})],
        "invalid_value",
        "lake.catalog",
        "found a mapping",
    ),
    "a text as a list": (
        [("relationships", "x")],
        "invalid_value",
        "relationships",
        "Expected a list, found `x`.",
    ),
    "a list as a section": (
        [("lake", ["x"])],
        "invalid_value",
        "lake",
        "Expected a section (name: value), found a list.",
    ),
    "an empty list": (
        [("unification/entities", [])],
        "invalid_value",
        "unification.entities",
        "Expected a list with at least 1 entry, found an empty list.",
    ),
    "no UUID": (
        [("instance/id", "shop-1")],
        "invalid_value",
        "instance.id",
        "Expected a UUID such as",
    ),
    "a yes that is none": (
        [("unification/entities/1/include_all", "maybe")],
        "invalid_value",
        "unification.entities[1].include_all",
        "Expected true or false, found `maybe`.",
    ),
    "a whole number that is none": (
        [("lake/history_days", "many")],
        "invalid_value",
        "lake.history_days",
        "Expected a whole number, found `many`.",
    ),
    "a number too small": (
        [("lake/keep_generations", 0)],
        "invalid_value",
        "lake.keep_generations",
        "Expected a number of at least 1, found `0`.",
    ),
    "a misspelt normalisation": (
        [(f"{MATCH}/rules/0/conditions/0/normalize", ["lowr"])],
        "invalid_value",
        "unification.match[0].rules[0].conditions[0].normalize[0]",
        "Did you mean `lower`?",
    ),
    "a precision of no percent": (
        [(f"{MATCH}/rules/0/conditions/1/precision", 0)],
        "invalid_value",
        "unification.match[0].rules[0].conditions[1].precision",
        "Expected",
    ),
    "an unknown unified entity": (
        [("unification/entities/1/entity", "Club_Member")],
        "unknown_name",
        "unification.entities[1].entity",
        "Did you mean `Club_Members`?",
    ),
    "a unified entity twice": (
        [("unification/entities/2", {"entity": "Club_Members"})],
        "duplicate_name",
        "unification.entities[2].entity",
        "`Club_Members` is there twice",
    ),
    "an attribute that most filled does not compare": (
        [
            (
                "unification/entities/0/deduplicate/prefer",
                {"policy": "most_filled", "attribute": "Seen"},
            )
        ],
        "unused_setting",
        "unification.entities[0].deduplicate.prefer.attribute",
        "`most_filled` compares no attribute.",
    ),
    "a preference without its attribute": (
        [("unification/entities/0/deduplicate/prefer", {"policy": "most_recent"})],
        "missing_setting",
        "unification.entities[0].deduplicate.prefer.attribute",
        "`most_recent` needs the attribute",
    ),
    "a preference of a text": (
        [("unification/entities/0/deduplicate/prefer/attribute", "Name")],
        "wrong_type",
        "unification.entities[0].deduplicate.prefer.attribute",
        "`Name` is of type string",
    ),
    "rules of one name": (
        [("unification/entities/0/deduplicate/rules/1", RULE | {"name": "email"})],
        "duplicate_name",
        "unification.entities[0].deduplicate.rules[1].name",
        "names of rules",
    ),
    "an unknown attribute in a rule": (
        [(f"{MATCH}/rules/0/conditions/0/fields", "Email")],
        "unknown_name",
        "unification.match[0].rules[0].conditions[0].fields",
        "`Email` is no attribute of Club_Members. Did you mean",
    ),
    "a rule of another entity": (
        [
            (
                f"{MATCH}/rules/1/conditions/0/fields",
                {"Shop_Contact": "Name", "Club_Members": "Name"},
            )
        ],
        "unknown_name",
        "unification.match[0].rules[1].conditions[0].fields.Shop_Contact",
        "Did you mean `Shop_Contacts`?",
    ),
    "a rule of one entity": (
        [(f"{MATCH}/rules/1/conditions/0/fields", {"Shop_Contacts": "Name"})],
        "missing_setting",
        "unification.match[0].rules[1].conditions[0].fields",
        "The fields of Club_Members are missing.",
    ),
    "a condition of nothing": (
        [(f"{MATCH}/rules/1/conditions/0/fields", [])],
        "missing_setting",
        "unification.match[0].rules[1].conditions[0].fields",
        "A condition compares at least one attribute.",
    ),
    "nearly the same dates": (
        [
            (
                f"{MATCH}/rules/0/conditions/1",
                {
                    "fields": {"Shop_Contacts": "Born", "Club_Members": "Joined"},
                    "precision": "high",
                },
            )
        ],
        "wrong_type",
        "unification.match[0].rules[0].conditions[1]",
        "Only strings can be nearly the same, not date.",
    ),
    "normalised dates": (
        [
            (
                f"{MATCH}/rules/0/conditions/1",
                {
                    "fields": {"Shop_Contacts": "Born", "Club_Members": "Joined"},
                    "normalize": ["lower"],
                },
            )
        ],
        "wrong_type",
        "unification.match[0].rules[0].conditions[1].normalize",
        "Only texts can be normalised, not date.",
    ),
    "dates in combination": (
        [
            (
                f"{MATCH}/rules/0/conditions/1",
                {"fields": {"Shop_Contacts": ["Name", "Born"], "Club_Members": "Name"}},
            )
        ],
        "wrong_type",
        "unification.match[0].rules[0].conditions[1]",
        "Only texts can be compared in combination",
    ),
    "a number with a text": (
        [
            (
                f"{MATCH}/rules/0/conditions/1",
                {"fields": {"Shop_Contacts": "Points", "Club_Members": "Name"}},
            )
        ],
        "wrong_type",
        "unification.match[0].rules[0].conditions[1]",
        "Values of different types are compared",
    ),
    "a pair in the wrong order": (
        [(f"{MATCH}/entity", "Shop_Contacts"), (f"{MATCH}/to", "Club_Members")],
        "wrong_order",
        "unification.match[0].to",
        "Exchange `entity` and `to`.",
    ),
    "a pair of one entity": (
        [(f"{MATCH}/to", "Club_Members")],
        "wrong_order",
        "unification.match[0].to",
        "found by its `deduplicate` rules",
    ),
    "a pair twice": (
        [
            (
                "unification/match/1",
                {"entity": "Club_Members", "to": "Shop_Contacts", "rules": [RULE]},
            )
        ],
        "duplicate_name",
        "unification.match[1]",
        "are a pair already (match[0])",
    ),
    "a pair with an entity that is not unified": (
        [(f"{MATCH}/to", "Shop_Orders")],
        "unknown_name",
        "unification.match[0].to",
        "`Shop_Orders` is no entity that takes part in unification.",
    ),
    **OF_RELATIONSHIPS,
    "an activity of an unknown entity": (
        [("activities/0/entity", "Shop_Order")],
        "unknown_name",
        "activities[0].entity",
        "Did you mean `Shop_Orders`?",
    ),
    "an entity that is two activities": (
        [
            (
                "activities/1",
                {
                    "entity": "Shop_Orders",
                    "name": "x",
                    "relationship": "Buyer",
                    "timestamp": "PlacedAt",
                    "title": "Item",
                },
            )
        ],
        "duplicate_name",
        "activities[1].entity",
        "is an activity already",
    ),
    "an activity without a time": (
        [("activities/0/timestamp", "Item")],
        "wrong_type",
        "activities[0].timestamp",
        "`Item` is of type string, but an activity's time is a date or datetime.",
    ),
    "a time that is misspelt": (
        [
            (f"{ORDERS}/attributes/PlacedBy", {"optional": True}),
            ("activities/0/timestamp", "PlacedB"),
        ],
        "unknown_name",
        "activities[0].timestamp",
        "Did you mean `PlacedAt`?",
    ),
    "a time that is like no time": (
        [("activities/0/timestamp", "Amunt")],
        "unknown_name",
        "activities[0].timestamp",
        "Did you mean `Amount`?",
    ),
    "a title that is no attribute": (
        [("activities/0/title", "Itm")],
        "unknown_name",
        "activities[0].title",
        "Did you mean `Item`?",
    ),
    "a semantic field of nothing": (
        [("activities/0/semantic/Amount", "Amnt")],
        "unknown_name",
        "activities[0].semantic.Amount",
        "Did you mean `Amount`?",
    ),
    "an unknown relationship": (
        [("activities/0/relationship", "Buyr")],
        "unknown_name",
        "activities[0].relationship",
        "Did you mean `Buyer`?",
    ),
    "a relationship of another entity": (
        [
            (
                "relationships/1",
                {
                    "name": "Other",
                    "entity": "Club_Members",
                    "foreign_key": "MemberId",
                    "to": "Shop_Contacts",
                },
            ),
            ("activities/0/relationship", "Other"),
        ],
        "wrong_relationship",
        "activities[0].relationship",
        "Did you mean `Buyer`?",
    ),
    "no duration": (
        [("real_time/update_ttl", "4 hours")],
        "invalid_duration",
        "real_time.update_ttl",
        "`4 hours` is not a duration.",
    ),
    "no time at all": (
        [("real_time/activity_ttl", "0s")],
        "invalid_duration",
        "real_time.activity_ttl",
        "is not between one second and 30 days",
    ),
    "too long": (
        [("real_time/activity_ttl", "31d")],
        "invalid_duration",
        "real_time.activity_ttl",
        "is not between one second and 30 days",
    ),
    "the lake upon the log": (
        [("event_log/path", "lake/data/")],
        "duplicate_name",
        "event_log.path",
        "places of the lake and the log",
    ),
    **OF_MERGE,
    **OF_SCORES,
    **OF_SOURCES,
    **SERVICE,
    **OF_UNIFICATION,
    "a limit that lets nobody in": (
        [("service", {"rate_limits": {"default": {"requests": 0}}})],
        "invalid_value",
        "service.rate_limits.default.requests",
        "1",
    ),
}
