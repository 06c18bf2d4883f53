"""Copy what entities need out of databases, as Parquet files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import OvertideError, SetupError, SourceError
from overtide.transforms.sources.databases.contract import Located
from overtide.transforms.sources.databases.kinds import KINDS
from overtide.transforms.sources.databases.look_back import (
    KeptTables,
    Table,
    copy_changed,
    place_of,
)
from overtide.transforms.sources.databases.table_copy import asked_of, copy_rows
from overtide.transforms.sources.staged import staged_path


@dataclass(frozen=True)
class Copied:
    """The copies of entities, and why there is none of others."""

    files: dict[str, Path]
    wrong: dict[str, OvertideError]


def copy_entities(
    located: Located,
    entities: Mapping[str, Entity],
    folder: Path,
    most: int | None,
    told: Callable[[str, int], None],
    tables: KeptTables | None = None,
) -> Copied:
    """Copy the rows of the entities of a database, out of one state of it.

    The first ones if `most` says how many. Of those that are read by what changed only what changed
    is fetched, where `tables` says what is kept.
    """
    files: dict[str, Path] = {}
    wrong: dict[str, OvertideError] = {}
    try:
        with KINDS[located.database.kind].opened(located) as session:
            for name, entity in entities.items():
                try:
                    path = staged_path(folder, name, entity.origin)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    asked, rows_told = asked_of(session, entity), partial(told, name)
                    if tables is None or entity.by_changes is None or most is not None:
                        copy_rows(session, asked, path, most, rows_told)
                    else:
                        place = place_of(tables.folder, name)
                        how, engine = entity.by_changes, tables.engine
                        table = Table(name, entity, how, asked, located, engine, place)
                        copy_changed(session, table, path, rows_told, tables)
                    files[name] = path
                except SourceError as error:
                    wrong[name] = error
                    session.recover()
    except (SourceError, SetupError) as error:
        wrong |= {name: error for name in entities if name not in files and name not in wrong}
    return Copied(files, wrong)
