"""Read one source file, type its columns, and name everything that could not be read.

The result is one Parquet file of typed rows with a last column `__corrupt` (JSON, null where nothing is wrong), and one
Parquet file of the lines that are no rows. Source of the rules: semantics 4.2.
"""

import codecs
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.configuration import Attribute, Entity
from schemas.errors import OvertideError
from schemas.names import columns, literal, quoted
from schemas.values import duckdb_type
from transforms.column_types import expectation, from_text
from transforms.kernel import count, write_parquet
from transforms.sources import columns_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CORRUPT = "__corrupt"
MAX_LINE = 16 * 1024 * 1024
LINES_COLUMNS = "CorruptionDetails VARCHAR, Record VARCHAR, Line BIGINT"


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


def ingest(connection: "DuckDBPyConnection", name: str, entity: Entity, source: Path, folder: Path,
           number: int) -> IngestedFile:
    """Read the file `source` of an entity into `folder`; `number` makes the names of the results unique."""
    found = columns_of(source, entity)
    check_header(name, entity, source, found)
    raw = raw_rows(connection, entity, source, found, folder, number)
    rows_path, lines_path = folder / f"rows-{number}.parquet", folder / f"lines-{number}.parquet"
    rows = write_parquet(connection, typed_rows(entity, raw, found), rows_path)
    lines = write_parquet(connection, rejected_lines(entity, source), lines_path)
    known = set(entity.attributes)
    return IngestedFile(name, source.name, str(rows_path), str(lines_path), rows, lines,
                        tuple(column for column in found if column not in known))


def check_header(name: str, entity: Entity, source: Path, found: list[str]) -> None:
    """Raise `missing_column` or `duplicate_column` when a file's columns cannot be those of its entity."""
    twice = sorted({column for column in found if found.count(column) > 1})
    if twice:
        raise OvertideError("duplicate_column", f"{source} has the column {twice[0]} more than once.", name,
                            "Give every column its own name.")
    missing = [column for column in entity.attributes
               if column not in found and not entity.attribute(column).optional]
    if missing:
        raise OvertideError("missing_column",
                            f"{source} has no column {', '.join(missing)} (it has {', '.join(found)}).", name,
                            f"Correct the file, or mark the attribute of {name} `optional: true`.")


def raw_rows(connection: "DuckDBPyConnection", entity: Entity, source: Path, found: list[str], folder: Path,
             number: int) -> str:
    """Return the SQL of a file's untyped rows."""
    if entity.format == "parquet":
        return f"SELECT * FROM read_parquet({literal(str(source))})"
    text = in_utf8(source, entity.encoding, folder / f"utf8-{number}.txt")
    connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    if entity.format == "jsonl":
        return json_rows(connection, text, entity)
    kinds = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in found)
    return f"SELECT * FROM read_csv({literal(str(text))}, auto_detect = false, header = true, " \
           f"delim = {literal(entity.delimiter)}, quote = '\"', escape = '\"', columns = {{{kinds}}}, " \
           f"store_rejects = true, rejects_limit = 0, strict_mode = true, max_line_size = {MAX_LINE}, " \
           "buffer_size = " + str(4 * MAX_LINE) + ")"


def in_utf8(source: Path, encoding: str, copy: Path) -> Path:
    """Return the file itself when it is UTF-8, else a copy that is; raise `wrong_encoding` where it cannot be read."""
    if codecs.lookup(encoding).name in ("utf-8", "ascii", "utf-8-sig"):
        return source
    copy.parent.mkdir(parents=True, exist_ok=True)
    try:
        with source.open(encoding=encoding, newline="") as text, copy.open("w", encoding="utf-8", newline="") as out:
            while block := text.read(1 << 22):
                out.write(block)
    except UnicodeError as error:
        raise OvertideError("wrong_encoding", f"{source} is not {encoding}: {error}.", str(source),
                            "Correct `encoding` of the entity.") from None
    return copy


def json_rows(connection: "DuckDBPyConnection", source: Path, entity: Entity) -> str:
    """Return the SQL of a JSON lines file's rows as text; remember the lines that are no JSON object."""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE json_lines AS SELECT row_number() OVER () AS line, trim(text, ' ' || chr(9) || "
        f"chr(13) || chr(65279)) AS text FROM (SELECT unnest(string_split(content, chr(10))) AS text "
        f"FROM read_text({literal(str(source))}))")
    values = ", ".join(f"text ->> {literal('$.' + quoted(name))} AS {quoted(name)}" for name in entity.attributes)
    connection.execute("CREATE OR REPLACE TEMP TABLE json_lines AS SELECT *, CASE WHEN json_valid(text) "
                       "THEN json_type(text) = 'OBJECT' ELSE false END AS good FROM json_lines WHERE text <> ''")
    return f"SELECT {values} FROM json_lines WHERE good"


def typed_rows(entity: Entity, raw: str, found: list[str]) -> str:
    """Return the SQL of typed rows with `__corrupt`: `{"details": reasons, "record": the raw values}` or null."""
    known = [name for name in entity.attributes if name in found]
    return f"""
        WITH raw AS ({raw}),
        text AS (SELECT {', '.join(f"{quoted(name)}::VARCHAR AS {quoted('raw ' + name)}" for name in known)} FROM raw),
        typed AS (SELECT *, {', '.join(_typed(name, entity, found) for name in entity.attributes)} FROM text)
        SELECT {columns(entity.attributes)}, {_corruption(entity, known)} AS {CORRUPT} FROM typed"""


def _typed(name: str, entity: Entity, found: list[str]) -> str:
    attribute = entity.attribute(name)
    if name not in found:
        return f"NULL::{duckdb_type(attribute.type)} AS {quoted(name)}"
    return f"{from_text(quoted('raw ' + name), attribute, entity.time_zone)} AS {quoted(name)}"


def _corruption(entity: Entity, known: list[str]) -> str:
    typed = [name for name in known if entity.attribute(name).type != "string"]
    if not typed:
        return "NULL::VARCHAR"
    reasons = ", ".join(_reason(name, entity.attribute(name)) for name in typed)
    wrong = " OR ".join(_wrong(name) for name in typed)
    record = ", ".join(f"{literal(name)}, {quoted('raw ' + name)}" for name in known)
    return f"CASE WHEN {wrong} THEN json_object('details', concat_ws('; ', {reasons}), " \
           f"'record', json_object({record}))::VARCHAR END"


def _wrong(name: str) -> str:
    return f"({quoted(name)} IS NULL AND trim({quoted('raw ' + name)}) <> '')"


def _reason(name: str, attribute: Attribute) -> str:
    sentence = f"{name}: expected {expectation(attribute)} but found "
    return f"CASE WHEN {_wrong(name)} THEN {literal(sentence)} || to_json({quoted('raw ' + name)}) END"


def rejected_lines(entity: Entity, source: Path) -> str:
    """Return the SQL of the lines that were no rows: CorruptionDetails, Record (the line), Line."""
    if entity.format == "csv":
        return "SELECT 'line: ' || lower(string_agg(error_type::VARCHAR || ' ' || error_message, '; ' " \
               "ORDER BY column_idx)) AS CorruptionDetails, trim(any_value(csv_line), chr(10) || chr(13)) AS Record, " \
               "line::BIGINT AS Line FROM reject_errors GROUP BY line"
    if entity.format == "jsonl":
        return "SELECT 'line: not a JSON object' AS CorruptionDetails, text AS Record, line AS Line " \
               "FROM json_lines WHERE NOT good"
    return f"SELECT NULL::VARCHAR AS CorruptionDetails, {literal(source.name)} AS Record, 0::BIGINT AS Line WHERE false"


def without_key(primary_key: str) -> str:
    """Return the SQL condition of a typed row that has no primary key."""
    return f"{quoted(primary_key)} IS NULL OR trim({quoted(primary_key)}::VARCHAR) = ''"


def keyless_count(connection: "DuckDBPyConnection", path: str, primary_key: str) -> int:
    """Count the rows of a typed file that have no primary key."""
    return count(connection, f"SELECT count(*) FROM read_parquet({literal(path)}) WHERE {without_key(primary_key)}")
