"""Read a Parquet file: its texts as those of a CSV file, typed values as texts.

The text of a typed value is the one that means the value.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from overtide.schemas.configuration.entities import Attribute
from overtide.schemas.names import literal, parquet_rows, quoted
from overtide.schemas.null_words import words_of_numbers
from overtide.schemas.numbers import shortest_sql
from overtide.schemas.source_paths import Path
from overtide.schemas.types import type_of
from overtide.schemas.types.attribute_type import AttributeType
from overtide.transforms.sources.contract import (
    FILE,
    LINES,
    NUMBER,
    Raw,
    SourceText,
    Write,
    raw_column,
)
from overtide.transforms.sources.parquet_mending import mended
from overtide.transforms.sources.texts import file_name, nameable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from duckdb.sqltypes import DuckDBPyType

NESTED = ("STRUCT", "MAP", "UNION", "VARIANT")
TEXTS = ("VARCHAR", "BLOB", "JSON")
NUMBERS = re.compile(r"number|DOUBLE|DECIMAL\(.*\)|U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER")
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
    copies = [(nameable(one), one.copy.with_suffix(".mended")) for one in files]
    source = parquet_rows(mended(copies, list(file.entity.columns)))
    relation = connection.sql(f"FROM {source} LIMIT 0")
    there = dict(zip(relation.columns, relation.types, strict=True))
    inputs = {name: one for name, one in file.entity.inputs.items() if one.column in there}
    found = {name: _found(one.path, there) for name, one in inputs.items()}
    types = dict(zip(file.layout.columns, file.layout.types, strict=False))
    for name, one in inputs.items():
        if types.get(one.column) == NUMBER:
            found[name] = (found[name][0], NUMBER)
    kinds = {name: kind for name, (_, kind) in found.items()}
    attributes = {name: _attribute(one.attribute, kinds[name]) for name, one in inputs.items()}
    wanted = {name: type_of(attributes[name].type) for name in inputs}
    values = [f"{value} AS __value_{place}" for place, (value, _) in enumerate(found.values())]
    texts = [
        f"{_text(f'__value_{place}', kinds[name], attributes[name], file.entity.time_zone)} AS "
        f"{raw_column(place)}"
        for place, name in enumerate(inputs)
    ]
    doubtful = frozenset(name for name in inputs if _is_doubtful(kinds[name], wanted[name]))
    return Raw(
        f"SELECT {', '.join([*texts, FILE])} "
        f"FROM (SELECT {', '.join([*values, f'{file_name(files)} AS {FILE}'])} FROM {source})",
        attributes,
        doubtful,
    )


def _found(path: Path, columns: Mapping[str, "DuckDBPyType"]) -> tuple[str, str]:
    """Return the SQL of the value at a path, and its SQL type; null where the schema lacks it.

    A single float becomes a double of the same digits.
    """
    value, kind = quoted(str(path[0])), columns[str(path[0])]
    for step in path[1:]:
        nested: dict[str, Any] = dict(kind.children) if kind.id in ("struct", "list") else {}
        within = "child" if kind.id == "list" and isinstance(step, int) else str(step)
        if within not in nested or (kind.id == "list" and within != "child"):
            return "NULL::VARCHAR", "VARCHAR"
        value = (
            f"{value}[{step + 1}]"
            if isinstance(step, int)
            else f"struct_extract({value}, {literal(step)})"
        )
        kind = nested[within]
    return (shortest_sql(value), "DOUBLE") if str(kind) == "FLOAT" else (value, str(kind))


def _is_doubtful(kind: str, wanted: AttributeType) -> bool:
    """Say whether a text of a column may hold a NUL and be none for it.

    Of most types no value is written with one.
    """
    return _is_nested(kind) or (
        wanted.is_text and (kind in (*TEXTS, NUMBER, "DOUBLE") or kind.startswith(TIMES))
    )


def _attribute(attribute: Attribute, kind: str) -> Attribute:
    """Return how the texts of a column are read.

    A decimal mark is about texts, a format about those and numbers, and a null word that is a
    number stands for that in a column of numbers.
    """
    if kind in TEXTS:
        return attribute
    words = attribute.null_words or []
    numbers = words_of_numbers(words) if NUMBERS.fullmatch(kind) else ()
    return Attribute(
        type=attribute.type,
        format=None if kind.startswith(TIMES) else attribute.format,
        true_words=attribute.true_words,
        false_words=attribute.false_words,
        null_words=[*words, *numbers],
    )


def _is_nested(kind: str) -> bool:
    return kind.startswith(NESTED) or kind.endswith("]")


def _text(column: str, kind: str, attribute: Attribute, time_zone: str) -> str:
    """Return the SQL of a column's text; one that begins with a NUL is no value of any type."""
    wanted = type_of(attribute.type)
    if kind == "BLOB":
        return wanted.raw_bytes(column)
    if _is_nested(kind):
        return f"chr(0) || to_json({column})::VARCHAR"
    if kind == NUMBER:
        return wanted.raw_number_text(column)
    if kind.startswith(TIMES):
        text = wanted.raw_time(column, kind, time_zone)
        return f"CASE WHEN {column} IS NOT NULL THEN {text} END"
    if attribute.null_words and NUMBERS.fullmatch(kind):
        return wanted.raw_number(column, kind)
    if kind == "DOUBLE":
        return wanted.raw_float(column)
    if kind.startswith("DECIMAL"):
        return wanted.raw_decimal(column, kind)
    text = f"{column}::VARCHAR"
    return wanted.raw_text(text) if kind in TEXTS else text
