"""Read a Parquet file: a text column is read as that of a CSV file, a typed one as the text that means its value."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from schemas.configuration import Attribute
from schemas.errors import OvertideError
from schemas.names import literal, parquet_rows, quoted
from transforms.raw import FILE, LINES, Raw, SourceText, Write, file_name, nameable, raw_column

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NESTED = ("STRUCT", "MAP", "UNION", "VARIANT")
TEXTS = ("VARCHAR", "BLOB")
WHOLE = ("integer", "boolean")
"""Attribute types whose numbers are whole."""


def read_parquet(connection: "DuckDBPyConnection", files: Sequence[SourceText], write: Write) -> tuple[int, str]:
    """Write the rows of Parquet files; return how many there are, and the SQL of no line: each row is whole."""
    return write(raw_rows(connection, files)), f"SELECT {LINES} WHERE false"


def raw_rows(connection: "DuckDBPyConnection", files: Sequence[SourceText]) -> Raw:
    """Return the untyped rows of files of the same columns and types.

    Formats and decimal marks are about texts, so typed columns have none.
    """
    file = files[0]
    _check_decimals(file)
    source = parquet_rows(map(nameable, files))
    kinds = {name: str(kind) for name, kind, *_ in connection.execute(f"DESCRIBE FROM {source}").fetchall()}
    known = [name for name in file.entity.attributes if name in kinds]
    attributes = {name: _attribute(file.entity.attribute(name), kinds[name]) for name in known}
    texts = [f"{_text(quoted(name), kinds[name], attributes[name].type, file.entity.time_zone)} AS {raw_column(place)}"
             for place, name in enumerate(known)]
    # The lake cannot compare a text with a NUL; of other types no value is written with one.
    doubtful = frozenset(name for name in known if _is_nested(kinds[name])
                         or (kinds[name] in TEXTS and attributes[name].type == "string"))
    return Raw(f"SELECT {', '.join([*texts, f'{file_name(files)} AS {FILE}'])} FROM {source}", attributes, doubtful)


def _check_decimals(file: SourceText) -> None:
    """DuckDB reads decimals of more than 38 digits as wrong numbers."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for column in pq.read_schema(nameable(file)):
        digits = column.type.precision if pa.types.is_decimal(column.type) else 0
        if digits > 38 and column.name in file.entity.attributes:
            raise OvertideError("unreadable_file", f"{file.shown}: {column.name} is a decimal of {digits} digits.",
                                file.shown, "Write it with at most 38 digits, or as text.")


def _attribute(attribute: Attribute, kind: str) -> Attribute:
    return attribute if kind in TEXTS else Attribute(type=attribute.type)


def _is_nested(kind: str) -> bool:
    return kind.startswith(NESTED) or kind.endswith("]")


def _text(column: str, kind: str, wanted: str, time_zone: str) -> str:
    """Return the SQL of a column's text; one that begins with a NUL is no value of any type."""
    if kind == "BLOB":  # texts of writers that do not say that they are texts
        return f"coalesce(try(decode({column})), chr(0) || {column}::VARCHAR)"
    if _is_nested(kind):
        return f"chr(0) || to_json({column})::VARCHAR"
    if kind.startswith("TIMESTAMP"):
        return _time(column, kind, wanted, time_zone)
    if kind in ("DOUBLE", "FLOAT") or kind.startswith("DECIMAL"):
        return _number(column, kind, wanted)
    return f"{column}::VARCHAR"


def _time(column: str, kind: str, wanted: str, time_zone: str) -> str:
    """A column of nanoseconds is cut to microseconds; a date is the day in the entity's zone."""
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"timezone({literal(time_zone)}, {column})::DATE::VARCHAR" if wanted == "date" else f"{column}::VARCHAR"
    return f"{column}::TIMESTAMP::{'DATE::' if wanted == 'date' else ''}VARCHAR"


def _number(column: str, kind: str, wanted: str) -> str:
    """Return the text of a number: a whole one has no point where only whole ones fit, and a decimal no exponent."""
    text = f"{column}::VARCHAR"
    if wanted in WHOLE:
        return f"CASE WHEN {column} = trunc({column}) AND abs({column}) < 1e19 THEN {column}::HUGEINT::VARCHAR " \
               f"ELSE {text} END"
    if wanted.startswith("decimal") and not kind.startswith("DECIMAL"):
        return f"CASE WHEN contains({text}, 'e') THEN coalesce(try_cast({column} AS {wanted.upper()})::VARCHAR, " \
               f"{text}) ELSE {text} END"
    return text
