"""Edits that make sources and their attributes wrong, and what `validate` finds then."""

from tests.configurations import REMOVED, edited

CONTACTS = "sources/Shop/Contacts"

OF_SOURCES: dict[str, tuple[list[tuple[str, object]], str, str, str]] = {
    # name: edits, code, target, part of the sentence
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
    "a missing setting": (
        [(f"{CONTACTS}/path", REMOVED)],
        "missing_setting",
        "sources.Shop.Contacts.path",
        "`path` is missing.",
    ),
    "a list as a text": (
        [(f"{CONTACTS}/path", ["a"])],
        "invalid_value",
        "sources.Shop.Contacts.path",
        "found a list.",
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
    "a format of small letters": (
        [(f"{CONTACTS}/attributes/Born", {"type": "date", "format": "dd.mm.yyyy"})],
        "invalid_format",
        "sources.Shop.Contacts.attributes.Born.format",
        "Did you mean `%d.%m.%Y`?",
    ),
    "a format of capital letters": (
        [(f"{CONTACTS}/attributes/Born", {"type": "date", "format": "DD.MM.YYYY"})],
        "invalid_format",
        "sources.Shop.Contacts.attributes.Born.format",
        "Did you mean `%d.%m.%Y`?",
    ),
    "a country by its name": (
        [(f"{CONTACTS}/attributes/EMail", {"type": "string", "country": "Germany"})],
        "invalid_value",
        "sources.Shop.Contacts.attributes.EMail.country",
        "Expected two capital letters of ISO 3166, such as NL, found `Germany`.",
    ),
    "a country that is none": (
        [(f"{CONTACTS}/attributes/EMail", {"type": "string", "country": "XX"})],
        "invalid_value",
        "sources.Shop.Contacts.attributes.EMail.country",
        "numbers are known. Expected: two capital letters of ISO 3166, such as NL.",
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
}
