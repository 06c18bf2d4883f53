r"""Keys of several attributes: each becomes one attribute, which an expression makes of them.

The texts of the parts are joined by `|`; one in a part, and `\`, has a `\` before it, so no two
keys are one text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from overtide.schemas.null_words import words_of_numbers
from overtide.schemas.source_paths import parse_path
from overtide.schemas.types import KEYS, type_of
from overtide.schemas.values import plain_word

Settings = dict[str, Any]
TEXT = type_of("string").name
THOUSANDS, DECIMAL = "thousands_separator", "decimal_mark"
TEXT_OR_TEXTS = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
}
"""The JSON Schema of a key: one attribute or several."""


def with_composite_key(entity: Settings) -> Settings:
    """Return an entity's settings with one attribute for a `primary_key` of several.

    Where a part cannot be one, it takes the key's place, and the checks say what is wrong with it.
    """
    name, made = _one(entity.get("primary_key"), entity.get("attributes"))
    if name is None:
        return entity
    return {**entity, "primary_key": name, "attributes": {**entity["attributes"], **made}}


def _one(parts: Any, attributes: Any) -> tuple[str | None, Settings]:  # noqa: ANN401 - as written
    """Return the attribute that is a key of several, and its settings where it is to be made.

    With those of its parts around which blanks are taken away, as around keys. None for a key that
    is of one, or cannot be read.
    """
    if not isinstance(parts, list) or not isinstance(attributes, dict) or not _are_names(parts):
        return None, {}
    wrong = (
        part
        for part in parts
        if part not in attributes or _settings(attributes[part]).get("type", TEXT) not in KEYS
    )
    one = parts[0] if len(parts) == 1 else next(wrong, None)
    if one is not None:
        return one, {}
    name = composite_name(parts, attributes)
    trimmed = {
        part: {**settings, "trim": True}
        for part, settings in ((part, _settings(attributes[part])) for part in parts)
        if settings.get("type", TEXT) == TEXT and settings.get("trim") is None
    }
    return name, {**trimmed, name: {"type": TEXT, "expression": _joined(parts, attributes)}}


def with_composite_foreign_keys(document: Settings) -> Settings:
    """Return a configuration's settings with one attribute for each `foreign_key` of several.

    One that is the entity's primary key, too, is made for that.
    """
    relationships, sources = document.get("relationships"), document.get("sources")
    if not isinstance(relationships, list) or not isinstance(sources, dict):
        return document
    entities = {
        f"{source}_{name}": entity
        for source, some in sources.items()
        if isinstance(some, dict)
        for name, entity in some.items()
        if isinstance(entity, dict) and isinstance(entity.get("attributes"), dict)
    }
    made: dict[str, Settings] = {}
    found: list[Any] = []
    for one in relationships:
        entity = entities.get(str(one.get("entity"))) if isinstance(one, dict) else None
        parts = one.get("foreign_key") if isinstance(one, dict) else None
        name, more = _one(parts, entity["attributes"] if entity else None)
        if name is not None and entity and parts != entity.get("primary_key"):
            made.setdefault(one["entity"], {}).update(more)
        found.append(one if name is None else {**one, "foreign_key": name})
    return {**document, "relationships": found, "sources": _with_attributes(sources, made)}


def _with_attributes(sources: Settings, made: Mapping[str, Settings]) -> Settings:
    """Return the sources with more attributes, by the full names of their entities."""
    return {
        source: {
            name: {**entity, "attributes": {**entity["attributes"], **made[f"{source}_{name}"]}}
            if f"{source}_{name}" in made
            else entity
            for name, entity in some.items()
        }
        if isinstance(some, dict)
        else some
        for source, some in sources.items()
    }


def composite_name(parts: Sequence[str], attributes: Mapping[str, Any]) -> str:
    """Return the name of the attribute of several: theirs, joined."""
    name = "_".join(parts)
    return f"{name}_key" if name in attributes else name


def _are_names(parts: list[Any]) -> bool:
    return bool(parts) and all(isinstance(part, str) for part in parts)


def _joined(parts: Sequence[str], attributes: Mapping[str, Any]) -> str:
    escaped = (
        rf"replace({_text(part, _settings(attributes[part]))}, '\', '\\', '|', '\|')"
        for part in parts
    )
    return " || '|' || ".join(escaped)


def _text(name: str, settings: Settings) -> str:
    """Return the expression of a part's text, the same however its file writes it."""
    kind = settings.get("type", TEXT)
    text = settings.get("expression") or _without_null_words(_place(name, settings), settings)
    if kind == TEXT:
        return f"({text})" if settings.get("trim") is False else f"trim({text})"
    # Marks are about the texts of a file; what an expression makes has none.
    for mark, usual in ((THOUSANDS, ""), (DECIMAL, ".")):
        if settings.get(mark) and "expression" not in settings:
            text = f"replace({text}, '{settings[mark]}', '{usual}')"
    return f"cast({text} AS {kind})"


def _without_null_words(text: str, settings: Settings) -> str:
    """Return the expression of a part's text with null for the part's own null words."""
    words = settings.get("null_words")
    if not isinstance(words, list) or not words:
        return text
    written = [str(word) for word in words]
    known = {plain_word(word).lower() for word in written} | words_of_numbers(written).keys()
    listed = ", ".join("'" + word.replace("'", "''") + "'" for word in sorted(known))
    return f"CASE WHEN lower(trim({text})) IN ({listed}) THEN NULL ELSE {text} END"


def _place(name: str, settings: Settings) -> str:
    path = settings.get("path")
    try:
        steps = parse_path(path) if path else (settings.get("column") or name,)
    except ValueError:
        steps = (name,)
    written = (
        f"[{step}]" if isinstance(step, int) else '."' + step.replace('"', '""') + '"'
        for step in steps
    )
    return "".join(written).removeprefix(".")


def _settings(attribute: Any) -> Settings:  # noqa: ANN401 - as written, or a model
    if isinstance(attribute, str):
        return {"type": attribute}
    return attribute if isinstance(attribute, dict) else dict(vars(attribute))
