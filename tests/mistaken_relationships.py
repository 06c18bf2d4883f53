"""Edits that make relationships wrong, and what `validate` finds then."""

LINES = {
    "path": "data/orders.csv",
    "primary_key": "OrderId",
    "attributes": {"OrderId": "string", "ContactId": "string"},
}
ONWARDS = {
    "name": "Onwards",
    "entity": "Shop_Lines",
    "foreign_key": "ContactId",
    "to": "Shop_Contacts",
}
OF_RELATIONSHIPS: dict[str, tuple[list[tuple[str, object]], str, str, str]] = {
    # name: edits, code, target, part of the sentence
    "relationships of one name": (
        [
            (
                "relationships/1",
                {
                    "name": "buyer",
                    "entity": "Shop_Orders",
                    "foreign_key": "ContactId",
                    "to": "Shop_Contacts",
                },
            )
        ],
        "duplicate_name",
        "relationships[1].name",
        "relationships",
    ),
    "a relationship of an unknown entity": (
        [("relationships/0/entity", "Shop_Order")],
        "unknown_name",
        "relationships[0].entity",
        "Did you mean `Shop_Orders`?",
    ),
    "a foreign key that is none": (
        [("relationships/0/foreign_key", "Contact")],
        "unknown_name",
        "relationships[0].foreign_key",
        "Did you mean `ContactId`?",
    ),
    "a foreign key of another type": (
        [("relationships/0/foreign_key", "Amount")],
        "wrong_type",
        "relationships[0].foreign_key",
        "is of type decimal(9, 2), but the primary key",
    ),
    "a relationship to no customer": (
        [("sources/Shop/Lines", LINES), ("relationships/0/to", "Shop_Lines")],
        "unknown_name",
        "relationships[0].to",
        "takes part in unification",
    ),
    "a relationship in a circle": (
        [("relationships/0/to", "Shop_Orders")],
        "wrong_relationship",
        "relationships[0].to",
        "leads back to Shop_Orders",
    ),
    "a relationship that may go on by several": (
        [
            ("sources/Shop/Lines", LINES),
            ("relationships/0/to", "Shop_Lines"),
            ("relationships/1", ONWARDS | {"name": "One"}),
            ("relationships/2", ONWARDS | {"name": "Two"}),
        ],
        "missing_setting",
        "relationships[0]",
        "Several relationships begin at Shop_Lines: One, Two.",
    ),
    "a relationship that goes on by none": (
        [
            ("sources/Shop/Lines", LINES),
            ("relationships/0/to", "Shop_Lines"),
            ("relationships/0/then", "Onward"),
            ("relationships/1", ONWARDS),
        ],
        "unknown_name",
        "relationships[0].then",
        "Did you mean `Onwards`?",
    ),
    "a relationship that goes on behind its end": (
        [("relationships/0/then", "Buyer")],
        "unused_setting",
        "relationships[0].then",
        "Shop_Contacts takes part in unification",
    ),
    "a relationship by no column of Customer": (
        [("relationships/0/to", "Customer"), ("relationships/0/field", "Mail")],
        "unknown_name",
        "relationships[0].field",
        "Did you mean `EMail`?",
    ),
    "a relationship to Customer by nothing": (
        [("relationships/0/to", "Customer")],
        "missing_setting",
        "relationships[0]",
        "Customer is found by one of its columns.",
    ),
    "a relationship by a column of another type": (
        [("relationships/0/to", "Customer"), ("relationships/0/field", "Points")],
        "wrong_type",
        "relationships[0].foreign_key",
        "is of type string, but Shop_Contacts.Points is of type integer",
    ),
    "a relationship by no attribute": (
        [("relationships/0/field", "Mail")],
        "unknown_name",
        "relationships[0].field",
        "Did you mean `EMail`?",
    ),
    "a primary key that is normalised": (
        [("relationships/0/normalize", ["lower"])],
        "unused_setting",
        "relationships[0].normalize",
        "A primary key is looked up as it is.",
    ),
    "a number that is normalised": (
        [
            ("relationships/0/field", "Spent"),
            ("relationships/0/foreign_key", "Amount"),
            ("relationships/0/normalize", ["lower"]),
        ],
        "wrong_type",
        "relationships[0].normalize",
        "only strings are normalised",
    ),
    "a foreign key of too many attributes": (
        [("relationships/0/foreign_key", ["ContactId", "OrderId"])],
        "wrong_type",
        "relationships[0].foreign_key",
        "(string, string) do not fit the primary key of Shop_Contacts: ContactId (string).",
    ),
    "a foreign key with a part that is none": (
        [("relationships/0/foreign_key", ["ContactId", "OrderI"])],
        "unknown_name",
        "relationships[0].foreign_key",
        "Did you mean `OrderId`?",
    ),
    "a foreign key of one attribute of a key of several": (
        [
            ("sources/Shop/Lines", LINES | {"primary_key": ["OrderId", "ContactId"]}),
            ("relationships/0/to", "Shop_Lines"),
            ("relationships/1", ONWARDS),
        ],
        "wrong_type",
        "relationships[0].foreign_key",
        "(string) does not fit the primary key of Shop_Lines: OrderId, ContactId (string, string).",
    ),
}
