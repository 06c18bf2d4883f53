"""Edits that make what customers are made of wrong, and what `validate` finds then."""

MATCH = "unification/match/0"
DEDUPLICATE = "unification/entities/0/deduplicate"


def rule(fields: object, **more: object) -> dict[str, object]:
    return {"name": "r", "conditions": [{"fields": fields, **more}]}


CLUSTER = {"name": "HouseholdId", "rules": [rule("EMail")]}

OF_UNIFICATION: dict[str, tuple[list[tuple[str, object]], str, str, str]] = {
    "a CustomerId of an unknown column": (
        [("unification/customer_id", {"fields": ["EMial"]})],
        "unknown_name",
        "unification.customer_id.fields[0]",
        "`EMial` is no column of Customer.",
    ),
    "a CustomerId of one column twice": (
        [("unification/customer_id", {"fields": ["EMail", "email"]})],
        "duplicate_name",
        "unification.customer_id.fields[1]",
        "`email` and `EMail` are one name",
    ),
    "a CustomerId of nothing": (
        [("unification/customer_id", {"fields": []})],
        "invalid_value",
        "unification.customer_id.fields",
        "Expected",
    ),
    "a CustomerId of six columns": (
        [("unification/customer_id", {"fields": list("abcdef")})],
        "invalid_value",
        "unification.customer_id.fields",
        "Expected",
    ),
    "a CustomerId that is a text": (
        [("unification/customer_id", "EMail")],
        "invalid_value",
        "unification.customer_id",
        "Expected",
    ),
    "a preference of an unknown attribute": (
        [(f"{DEDUPLICATE}/per_attribute", [{"of": "Nmae"}])],
        "unknown_name",
        "unification.entities[0].deduplicate.per_attribute[0].of",
        "`Nmae` is no attribute of Shop_Contacts.",
    ),
    "a preference of the key": (
        [(f"{DEDUPLICATE}/per_attribute", [{"of": ["ContactId", "Name"]}])],
        "invalid_value",
        "unification.entities[0].deduplicate.per_attribute[0].of[0]",
        "`ContactId` is the primary key of Shop_Contacts",
    ),
    "two preferences of one attribute": (
        [(f"{DEDUPLICATE}/per_attribute", [{"of": "Name"}, {"of": ["Name", "EMail"]}])],
        "duplicate_name",
        "unification.entities[0].deduplicate.per_attribute[1].of[0]",
        "`Name` is there twice",
    ),
    "a preference of an attribute by a text": (
        [
            (
                f"{DEDUPLICATE}/per_attribute",
                [{"of": "Name", "policy": "most_recent", "attribute": "EMail"}],
            )
        ],
        "wrong_type",
        "unification.entities[0].deduplicate.per_attribute[0].attribute",
        "`EMail` is of type string",
    ),
    "a preference of nothing": (
        [(f"{DEDUPLICATE}/per_attribute", [{"of": [], "policy": "most_filled"}])],
        "invalid_value",
        "unification.entities[0].deduplicate.per_attribute[0].of",
        "Expected",
    ),
    "a group of attributes that come from different records": (
        [
            (f"{DEDUPLICATE}/per_attribute", [{"of": "Name"}]),
            (
                "unification/merge/groups",
                [{"fields": ["A", "B"], "from": {"Shop_Contacts": ["Name", "EMail"]}}],
            ),
        ],
        "invalid_value",
        "unification.merge.groups[0].from.Shop_Contacts",
        "takes these attributes from different records",
    ),
    "an unknown list of aliases": (
        [
            ("unification/aliases", {"Names": {"Bob": "Robert"}}),
            (f"{MATCH}/rules/0/conditions/0/aliases", "Nmaes"),
        ],
        "unknown_name",
        "unification.match[0].rules[0].conditions[0].aliases",
        "Did you mean `Names`?",
    ),
    "an alias of an alias": (
        [("unification/aliases", {"Names": {"Bob": "robert", "Robert": "Rupert"}})],
        "invalid_value",
        "unification.aliases.Names.Bob",
        "`Bob` is `robert`, which is itself an alias.",
    ),
    "an alias of two": (
        [("unification/aliases", {"Names": {"Bob": "Robert", "BOB": "Rob"}})],
        "invalid_value",
        "unification.aliases.Names.BOB",
        "says that `BOB` is `Rob`, and also `Robert`.",
    ),
    "an alias of blanks": (
        [("unification/aliases", {"Names": {"Bob": "  "}})],
        "invalid_value",
        "unification.aliases.Names.Bob",
        "`Names` has no value.",
    ),
    "an alias that is a list": (
        [("unification/aliases", {"Names": {"Bob": ["Robert"]}})],
        "invalid_value",
        "unification.aliases.Names.Bob",
        "Expected",
    ),
    "values ignored of an unknown attribute": (
        [("unification/ignore", {"values_of": {"Mail": ["x"]}})],
        "unknown_name",
        "unification.ignore.values_of.Mail",
        "`Mail` is no attribute of Shop_Contacts or Club_Members.",
    ),
    "values ignored of another entity's attribute": (
        [("unification/entities/0/ignore", {"values_of": {"MemberId": ["x"]}})],
        "unknown_name",
        "unification.entities[0].ignore.values_of.MemberId",
        "`MemberId` is no attribute of Shop_Contacts.",
    ),
    "a cluster by an unknown column": (
        [("unification/clusters", [CLUSTER | {"rules": [rule("Straat")]}])],
        "unknown_name",
        "unification.clusters[0].rules[0].conditions[0].fields",
        "`Straat` is no attribute of Customer.",
    ),
    "a cluster by an attribute that is no column": (
        [("unification/clusters", [CLUSTER | {"rules": [rule("ContactId")]}])],
        "unknown_name",
        "unification.clusters[0].rules[0].conditions[0].fields",
        "`ContactId` is no attribute of Customer.",
    ),
    "a cluster that is called as a column": (
        [("unification/clusters", [CLUSTER | {"name": "email"}])],
        "duplicate_name",
        "unification.clusters[0].name",
        "are one name: columns of Customer",
    ),
    "two clusters of one name": (
        [("unification/clusters", [CLUSTER, CLUSTER])],
        "duplicate_name",
        "unification.clusters[1].name",
        "`HouseholdId` is there twice",
    ),
    "a cluster that is called as a column of Overtide": (
        [("unification/clusters", [CLUSTER | {"name": "CustomerId"}])],
        "reserved_name",
        "unification.clusters[0].name",
        "`CustomerId` is a name that Overtide needs itself.",
    ),
    "a cluster that is called as the activities of a customer": (
        [("unification/clusters", [CLUSTER | {"name": "UnifiedActivity"}])],
        "reserved_name",
        "unification.clusters[0].name",
        "`UnifiedActivity` is a name that Overtide needs itself.",
    ),
    "a cluster that cannot be called so": (
        [("unification/clusters", [CLUSTER | {"name": "House hold"}])],
        "invalid_name",
        "unification.clusters[0].name",
        "`House hold` cannot be a column of Customer.",
    ),
    "a cluster without rules": (
        [("unification/clusters", [CLUSTER | {"rules": []}])],
        "invalid_value",
        "unification.clusters[0].rules",
        "Expected",
    ),
    "a cluster of nearly the same alone": (
        [("unification/clusters", [CLUSTER | {"rules": [rule("EMail", precision="high")]}])],
        "no_exact_condition",
        "unification.clusters[0].rules[0]",
        "has no exact condition",
    ),
    "a cluster of an entity": (
        [("unification/clusters", [CLUSTER | {"rules": [rule({"Shop_Contacts": "EMail"})]}])],
        "unknown_name",
        "unification.clusters[0].rules[0].conditions[0].fields.Shop_Contacts",
        "`Shop_Contacts` is no entity of this rule.",
    ),
    "a CustomerId of itself": (
        [("unification/customer_id", {"fields": ["CustomerId"]})],
        "unknown_name",
        "unification.customer_id.fields[0]",
        "`CustomerId` is no column of Customer.",
    ),
}
