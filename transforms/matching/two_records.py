"""What the rules compare of two records: their values as read, as compared, and their blocks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.names import parquet_rows, quoted
from overtide.schemas.types import type_of
from overtide.transforms.kernel import write_parquet
from overtide.transforms.matching.blocks import BlockFile
from overtide.transforms.matching.pairs import Search
from overtide.transforms.matching.rules import RuleMatcher
from overtide.transforms.matching.sizes import block_rows
from overtide.transforms.records import RECORD, Unified

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Texts = Mapping[str, str | None]
"""The values of a record by attribute, as canonical text."""


@dataclass(frozen=True)
class Two:
    """Two records, that of the later entity first; within one entity the smaller number first."""

    records: tuple[int, int]
    entities: tuple[str, str]
    values: tuple[Texts, Texts]

    @property
    def within(self) -> bool:
        """Whether both are of one entity."""
        return self.entities[0] == self.entities[1]


@dataclass(frozen=True)
class Values:
    """What a search compares of both records, and what of it is ignored, by place."""

    compared: tuple[Sequence[str | None], Sequence[str | None]]
    ignored: tuple[Sequence[str | None], Sequence[str | None]]


@dataclass(frozen=True)
class BlockOfTwo:
    """One of a rule's blocks: its value in each record, and how many records share the first's."""

    block: int
    values: tuple[str | None, str | None]
    records: int

    @property
    def shared(self) -> bool:
        """Whether both records have it."""
        return self.values[0] is not None and self.values[0] == self.values[1]


def texts_of(connection: "DuckDBPyConnection", one: Unified, record: int) -> Texts:
    """Return the values of a record."""
    names = list(one.entity.attributes)
    columns = ", ".join(
        type_of(one.entity.attribute(name).type).text_sql(quoted(name)) for name in names
    )
    row = connection.execute(
        f"SELECT {columns} FROM ({one.records}) WHERE {RECORD} = ?", [record]
    ).fetchone()
    return dict(zip(names, row or (), strict=True))


def values_of(connection: "DuckDBPyConnection", two: Two, files: Iterable[BlockFile]) -> Values:
    """Return what is compared of both, of the files of one of the search's blocks."""
    rows = [
        _row(connection, record, [file for file in files if file.entity == name])
        for record, name in zip(two.records, two.entities, strict=True)
    ]
    halves = [(row[::2], row[1::2]) for row in rows]
    return Values((halves[0][0], halves[1][0]), (halves[0][1], halves[1][1]))


def _row(
    connection: "DuckDBPyConnection", record: int, files: Sequence[BlockFile]
) -> tuple[str | None, ...]:
    columns = ", ".join(f"v{column}, i{column}" for column in files[0].columns)
    rows = parquet_rows(sorted({file.path for file in files}))
    query = f"SELECT {columns} FROM {rows} WHERE record = ?"
    return connection.execute(query, [record]).fetchone() or ()


def block_of_two(
    connection: "DuckDBPyConnection",
    matcher: RuleMatcher,
    search: Search,
    block: int,
    two: Two,
    files: Sequence[BlockFile],
) -> BlockOfTwo:
    """Return one of the blocks of a search for both records."""
    sides = [
        f"({block_rows(matcher, search, block, [file for file in files if file.entity == name])})"
        for name in two.entities
    ]
    values = [
        connection.execute(f"SELECT block FROM {side} WHERE record = ?", [record]).fetchone()
        for side, record in zip(sides, two.records, strict=True)
    ]
    one, other = (None if value is None else str(value[0]) for value in values)
    rows = " UNION ALL ".join(f"SELECT block FROM {side}" for side in dict.fromkeys(sides))
    counted = connection.execute(f"SELECT count(*) FROM ({rows}) WHERE block = ?", [one])
    (records,) = counted.fetchone() or (0,)
    return BlockOfTwo(block, (one, other), records)


def points_alone(
    connection: "DuckDBPyConnection",
    folder: Path,
    matcher: RuleMatcher,
    search: Search,
    two: Two,
    kinds: Mapping[int, Sequence[BlockFile]],
) -> int | None:
    """Return the score in ten-thousandths by which a rule joins both where no others are there.

    None where it does not. The rule itself compares them, in each of its blocks.
    """
    alone = replace(matcher, best_only=frozenset())
    found: list[int] = []
    for block, files in kinds.items():
        chosen = [
            _alone(connection, folder / f"{search.rule}-{block}-{number}.parquet", files, name, two)
            for number, name in enumerate(dict.fromkeys(two.entities))
        ]
        more = (block,) if search in matcher.scorings else ()
        key = (search.pair, search.rule, 0, *more)
        pairs = alone.compare(connection, folder, key, chosen)
        rows = connection.execute(f"SELECT points FROM {parquet_rows([pairs.path])}").fetchall()
        found += [points for (points,) in rows]
    return max(found, default=None)


def _alone(
    connection: "DuckDBPyConnection", path: Path, files: Sequence[BlockFile], name: str, two: Two
) -> BlockFile:
    own = [file for file in files if file.entity == name]
    rows = parquet_rows(sorted({file.path for file in own}))
    places = ", ".join(map(str, two.records))
    write_parquet(connection, f"SELECT * FROM {rows} WHERE record IN ({places})", path)
    return BlockFile(name, str(path), own[0].columns)
