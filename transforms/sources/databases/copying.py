"""Copy what entities need out of databases, as Parquet files."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import OvertideError, SetupError, SourceError
from overtide.transforms.sources.contract import MORE
from overtide.transforms.sources.databases.contract import Located, Session, TableColumn
from overtide.transforms.sources.databases.kinds import KINDS
from overtide.transforms.sources.parquet_types import MARK
from overtide.transforms.sources.staged import staged_path

ROW_GROUP = 100_000


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
) -> Copied:
    """Copy the rows of the entities of a database, out of one state of it.

    The first ones if `most` says how many.
    """
    files: dict[str, Path] = {}
    wrong: dict[str, OvertideError] = {}
    try:
        with KINDS[located.database.kind].opened(located) as session:
            for name, entity in entities.items():
                try:
                    path = staged_path(folder, name, entity.origin)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    _copy(session, entity, path, most, partial(told, name))
                    files[name] = path
                except SourceError as error:
                    wrong[name] = error
                    session.recover()
    except (SourceError, SetupError) as error:
        wrong |= {name: error for name in entities if name not in files and name not in wrong}
    return Copied(files, wrong)


def _copy(
    session: Session, entity: Entity, path: Path, most: int | None, told: Callable[[int], None]
) -> None:
    rows = session.rows_of(entity)
    columns = session.columns(rows)
    needed = [column for column in columns if column.name in entity.columns]
    more = [column.name for column in columns if column.name not in entity.columns]
    metadata = {MORE: json.dumps(more).encode()}
    if not needed:
        pq.write_table(pa.table({}).replace_schema_metadata(metadata), path)
        return
    found = session.read(rows, needed, most)
    schema = _marked(found.schema, needed).with_metadata(metadata)
    batches = _guarded(session, found.batches)
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1) as writer:
        for some in _in_groups(batches):
            told(sum(map(len, some)))
            writer.write_table(pa.Table.from_batches(some, found.schema).cast(schema), ROW_GROUP)


def _marked(schema: pa.Schema, columns: list[TableColumn]) -> pa.Schema:
    return pa.schema(
        [
            field.with_metadata(MARK) if column.number else field
            for field, column in zip(schema, columns, strict=True)
        ]
    )


def _guarded(session: Session, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Give batches; raise what goes wrong meanwhile as an error of ours."""
    try:
        yield from batches
    except Exception as error:  # noqa: BLE001 - each kind has its own; all are raised
        raise session.failure(error) or error from None


def _in_groups(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """Give as many batches at once as make a row group."""
    for first in batches:
        some, rows = [first], len(first)
        for batch in batches if rows < ROW_GROUP else ():
            some.append(batch)
            rows += len(batch)
            if rows >= ROW_GROUP:
                break
        yield some
