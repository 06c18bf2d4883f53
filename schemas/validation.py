"""Cross checks of a configuration: what one section says against what the others say. Pure.

No file is read.
"""

from overtide.schemas.configuration import Configuration
from overtide.schemas.document import Document
from overtide.schemas.errors import InvalidValueError
from overtide.schemas.instants import DAY, MINUTE, parse_duration
from overtide.schemas.mistakes import Mistake, Path
from overtide.schemas.validation_activities import check_activities, check_relationships
from overtide.schemas.validation_context import Checking
from overtide.schemas.validation_sources import check_sources
from overtide.schemas.validation_unification import check_match, check_merge, check_unified

LONGEST = 30 * DAY + 5 * MINUTE
"""The longest validity of an event, semantics 2.2."""


def check(
    configuration: Configuration, document: Document, broken: frozenset[Path]
) -> list[Mistake]:
    """Return everything that is wrong between the sections of a configuration, and notes."""
    checking = Checking(configuration, document, broken)
    check_sources(checking)
    check_unified(checking)
    check_match(checking)
    check_merge(checking)
    check_relationships(checking)
    check_activities(checking)
    _durations(checking)
    _places(checking)
    _unused(checking)
    return checking.found


def _durations(checking: Checking) -> None:
    for name, text in checking.configuration.real_time.model_dump().items():
        path = ("real_time", name)
        try:
            duration = parse_duration(text)
        except InvalidValueError as error:
            checking.add(
                "invalid_duration",
                path,
                f"`{text}` is not a duration.",
                expected="such as 4h or 30d",
                hint=error.hint,
            )
            continue
        if not 0 < duration <= LONGEST:
            checking.add(
                "invalid_duration",
                path,
                f"`{text}` is not between one second and 30 days.",
                expected="1s to 30d",
            )


def _places(checking: Checking) -> None:
    """The catalog, the data and the log must not lie upon each other."""
    lake = checking.configuration.lake
    places = {
        ("lake", "catalog"): lake.catalog,
        ("lake", "data"): lake.data,
        ("event_log", "path"): checking.configuration.event_log.path,
    }
    checking.unique(
        ((place.rstrip("/"), path) for path, place in places.items()),
        "places of the lake and the log",
    )


def _unused(checking: Checking) -> None:
    if checking.found or checking.broken:
        return  # one that is misspelt where it is used only looks unused
    used = {*checking.unified, *(activity.entity for activity in checking.configuration.activities)}
    for name, place in checking.places.items():
        if name not in used:
            checking.note(
                "unused_entity",
                place,
                f"{name} is neither unified nor an activity: it is only kept.",
            )
