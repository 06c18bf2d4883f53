"""Edits that make a configuration wrong, and what `validate` finds then."""

from tests.configurations import REMOVED, edited
from tests.mistaken_relationships import OF_RELATIONSHIPS
from tests.mistaken_scores import OF_SCORES
from tests.mistaken_services import SERVICE
from tests.mistaken_unifications import OF_UNIFICATION

CONTACTS, MEMBERS, ORDERS = "sources/Shop/Contacts", "sources/Club/Members", "sources/Shop/Orders"
MATCH, MERGE = "unification/match/0", "unification/merge"
RULE = {"name": "x", "conditions": [{"fields": "EMail"}]}


CASES: dict[str, tuple[list[tuple[str, object]], str, str, str]] = {
    # name: edits, code, target, part of the sentence
    "an unknown section": (
        [("unificaton", {})],
        "unknown_setting",
        "unificaton",
        "Did you mean `unification`?",
    ),
    "full data and changes of no column": (
        [(f"{CONTACTS}/incremental", {"last_modified": "Sen"})],
        "unknown_name",
        "sources.Shop.Contacts.incremental.last_modified",
        "Did you mean `Seen`?",
    ),
    "full data and changes by a number": (
        [(f"{CONTACTS}/incremental", {"last_modified": "Points"})],
        "wrong_type",
        "sources.Shop.Contacts.incremental.last_modified",
        "what tells versions apart is a date or datetime",
    ),
    "full data and changes by nothing": (
        [(f"{CONTACTS}/incremental", {})],
        "missing_setting",
        "sources.Shop.Contacts.incremental.last_modified",
        "`last_modified` is missing",
    ),
    "full data and changes as a switch": (
        [(f"{CONTACTS}/incremental", True)],
        "invalid_value",
        "sources.Shop.Contacts.incremental",
        "Expected a section",
    ),
    "full data and changes of a pattern": (
        [
            (f"{CONTACTS}/incremental", {"last_modified": "Seen"}),
            (f"{CONTACTS}/path", "data/*/contacts"),
        ],
        "invalid_value",
        "sources.Shop.Contacts.path",
        "full data and changes lie in one folder",
    ),
    "an unknown setting": (
        [(f"{CONTACTS}/pth", "x")],
        "unknown_setting",
        "sources.Shop.Contacts.pth",
        "Did you mean `path`?",
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
    "a missing setting": (
        [(f"{CONTACTS}/path", REMOVED)],
        "missing_setting",
        "sources.Shop.Contacts.path",
        "`path` is missing.",
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
    "a list as a text": (
        [(f"{CONTACTS}/path", ["a"])],
        "invalid_value",
        "sources.Shop.Contacts.path",
        "found a list.",
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
    "a percentage too large": (
        [(f"{CONTACTS}/max_set_aside_percent", 101)],
        "invalid_value",
        "sources.Shop.Contacts.max_set_aside_percent",
        "Expected a number of at most 100",
    ),
    "not a number": (
        [(f"{CONTACTS}/max_set_aside_percent", float("nan"))],
        "invalid_value",
        "sources.Shop.Contacts.max_set_aside_percent",
        "Expected",
    ),
    "a misspelt word": (
        [(f"{CONTACTS}/format", "cvs")],
        "invalid_value",
        "sources.Shop.Contacts.format",
        "Expected one of `csv`, `parquet`, `jsonl`, found `cvs`. Did you mean `csv`?",
    ),
    "a type of another system": (
        [(f"{CONTACTS}/attributes/Points", "int")],
        "invalid_value",
        "sources.Shop.Contacts.attributes.Points",
        "Did you mean `integer`?",
    ),
    "a misspelt type": (
        [(f"{CONTACTS}/attributes/Points", {"type": "integr"})],
        "invalid_value",
        "sources.Shop.Contacts.attributes.Points.type",
        "Did you mean `integer`?",
    ),
    "a misspelt setting of an attribute": (
        [(f"{CONTACTS}/attributes/Points", {"typ": "integer"})],
        "unknown_setting",
        "sources.Shop.Contacts.attributes.Points.typ",
        "Did you mean `type`?",
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
    "a delimiter of two letters": (
        [(f"{CONTACTS}/delimiter", "||")],
        "invalid_value",
        "sources.Shop.Contacts.delimiter",
        "Expected exactly one character",
    ),
    "a quote as delimiter": (
        [(f"{CONTACTS}/delimiter", '"')],
        "invalid_value",
        "sources.Shop.Contacts.delimiter",
        "cannot separate columns",
    ),
    "a decimal of too many digits": (
        [(f"{CONTACTS}/attributes/Spent", "decimal(39, 2)")],
        "invalid_value",
        "sources.Shop.Contacts.attributes.Spent",
        "`decimal(39, 2)` cannot be kept: a decimal has 1 to 38 digits.",
    ),
    "a decimal of no digits": (
        [(f"{CONTACTS}/attributes/Spent", "decimal(0, 0)")],
        "invalid_value",
        "sources.Shop.Contacts.attributes.Spent",
        "a decimal has 1 to 38 digits.",
    ),
    "a decimal with too many places": (
        [(f"{CONTACTS}/attributes/Spent", "decimal(5, 7)")],
        "invalid_value",
        "sources.Shop.Contacts.attributes.Spent",
        "cannot be kept: 7 of its 5 digits would be behind the point.",
    ),
    "a source with a dash": (
        [("sources/My-Shop", {"Things": edited()["sources"]["Club"]["Members"]})],
        "invalid_name",
        "sources.My-Shop",
        "`My-Shop` cannot be part of a table's name.",
    ),
    "an entity with a dash": (
        [("sources/Shop/My-Things", edited()["sources"]["Club"]["Members"])],
        "invalid_name",
        "sources.Shop.My-Things",
        "`My-Things` cannot be part of a table's name.",
    ),
    "an entity called as a table": (
        [("sources/Customer", {"live": edited()["sources"]["Club"]["Members"]})],
        "duplicate_name",
        "sources.Customer.live",
        "are one name",
    ),
    "two entities of one name": (
        [("sources/SHOP", {"CONTACTS": edited()["sources"]["Club"]["Members"]})],
        "duplicate_name",
        "sources.SHOP.CONTACTS",
        "`SHOP_CONTACTS` and `Shop_Contacts`",
    ),
    "two attributes of one name": (
        [(f"{CONTACTS}/attributes/email", "string")],
        "duplicate_name",
        "sources.Shop.Contacts.attributes.email",
        "`email` and `EMail` are one name",
    ),
    "an attribute of our own": (
        [(f"{CONTACTS}/attributes/FirstRun", "integer")],
        "reserved_name",
        "sources.Shop.Contacts.attributes.FirstRun",
        "needs itself",
    ),
    "an unknown primary key": (
        [(f"{CONTACTS}/primary_key", "ContactID")],
        "unknown_name",
        "sources.Shop.Contacts.primary_key",
        "Did you mean `ContactId`?",
    ),
    "a primary key of a wrong type": (
        [(f"{CONTACTS}/primary_key", "Born")],
        "wrong_type",
        "sources.Shop.Contacts.primary_key",
        "`Born` is of type date, but",
    ),
    "an optional primary key": (
        [(f"{CONTACTS}/attributes/ContactId", {"type": "string", "optional": True})],
        "optional_key",
        "sources.Shop.Contacts.primary_key",
        "every record needs its key",
    ),
    "an unknown encoding": (
        [(f"{CONTACTS}/encoding", "utf-9")],
        "unknown_encoding",
        "sources.Shop.Contacts.encoding",
        "Did you mean `utf-8`?",
    ),
    "an encoding of no text": (
        [(f"{CONTACTS}/encoding", "base64")],
        "unknown_encoding",
        "sources.Shop.Contacts.encoding",
        "`base64` is no character encoding.",
    ),
    "an unknown time zone": (
        [(f"{CONTACTS}/time_zone", "Europe/Amsterdm")],
        "unknown_time_zone",
        "sources.Shop.Contacts.time_zone",
        "Did you mean `Europe/Amsterdam`?",
    ),
    "a time zone outside": (
        [(f"{CONTACTS}/time_zone", "../../etc/passwd")],
        "unknown_time_zone",
        "sources.Shop.Contacts.time_zone",
        "is no time zone.",
    ),
    "a format of another system": (
        [(f"{CONTACTS}/attributes/Born", {"type": "date", "format": "M/d/yyyy"})],
        "invalid_format",
        "sources.Shop.Contacts.attributes.Born.format",
        "Did you mean `%m/%d/%Y`?",
    ),
    "a format that cannot be read": (
        [(f"{CONTACTS}/attributes/Born", {"type": "date", "format": "%Q %Y"})],
        "invalid_format",
        "sources.Shop.Contacts.attributes.Born.format",
        "`%Q` cannot be read",
    ),
    "a format without a year": (
        [(f"{CONTACTS}/attributes/Born", {"type": "date", "format": "%d %m"})],
        "invalid_format",
        "sources.Shop.Contacts.attributes.Born.format",
        "has no year",
    ),
    "a format of a number": (
        [(f"{CONTACTS}/attributes/Points", {"type": "integer", "format": "%Y"})],
        "wrong_type",
        "sources.Shop.Contacts.attributes.Points.format",
        "A format is for a date or datetime",
    ),
    "a decimal mark of a text": (
        [(f"{CONTACTS}/attributes/Name", {"type": "string", "decimal_mark": ","})],
        "wrong_type",
        "sources.Shop.Contacts.attributes.Name.decimal_mark",
        "has no decimal mark",
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
    **OF_SCORES,
    **SERVICE,
    **OF_UNIFICATION,
    "a limit that lets nobody in": (
        [("service", {"rate_limits": {"default": {"requests": 0}}})],
        "invalid_value",
        "service.rate_limits.default.requests",
        "1",
    ),
}
