"""Fetch what entities have on other machines, and in databases, into files of this one.

From there on it is read as all files are. A refresh keeps the copies in its scratch, which it
removes whatever becomes of it.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import OvertideError, SourceError
from overtide.schemas.instants import Instant
from overtide.transforms.sources.databases.contract import Located
from overtide.transforms.sources.files import about_rows
from overtide.transforms.sources.objects import ObjectStore, chosen, copy_place, refused

if TYPE_CHECKING:
    from overtide.transforms.sources.databases.look_back import KeptTables

Told = Callable[[str, int], None]
"""Takes an entity's name and how many more rows of it are there."""
SAMPLE = 1_500
"""Rows of a table that `validate` looks at."""


def tell_nobody(entity: str, rows: int) -> None:
    """Tell nobody how far it is."""


@dataclass(frozen=True)
class Fetched:
    """The copies of entities, and why there are none of others."""

    files: dict[str, list[Path]] = field(default_factory=dict)
    wrong: dict[str, OvertideError] = field(default_factory=dict)


def fetch(
    configuration: Configuration,
    entities: Mapping[str, Entity],
    project: Path,
    environ: Mapping[str, str],
    folder: Path,
    most: int | None = None,
    told: Told = tell_nobody,
    now: Instant | None = None,
    tables: "KeptTables | None" = None,
) -> Fetched:
    """Copy the rows of remote entities into a folder, the first ones if `most` says how many.

    Of changes those of the hours that have ended `now`, or all. All that are in one database are as
    they were at one instant. Of objects of a store the beginnings of some are copied if `most` says
    how many rows, and none if it is 0. Of tables that are read by what changed all rows are fetched
    where it is not said where `tables` are kept.
    """
    from overtide.transforms.sources.databases.copying import copy_entities  # loads pyarrow

    fetched = Fetched()
    for name, some in _by_database(entities).items():
        located = Located(name, configuration.databases[name], project, environ)
        copied = copy_entities(located, some, folder, most, told, tables)
        fetched.files.update((one, [path]) for one, path in copied.files.items())
        fetched.wrong.update(copied.wrong)
    objects = {name: one for name, one in entities.items() if one.database is None}
    if objects:
        _fetch_objects(objects, environ, folder, most, told, now, fetched)
    return fetched


def _fetch_objects(
    entities: Mapping[str, Entity],
    environ: Mapping[str, str],
    folder: Path,
    most: int | None,
    told: Told,
    now: Instant | None,
    fetched: Fetched,
) -> None:
    """Copy the objects of entities; of none (`most` is 0), the beginnings of some, or all."""
    store = ObjectStore.of(environ)
    for name, entity in entities.items():
        try:
            found = store.found(entity, now)
            if most != 0:
                fetched.files[name] = []
            for one in () if most == 0 else chosen(found) if most else found:
                path = copy_place(folder, name, one)
                if most:
                    store.copy_beginning(one, entity, path)
                else:
                    store.copy(one, path)
                    told(name, about_rows(path, entity))
                fetched.files[name].append(path)
        except SourceError as error:
            fetched.wrong[name] = error
        except OSError as error:
            fetched.wrong[name] = refused(entity, error)


def _by_database(entities: Mapping[str, Entity]) -> dict[str, dict[str, Entity]]:
    found: dict[str, dict[str, Entity]] = defaultdict(dict)
    for name, entity in entities.items():
        if entity.database is not None:
            found[entity.database][name] = entity
    return found
