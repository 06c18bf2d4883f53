"""What a column is read as."""

from dataclasses import dataclass, field
from typing import Any

from overtide.schemas.types import type_of
from overtide.schemas.types.attribute_type import Reading

TRIED = 300
"""Distinct texts with which a reading is tried before all of them are."""


@dataclass(frozen=True)
class Found:
    """What a column is read as: its type and the settings beside it, why, and what to check."""

    type: str
    settings: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    check: str = ""


def reads(found: Found, text: str) -> bool:
    """Say whether a text can be read so."""
    reading = Reading.of(found.settings)
    return type_of(found.type).read(text, reading, "UTC") is not None
