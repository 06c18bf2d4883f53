"""Edits that make what customers are made of wrong, and what `validate` finds then."""

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
    "a CustomerId of itself": (
        [("unification/customer_id", {"fields": ["CustomerId"]})],
        "unknown_name",
        "unification.customer_id.fields[0]",
        "`CustomerId` is no column of Customer.",
    ),
}
