"""Check a project's configuration, also against what its files hold."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.inputs import FILTER
from overtide.schemas.mistakes import Mistake, shown

if TYPE_CHECKING:
    from overtide.schemas.configuration.entities import Entity
    from overtide.schemas.errors import OvertideError
    from overtide.schemas.instants import Instant
    from overtide.schemas.loading import Examined
    from overtide.transforms.sources.fetching import Fetched
    from overtide.transforms.sources.files import Finding

NEEDED_TO_READ = (
    *("path", "incremental", "format", "encoding", "delimiter"),
    *("database", "table", "query"),
)
"""The settings that must be right before an entity's files can be looked at."""
NEEDED_BY_VALUES = (
    *("type", "column", "path", "expression", "format", "decimal_mark"),
    *("thousands_separator", "true_words", "false_words"),
)
"""The settings of an attribute that must be right before its values can be."""


def check_project(
    folder: Path, environ: Mapping[str, str], now: "Instant | None" = None
) -> list[Mistake]:
    """Return every mistake and note of a project, also of its files against the configuration.

    Of changes those of the hours that have ended `now`, or all where no instant is given.
    """
    from overtide.schemas.loading import examine

    examined = examine(folder, environ)
    found = [*examined.mistakes, *examined.notes]
    if examined.configuration is None:
        return found
    with tempfile.TemporaryDirectory() as scratch:
        copies = _sampled(examined, folder, environ, Path(scratch), now)
        entities = examined.configuration.entities()
        for source, names in examined.configuration.sources.items():
            for name in names:
                place, entity = ("sources", source, name), entities[f"{source}_{name}"]
                if _can_be_read(examined, place):
                    found += _of_files(examined, place, folder, entity, copies, now)
    once = [one for number, one in enumerate(found) if one not in found[:number]]
    return once + _of_lists(examined, folder) + _of_decisions(examined, folder)


def _sampled(
    examined: "Examined",
    folder: Path,
    environ: Mapping[str, str],
    scratch: Path,
    now: "Instant | None",
) -> "Fetched":
    """Return copies of the first rows of the entities that are in no file of this machine."""
    from overtide.transforms.sources.fetching import SAMPLE, Fetched, fetch

    configuration = examined.configuration
    readable = {
        f"{source}_{name}": entity
        for source, entities in (configuration.sources if configuration else {}).items()
        for name, entity in entities.items()
        if entity.is_remote and _can_be_read(examined, ("sources", source, name))
    }
    if configuration is None or not readable:
        return Fetched()
    return fetch(configuration, readable, folder, environ, scratch, SAMPLE, now=now)


def _of_decisions(examined: "Examined", folder: Path) -> list[Mistake]:
    """Return what is wrong with the file of decided pairs, if there should be one."""
    from overtide.schemas.errors import SourceError
    from overtide.transforms.matching.decisions import read_decisions_of

    place = ("unification", "decisions")
    if examined.configuration is None or any(
        map(examined.has, (place, ("unification", "entities")))
    ):
        return []
    try:
        read_decisions_of(examined.configuration, folder)
    except SourceError as error:
        return [examined.document.mistake(error.code, place, error.message, hint=error.hint)]
    return []


def _of_lists(examined: "Examined", folder: Path) -> list[Mistake]:
    """Return what is wrong with the files of aliases and ignored values, at their settings."""
    from overtide.transforms.matching.lists import wrong_lists

    if examined.configuration is None:
        return []
    return [
        examined.document.mistake(error.code, place, error.message, hint=error.hint)
        for place, error in wrong_lists(examined.configuration, folder)
        if not examined.has(place) and not examined.is_broken(place)
    ]


def _of_files(
    examined: "Examined",
    place: tuple[str, ...],
    folder: Path,
    entity: "Entity",
    fetched: "Fetched",
    now: "Instant | None",
) -> list[Mistake]:
    """Return what an entity's files show, as far as the configuration says how to read them."""
    from overtide.transforms.sources.files import check_columns, check_deliveries
    from overtide.transforms.sources.sampled_values import check_values

    name = "_".join(place[1:])
    if name in fetched.wrong:
        return [_not_fetched(examined, place, entity, fetched.wrong[name])]
    copies = fetched.files.get(name)
    found = check_deliveries(folder, entity, now)
    found += check_columns(folder, entity, copies, now)
    if not any(one.severity == "mistake" for one in found) and not examined.has(
        (*place, "time_zone")
    ):
        filtered = not examined.has((*place, "filter"))
        unknown = _unknown(examined, place, entity)
        found += check_values(folder, entity, unknown, filtered, copies, now)
    return [
        _at(examined, place, one)
        for one in found
        if not any(
            examined.has((*_place(place, one), *more)) for more in ((), ("path",), ("expression",))
        )
    ]


def _unknown(examined: "Examined", place: tuple[str, ...], entity: "Entity") -> list[str]:
    """Return the attributes of which the configuration does not say rightly how they are read."""
    attributes = {name: (*place, "attributes", name) for name in entity.attributes}
    return [
        name
        for name, path in attributes.items()
        if examined.is_broken(path)
        or any(map(examined.has, (path, *((*path, one) for one in NEEDED_BY_VALUES))))
    ]


def _not_fetched(
    examined: "Examined", place: tuple[str, ...], entity: "Entity", error: "OvertideError"
) -> Mistake:
    """Return why nothing of an entity could be had, at the line that says where it is."""
    of_entity = {"missing_table": "table", "query_failed": "query" if entity.query else "table"}
    if error.code in of_entity:
        place = (*place, of_entity[error.code])
    elif entity.database is not None:
        place = ("databases", entity.database)
    else:
        place = (*place, "path")
    return examined.document.mistake(error.code, place, error.message, hint=error.hint)


def _can_be_read(examined: "Examined", place: tuple[str, ...]) -> bool:
    """Say whether all is right that must be before an entity's files can be looked at.

    A setting that is not known may be one of those, unless another one was probably meant.
    """
    settings = [place, (*place, "attributes"), *((*place, setting) for setting in NEEDED_TO_READ)]
    settings.append((*place, "incremental", "last_modified"))
    above = [place[:length] for length in range(len(place))] + _database_of(examined, place)
    return (
        not any(map(examined.has, [*settings, *above]))
        and not examined.broken.intersection([*settings, *above])
        and not any(
            one.code == "unknown_setting"
            and one.suggestion in (None, *NEEDED_TO_READ)
            and str(one.target).rpartition(".")[0] == shown(place)
            for one in examined.mistakes
        )
    )


def _database_of(examined: "Examined", place: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the places of the database that an entity is read from, if any."""
    sources = examined.configuration.sources if examined.configuration else {}
    entity = sources[place[1]][place[2]] if len(place) == 3 and place[1] in sources else None
    if entity is None or entity.database is None:
        return []
    database = ("databases", entity.database)
    return [database, *((*database, one) for one in ("kind", "connection_variable", "path"))]


def _place(place: tuple[str, ...], finding: "Finding") -> tuple[str, ...]:
    """Return where in the configuration a finding belongs."""
    below = {
        "no_files": ("path",),
        "misplaced_file": ("path",),
        "missing_column": ("attributes", finding.column or ""),
        "missing_value": ("attributes", finding.column or "", "path"),
        "wrong_delimiter": ("delimiter",),
        "missing_key": ("primary_key",),
        "repeated_key": ("primary_key",),
    }
    below |= dict.fromkeys(
        ("values_do_not_fit", "nested_value", "trimmed_keys"), ("attributes", finding.column or "")
    )
    if finding.column == FILTER:
        return (*place, "filter")
    return (*place, *below.get(finding.code, ()))


def _at(examined: "Examined", place: tuple[str, ...], finding: "Finding") -> Mistake:
    """Return a finding in the files as a mistake at the entity's or the attribute's line."""
    mistake = examined.document.mistake(
        finding.code,
        _place(place, finding),
        finding.message,
        value=finding.column,
        expected=finding.expected,
        suggestion=finding.suggestion,
    )
    return replace(mistake, severity=finding.severity)
