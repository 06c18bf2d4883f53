"""Read a Parquet file: its texts as those of a CSV file, typed values as texts.

The text of a typed value is the one that means the value.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from overtide.schemas.configuration import Attribute
from overtide.schemas.errors import SourceError
from overtide.schemas.names import literal, parquet_rows, quoted
from overtide.schemas.numbers import plain_sql
from overtide.schemas.values import canonical_text
from overtide.transforms.sources.contract import FILE, LINES, Raw, SourceText, Write, raw_column
from overtide.transforms.sources.parquet_mending import mended
from overtide.transforms.sources.texts import file_name, marked, nameable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NESTED = ("STRUCT", "MAP", "UNION", "VARIANT")
TEXTS = ("VARCHAR", "BLOB", "JSON")
FLOATS = {"DOUBLE": "1e15", "FLOAT": "1e7"}
"""Up to where the whole numbers of a type are all of its own digits."""
NUMBERS = ("integer", "double", "decimal")
"""Attribute types that read a number however it is written."""
TIMES = ("DATE", "TIMESTAMP")


def read_parquet(
    connection: "DuckDBPyConnection", files: Sequence[SourceText], write: Write
) -> tuple[int, str]:
    """Write the rows of Parquet files; return how many there are, and the SQL of no line.

    Each row is whole.
    """
    return write(raw_rows(connection, files)), f"SELECT {LINES} WHERE false"


def raw_rows(connection: "DuckDBPyConnection", files: Sequence[SourceText]) -> Raw:
    """Return the untyped rows of files of the same columns and types.

    Formats and decimal marks are about texts, so typed columns have none.
    """
    file = files[0]
    _check_decimals(file)
    copies = [(nameable(one), one.copy.with_suffix(".mended")) for one in files]
    source = parquet_rows(mended(copies, list(file.entity.attributes)))
    kinds = {
        name: str(kind)
        for name, kind, *_ in connection.execute(f"DESCRIBE FROM {source}").fetchall()
    }
    known = [name for name in file.entity.attributes if name in kinds]
    attributes = {name: _attribute(file.entity.attribute(name), kinds[name]) for name in known}
    texts = [
        (
            f"{_text(quoted(name), kinds[name], attributes[name].type, file.entity.time_zone)} AS "
            f"{raw_column(place)}"
        )
        for place, name in enumerate(known)
    ]
    doubtful = frozenset(name for name in known if _is_doubtful(kinds[name], attributes[name].type))
    return Raw(
        f"SELECT {', '.join([*texts, f'{file_name(files)} AS {FILE}'])} FROM {source}",
        attributes,
        doubtful,
    )


def _is_doubtful(kind: str, wanted: str) -> bool:
    """Say whether a text of a column may hold a NUL and be none for it.

    Of most types no value is written with one.
    """
    return _is_nested(kind) or (
        wanted == "string" and (kind in TEXTS or kind in FLOATS or kind.startswith(TIMES))
    )


def _check_decimals(file: SourceText) -> None:
    """DuckDB reads decimals of more than 38 digits as wrong numbers."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for column in pq.read_schema(nameable(file)):
        digits = column.type.precision if pa.types.is_decimal(column.type) else 0
        if digits > 38 and column.name in file.entity.attributes:
            raise SourceError(
                "unreadable_file",
                f"{file.shown}: {column.name} is a decimal of {digits} digits.",
                file.shown,
                "Write it with at most 38 digits, or as text.",
            )


def _attribute(attribute: Attribute, kind: str) -> Attribute:
    """Return how the texts of a column are read.

    A decimal mark is about texts, a format about those and numbers.
    """
    if kind in TEXTS:
        return attribute
    return Attribute(
        type=attribute.type, format=None if kind.startswith(TIMES) else attribute.format
    )


def _is_nested(kind: str) -> bool:
    return kind.startswith(NESTED) or kind.endswith("]")


def _text(column: str, kind: str, wanted: str, time_zone: str) -> str:
    """Return the SQL of a column's text; one that begins with a NUL is no value of any type."""
    if kind == "BLOB":
        return _bytes(column, wanted)
    if _is_nested(kind):
        return f"chr(0) || to_json({column})::VARCHAR"
    if kind.startswith(TIMES):
        return _time(column, kind, wanted, time_zone)
    if kind in FLOATS:
        return _float(column, kind, wanted)
    if kind.startswith("DECIMAL") and not wanted.startswith(NUMBERS):
        return _decimal(column, kind)
    text = f"{column}::VARCHAR"
    return marked(text) if kind in TEXTS and wanted == "string" else text


def _none(text: str, wanted: str) -> str:
    """Return the SQL of a text that is no value, not even of a string."""
    return f"chr(0) || {text}" if wanted == "string" else text


def _bytes(column: str, wanted: str) -> str:
    """Return undeclared texts as texts, and 16 bytes as the GUID that they are.

    Some writers do not say that their texts are texts.
    """
    text = f"try(decode({column}))"
    text = (
        f"coalesce({marked(text) if wanted == 'string' else text}, "
        f"{_none(f'{column}::VARCHAR', wanted)})"
    )
    return (
        text
        if wanted != "guid"
        else f"CASE WHEN octet_length({column}) = 16 THEN hex({column}) ELSE {text} END"
    )


def _float(column: str, kind: str, wanted: str) -> str:
    """Return the text of a number.

    NaN is how some writers say that there is none, and infinities are no numbers.
    """
    if wanted.startswith(NUMBERS):
        return f"CASE WHEN NOT isnan({column}) THEN {column}::VARCHAR END"
    return (
        f"CASE WHEN isinf({column}) THEN {_none(f'{column}::VARCHAR', wanted)} "
        f"WHEN NOT isnan({column}) THEN {plain_sql(column, FLOATS[kind])} END"
    )


def _decimal(column: str, kind: str) -> str:
    """Return the text of a decimal without the zeros of its scale."""
    text = canonical_text(column, kind.lower())
    return text if kind.endswith(",0)") else f"rtrim(rtrim({text}, '0'), '.')"


def _time(column: str, kind: str, wanted: str, time_zone: str) -> str:
    """Return the ISO 8601 text of a time.

    Of a time with a zone the day in the entity's, where a date is wanted.
    """
    text = f"coalesce(try({column}::VARCHAR), 'a time that no calendar has')"
    if kind == "TIMESTAMP WITH TIME ZONE" and wanted == "date":
        text = f"timezone({literal(time_zone)}, {column})::DATE::VARCHAR"
    if wanted == "string":
        written = {"DATE": "%Y-%m-%d", "TIMESTAMP WITH TIME ZONE": "%Y-%m-%dT%H:%M:%S.%fZ"}
        known = f"strftime({column}, '{written.get(kind, '%Y-%m-%dT%H:%M:%S.%f')}')"
        text = (
            f"CASE WHEN year({column}) BETWEEN 1 AND 9999 THEN {known} ELSE "
            f"{_none(text, wanted)} END"
        )
    return f"CASE WHEN {column} IS NOT NULL THEN {text} END"
