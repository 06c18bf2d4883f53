"""Tables that are read by what changed: the rows of the last fetch are kept, and mended.

Fetched again are the rows that were modified no earlier than the latest that was seen, less the
look-back. Of the kept rows go those that were within that window (they were fetched again, or are
deleted) and those whose key was fetched; all others stay. So the copy is what a fetch of all rows
would give, but for rows that were deleted without having been modified lately; these go with the
next fetch of all. What is kept belongs to no run: it is the table as it was read last, whatever
became of the refresh that read it.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from overtide.schemas.configuration.entities import FULL_EVERY, LOOK_BACK, Entity, Incremental
from overtide.schemas.folders import make_folder
from overtide.schemas.instants import Instant, parse_duration
from overtide.schemas.names import literal, parquet_rows, quoted
from overtide.transforms.sources.databases.contract import Located, Session
from overtide.transforms.sources.databases.duckdb_session import SCANNING
from overtide.transforms.sources.databases.table_copy import Asked, copy_rows, write_batches
from overtide.transforms.sources.databases.window import (
    SLACK,
    TEXT,
    Window,
    kind_of,
    newest_sql,
    undated,
    within_window,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

COST = {"n": 2**14, "r": 8, "p": 1}
"""Of the hash of a connection: what is kept must not tell a password to who guesses it."""


@dataclass(frozen=True)
class KeptTables:
    """Where the rows of tables are kept, for which engine, and what becomes of them."""

    folder: Path
    engine: str
    now: Instant
    full: bool
    """Whether all rows are asked for."""
    told: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was fetched of each entity, as the manifest says it."""


@dataclass(frozen=True)
class Kept:
    """What is known of the kept rows of an entity."""

    rules: str
    salt: str
    kind: str
    newest: Instant
    undated: bool
    full_at: Instant
    """When all rows were fetched last."""
    size: int
    changed: int


KEPT = TypeAdapter(Kept)


@dataclass(frozen=True)
class Table:
    """An entity whose rows are fetched, and where they are kept."""

    name: str
    entity: Entity
    how: Incremental
    asked: Asked
    located: Located
    engine: str
    place: Path
    """The folder of its kept rows."""

    @property
    def rows(self) -> Path:
        """The file of the kept rows."""
        return self.place / "rows.parquet"

    @property
    def modified(self) -> str:
        """The column that says when a row was modified."""
        return self.entity.inputs[self.how.last_modified].column

    @property
    def keys(self) -> list[str]:
        """The columns of which the primary key is made."""
        inputs = self.entity.inputs.values()
        return list(
            dict.fromkeys(one.column for one in inputs if one.owner == self.entity.primary_key)
        )

    def rules(self, salt: str) -> str:
        """Return the hash of what the copy depends on besides the rows.

        The SQL that is asked is none of it: that of a folder of tables names its latest version.
        """
        variable = self.located.database.connection_variable or ""
        connection = self.located.environ.get(variable, "").encode()
        document = [
            self.engine,
            self.name,
            self.located.database.model_dump(mode="json"),
            hashlib.scrypt(connection, salt=bytes.fromhex(salt), **COST).hex(),
            [self.entity.table, self.entity.query, self.asked.more, self.modified, self.keys],
            [repr(column) for column in self.asked.columns],
        ]
        return hashlib.sha256(json.dumps(document).encode()).hexdigest()

    def read(self) -> Kept | None:
        """Return what is kept and still right."""
        try:
            kept = KEPT.validate_json((self.place / "entry.json").read_bytes())
            there = self.rows.stat()
        except (OSError, ValueError):
            return None
        same = (there.st_size, there.st_mtime_ns) == (kept.size, kept.changed)
        return kept if same and kept.rules == self.rules(kept.salt) else None


def forget_others(folder: Path, names: Sequence[str]) -> None:
    """Forget the rows of all entities but those of these names."""
    if folder.exists():
        for other in set(folder.iterdir()) - {place_of(folder, name) for name in names}:
            shutil.rmtree(other, ignore_errors=True)


def place_of(folder: Path, name: str) -> Path:
    """Return where the rows of an entity are kept."""
    return folder / hashlib.sha256(name.encode()).hexdigest()[:32]


def copy_changed(
    session: Session, table: Table, path: Path, told_rows: Callable[[int], None], tables: KeptTables
) -> None:
    """Write the rows of a table to a file, of which only those that may have changed are fetched.

    All are where none are kept, or none that are right, or it is time to, or keys are not unique.
    """
    if not {table.modified, *table.keys} <= {column.name for column in table.asked.columns}:
        copy_rows(session, table.asked, path, None, told_rows)
        return  # what is missing is said where the copy is read
    kept = table.read()
    found = _fetched(session, table, kept, path, told_rows, tables)
    if isinstance(found, str):
        copy_rows(session, table.asked, path, None, told_rows)
        told: dict[str, Any] = {"rows": pq.read_metadata(path).num_rows, "kept": 0, "since": None}
        why = _keep(table, path, tables.now, tables.now, found)
    else:
        told, full_at = found, kept.full_at if kept else tables.now
        why = _keep(table, path, full_at, tables.now, None)
    tables.told[table.name] = told | {"all_because": why}


def _fetched(
    session: Session,
    table: Table,
    kept: Kept | None,
    path: Path,
    told: Callable[[int], None],
    tables: KeptTables,
) -> dict[str, Any] | str:
    """Write the rows of what changed and of what is kept; return why not, if not."""
    if kept is None:
        return "nothing_kept"
    return _why_all(table.how, kept, tables) or _joined(session, table, kept, path, told)


def _why_all(how: Incremental, kept: Kept, tables: KeptTables) -> str | None:
    """Return why all rows are fetched, None where only those are that may have changed."""
    if tables.full:
        return "asked"
    every = parse_duration(how.full_every or FULL_EVERY)
    return None if kept.full_at <= tables.now < kept.full_at + every else "due"


def _window(how: Incremental, kept: Kept) -> Window:
    back = parse_duration(how.look_back or LOOK_BACK)
    begins = kept.newest - back - (SLACK if kept.kind == TEXT else 0)
    return Window(kept.kind, begins, kept.undated)


def _joined(
    session: Session, table: Table, kept: Kept, path: Path, told: Callable[[int], None]
) -> dict[str, Any] | str:
    """Write the fetched rows and the kept ones that stay; return why not where that fails."""
    import duckdb

    window = _window(table.how, kept)
    modified = next(one for one in table.asked.columns if one.name == table.modified)
    late = (
        f"SELECT * FROM (\n{table.asked.rows}\n) AS rows WHERE {session.within(modified, window)}"
    )
    fetched = path.with_name(f"{path.name}.fetched")
    changed = Asked(late, table.asked.columns, table.asked.more)
    copy_rows(session, changed, fetched, None, told)
    try:
        with duckdb.connect(config=SCANNING) as connection:
            connection.execute(f"SET temp_directory = {literal(str(path.parent))}")
            if not _has_keys(connection, table, fetched):
                return "keys"
            gone = _gone(connection, table, window, fetched)
        stay = pq.read_metadata(table.rows).num_rows - len(gone)
        new = pq.read_metadata(fetched).num_rows
        write_batches(path, pq.read_schema(fetched), _batches(fetched, table.rows, gone))
    except (duckdb.IOException, duckdb.InvalidInputException, pa.ArrowException, OSError):
        return "nothing_kept"  # or nothing that can be read
    finally:
        fetched.unlink(missing_ok=True)
    return {"rows": new, "kept": stay, "since": window.text}


def _gone(
    connection: "DuckDBPyConnection", table: Table, window: Window, fetched: Path
) -> "np.ndarray[Any, Any]":
    """Return the numbers of the kept rows that go, in their order."""
    keys = ", ".join(map(quoted, table.keys))
    rows = f"(SELECT *, file_row_number FROM {parquet_rows([table.rows])})"
    found = connection.execute(f"""
        SELECT file_row_number FROM {rows} WHERE {within_window(quoted(table.modified), window)}
        UNION SELECT file_row_number FROM {rows}
          SEMI JOIN {parquet_rows([fetched])} USING ({keys})
        ORDER BY 1""").fetchnumpy()
    return found["file_row_number"]


def _batches(fetched: Path, kept: Path, gone: "np.ndarray[Any, Any]") -> Iterator[pa.RecordBatch]:
    """Give the fetched rows, then the kept ones but for those that go."""
    with pq.ParquetFile(fetched) as file:
        yield from file.iter_batches()
    first = 0
    with pq.ParquetFile(kept) as file:
        for batch in file.iter_batches():
            low, high = np.searchsorted(gone, (first, first + len(batch)))
            stays = np.ones(len(batch), dtype=bool)
            stays[gone[low:high] - first] = False
            yield batch.filter(pa.array(stays)) if high > low else batch
            first += len(batch)


def _has_keys(connection: "DuckDBPyConnection", table: Table, path: Path) -> bool:
    """Say whether every row has a key that no other has; as many hashes as rows prove it."""
    keys = ", ".join(map(quoted, table.keys))
    there = " AND ".join(f"{quoted(key)} IS NOT NULL" for key in table.keys)
    for distinct in (f"hash({keys})", f"row({keys})"):
        row = connection.execute(
            f"SELECT count(*) = count(DISTINCT {distinct}) FILTER ({there}), "
            f"bool_and({there}) FROM {parquet_rows([path])}"
        ).fetchone()
        if row is None or row[1] is False:
            return False
        if row[0]:
            return True
    return False


def _keep(table: Table, path: Path, full_at: Instant, now: Instant, why: str | None) -> str | None:
    """Keep the rows for the next refresh, and return why all were fetched.

    They are not kept where keys or times do not tell what changed, nor where the file system has no
    links.
    """
    import duckdb

    kind = kind_of(pq.read_schema(path).field(table.modified))
    newest, some_undated = None, True
    if kind is None:
        why = "times"
    else:
        value = quoted(table.modified)
        with duckdb.connect(config=SCANNING) as connection:
            connection.execute(f"SET temp_directory = {literal(str(path.parent))}")
            if why is not None and not _has_keys(connection, table, path):
                why = "keys"
            else:
                newest, some_undated = connection.execute(
                    f"SELECT {newest_sql(value, kind, table.entity, now)}, "
                    f"coalesce(bool_or({undated(value, kind)}), false) "
                    f"FROM {parquet_rows([path])}"
                ).fetchone() or (None, True)
                why = "times" if newest is None else why
    if kind is None or newest is None:
        shutil.rmtree(table.place, ignore_errors=True)
        return why
    there, salt = path.stat(), secrets.token_hex(16)
    size, changed = there.st_size, there.st_mtime_ns
    rules = table.rules(salt)
    with suppress(OSError):
        _write(table, path, Kept(rules, salt, kind, newest, some_undated, full_at, size, changed))
    return why


def _write(table: Table, path: Path, kept: Kept) -> None:
    make_folder(table.place.parent)
    draft = table.place.with_name(table.place.name + ".part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    os.link(path, draft / table.rows.name)
    (draft / "entry.json").write_bytes(KEPT.dump_json(kept))
    shutil.rmtree(table.place, ignore_errors=True)
    draft.replace(table.place)
