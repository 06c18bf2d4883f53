"""The content hash of a table.

Free of the order of rows, the same on every runner and in every layout.

A row's canonical text is the texts of its columns in order, joined by a separator that no text
holds, but for columns that follow from others (`Table.following`); the hash of a table is the
number of its rows, and the sum and the exclusive or of the first 64 bits of each row's SHA-256. Of
a table that is written in the order of its key, rows whose keys begin alike are hashed together
instead, in that order and by columns: DuckDB's SHA-256 costs five times the one of Python, which in
turn is slow for short texts. Where the extra `fast` is installed, another library makes the same
digests of many rows. Source of the rule: semantics 4.7.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from overtide.schemas.names import PLACE, parquet_rows, quoted
from overtide.transforms.digests import TEXT, first_halves, is_fast
from overtide.transforms.in_turn import in_order

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SEPARATOR, NULL = "chr(28)", "chr(29)"
"""Within a text chr(29) is written as chr(29) chr(30), and chr(28) as chr(29) chr(31)."""
HALF = 16
"""Hex digits that are kept of a digest."""
WIDE = 500
"""Columns beyond which a table is hashed by `_wide_row`.

That takes five times as long for each value.
"""
BATCH = 50_000
"""Rows that are in Python's hands at once."""
MANY = 20_000
"""So many rows are hashed by the processor's own SHA-256, if that is installed."""
VECTOR, AT_ONCE = 4096, 1 << 23
"""The rows of a batch as DuckDB has them, and the bytes that are hashed at once."""
LOW_BITS, LOW_BITS_SET = np.uint64(32), np.uint64(2**32 - 1)
"""Numbers are added in two halves: numpy's sums end at 64 bits."""


@dataclass(frozen=True)
class Fingerprint:
    """The content of a part of a table; parts add up to the whole in any order."""

    rows: int
    total: int
    parity: int

    def __add__(self, other: "Fingerprint") -> "Fingerprint":
        """Return the fingerprint of both parts together."""
        return Fingerprint(
            self.rows + other.rows, self.total + other.total, self.parity ^ other.parity
        )

    def __sub__(self, part: "Fingerprint") -> "Fingerprint":
        """Return the fingerprint of what is left when a part goes."""
        return Fingerprint(
            self.rows - part.rows, self.total - part.total, self.parity ^ part.parity
        )

    def hex(self) -> str:
        """Return the content hash: 64 hex characters."""
        return hashlib.sha256(f"{self.rows}:{self.total}:{self.parity}".encode()).hexdigest()


EMPTY = Fingerprint(0, 0, 0)


def canonical_row(types: dict[str, str]) -> str:
    """Return the SQL of a row's canonical text; `types` maps the columns to their SQL types.

    Few rows hold a text that must be escaped, so most are spared the search in each of their
    values.
    """
    if len(types) > WIDE:
        return _wide_row(types)
    texts = [quoted(name) for name, kind in types.items() if kind == "VARCHAR"]
    values = (f"coalesce({_text(*column)}, {NULL})" for column in types.items())
    plain = f"concat({f', {SEPARATOR}, '.join(values)})"  # concat_ws takes a sixth longer
    if not texts:
        return plain
    escaped = ", ".join(
        (
            f"coalesce({_escaped(_text(name, kind)) if kind == 'VARCHAR' else _text(name, kind)}, "
            f"{NULL})"
        )
        for name, kind in types.items()
    )
    together = f"concat({', '.join(texts)})"
    special = " OR ".join(f"contains({together}, {letter})" for letter in (SEPARATOR, NULL))
    return f"CASE WHEN {special} THEN concat_ws({SEPARATOR}, {escaped}) ELSE {plain} END"


def _wide_row(types: dict[str, str]) -> str:
    """Return the same text by one expression for all columns.

    DuckDB thinks long about thousands of them.
    """
    texts = ", ".join(_text(*column) for column in types.items())
    return (
        f"array_to_string(list_transform([{texts}], lambda one: coalesce({_escaped('one')}, "
        f"{NULL})), {SEPARATOR})"
    )


def _text(name: str, kind: str) -> str:
    if kind == "VARCHAR":
        return quoted(name)
    return (
        f"epoch_us({quoted(name)})::VARCHAR"
        if kind.startswith("TIMESTAMP")
        else f"{quoted(name)}::VARCHAR"
    )


def _escaped(text: str) -> str:
    return f"replace(replace({text}, {NULL}, chr(29) || chr(30)), {SEPARATOR}, chr(29) || chr(31))"


def fingerprint(connection: "DuckDBPyConnection", rows: str, types: dict[str, str]) -> Fingerprint:
    """Return the fingerprint of the rows of a query, over the columns named in `types`."""
    if is_fast() and _number_of(connection, rows) >= MANY:
        return _by_processor(connection, rows, types)
    row = connection.execute(f"""
        WITH hashed AS (SELECT ('0x' || left(sha256({canonical_row(types)}), {HALF}))::UBIGINT AS
          digest FROM ({rows}))
        SELECT count(*), coalesce(sum(digest), 0), coalesce(bit_xor(digest), 0)
          FROM hashed""").fetchone()
    return Fingerprint(*map(int, row or (0, 0, 0)))


def fingerprint_of_files(
    connection: "DuckDBPyConnection", files: Sequence[str | Path], types: dict[str, str]
) -> Fingerprint:
    """Return the same of the rows of Parquet files.

    What a query gives to Python one thread of DuckDB makes, so of many rows each has a slice.
    """
    rows = [pq.read_metadata(file).num_rows for file in files]
    if not any(rows):
        return EMPTY
    threads = _threads(connection) if is_fast() and PLACE not in map(str.lower, types) else 1
    slices = max(1, min(threads, sum(rows) // MANY))
    if slices == 1:
        return fingerprint(connection, f"FROM {parquet_rows(files)}", types)

    def part(number: int) -> Fingerprint:
        low, high = (max(rows) * one // slices for one in (number, number + 1))
        placed = parquet_rows(files, f", {PLACE} = true")
        with connection.cursor() as cursor:
            query = f"FROM {placed} WHERE {PLACE} >= {low} AND {PLACE} < {high}"
            return _by_processor(cursor, query, types)

    with ThreadPoolExecutor(slices) as pool:
        return reduce(Fingerprint.__add__, pool.map(part, range(slices)), EMPTY)


def _threads(connection: "DuckDBPyConnection") -> int:
    row = connection.execute("SELECT current_setting('threads')").fetchone()
    return int(row[0]) if row else 1


def _number_of(connection: "DuckDBPyConnection", rows: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM ({rows})").fetchone()
    return int(row[0]) if row else 0


def _by_processor(
    connection: "DuckDBPyConnection", rows: str, types: dict[str, str]
) -> Fingerprint:
    """Return the same: DuckDB makes the texts, while another thread hashes those before."""
    query = f"SELECT {canonical_row(types)} AS {TEXT} FROM ({rows})"
    texts = _together(connection.execute(query).to_arrow_reader(VECTOR))
    with ThreadPoolExecutor(1) as hashing:
        parts = in_order(hashing, _of_texts, texts, ahead=2)
        return reduce(Fingerprint.__add__, parts, EMPTY)


def _together(batches: Iterable[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """Give as many batches together as are worth a call, however long their texts are."""
    some: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        some.append(batch)
        size += batch.nbytes
        if size >= AT_ONCE:
            yield some
            some, size = [], 0
    if some:
        yield some


def _of_texts(texts: list[pa.RecordBatch]) -> Fingerprint:
    digests = first_halves(texts)
    high, low = (int(part.sum()) for part in (digests >> LOW_BITS, digests & LOW_BITS_SET))
    return Fingerprint(len(digests), (high << 32) + low, int(np.bitwise_xor.reduce(digests)))


def fingerprint_in_order(
    connection: "DuckDBPyConnection", rows: Sequence[str], types: dict[str, str], group: str
) -> Fingerprint:
    """Return the fingerprint of rows in a total order of their values, group by group.

    The rows of a group come together.

    `group` is the SQL of an integer. Each of the queries `rows` is hashed by a thread of its own;
    like the parts of a table they add up to the whole, since no group is in two of them.
    """
    chosen = ", ".join(
        [f"({group})::INTEGER", *(_fixed(name, kind) for name, kind in types.items())]
    )

    def part(query: str) -> Fingerprint:
        with connection.cursor() as cursor:
            batches = cursor.execute(f"SELECT {chosen} FROM ({query})").to_arrow_reader(BATCH)
            return reduce(Fingerprint.__add__, map(_of_group, _groups(batches)), EMPTY)

    with ThreadPoolExecutor(len(rows)) as threads:
        return reduce(Fingerprint.__add__, threads.map(part, rows), EMPTY)


def _fixed(name: str, kind: str) -> str:
    """Return the SQL of a column whose Arrow array is texts, or values of some whole bytes each."""
    if kind.startswith("TIMESTAMP"):
        return f"epoch_us({quoted(name)})"
    return f"{quoted(name)}::TINYINT" if kind == "BOOLEAN" else quoted(name)


@dataclass
class _Group:
    number: int
    rows: int
    digests: list["hashlib._Hash"]


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[_Group]:
    """Give every group with the hashes of its columns, wherever batches begin and end."""
    group: _Group | None = None
    for batch in batches:
        numbers = batch.column(0).to_numpy()
        columns = [_Column.of(array) for array in batch.columns[1:]]
        edges = (np.flatnonzero(np.diff(numbers)) + 1).tolist()
        for begin, end in pairwise([0, *edges, len(numbers)] if len(numbers) else []):
            if group is None or group.number != numbers[begin]:
                if group is not None:
                    yield group
                group = _Group(int(numbers[begin]), 0, [hashlib.sha256() for _ in 2 * columns])
            group.rows += end - begin
            for column, shape, values in zip(
                columns, group.digests[::2], group.digests[1::2], strict=True
            ):
                shape.update(column.shape[begin:end])
                values.update(column.values[column.ends[begin] : column.ends[end]])
    if group is not None:
        yield group


@dataclass(frozen=True)
class _Column:
    """A column as it lies in memory: for each row -1 for null, else a text's bytes or 0.

    The values, and their ends.
    """

    shape: memoryview
    values: memoryview
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, array: pa.Array) -> "_Column":
        """Read an array; what lies in memory for a null is anything, so it is emptied."""
        nulls = array.is_null().to_numpy(zero_copy_only=False)
        if pa.types.is_string(array.type):
            array = array.fill_null("") if array.null_count else array
            _, ends, values = array.buffers()
            placed = np.frombuffer(ends, np.int32)[
                array.offset : array.offset + len(array) + 1
            ].astype(np.int64)
            lengths = np.where(nulls, -1, np.diff(placed)).astype(np.int32)
            return cls(lengths.data, memoryview(values or b""), placed)
        if pa.types.is_floating(array.type):
            array = pc.add(array, 0.0)  # -0.0 is 0.0
        width = array.type.bit_width // 8
        rows = np.frombuffer(array.buffers()[1], np.uint8)[
            array.offset * width : (array.offset + len(array)) * width
        ]
        if array.null_count:
            rows = np.where(nulls.repeat(width), 0, rows).astype(np.uint8)
        return cls((-nulls.astype(np.int8)).data, rows.data, np.arange(len(array) + 1) * width)


def _of_group(group: _Group) -> Fingerprint:
    columns = b"".join(digest.digest() for digest in group.digests)
    digest = int(hashlib.sha256(columns).hexdigest()[:HALF], 16)
    return Fingerprint(group.rows, digest, digest)
