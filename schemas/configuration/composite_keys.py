r"""Keys of several attributes: each becomes one attribute, which an expression makes of them.

The texts of the parts are joined by `|`; one in a part, and `\`, has a `\` before it, so no two
keys are one text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from overtide.schemas.source_paths import parse_path
from overtide.schemas.types import KEYS

Settings = dict[str, Any]
THOUSANDS, DECIMAL = "thousands_separator", "decimal_mark"


def with_composite_key(entity: Settings) -> Settings:
    """Return an entity's settings with one attribute for a `primary_key` of several.

    Where a part cannot be one, it takes the key's place, and the checks say what is wrong with it.
    """
    parts, attributes = entity.get("primary_key"), entity.get("attributes")
    if not isinstance(parts, list) or not isinstance(attributes, dict) or not _are_names(parts):
        return entity
    if len(parts) == 1:
        return {**entity, "primary_key": parts[0]}
    for part in parts:
        if part not in attributes or _settings(attributes[part]).get("type", "string") not in KEYS:
            return {**entity, "primary_key": part}
    name = composite_name(parts, attributes)
    made = {"type": "string", "expression": _joined(parts, attributes)}
    return {**entity, "primary_key": name, "attributes": {**attributes, name: made}}


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
    kind = settings.get("type", "string")
    text = settings.get("expression") or _place(name, settings)
    if kind == "string":
        return f"({text})"
    # Marks are about the texts of a file; what an expression makes has none.
    for mark, usual in ((THOUSANDS, ""), (DECIMAL, ".")):
        if settings.get(mark) and "expression" not in settings:
            text = f"replace({text}, '{settings[mark]}', '{usual}')"
    return f"cast({text} AS {kind})"


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
