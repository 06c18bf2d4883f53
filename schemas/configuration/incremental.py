"""The checks of an entity that is read by what changed: full data and changes, or a table."""

import re

from overtide.schemas.configuration.checking import Checking
from overtide.schemas.configuration.entities import Entity, Incremental
from overtide.schemas.errors import InvalidValueError
from overtide.schemas.instants import SECOND, parse_duration
from overtide.schemas.mistakes import Path
from overtide.schemas.types import TIMES, listed

MAGIC = re.compile(r"[*?\[]")
OF_TABLES = ("look_back", "full_every")


def check_incremental(
    checking: Checking, place: Path, name: str, entity: Entity, incremental: Incremental
) -> None:
    """Check that an entity has one folder or a table, and tells versions apart."""
    where = (*place, "incremental")
    checking.typed(
        (*where, "last_modified"),
        name,
        incremental.last_modified,
        TIMES,
        f"what tells versions apart is a {listed(TIMES)}",
    )
    if entity.database is not None:
        _table(checking, where, entity, incremental)
        return
    for setting in OF_TABLES:
        if getattr(incremental, setting) is not None:
            checking.add(
                "unused_setting",
                (*where, setting),
                f"`{setting}` is about a table of a database, from which this entity is not read.",
                expected="`last_modified` alone",
            )
    if entity.path is not None and MAGIC.search(entity.path):
        checking.add(
            "invalid_value",
            (*place, "path"),
            f"`{entity.path}` is a pattern, but full data and changes lie in one folder.",
            expected="the folder that holds FullData and IncrementalData, such as data/contacts",
        )


def _table(checking: Checking, where: Path, entity: Entity, incremental: Incremental) -> None:
    """Check that the database can compare what tells versions apart, and the durations."""
    name = incremental.last_modified
    if name in entity.attributes:
        attribute = entity.attribute(name)
        for setting in ("expression", "path", "format"):
            if getattr(attribute, setting) is not None:
                checking.add(
                    "invalid_value",
                    (*where, "last_modified"),
                    f"`{name}` has `{setting}`, but the database compares the column as it is.",
                    expected="a column of dates or times of the database, or of ISO 8601 texts",
                )
    for setting in OF_TABLES:
        text = getattr(incremental, setting)
        try:
            fits = text is None or parse_duration(text) >= (setting != "look_back") * SECOND
            hint = None
        except InvalidValueError as error:
            fits, hint = False, error.hint
        if not fits:
            checking.add(
                "invalid_duration",
                (*where, setting),
                f"`{text}` is no duration{' of a second or more' if hint is None else ''}.",
                expected="such as 2d or 6h",
                hint=hint,
            )
