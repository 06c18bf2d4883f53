"""The lake's catalog: attaching it to DuckDB, and how it names the run that is published."""

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from overtide.schemas.copies import Copy, copied
from overtide.schemas.errors import (
    CorruptError,
    NotFoundError,
    OvertideError,
    UnavailableError,
)
from overtide.schemas.extensions import extension
from overtide.schemas.folders import make_folder
from overtide.schemas.instants import HISTORY_DAYS
from overtide.schemas.names import literal
from overtide.schemas.paths import CatalogLocation, Paths, StorageLocation
from overtide.schemas.signatures import signatures

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

METADATA = "__ducklake_metadata_lake"
"""The catalog's own tables, as DuckLake shows them to SQL."""
PUBLISH_MARK = "Published: "
"""The comment of the table `runs` ends with this and the JSON of a `Publish`.

The publishing commit writes it.
"""

Config = dict[str, str | bool | int | float | list[str]]
UNCHECKED: Config = {"allow_unsigned_extensions": True}
"""LOAD does not hash the whole extension again.

Hashing took half of the time of opening a lake (docs/decisions).
"""


@dataclass(frozen=True)
class Publish:
    """What the catalog names as published.

    The run, its instant (microseconds) and its serving generation.

    `history_days` is how far back readers may ask from this publish on, in SQL and elsewhere alike;
    before the instant `forgotten` (microseconds) they may not, since history had gone while fewer
    days were kept. The event log ended at `log_position` then, its last event having been accepted
    at `log_accepted_at`: it never ends before it again.
    """

    run: int
    published_at: int
    generation: str
    history_days: int = HISTORY_DAYS
    forgotten: int = 0
    log_position: int = 0
    log_accepted_at: int = 0

    def comment(self) -> str:
        """Return the comment of the table `runs` that says this."""
        return f"One row per publish. {PUBLISH_MARK}{json.dumps(asdict(self))}"


_copies: dict[CatalogLocation, list[Copy]] = {}
"""The copies of catalogs that this process reads, where none can be attached as it lies.

Connections use older ones.
"""


def attach_statements(
    catalog: CatalogLocation, storage: StorageLocation, read_only: bool
) -> list[str]:
    """Return the SQL that loads the extensions and attaches a lake as `lake` to any DuckDB."""
    options = [f"DATA_PATH {literal(storage.attached)}", "OVERRIDE_DATA_PATH true"]
    options += catalog.options(read_only)
    return [
        *(f"LOAD {literal(str(extension(name)))}" for name in ("ducklake", "sqlite_scanner")),
        f"ATTACH IF NOT EXISTS {literal(catalog.attached)} AS lake ({', '.join(options)})",
    ]


def connect(
    paths: Paths,
    read_only: bool = True,
    threads: int | None = None,
    memory_limit: str | None = None,
) -> "DuckDBPyConnection":
    """Return an in-memory DuckDB with the lake attached as `lake`.

    Raises `no_lake` when nothing was published yet, and `lake_unreadable` when the catalog is lost
    or no catalog, and `foreign_data` when it would write into the data of another lake.
    """
    import duckdb

    if not paths.catalog.is_written():
        expect_no_catalog(paths)
        if read_only and not paths.catalog.exists():
            raise NotFoundError(
                "no_lake",
                f"There is no lake in {paths.project} yet.",
                str(paths.catalog),
                "Run `overtide refresh` first.",
            )
    if not read_only:
        make_folder(paths.catalog.file.parent)
        make_folder(paths.storage.folder)
    config: Config = dict(UNCHECKED)
    if threads is not None:
        config["threads"] = threads
    if memory_limit is not None:
        config["memory_limit"] = memory_limit
    try:
        return _attached(paths.catalog, paths.storage, read_only, config)
    except duckdb.Error as error:
        copy = _copy_of(paths.catalog) if read_only else None
        with suppress(duckdb.Error):
            if copy is not None:
                return _attached(copy, paths.storage, read_only, config)
        raise unreadable(error, f"The lake's catalog {paths.catalog}") from None


def _attached(
    catalog: CatalogLocation, storage: StorageLocation, read_only: bool, config: Config
) -> "DuckDBPyConnection":
    import duckdb

    connection = duckdb.connect(config=config)
    try:
        for statement in ["SET TimeZone = 'UTC'", *attach_statements(catalog, storage, read_only)]:
            connection.execute(statement)
        if not read_only:
            expect_own_data(connection, storage)
    except BaseException:
        connection.close()
        raise
    return connection


def _copy_of(catalog: CatalogLocation) -> CatalogLocation | None:
    """Return a copy of the catalog as it is now, where nothing may be written beside it."""
    there = _copies.setdefault(catalog, [])
    if not there or there[-1].seen != signatures(catalog.file):
        copy = copied(catalog.file)
        there += [copy] if copy is not None else []
    return CatalogLocation(there[-1].file) if there else None


def attached_catalog(catalog: CatalogLocation) -> CatalogLocation:
    """Return what a connection for reading attaches.

    The catalog, or the copy of one that cannot be.
    """
    copies = _copies.get(catalog)
    return CatalogLocation(copies[-1].file) if copies else catalog


def is_outdated(catalog: CatalogLocation) -> bool:
    """Say whether connections read a copy of a catalog that has changed since."""
    copies = _copies.get(catalog, [])
    return bool(copies) and copies[-1].seen != signatures(catalog.file)


def expect_own_data(connection: "DuckDBPyConnection", storage: StorageLocation) -> None:
    """Mark the data folder as this catalog's, or raise `foreign_data`.

    The error is raised where the folder is that of another catalog.

    Each would remove the other's files, which its own catalog does not name. A catalog has its
    identity from DuckLake and keeps it wherever it is copied to, together with its data.
    """
    row = connection.execute(
        f"SELECT schema_uuid FROM {METADATA}.ducklake_schema WHERE schema_id = 0"
    ).fetchone()
    identity = str(row[0]) if row else ""
    if not _marked(storage):
        _write_mark(storage, identity)
    if _marked(storage) != identity:
        raise _foreign_data(storage)


def _marked(storage: StorageLocation) -> str:
    """Return the identity of the catalog to which the data folder belongs.

    Nothing where it is nobody's yet.
    """
    mark = storage.mark
    return mark.read_text(encoding="ascii", errors="replace") if mark.exists() else ""


def _write_mark(storage: StorageLocation, identity: str) -> None:
    """Write the mark where there is none.

    Of two lakes that do so at once the first has the folder.
    """
    descriptor = os.open(storage.mark, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if not os.fstat(descriptor).st_size:
            os.write(descriptor, identity.encode())
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _foreign_data(storage: StorageLocation) -> OvertideError:
    return CorruptError(
        "foreign_data",
        f"The data folder {storage} is that of another lake.",
        str(storage),
        "Give each lake a `lake.data` of its own. Where this lake's catalog was lost, restore it.",
    )


def expect_no_catalog(paths: Paths) -> None:
    """Raise where a new catalog would hide what was published.

    `lake_unreadable`, or `foreign_data` of another lake.

    The catalog of this lake was there where a run is announced, or where there is both a generation
    and marked data: a first refresh that dies leaves a generation alone.
    """
    marked = bool(_marked(paths.storage))
    lost = paths.published.exists() or (marked and any(paths.serving.glob("*.sqlite")))
    # Asked again: whoever makes a first one makes it before these.
    if not (lost or marked) or paths.catalog.is_written():
        return
    if not lost:
        raise _foreign_data(paths.storage)
    raise UnavailableError(
        "lake_unreadable",
        f"The lake's catalog {paths.catalog} is missing, but it was there.",
        str(paths.catalog),
        "Restore it together with its data from a backup. To begin a new lake, in "
        f"which customers may have other ids, move {paths.published} and {paths.storage} away.",
    )


def nothing_published(paths: Paths) -> OvertideError:
    """Return the error of a project before its first publish."""
    return NotFoundError(
        "nothing_published",
        f"Nothing is published in {paths.project} yet.",
        None,
        "Run `overtide refresh` first.",
    )


def unreadable(error: BaseException, what: str = "The lake") -> OvertideError:
    """Return what DuckDB says of a lake that cannot be attached, read or written."""
    text = " ".join(str(error).split("\nLINE ")[0].split()).removesuffix(".")
    reason = text.rpartition('": ')[2] if text.startswith("Failed to") else text
    return UnavailableError(
        "lake_unreadable",
        f"{what} cannot be used: {reason}.",
        None,
        "Check that the catalog and its data folder are whole, may be written to, and that the "
        "disk is not full. `overtide refresh --full` reads all files, and makes damaged ones anew.",
    )


def publish_of_comment(comment: str | None) -> Publish | None:
    """Return the publish that the comment of the table `runs` names; None where it names none."""
    if comment is None or PUBLISH_MARK not in comment:
        return None
    return Publish(**json.loads(comment.split(PUBLISH_MARK, 1)[1]))
