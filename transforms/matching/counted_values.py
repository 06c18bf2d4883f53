"""Values that count by how many records have them: `shared_by` and `known_by` of comparisons.

Where some records alone are matched, the others have theirs, too: how many records there are of
each value is counted by hashes, in the table `MatchValue`. Of ten million values two have one hash
with a probability of 1 in 100,000.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.names import literal, parquet_rows
from overtide.transforms.kernel import write_parquet
from overtide.transforms.matching.block_hashes import with_nodes
from overtide.transforms.matching.compared import Compared
from overtide.transforms.records import Unified

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def numbers_of(sides: Iterable[Compared]) -> frozenset[int]:
    """Return the numbers of records from which on a value is another one to some side."""
    return frozenset(number for side in sides for number in _numbers(side))


def _numbers(side: Compared) -> Iterator[int]:
    if side.shared_by is not None:
        yield side.shared_by + 1
    if side.condition.known_by is not None:
        yield side.condition.known_by


def without_shared(
    connection: "DuckDBPyConnection",
    sides: Sequence[Compared],
    written: Path,
    path: Path,
    counted: str | None,
) -> Path:
    """Return the file without values that too many or too few records share.

    It is `written` where any number may. Those of too few are not told as ignored. Where records
    are `counted` (of each value by its hash, those of few left out), they are not in the file.
    """
    replaced = []
    for place, side in enumerate(sides):
        value, most, least = f"v{place}", side.shared_by, side.condition.known_by
        if most is None and least is None:
            continue
        gone = []
        if most is not None:
            gone.append(shared := _have(written, side, place, most + 1, counted))
            replaced.append(f"CASE WHEN {shared} THEN {value} ELSE i{place} END AS i{place}")
        if least is not None:
            gone.append(f"NOT {_have(written, side, place, least, counted)}")
        replaced.append(f"CASE WHEN {' OR '.join(gone)} THEN NULL ELSE {value} END AS {value}")
    if not replaced:
        return written
    query = f"SELECT * REPLACE ({', '.join(replaced)}) FROM {parquet_rows([written])}"
    write_parquet(connection, query, path)
    return path


def _have(written: Path, side: Compared, place: int, number: int, counted: str | None) -> str:
    """Return the SQL of whether at least so many records have a value."""
    if counted is not None:
        many = f"SELECT Value FROM {parquet_rows([counted])} WHERE Records >= {number}"
        return f"({_hash(side, place)} IN ({many}))"
    value = f"v{place}"
    return (
        f"({value} IN (SELECT {value} FROM {parquet_rows([written])} WHERE {value} IS NOT NULL "
        f"GROUP BY {value} HAVING count(*) >= {number}))"
    )


def _hash(side: Compared, place: int) -> str:
    prefix = chr(31).join((side.name, str(place), ""))
    return f"(hash({literal(prefix)} || v{place}) >> 1)::BIGINT"


def write_values(
    connection: "DuckDBPyConnection",
    entity: Unified,
    sides: Sequence[Compared],
    written: Path,
    path: Path,
) -> str | None:
    """Write the nodes of records with the hashes of their values that are counted.

    Return their file, None where nothing is counted. `written` is what is compared of them, also
    what too many or too few have.
    """
    of_each = [
        f"SELECT node, {_hash(side, place)} AS value FROM compared WHERE v{place} IS NOT NULL"
        for place, side in enumerate(sides)
        if numbers_of([side])
    ]
    if not of_each:
        return None
    write_parquet(
        connection,
        f"""
        WITH compared AS ({with_nodes(entity, written)})
        SELECT node AS "Record", value AS "Value" FROM ({" UNION ALL ".join(of_each)})""",
        path,
    )
    return str(path)
