"""Checks of the section `sources`: names, primary keys, formats, encodings and time zones."""

import codecs
import re
from collections.abc import Mapping
from zoneinfo import ZoneInfo, available_timezones

from overtide.schemas.configuration.checking import Checking
from overtide.schemas.configuration.entities import NESTING, Attribute, Entity, Preference
from overtide.schemas.configuration.expressions import check_expression
from overtide.schemas.configuration.incremental import check_incremental
from overtide.schemas.mistakes import Path
from overtide.schemas.names import folded
from overtide.schemas.source_paths import parse_path
from overtide.schemas.strptime import meant_format, unsupported
from overtide.schemas.suggestions import closest
from overtide.schemas.types import COMPARED, KEYS, MARKED, TIMES, listed, type_of
from overtide.schemas.types.attribute_type import ISO
from overtide.schemas.values import plain_word

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
LONGEST_NAME = 80
A_NAME = f"A name is a letter, then letters, digits and underscores, at most {LONGEST_NAME}."
RESERVED_ATTRIBUTES = ("firstrun", "replacedrun", "file_row_number")
SYSTEM_TABLES = (
    "customer_live",
    "customer_as_of",
    "customer_history",
    "unifiedactivity_live",
    "unifiedactivity_history",
    "alternatekey_history",
    "identityalias_history",
    "timeline_as_of",
    "oversized_blocks",
    "realtime_activities",
    "realtime_quarantine",
    "stream_commits",
    "overlay_state",
    "flap_backs",
    "lake_help",
    "profile_fields",
    "serving_meta",
    "ignored_values",
)
ENCODINGS = (
    "utf-8",
    "utf-16",
    "latin-1",
    "iso-8859-1",
    "iso-8859-15",
    "windows-1252",
    "cp1252",
    "ascii",
)


def check_sources(checking: Checking, sources: Mapping[str, Mapping[str, Entity]]) -> None:
    """Check every entity by itself, and their names against each other."""
    for name, entity in checking.entities.items():
        place = checking.places[name]
        _names(checking, place)
        _primary_key(checking, place, name, entity)
        _reading(checking, place, entity)
        _attributes(checking, place, entity)
        if entity.filter is not None:
            check_expression(checking, (*place, "filter"), entity, entity.filter, "truth")
        if entity.prefer is not None:
            check_preference(checking, (*place, "prefer"), name, entity.prefer)
        if entity.incremental is not None:
            check_incremental(checking, place, name, entity, entity.incremental)
    checking.unique(_tables(sources), "the tables of entities")


def is_name(text: str) -> bool:
    """Say whether a text can be the name of a source, an entity or a column of Customer."""
    return bool(NAME.fullmatch(text)) and len(text) <= LONGEST_NAME


def _names(checking: Checking, place: Path) -> None:
    for path in (place[:2], place):
        if not is_name(str(path[-1])) and not checking.has(path):
            checking.add(
                "invalid_name",
                path,
                f"`{path[-1]}` cannot be part of a table's name. {A_NAME}",
                expected=f"a letter, then letters, digits and underscores, at most {LONGEST_NAME}",
            )


def _tables(sources: Mapping[str, Mapping[str, Entity]]) -> list[tuple[str, Path]]:
    """Return the names of all tables of all entities, those of the system first."""
    names: list[tuple[str, Path]] = [(name, ()) for name in SYSTEM_TABLES]
    for source, entities in sources.items():
        for name in entities:
            table, place = f"{source}_{name}", ("sources", source, name)
            twice = table in dict(names)  # `A_B` with `C` and `A` with `B_C` are one table
            names += (
                [(table, place)]
                if twice
                else [
                    (table, place),
                    (f"{table}_corrupt", place),
                    (f"Deduplication_{table}", place),
                ]
            )
    return names


def _primary_key(checking: Checking, place: Path, name: str, entity: Entity) -> None:
    path = (*place, "primary_key")
    checking.typed(path, name, entity.primary_key, KEYS, f"a primary key is a {listed(KEYS)}")
    if entity.primary_key in entity.attributes and entity.attribute(entity.primary_key).optional:
        checking.add(
            "optional_key",
            path,
            f"`{entity.primary_key}` is optional, but every record needs its key.",
            expected="an attribute that is always there",
        )


def check_preference(checking: Checking, path: Path, entity: str, prefer: Preference) -> None:
    """Check that a preference names what it compares.

    An attribute of the entity that can be ordered.
    """
    where = (*path, "attribute")
    if checking.is_broken((*path, "policy")):  # a default stands there that nobody wrote
        if prefer.attribute is not None:
            checking.attribute(where, entity, prefer.attribute)
    elif prefer.policy == "most_filled" and prefer.attribute is not None:
        checking.add(
            "unused_setting",
            where,
            "`most_filled` compares no attribute.",
            expected="no attribute, or the policy most_recent or least_recent",
        )
    elif prefer.policy != "most_filled" and prefer.attribute is None:
        checking.add(
            "missing_setting",
            where,
            f"`{prefer.policy}` needs the attribute that it compares.",
            expected="a date or number of the entity",
        )
    elif prefer.attribute is not None:
        checking.typed(
            where, entity, prefer.attribute, COMPARED, "what is compared is a date or a number"
        )


def _reading(checking: Checking, place: Path, entity: Entity) -> None:
    if not _encoding_exists(entity.encoding):
        checking.add(
            "unknown_encoding",
            (*place, "encoding"),
            f"`{entity.encoding}` is no character encoding.",
            expected="such as utf-8, utf-16 or windows-1252",
            suggestion=closest(entity.encoding, ENCODINGS),
        )
    if not _zone_exists(entity.time_zone):
        checking.add(
            "unknown_time_zone",
            (*place, "time_zone"),
            f"`{entity.time_zone}` is no time zone.",
            expected="such as UTC or Europe/Amsterdam",
            suggestion=closest(entity.time_zone, available_timezones()),
        )
    if entity.delimiter in '"\r\n':
        checking.add(
            "invalid_value",
            (*place, "delimiter"),
            "A quote or the end of a line cannot separate columns.",
            expected="such as , or ; or a tab",
        )


def _encoding_exists(name: str) -> bool:
    try:
        codecs.lookup(name)
        "a".encode(name)
    except (LookupError, ValueError):
        return False
    return True


def _zone_exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return False
    return True


def _attributes(checking: Checking, place: Path, entity: Entity) -> None:
    paths = {name: (*place, "attributes", name) for name in entity.attributes}
    checking.unique(paths.items(), "attributes of an entity")
    for name, path in paths.items():
        if folded(name) in RESERVED_ATTRIBUTES or name.startswith("__") or not name.strip():
            checking.add(
                "reserved_name",
                path,
                f"`{name}` is a name that Overtide needs itself.",
                expected="another name",
            )
        _place(checking, path, entity.form, entity.attribute(name))
        expression = entity.attribute(name).expression
        if expression is not None:
            check_expression(checking, (*path, "expression"), entity, expression)
        _format(checking, path, entity.attribute(name))
        _decimal(checking, path, entity.attribute(name))
        check_country(checking, (*path, "country"), entity.attribute(name).country)


def _place(checking: Checking, path: Path, form: str, attribute: Attribute) -> None:
    """Check where an attribute's values stand in the files."""
    if attribute.expression is not None and (attribute.column or attribute.path):
        checking.add(
            "unused_setting",
            (*path, "expression"),
            "Where the values stand is said already.",
            expected="an expression alone",
        )
    if attribute.path is None:
        return
    where = (*path, "path")
    if attribute.column is not None:
        checking.add(
            "unused_setting",
            where,
            "`column` says already where the values stand.",
            expected="a column or a path",
        )
    try:
        steps = parse_path(attribute.path)
    except ValueError as error:
        checking.add(
            "invalid_value",
            where,
            f"`{attribute.path}` is no path: {error}.",
            expected="such as customer.address[0].city",
        )
        return
    if len(steps) > 1 and form not in NESTING:
        checking.add(
            "unused_setting",
            where,
            f"Files of the format {form} hold nothing nested.",
            expected=f"`column`, or the format {listed(NESTING)}",
        )


def check_country(checking: Checking, path: Path, country: str | None) -> None:
    """Check that the telephone numbers of a country are known."""
    if country is not None and not checking.is_broken(path):
        from phonenumbers import SUPPORTED_REGIONS

        if country not in SUPPORTED_REGIONS:
            checking.add(
                "invalid_value",
                path,
                f"`{country}` is no country whose telephone numbers are known.",
                expected="two capital letters of ISO 3166, such as NL",
                suggestion={"UK": "GB", "EN": "GB"}.get(country),
            )


def _format(checking: Checking, path: Path, attribute: Attribute) -> None:
    if attribute.format is None:
        return
    where = (*path, "format")
    if not type_of(attribute.type).is_time and not checking.is_broken((*path, "type")):
        checking.add(
            "wrong_type",
            where,
            f"A format is for a {listed(TIMES)}, not for type {attribute.type}.",
            expected=f"type {listed(TIMES)}",
        )
    if isinstance(attribute.format, str):
        _strptime(checking, where, attribute.format)
        return
    for number, one in enumerate(attribute.format):
        if one != ISO:
            _strptime(checking, (*where, number), one)
    if not attribute.format:
        checking.add("invalid_value", where, "It names no format.", expected="at least one")


def _strptime(checking: Checking, where: Path, pattern: str) -> None:
    wrong = unsupported(pattern)
    if wrong or "%" not in pattern:
        what = f"`{wrong[0]}` cannot be read" if wrong else "it names no part of a date"
        checking.add(
            "invalid_format",
            where,
            f"`{pattern}` is no strptime format: {what}.",
            expected="such as %m/%d/%Y or %d-%m-%Y %H:%M:%S",
            suggestion=meant_format(pattern),
        )
    elif not re.search(r"%-?[Yycx]", pattern):
        checking.add(
            "invalid_format", where, f"`{pattern}` has no year.", expected="%Y or %y in it"
        )


def _words(checking: Checking, path: Path, attribute: Attribute, broken: bool) -> None:
    """Check the words for true and false: only a boolean has them, and each means one thing."""
    meant: dict[str, str] = {"true": "true_words", "false": "false_words"}
    for setting in ("true_words", "false_words"):
        words = getattr(attribute, setting)
        if words is None:
            continue
        where = (*path, setting)
        if not type_of(attribute.type).is_truth and not broken:
            checking.add(
                "wrong_type", where, f"Type {attribute.type} has no words.", expected="type boolean"
            )
        for number, word in enumerate(words):
            if meant.setdefault(plain_word(word), setting) != setting:
                checking.add(
                    "duplicate_name",
                    (*where, number),
                    f"`{word}` cannot mean true and false.",
                    expected="a word of its own",
                )


def _decimal(checking: Checking, path: Path, attribute: Attribute) -> None:
    kind = type_of(attribute.type)
    broken = checking.is_broken((*path, "type"))  # a default stands there that nobody wrote
    marked = {
        "decimal_mark": attribute.decimal_mark != ".",
        "thousands_separator": attribute.thousands_separator is not None,
    }
    for setting, what in (("decimal_mark", "decimal mark"), ("thousands_separator", "thousands")):
        if marked[setting] and not kind.has_decimal_mark and not broken:
            checking.add(
                "wrong_type",
                (*path, setting),
                f"Type {attribute.type} has no {what}.",
                expected=f"type {listed(MARKED)}",
            )
    if attribute.thousands_separator == attribute.decimal_mark:
        checking.add(
            "invalid_value",
            (*path, "thousands_separator"),
            f"`{attribute.decimal_mark}` is the decimal mark already.",
            expected="another one than the decimal mark",
        )
    _words(checking, path, attribute, broken)
    if attribute.trim is not None and not kind.is_text and not broken:
        checking.add(
            "wrong_type",
            (*path, "trim"),
            f"Blanks around a value of type {attribute.type} are always taken away.",
            expected="type string",
        )
    if (unfit := kind.unfit) is not None:
        why, expected = unfit
        checking.add(
            "invalid_value", path, f"`{attribute.type}` cannot be kept: {why}.", expected=expected
        )
