"""Write the activities of a base in place: see `overtide.lake.activity_files`.

They are named after the content of the table, so that a refresh which changes none writes nothing.
"""

import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from overtide.lake.activity_files import (
    ABOUT,
    BATCH,
    CUSTOMERS,
    FILES,
    IDS,
    OF_KIND,
    OF_ROW,
    PREFIX,
    ROWS,
    checksum_of,
    customers_in,
    is_whole,
    number_of_customers,
    over_of,
)
from overtide.lake.generation import Generation
from overtide.lake.sorted_keys import ID_BYTES
from overtide.schemas.crash import crash_point
from overtide.schemas.folders import make_folder, sync_folder
from overtide.schemas.names import literal
from overtide.schemas.paths import Paths

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

READ, PART, AHEAD = 20_480, 1 << 16, "64MB"
"""Rows that are in Python's hands at once, entries of a part of an index, and rows read ahead."""
NAME, DIGITS = "activities1-", 16
"""How the names of folders of this layout begin, and how many digits of the content follow."""
MOST, FEW = 10, 1_000
"""Activities are laid over those of others up to one customer in so many, or a few."""
QUERY = f"""SELECT CustomerId, epoch_us(ActivityTime) AS time, {{kind}} AS kind,
    {", ".join(OF_ROW)}, ActivityId AS id FROM ({{rows}})"""
DIGIT_OF = np.zeros(256, np.uint8)
"""The value of each hex digit, by its letter."""
DIGIT_OF[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
SCHEMA = pa.schema(
    [("time", pa.int64()), ("kind", pa.uint16()), *((name, pa.string()) for name in OF_ROW)]
)


Kind = tuple[str | None, ...]
"""The values of `OF_KIND`."""


class _OutOfOrderError(Exception):
    """The rows are not in the order of customers."""


@dataclass(frozen=True)
class Over:
    """Activities that are there, in a folder, but for those of some customers."""

    name: str
    customers: frozenset[str]


def over_before(
    connection: "DuckDBPyConnection", paths: Paths, generation: str, content: str, changed: str
) -> Over | None:
    """Return what activities may be laid over, None where all must be written.

    `changed` is the SQL of the rows that came and went since those that a serving generation names,
    whose content hash is `content`.
    """
    with closing(Generation(paths.generation(generation))) as before:
        name = before.timelines
    if name is None or not name.startswith(f"{NAME}{content[:DIGITS]}-"):
        return None
    if not is_whole(paths, name):
        return None
    rows = connection.execute(f"SELECT DISTINCT CustomerId FROM ({changed})").fetchall()
    customers, over = {one for (one,) in rows}, over_of(paths, name)
    if over is not None:
        customers.update(customers_in(paths, name))
    under = over or name
    if len(customers) > max(FEW, number_of_customers(paths, under) // MOST):
        return None
    return Over(under, frozenset(customers))


def build_activities(
    connection: "DuckDBPyConnection",
    paths: Paths,
    content: str,
    rows_with: Callable[[str], str],
    over: Over | None = None,
) -> str:
    """Write the activities whose content hash is `content`; return their name.

    `rows_with` gives the SQL of those that are left by a join; `connection` runs it and may spill.
    Where they are there already nothing is written. Of those that are laid `over` others only those
    of its customers are.
    """
    name = f"{NAME}{content[:DIGITS]}"
    for folder in paths.serving.glob(f"{name}-*"):
        if is_whole(paths, folder.name):
            return folder.name
    make_folder(paths.serving)
    draft = paths.serving / f"{name}.part"
    if over is not None:
        ids = pa.array(sorted(over.customers), pa.string())
        connection.register("laid_over", pa.table({"CustomerId": ids}))
        names = ", ".join(("CustomerId", "ActivityId", "ActivityTime", *OF_KIND, *OF_ROW))
        left = rows_with(" SEMI JOIN laid_over USING (CustomerId)")
        connection.execute(f"""
            CREATE OR REPLACE TEMP TABLE laid AS SELECT {names} FROM ({left})
            ORDER BY CustomerId, ActivityTime, SourceActivityId""")
    rows = rows_with("") if over is None else "FROM laid"
    kinds = _kinds_in(connection, rows)
    query = QUERY.format(rows=rows, kind=_number_of(kinds))
    try:
        _write(connection, draft, query, kinds, over)
    except _OutOfOrderError:
        _write(connection, draft, f"{query} ORDER BY CustomerId", kinds)
    crash_point("activities.filled")
    return _finished(draft, name)


def _kinds_in(connection: "DuckDBPyConnection", rows: str) -> list[Kind]:
    """Return what kinds of activities there are among rows, in order."""
    kinds = f"SELECT DISTINCT {', '.join(OF_KIND)} FROM ({rows}) ORDER BY ALL"
    return connection.execute(kinds).fetchall()


def _number_of(kinds: Sequence[Kind]) -> str:
    """Return the SQL of the number of a row's kind: one text is compared where that tells them."""
    by_entity = len({kind[-1] for kind in kinds}) == len(kinds)
    told = slice(len(OF_KIND) - 1, None) if by_entity else slice(None)
    cases = " ".join(
        f"WHEN {_same(kind[told], OF_KIND[told])} THEN {number}"
        for number, kind in enumerate(kinds)
    )
    return f"(CASE {cases} END)::USMALLINT" if kinds else "0::USMALLINT"


def _same(values: Kind, columns: Sequence[str]) -> str:
    return " AND ".join(
        f"{name} IS NOT DISTINCT FROM {'NULL' if value is None else literal(value)}"
        for name, value in zip(columns, values, strict=True)
    )


def _write(
    connection: "DuckDBPyConnection",
    draft: Path,
    query: str,
    kinds: Sequence[Kind],
    over: Over | None = None,
) -> None:
    shutil.rmtree(draft, ignore_errors=True)
    make_folder(draft)
    index = _Index(kinds)
    connection.execute(f"SET streaming_buffer_size = '{AHEAD}'")
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_file(draft / ROWS, SCHEMA, options=options) as writer:
        for chunk in _whole_batches(
            index.noted(one) for one in connection.execute(query).to_arrow_reader(READ)
        ):
            writer.write_table(chunk, max_chunksize=BATCH)
    customers = index.customers(over.customers if over else ())
    _write_index(draft / CUSTOMERS, *customers, index.about(over.name if over else None))
    _write_index(draft / IDS, *index.ids(), {})


def _whole_batches(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Give the rows in tables of whole batches; the last one may have fewer."""
    rest = SCHEMA.empty_table()
    for table in tables:
        # Most tables are of whole batches: nothing is left then, and nothing copied.
        joined = pa.concat_tables([rest, table]).combine_chunks() if rest.num_rows else table
        whole = joined.num_rows // BATCH * BATCH
        yield joined.slice(0, whole)
        rest = joined.slice(whole)
    yield rest


@dataclass
class _Index:
    """What is found out about the rows while they are written."""

    kinds: Sequence[Kind]
    number: int = 0
    last: str = ""
    begins: list[NDArray[np.uint32]] = field(default_factory=list)
    owners: list[bytes] = field(default_factory=list)
    prefixes: list[NDArray[np.uint64]] = field(default_factory=list)

    def noted(self, batch: pa.RecordBatch) -> pa.Table:
        """Take note of rows, and return them as they are written."""
        self._note_customers(batch["CustomerId"])
        self.prefixes.append(_numbers(batch["id"]))
        self.number += batch.num_rows
        return pa.Table.from_batches([batch.select(SCHEMA.names)]).cast(SCHEMA)

    def _note_customers(self, ids: pa.StringArray) -> None:
        if not len(ids):
            return
        changes = np.flatnonzero(pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)) + 1
        first = [] if ids[0].as_py() == self.last else [0]
        places = np.concatenate([np.array(first, dtype=np.int64), changes])
        if not len(places):
            return
        owners = ids.take(pa.array(places))
        rises = pc.all(pc.less(owners[:-1], owners[1:]), min_count=0).as_py()
        if not rises or owners[0].as_py() < self.last:
            raise _OutOfOrderError
        self.begins.append((places + self.number).astype(np.uint32))
        self.owners.append(bytes.fromhex("".join(owners.to_pylist())))
        self.last = owners[-1].as_py()

    def customers(self, others: Collection[str] = ()) -> tuple[pa.Array, pa.Array]:
        """Return the customers in order, and the place of the first activity of each.

        Of `others` too, who have none: the place of the next one's.
        """
        keys, places = b"".join(self.owners), _joined(self.begins, np.dtype(np.uint32))
        if others:
            keys, places = _with_others(keys, places, others, self.number)
        number = len(keys) // ID_BYTES
        owners = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(ID_BYTES), number, [None, pa.py_buffer(keys)]
        )
        return owners, pa.array(places)

    def ids(self) -> tuple[pa.Array, pa.Array]:
        """Return how ActivityIds begin, in order, and their places."""
        prefixes = _joined(self.prefixes, np.dtype(np.uint64))
        order = np.argsort(prefixes)
        return pa.array(prefixes[order]), pa.array(order.astype(np.uint32))

    def about(self, over: str | None) -> dict[bytes, bytes]:
        """Return the metadata of the customers."""
        told = {"rows": self.number, "kinds": list(self.kinds), "over": over, "batch": BATCH}
        return {ABOUT: json.dumps(told).encode()}


def _with_others(
    keys: bytes, places: NDArray[np.uint32], others: Iterable[str], number: int
) -> tuple[bytes, NDArray[np.uint32]]:
    """Return the keys of customers with places, and those of others who have no activity."""
    begins = [keys[place : place + ID_BYTES] for place in range(0, len(keys), ID_BYTES)]
    place_of = dict(zip(begins, places.tolist(), strict=True))
    every = sorted({*begins, *map(bytes.fromhex, others)})
    found = [number]
    for key in reversed(every):
        found.append(place_of.get(key, found[-1]))
    return b"".join(every), np.array(found[:0:-1], dtype=np.uint32)


def _numbers(ids: pa.StringArray) -> NDArray[np.uint64]:
    """Return the numbers whose first hex digits these are, the highest first.

    ActivityIds of sources all have one length; DuckDB would take four times as long.
    """
    _, ends, content = ids.buffers()
    if not len(ids) or content is None:
        return np.array([], dtype=np.uint64)
    begin, after = np.frombuffer(ends, np.int32)[[ids.offset, ids.offset + len(ids)]].tolist()
    letters = np.frombuffer(content, np.uint8, after - begin, begin).reshape(len(ids), -1)
    digits = DIGIT_OF[letters[:, :PREFIX]]
    return (digits[:, ::2] << 4 | digits[:, 1::2]).view(">u8").ravel().astype(np.uint64)


def _joined(parts: list[np.ndarray], kind: np.dtype) -> np.ndarray:
    return np.concatenate([np.array([], dtype=kind), *parts])


def _write_index(path: Path, keys: pa.Array, places: pa.Array, about: dict[bytes, bytes]) -> None:
    table = pa.Table.from_arrays([keys, places], ["key", "place"]).replace_schema_metadata(about)
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=PART)


def _sync(draft: Path) -> None:
    for file in FILES:
        with (draft / file).open("rb+") as written:
            os.fsync(written.fileno())
    sync_folder(draft)


def _finished(draft: Path, name: str) -> str:
    """Make a draft durable and give it its name; it is summed up while the disk writes."""
    with ThreadPoolExecutor(1) as disk:
        synced = disk.submit(_sync, draft)
        name = f"{name}-{checksum_of(draft):08x}"
        synced.result()
    shutil.rmtree(draft.with_name(name), ignore_errors=True)
    draft.replace(draft.with_name(name))
    sync_folder(draft.parent)
    crash_point("activities.named")
    return name


def remove_activities(folder: Path, keep: set[str]) -> list[str]:
    """Remove the activities that no generation names any more, and drafts; return their names."""
    gone = [one for one in sorted(folder.glob(f"{NAME}*")) if one.name not in keep]
    for one in gone:
        shutil.rmtree(one, ignore_errors=True)
    return [one.name for one in gone]
