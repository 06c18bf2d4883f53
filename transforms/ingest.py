"""Read one source file, type its columns, and name everything that could not be read.

The result is one Parquet file of typed rows with a last column `__corrupt` (JSON, null where nothing is wrong), and one
Parquet file of the lines that are no rows. Source of the rules: semantics 4.2.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.configuration import Entity
from schemas.errors import OvertideError
from schemas.names import columns, literal, quoted
from schemas.null_words import without_null_words
from schemas.values import duckdb_type
from transforms.column_types import allow_rare_values, expectation, from_text
from transforms.csv_reading import read_csv
from transforms.json_reading import read_json
from transforms.kernel import write_parquet
from transforms.parquet_reading import read_parquet
from transforms.raw import Raw, SourceText, Write
from transforms.sources import expected_columns, new_columns, within

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CORRUPT = "__corrupt"
Reader = Callable[["DuckDBPyConnection", SourceText, Write], tuple[int, str]]
READERS: dict[str, Reader] = {"csv": read_csv, "jsonl": read_json, "parquet": read_parquet}


@dataclass(frozen=True)
class IngestedFile:
    """What became of one source file: the typed rows, the lines set aside, and their counts."""

    entity: str
    source: str
    rows_path: str
    lines_path: str
    rows: int
    lines: int
    new_columns: tuple[str, ...]


def ingest(connection: "DuckDBPyConnection", name: str, entity: Entity, source: Path, folder: Path, number: int,
           project: Path) -> IngestedFile:
    """Read the file `source` of an entity into `folder`; `number` makes the names of the results unique."""
    shown = within(project, source)
    found = expected_columns(source, shown, name, entity)
    rows_path, lines_path = folder / f"rows-{number}.parquet", folder / f"lines-{number}.parquet"
    file = SourceText(entity, source, shown, found, folder / f"text-{number}.utf8")
    allow_rare_values(connection)
    with readable(source, shown):
        rows, aside = READERS[entity.format](
            connection, file, lambda raw: write_parquet(connection, typed_rows(entity, raw), rows_path))
        lines = write_parquet(connection, aside, lines_path)
    return IngestedFile(name, shown, str(rows_path), str(lines_path), rows, lines,
                        tuple(new_columns(found, entity)))


@contextmanager
def readable(source: Path, shown: str) -> Iterator[None]:
    """Turn what DuckDB cannot read at all into the error of the file."""
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        reason = str(error).strip().splitlines()[0].replace(str(source), shown)
        raise OvertideError("unreadable_file", f"{shown} cannot be read: {reason}", shown,
                            "Correct the file, or `format` and `encoding` of the entity.") from None


def typed_rows(entity: Entity, raw: Raw) -> str:
    """Return the SQL of typed rows with `__corrupt`: `{"details", "line", "record": the raw values}` or null.

    It is never null in a row without primary key.
    """
    return f"""
        WITH raw AS ({raw.query}),
        typed AS (SELECT *, {', '.join(_typed(name, entity, raw) for name in entity.attributes)} FROM raw)
        SELECT {columns(entity.attributes)}, {_corruption(entity, raw)} AS {CORRUPT} FROM typed"""


def _typed(name: str, entity: Entity, raw: Raw) -> str:
    if name not in raw.attributes:
        return f"NULL::{duckdb_type(entity.attribute(name).type)} AS {quoted(name)}"
    text = _text(name, entity, raw)
    typed = from_text(text, raw.attributes[name], entity.time_zone)
    if name == entity.primary_key and raw.attributes[name].type == "string":
        typed = f"CASE WHEN trim({text}) <> '' THEN {text} END"  # a blank key is none
    return f"{f'CASE WHEN NOT starts_with({text}, chr(0)) THEN {typed} END' if name in raw.doubtful else typed} " \
           f"AS {quoted(name)}"


def _corruption(entity: Entity, raw: Raw) -> str:
    typed = [name for name, attribute in raw.attributes.items() if attribute.type != "string" or name in raw.doubtful]
    reasons = ", ".join(_reason(name, entity, raw) for name in typed) or "NULL"
    wrong = " OR ".join([f"{quoted(entity.primary_key)} IS NULL", *(_wrong(name, entity, raw) for name in typed)])
    record = ", ".join(f"{literal(name)}, {_shown(name, raw)}" for name in raw.attributes)
    return f"CASE WHEN {wrong} THEN json_object('details', concat_ws('; ', {reasons}), 'line', {raw.line}, " \
           f"'record', json_object({record}))::VARCHAR END"


def _text(name: str, entity: Entity, raw: Raw) -> str:
    return without_null_words(raw.column(name), entity.attribute(name).null_words)


def _wrong(name: str, entity: Entity, raw: Raw) -> str:
    return f"({quoted(name)} IS NULL AND trim({_text(name, entity, raw)}) <> '')"


def _reason(name: str, entity: Entity, raw: Raw) -> str:
    sentence = f"{name}: expected {expectation(raw.attributes[name])} but found "
    return f"CASE WHEN {_wrong(name, entity, raw)} THEN {literal(sentence)} || to_json({_shown(name, raw)}) END"


def _shown(name: str, raw: Raw) -> str:
    text = raw.column(name)
    return f"CASE {text}[1] WHEN chr(0) THEN {text}[2:] ELSE {text} END" if name in raw.doubtful else text
