"""The checks of an entity that is delivered as full data and changes."""

import re

from overtide.schemas.configuration.checking import Checking
from overtide.schemas.configuration.entities import Entity, Incremental
from overtide.schemas.mistakes import Path
from overtide.schemas.types import TIMES, listed

MAGIC = re.compile(r"[*?\[]")


def check_incremental(
    checking: Checking, place: Path, name: str, entity: Entity, incremental: Incremental
) -> None:
    """Check that an entity of full data and changes has one folder, and tells versions apart."""
    where = (*place, "incremental")
    checking.typed(
        (*where, "last_modified"),
        name,
        incremental.last_modified,
        TIMES,
        f"what tells versions apart is a {listed(TIMES)}",
    )
    if entity.database is not None:
        checking.add(
            "unused_setting",
            where,
            "`incremental` is about a folder of files, from which this entity is not read.",
            expected="`path`",
        )
    elif entity.path is not None and MAGIC.search(entity.path):
        checking.add(
            "invalid_value",
            (*place, "path"),
            f"`{entity.path}` is a pattern, but full data and changes lie in one folder.",
            expected="the folder that holds FullData and IncrementalData, such as data/contacts",
        )
