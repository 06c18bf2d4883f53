"""Read JSON lines: every line is one object, or is set aside with what is wrong with it.

A value is the text that a CSV file would hold for it, as for a posted record; nested values are no values. DuckDB takes
the plain lines apart. Those that it could read otherwise than a posted record is read (numbers that it would write in
another way or with another decimal mark, keys given twice, escaped NULs) and those that it cannot read at all go
through Python first.
"""

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from schemas.configuration import Entity
from schemas.errors import OvertideError
from schemas.names import file_literal, literal
from schemas.numbers import number_text
from schemas.strict_json import parse_line
from schemas.values import checked_text
from transforms import raw
from transforms.kernel import define
from transforms.raw import Raw, SourceText, Write, in_utf8, raw_column

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SUSPECT = r"\\u0000|,\s*}|:\s*-?(?i:nan|inf)"
"""Lines that hold this may mean something else to DuckDB, or nothing to JSON; others merely take longer for it."""
REWRITTEN = r"(-?(\d+(\.\d+)?[eE]|[\d.]{17}|0\.0000)|-0\s*[,}])"
"""Numbers whose text DuckDB may change; as doubles they are the same."""
POINTED = r"-?\d+\.0+\s*[,}]"
"""Whole numbers that DuckDB would write with a point."""
NUMERIC = ("integer", "double", "decimal")
NESTED = r":\s*[\[{]"
DELIMITER = "\x01"
"""A character that no JSON line holds as it is, for a CSV reader that is to find one column."""


def read_json(connection: "DuckDBPyConnection", file: SourceText, write: Write) -> tuple[int, str]:
    """Write the rows of a file; return how many there are, and the SQL of the lines that are no rows."""
    import duckdb

    define(connection, plain_json, ["VARCHAR", "VARCHAR"], "VARCHAR")
    text = in_utf8(file)
    try:
        _load(connection, text, file.entity)
    except (duckdb.InvalidInputException, duckdb.NotImplementedException):
        cleaned = file.copy.with_suffix(".cleaned")
        clean(text, cleaned)
        _load(connection, cleaned, file.entity)
    aside = "FROM json_lines WHERE NOT starts_with(plain, '{')"
    return write(raw_rows(file)), f"SELECT plain AS CorruptionDetails, text AS Record, line AS Line {aside}"


def _load(connection: "DuckDBPyConnection", text: Path, entity: Entity) -> None:
    """Create `json_lines` (line, text, plain): `plain` is an object that DuckDB reads rightly, or what is wrong."""
    plain = f"plain_json(text, {literal(json.dumps(_with_commas(entity)))})"
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE json_lines AS
        WITH lines AS (
            SELECT row_number() OVER () AS line, trim(text, ' ' || chr(9) || chr(13) || chr(65279)) AS text
            FROM read_csv({file_literal(text)}, auto_detect = false, hive_partitioning = false, header = false,
                          columns = {{'text': 'VARCHAR'}}, delim = '{DELIMITER}', quote = '', escape = '',
                          strict_mode = true, max_line_size = {raw.MAX_LINE}, buffer_size = {4 * raw.MAX_LINE}))
        SELECT line, text, CASE
            WHEN NOT json_valid(text) THEN {plain}
            WHEN json_type(text) <> 'OBJECT' OR regexp_matches(text, {literal(foreign(entity))})
                OR len(list_distinct(json_keys(text))) < len(json_keys(text)) THEN {plain}
            ELSE text END AS plain
        FROM lines WHERE text <> ''""")


def foreign(entity: Entity) -> str:
    """Return the pattern of lines that DuckDB might read otherwise than a posted record is read."""
    kinds = {name: entity.attribute(name).type for name in entity.attributes}
    groups = (([name for name, kind in kinds.items() if kind != "double"], REWRITTEN),
              ([name for name, kind in kinds.items() if not kind.startswith(NUMERIC)], POINTED),
              (_with_commas(entity), r"-?\d"))
    return "|".join([SUSPECT, *(f"({'|'.join(map(_key, names))})\\s*:\\s*{number}"
                                for names, number in groups if names)])


def _with_commas(entity: Entity) -> list[str]:
    """Return the attributes with a decimal comma, in which the numbers of JSON have none."""
    return [name for name in entity.attributes if entity.attribute(name).decimal_mark == ","]


def _key(name: str) -> str:
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", json.dumps(name, ensure_ascii=False))


def raw_rows(file: SourceText) -> Raw:
    """Return the untyped rows of the objects in `json_lines`; a key that an object lacks is null."""
    attributes = {name: file.entity.attribute(name) for name in file.entity.attributes}
    paths = "[" + ", ".join(literal(_pointer(name)) for name in attributes) + "]"
    values = ", ".join(f"CASE WHEN kinds[{place}] IN ('OBJECT', 'ARRAY') THEN chr(0) || texts[{place}] "
                       f"ELSE texts[{place}] END AS {raw_column(place - 1)}" for place in range(1, len(attributes) + 1))
    query = f"""
        SELECT __line, {values} FROM (
            SELECT line AS __line, json_extract_string(plain, {paths}) AS texts,
                   CASE WHEN regexp_matches(plain, {literal(NESTED)}) THEN json_type(plain, {paths}) END AS kinds
            FROM json_lines WHERE starts_with(plain, '{{'))"""
    return Raw(query, attributes, frozenset(attributes), "__line")


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


def plain_json(texts: pa.ChunkedArray, commas: pa.ChunkedArray) -> pa.Array:
    """Return each line as a flat object of texts, as a CSV file would hold them, or as what is wrong with it.

    `commas` is a JSON list of the attributes with a decimal comma.
    """
    marked = [frozenset(json.loads(one.as_py())) for one in commas[:1]]
    return pa.array([_plain(text, *marked) for text in texts.to_pylist()], pa.string())


def _plain(text: str, commas: frozenset[str]) -> str:
    try:
        document = parse_line(text)
    except OvertideError as error:
        return f"line: not a JSON object: {error.message.removeprefix('This is no JSON document: ').rstrip('.')}"
    if not isinstance(document, dict):
        return "line: not a JSON object"
    return json.dumps({name: _text(value, "," if name in commas else ".") for name, value in document.items()},
                      ensure_ascii=False)


def _text(value: Any, mark: str) -> str | bool | None:  # noqa: ANN401 - whatever JSON holds
    """Return the text of a value; one that no store can keep, and a nested one, begins with a NUL."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _number(value, mark)
    if isinstance(value, str) and checked_text(value) is not None:
        return value
    return "\0" + _shown(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _number(value: float, mark: str) -> str | None:
    """NaN is how some writers say that there is no number."""
    if math.isnan(value):
        return None
    text = number_text(value)
    return text.replace(".", mark) if text[-1].isdigit() else f"\0{text}"


def _shown(text: str) -> str:
    return text.replace("\0", "\\u0000").encode(errors="backslashreplace").decode()


def clean(source: Path, copy: Path) -> None:
    """Copy a file so that DuckDB finds its lines: one kind of line ends, and nothing in a line that ends its reading.

    What was no UTF-8 becomes an escape that JSON does not know, and a line that is too long is cut, so both are set
    aside.
    """
    with source.open(encoding="utf-8", errors="backslashreplace", newline=None) as lines, \
            copy.open("w", encoding="utf-8", newline="\n") as out:
        for line in lines:
            whole = len(line) * 4 <= raw.MAX_LINE or len(line.encode()) < raw.MAX_LINE
            out.write((line if whole else line[:1000] + "\n").replace(DELIMITER, "\\x01"))
