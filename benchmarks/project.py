"""The `overtide.yaml` of a folder of generated files.

With the one rule of the plain alternative, or a user's own.
"""

import json
from pathlib import Path

import yaml

CONTACT, MEMBER = "eCommerce_Contact", "LoyaltyScheme_CustomerLoyalty"
US_DATE = {"type": "date", "format": "%m/%d/%Y"}

SOURCES = {
    "eCommerce": {
        "Contact": (
            "ContactId",
            """FirstName LastName FullName Gender EMail Telephone PostCode StreetAddress City State
                Country Occupation CustomerSatisfaction""",
            {
                "DateOfBirth": US_DATE,
                "CreatedOn": US_DATE,
                "Loyalty Tier": "string",
                "Email Subscriber": "boolean",
                "Income": "double",
            },
        ),
        "OnlinePurchases": (
            "PurchaseId",
            "ContactId ProductId ActivityTypeDisplay Subject",
            {"PurchasedOn": US_DATE, "TotalPrice": "double"},
        ),
        "WebsiteReviews": (
            "ReviewId",
            "UserId ReviewText ActivityTypeDisplay",
            {"ReviewRating": "double", "ReviewDate": US_DATE},
        ),
    },
    "LoyaltyScheme": {
        "CustomerLoyalty": (
            "LoyaltyId",
            "ContactId FirstName LastName FullName Gender EMail Telephone",
            {
                "DateOfBirth": "date",
                "CreatedOn": "date",
                "RewardPoints": "integer",
                "CreditCard": "boolean",
            },
        ),
        "POSPurchases": (
            "PurchaseId",
            "LoyaltyId ProductId ActivityTypeDisplay Subject",
            {"PurchasedOn": "date", "TotalPrice": "double", "RewardPointsAdded": "integer"},
        ),
    },
}

FILES = {"CustomerLoyalty": "Customer-Loyalty"}
"""The generator's files whose names cannot be those of entities."""

EMAIL = {"fields": "EMail", "normalize": ["email"]}
PHONE = {"fields": "Telephone", "normalize": ["phone"]}
BIRTH = {"fields": "DateOfBirth"}
NAME = {
    "fields": "FullName",
    "normalize": ["lower"],
    "precision": "high",
    "ignore_word_order": True,
}

RULES = {
    "one": [{"name": "EMail, FullName", "conditions": [EMAIL, NAME]}],
    "own": [
        {"name": "EMail, FullName", "conditions": [EMAIL, NAME]},
        {"name": "EMail, DateOfBirth", "conditions": [EMAIL, BIRTH]},
        {"name": "Telephone, FullName", "conditions": [PHONE, NAME]},
        {"name": "Telephone, DateOfBirth", "conditions": [PHONE, BIRTH]},
    ],
}

OF_BOTH = (
    "FullName",
    "FirstName",
    "LastName",
    "EMail",
    "Telephone",
    "DateOfBirth",
    "Gender",
    "CreatedOn",
)
OF_CONTACT = (
    "PostCode",
    "StreetAddress",
    "City",
    "State",
    "Country",
    "Occupation",
    "Income",
    "Loyalty Tier",
)
OF_MEMBER = ("RewardPoints", "CreditCard")

# entity: foreign key, the entity it leads to, type, time, title, what else is kept
ACTIVITIES = {
    "eCommerce_OnlinePurchases": (
        "ContactId",
        CONTACT,
        "SalesOrder",
        "PurchasedOn",
        "Subject",
        "TotalPrice",
    ),
    "LoyaltyScheme_POSPurchases": (
        "LoyaltyId",
        MEMBER,
        "SalesOrder",
        "PurchasedOn",
        "Subject",
        "TotalPrice",
    ),
    "eCommerce_WebsiteReviews": (
        "UserId",
        CONTACT,
        "Feedback",
        "ReviewDate",
        "ReviewText",
        "ReviewRating",
    ),
}


def sources(kind: str) -> dict[str, dict[str, object]]:
    """Return the section `sources` for files of one format (csv or parquet)."""
    return {
        source: {
            name: {
                "path": f"data/{FILES.get(name, name)}.{kind}",
                "format": kind,
                "primary_key": key,
                "attributes": dict.fromkeys([key, *texts.split()], "string") | typed,
            }
            for name, (key, texts, typed) in entities.items()
        }
        for source, entities in SOURCES.items()
    }


def merged_fields() -> list[dict[str, object]]:
    """Return the columns of Customer: what a contact says goes before what a member says."""
    both = [(name, [CONTACT, MEMBER]) for name in OF_BOTH]
    alone = [(name, [CONTACT]) for name in OF_CONTACT] + [(name, [MEMBER]) for name in OF_MEMBER]
    return [
        {"name": name.replace(" ", ""), "from": [f"{entity}.{name}" for entity in entities]}
        for name, entities in both + alone
    ]


def unification(rules: str) -> dict[str, object]:
    """Return the section `unification` with the named rules, for duplicates and matches alike."""
    entities = [
        {"entity": entity, "deduplicate": {"rules": RULES[rules]}} for entity in (CONTACT, MEMBER)
    ]
    return {
        "entities": entities,
        "match": [{"entity": MEMBER, "to": CONTACT, "rules": RULES[rules]}],
        "merge": {"fields": merged_fields()},
    }


def configuration(kind: str, rules: str) -> dict[str, object]:
    """Return the whole configuration as a document."""
    relationships = [
        {"name": f"{entity}_customer", "entity": entity, "foreign_key": key, "to": to}
        for entity, (key, to, *_) in ACTIVITIES.items()
    ]
    activities = [
        {
            "entity": entity,
            "name": entity.partition("_")[2],
            "relationship": f"{entity}_customer",
            "type": kind,
            "timestamp": at,
            "title": title,
            "semantic": {value: value},
        }
        for entity, (_, _, kind, at, title, value) in ACTIVITIES.items()
    ]
    return {
        "instance": {"name": "Benchmark", "id": "5f0c1d7e-52a7-4a58-8f1d-0d6f3a0c9b11"},
        "sources": sources(kind),
        "unification": unification(rules),
        "relationships": relationships,
        "activities": activities,
    }


def write_project(folder: Path, files: Path, kind: str, rules: str) -> Path:
    """Make a project in `folder` that reads the generated files of `files` in place.

    Return its folder.
    """
    folder.mkdir(parents=True)
    (folder / "data").symlink_to(files.resolve())
    document = json.loads(
        json.dumps(configuration(kind, rules))
    )  # equal parts written out, not as YAML's references
    (folder / "overtide.yaml").write_text(
        yaml.safe_dump(document, sort_keys=False), encoding="utf-8"
    )
    return folder
