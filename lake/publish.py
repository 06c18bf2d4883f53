"""Publish a refresh in one transaction of the lake.

The transaction replaces the base, keeps its history and names the run.

The order matters; each step of `publish` and of `_commit` says what another order would lose.
"""

import glob
import json
import secrets
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.lake.activity_files import named_by, signature_of
from overtide.lake.catalog import Publish, connect, expect_no_catalog, nothing_published
from overtide.lake.coordination import coordination
from overtide.lake.damage import write_anew
from overtide.lake.decide.present import history_begins
from overtide.lake.definitions import (
    columns_of,
    create_table,
    inline_up_to,
    insert_rows,
    table_columns,
)
from overtide.lake.overlay import INLINED_ROWS, create_overlay, transaction
from overtide.lake.sealed import with_those_beneath
from overtide.lake.standing import (
    Note,
    Standing,
    announce,
    carried_by,
    doubt,
    known,
    publish_before,
)
from overtide.schemas.crash import crash_point
from overtide.schemas.errors import SourceError
from overtide.schemas.instants import EARLIEST, HISTORY_DAYS, Clock, Instant
from overtide.schemas.names import ROW_ID, file_literal, literal, parquet_rows, quoted
from overtide.schemas.paths import Paths, StorageLocation
from overtide.schemas.serving_metadata import ServingMetadata, encoded
from overtide.schemas.signatures import Signature, signature
from overtide.schemas.table import SCHEMA, Table, create_statements
from overtide.schemas.tables import RUNS, SERVING_META

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Change:
    """What a refresh does to one table.

    Parquet files that replace its rows, or are appended to them, once those rows went that are in
    the file `gone`, if there is one: by their places in `ROW_ID`, where it has that, else by keys.
    """

    table: Table
    files: tuple[str, ...]
    replace: bool
    gone: str | None = None


@dataclass(frozen=True)
class RunRow:
    """What the row of `runs` says beside the instant: see `overtide.schemas.tables.RUNS`.

    `history_days` and the end of the log are as in `Publish`; `before` is the publish that is
    replaced, `serving` the metadata of the generation, from which reads go on where that is lost.
    """

    run: int
    generation: str
    configuration_hash: str
    code_version: str
    manifest: Mapping[str, object]
    history_days: int = HISTORY_DAYS
    before: Publish | None = None
    log_position: int = 0
    log_accepted_at: int = 0
    serving: ServingMetadata | None = None

    def published(self, at: Instant, forgotten: Instant) -> Publish:
        """Return the publish that the run becomes at an instant."""
        return Publish(
            self.run,
            at,
            self.generation,
            self.history_days,
            forgotten,
            self.log_position,
            self.log_accepted_at,
        )


NOTHING_REPLACED: Mapping[str, tuple[str, ...]] = {}
Define = Callable[["DuckDBPyConnection", Instant], None]
"""Defines views and macros through the publishing transaction's connection.

It is given the publish's `forgotten`.
"""


Taking = Callable[[], AbstractContextManager[Instant]]
"""Gives the earliest instant that a publish may take.

Until the block ends, no event is accepted.
"""


def publish(
    paths: Paths,
    changes: Sequence[Change],
    row: RunRow,
    clock: Clock,
    taking: Taking,
    define: Define,
    gone: Iterable[str] = (),
    replaced: Mapping[str, tuple[str, ...]] = NOTHING_REPLACED,
    threads: int = 1,
) -> Publish:
    """Make a refresh the base that readers see.

    The old base stays until the commit and when anything fails.

    It gets an instant after all events and publishes before it. `gone` are tables that this base
    has no more; those `replaced` are damaged, and begin anew with the rows of some files. As many
    `threads` look for the rows that go.
    """
    # 1. One writer at a time: else a commit of the stream could make this one start over.
    with coordination(paths).commit():
        before, whole = _known_before(paths), _whole(paths, row)
        with closing(connect(paths, read_only=False, threads=1)) as connection:
            # 2. The stream's tables, if it has not made them yet, and settings: these need
            # transactions of their own.
            _prepare(connection)
            # 3. All that follows is one transaction: else a reader between its steps sees a mix.
            connection.execute("BEGIN")
            write_anew(connection, replaced)
            _change_tables(connection, paths.storage, changes, gone, row, threads)
            # 4. Views after tables, since they name the columns. Upkeep waits for the lock, so that
            # it forgets nothing more by what the old base says.
            forgotten = history_begins(clock(), row.before) if row.before else 0
            define(connection, forgotten)
            crash_point("publish.before_run")
            published, standing = _commit(connection, paths, row, forgotten, taking, before, whole)
        # 9. Closing the catalog may write its journal into it: that was us, too.
        announce(paths, standing, whole)
    crash_point("publish.after_commit")
    return published


def _known_before(paths: Paths) -> Note | None:
    """Return what is known of the catalog before a publish.

    Of one that is not there yet, that nothing is published.
    """
    return known(paths) if paths.catalog.exists() else Note(Standing(None), [], [])


def _prepare(connection: "DuckDBPyConnection") -> None:
    """Create the stream's tables where they are missing, and let rows of the base lie in files."""
    with transaction(connection):
        create_overlay(connection)
    _keep_rows_in_files(connection)
    crash_point("publish.overlay_created")


def _commit(
    connection: "DuckDBPyConnection",
    paths: Paths,
    row: RunRow,
    forgotten: Instant,
    taking: Taking,
    before: Note | None,
    whole: Mapping[str, Signature],
) -> tuple[Publish, Standing]:
    """Take the publish's instant and commit; return it, and what the catalog says from then on."""
    # 5. The instant last, and no event from then on to the end: one with a later instant would be
    # shown by readers that do not have the publish yet. So the less is done from here on.
    last, carried = _last_publish(connection), carried_by(connection)
    with taking() as earliest:
        published = row.published(max(earliest, last + 1), forgotten)
        standing = Standing(published, *carried)
        _name_run(connection, published, row)
        crash_point("publish.before_commit")
        # 6. Announced, durably: readers of an earlier instant go on with the old base, and if this
        # process dies, whoever asks for a later one asks the catalog. The file they look into must
        # never be behind it.
        doubt(paths, published.published_at, before)
        crash_point("publish.doubted")
        # 7. The commit is the only point of truth; the serving generation was complete before it.
        connection.execute("COMMIT")
        crash_point("publish.committed")
        # 8. Named before events are accepted again, which then are later.
        announce(paths, standing, whole)
    return published, standing


def _whole(paths: Paths, row: RunRow) -> dict[str, Signature]:
    """Return the signatures of the serving generation that was just made, and its activities.

    Nobody need look whether they are whole, nor whether what it lies over is.
    """
    activities = named_by(paths, [row.generation])
    generations = with_those_beneath(paths, [row.generation])
    return {
        **{name: signature(paths.generation(name)) for name in generations},
        **{name: signature_of(paths.serving / name) for name in activities},
    }


def _keep_rows_in_files(connection: "DuckDBPyConnection") -> None:
    """Let rows of the base lie in files, which go when they are replaced.

    The few of `runs` may stay in the catalog.
    """
    inline_up_to(connection, 0)
    if columns_of(connection, RUNS.name):
        inline_up_to(connection, INLINED_ROWS, RUNS.name)


def _last_publish(connection: "DuckDBPyConnection") -> Instant:
    """Return the instant of the last publish, 0 before the first."""
    row = connection.execute(f'SELECT epoch_us(max("PublishedAt")) FROM {SCHEMA}.runs').fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def _change_tables(
    connection: "DuckDBPyConnection",
    storage: StorageLocation,
    changes: Sequence[Change],
    gone: Iterable[str],
    row: RunRow,
    threads: int,
) -> None:
    create_table(connection, RUNS)
    _keep_meta(connection, row.serving)
    there, same = table_columns(connection), _is_of(connection, row.before)
    some = with_rows(connection, [file for change in changes for file in change.files])
    # With several threads small statements take longer, and so does the commit.
    connection.execute(f"SET threads = {threads}")
    for change in changes:
        if change.gone is not None:
            _remove_rows(connection, change.table, change.gone, same)
    connection.execute("SET threads = 1")
    for change in changes:
        files = sorted(some.intersection(change.files))
        _apply(connection, storage, change, files, there.get(change.table.name), row.run)
    for name in gone:
        connection.execute(f"DROP TABLE IF EXISTS {SCHEMA}.{quoted(name)}")


def _apply(
    connection: "DuckDBPyConnection",
    storage: StorageLocation,
    change: Change,
    files: Sequence[str],
    there: dict[str, str] | None,
    run: int,
) -> None:
    """Change a table: `files` are those with rows, `there` its columns where it is there."""
    name = change.table.name
    wanted = {column.name: column.type for column in change.table.columns}
    if there is not None and change.replace:
        same = there == wanted
        connection.execute(f"{'DELETE FROM' if same else 'DROP TABLE'} {SCHEMA}.{quoted(name)}")
        there = there if same else None
        crash_point("publish.table_emptied")
    if there is None:
        for statement in create_statements(change.table):
            connection.execute(statement)
    for number, file in enumerate(files):
        # Where an older catalog was restored another run has this number, and its files must not be
        # taken for these.
        add_file(
            connection,
            storage,
            name,
            Path(file),
            f"run{run:06d}-{number:04d}-{secrets.token_hex(4)}.parquet",
        )


def _is_of(connection: "DuckDBPyConnection", before: Publish | None) -> bool:
    """Say whether the lake is as it was left by the publish that is replaced.

    Else its rows may have other places than those that were read.
    """
    return before is not None and _last_publish(connection) == before.published_at


def _remove_rows(connection: "DuckDBPyConnection", table: Table, gone: str, is_same: bool) -> None:
    """Delete the rows of a table that are in a file; raise where not all are there.

    Places count where the lake `is_same`, and no column is read for them.
    """
    rows, key = parquet_rows([gone]), ", ".join(map(quoted, table.key))
    which = f"({key}) IN (SELECT ({key}) FROM {rows})"
    if is_same and ROW_ID in _columns(connection, rows):
        which = f"rowid IN (SELECT {ROW_ID} FROM {rows})"
    query = f"DELETE FROM {SCHEMA}.{quoted(table.name)} WHERE {which}"
    (deleted,) = connection.execute(query).fetchone() or (0,)
    (wanted,) = connection.execute(f"SELECT count(*) FROM {rows}").fetchone() or (0,)
    if deleted != wanted:
        raise SourceError(
            "rows_lost",
            f"Of {wanted:,} rows of {table.name} that go, {deleted:,} are there.",
            table.name,
            "This is a fault of Overtide: report it, and run `overtide refresh --full`.",
        )
    crash_point("publish.rows_removed")


def _columns(connection: "DuckDBPyConnection", rows: str) -> set[str]:
    found = connection.execute(f"DESCRIBE FROM {rows}").fetchall()
    return {name for name, *_ in found}


def with_rows(connection: "DuckDBPyConnection", files: Sequence[str]) -> set[str]:
    """Return the files that hold rows.

    DuckLake takes no note of the others, and they would lie there for ever.
    """
    if not files:
        return set()
    found = connection.execute(
        "SELECT file_name FROM parquet_file_metadata(?) WHERE num_rows > 0",
        [[glob.escape(file) for file in files]],
    )
    return {file for (file,) in found.fetchall()}


def add_file(
    connection: "DuckDBPyConnection", storage: StorageLocation, table: str, file: Path, name: str
) -> None:
    """Move a Parquet file into the folder of a table and add it.

    Within the folder its path is kept relative.
    """
    place = storage.table(table) / name
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(file, place)
    crash_point("publish.file_moved")
    connection.execute(
        f"CALL ducklake_add_data_files('lake', {literal(table)}, {file_literal(place)}, "
        "ignore_extra_columns => true, hive_partitioning => false)"
    )


def _name_run(connection: "DuckDBPyConnection", published: Publish, row: RunRow) -> None:
    connection.execute(
        f"INSERT INTO {SCHEMA}.runs VALUES (?, make_timestamptz(?), ?, ?, ?, ?)",
        [
            row.run,
            published.published_at,
            row.generation,
            row.configuration_hash,
            row.code_version,
            json.dumps(dict(row.manifest), sort_keys=True),
        ],
    )
    connection.execute(f"COMMENT ON TABLE {SCHEMA}.runs IS {literal(published.comment())}")


def _keep_meta(connection: "DuckDBPyConnection", serving: ServingMetadata | None) -> None:
    """Write the serving generation's metadata into the lake, where it is not there yet."""
    create_table(connection, SERVING_META)
    documents = encoded(serving) if serving else {}
    rows = [
        (key, json.dumps(documents[key], sort_keys=True))
        for key in sorted(documents)
        if key != "run"
    ]
    if rows != connection.execute(f'SELECT * FROM {SCHEMA}.serving_meta ORDER BY "Key"').fetchall():
        connection.execute(f"DELETE FROM {SCHEMA}.serving_meta")
        if rows:
            insert_rows(connection, SERVING_META, rows)


def expect_lake(paths: Paths) -> Publish:
    """Return the publish in force.

    Raise `nothing_published` before the first, `lake_unreadable` without a catalog.

    Waits for no other publish that is in progress.
    """
    found = publish_before(paths, EARLIEST, lambda: False)
    if not paths.catalog.exists():
        expect_no_catalog(paths)
    if found is None:
        raise nothing_published(paths)
    return found
