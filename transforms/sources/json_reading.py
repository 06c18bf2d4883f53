"""Read JSON lines: every line is one object, or is set aside with what is wrong with it.

A value is the text that a CSV file would hold for it, as for a posted record; nested values are no
values. DuckDB takes the plain lines apart. Those that it could read otherwise than a posted record
is read (numbers that it would write in another way or with another decimal mark, keys given twice,
escaped NULs) and those that it cannot read at all go through Python first.
"""

import hashlib
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from overtide.schemas.configuration.entities import Attribute, Entity
from overtide.schemas.errors import InvalidValueError
from overtide.schemas.names import file_literal, literal
from overtide.schemas.numbers import number_text
from overtide.schemas.strict_json import parse_line
from overtide.schemas.types import type_of
from overtide.schemas.values import checked_text
from overtide.transforms.kernel import define
from overtide.transforms.sources import contract
from overtide.transforms.sources.contract import FILE, Raw, SourceText, Write, raw_column
from overtide.transforms.sources.lines import bounded_lines
from overtide.transforms.sources.texts import buffers, file_name, in_utf8

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SUSPECT = r"\\u0000|,\s*}|:\s*-?(?i:nan|inf)"
"""Lines that hold this may mean something else to DuckDB, or nothing to JSON.

Others merely take longer for it.
"""
REWRITTEN = r"(-?(\d+(\.\d+)?[eE]|[\d.]{17}|0\.0000)|-0\s*[,}])"
"""Numbers whose text DuckDB may change; as doubles they are the same."""
POINTED = r"-?\d+\.0+\s*[,}]"
"""Whole numbers that DuckDB would write with a point."""
NESTED = r":\s*[\[{]"
WIDE = 100
"""Attributes of which DuckDB takes the texts out of an object.

It seeks each among all keys, so of more Python does.
"""
_WIDE: dict[str, list[str]] = {}
"""The attributes of wide entities, by a key that a query can hold."""
DELIMITER = "\x01"
"""A character that no JSON line holds as it is, for a CSV reader that is to find one column."""


def read_json(
    connection: "DuckDBPyConnection", files: Sequence[SourceText], write: Write
) -> tuple[int, str]:
    """Write the rows of files.

    Return how many there are, and the SQL of the lines that are no rows.
    """
    import duckdb

    define(connection, plain_json, ["VARCHAR", "VARCHAR"], "VARCHAR")
    define(connection, texts_of, ["VARCHAR", "VARCHAR"], "VARCHAR[]")
    texts = [in_utf8(file) for file in files]
    try:
        _load(connection, files, texts)
    except (duckdb.InvalidInputException, duckdb.NotImplementedException):
        cleaned = [file.copy.with_suffix(".cleaned") for file in files]
        for text, copy in zip(texts, cleaned, strict=True):
            clean(text, copy)
        _load(connection, files, cleaned)
    aside = (
        f"SELECT plain AS CorruptionDetails, text AS Record, line AS Line, {FILE} AS FileName "
        "FROM json_lines WHERE NOT starts_with(plain, '{')"
    )
    return write(raw_rows(files[0].entity)), aside


def _load(
    connection: "DuckDBPyConnection", files: Sequence[SourceText], texts: Sequence[Path]
) -> None:
    """Create `json_lines` (line, text, plain and the file).

    `plain` is an object that DuckDB reads, or what is wrong.

    Lines are read in order, so those of a file are numbered one after the other.
    """
    entity = files[0].entity
    plain = f"plain_json(text, {literal(json.dumps(_with_commas(entity)))})"
    several = (
        "number - min(number) OVER (PARTITION BY file_index) + 1" if len(files) > 1 else "number"
    )
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE json_lines AS
        WITH numbered AS (
            SELECT row_number() OVER () AS number, file_index, {file_name(files)} AS {FILE},
                   trim(text, ' ' || chr(9) || chr(13) || chr(65279)) AS text
            FROM read_csv([{", ".join(map(file_literal, texts))}], auto_detect = false,
                          hive_partitioning = false, header = false, columns =
                            {{'text': 'VARCHAR'}},
                          delim = '{DELIMITER}', quote = '', escape = '',
                          strict_mode = true, {buffers(texts)})),
        lines AS (SELECT {several} AS line, {FILE}, text FROM numbered)
        SELECT line, {FILE}, text, CASE
            WHEN {len(entity.attributes) > WIDE} OR NOT json_valid(text) THEN {plain}
            WHEN json_type(text) <> 'OBJECT' OR regexp_matches(text, {literal(foreign(entity))})
                OR len(list_distinct(json_keys(text))) < len(json_keys(text)) THEN {plain}
            ELSE text END AS plain
        FROM lines WHERE text <> ''""")


def foreign(entity: Entity) -> str:
    """Return the pattern of lines that DuckDB might read otherwise than a posted record is read."""
    kinds = {name: type_of(entity.attribute(name).type) for name in entity.attributes}
    groups = (
        ([name for name, kind in kinds.items() if kind.is_exact], REWRITTEN),
        ([name for name, kind in kinds.items() if not kind.is_number], POINTED),
        (_with_commas(entity), r"-?\d"),
    )
    return "|".join(
        [
            SUSPECT,
            *(
                f"({'|'.join(map(_key, names))})\\s*:\\s*{number}"
                for names, number in groups
                if names
            ),
        ]
    )


def _with_commas(entity: Entity) -> list[str]:
    """Return the attributes with a decimal comma, in which the numbers of JSON have none."""
    return [name for name in entity.attributes if entity.attribute(name).decimal_mark == ","]


def _key(name: str) -> str:
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", json.dumps(name, ensure_ascii=False))


def raw_rows(entity: Entity) -> Raw:
    """Return the untyped rows of the objects in `json_lines`.

    A key that an object lacks is null.
    """
    attributes = {name: entity.attribute(name) for name in entity.attributes}
    if len(attributes) > WIDE:
        return _wide_rows(attributes)
    paths = "[" + ", ".join(literal(_pointer(name)) for name in attributes) + "]"
    values = ", ".join(
        f"CASE WHEN kinds[{place}] IN ('OBJECT', 'ARRAY') THEN chr(0) || texts[{place}] "
        f"ELSE texts[{place}] END AS {raw_column(place - 1)}"
        for place in range(1, len(attributes) + 1)
    )
    query = f"""
        SELECT __line, {FILE}, {values} FROM (
            SELECT line AS __line, {FILE}, json_extract_string(plain, {paths}) AS texts,
                   CASE WHEN regexp_matches(plain, {literal(NESTED)})
                     THEN json_type(plain, {paths}) END AS kinds
            FROM json_lines WHERE starts_with(plain, '{{'))"""
    return Raw(query, attributes, frozenset(attributes), "__line")


def _wide_rows(attributes: dict[str, Attribute]) -> Raw:
    values = ", ".join(
        f"texts[{place + 1}] AS {raw_column(place)}" for place in range(len(attributes))
    )
    names = json.dumps(list(attributes))
    key = hashlib.sha256(names.encode()).hexdigest()
    _WIDE[key] = list(attributes)
    query = (
        f"SELECT __line, {FILE}, {values} FROM (SELECT line AS __line, {FILE}, texts_of(plain, "
        f"'{key}') AS texts "
        "FROM json_lines WHERE starts_with(plain, '{'))"
    )
    return Raw(query, attributes, frozenset(attributes), "__line")


def texts_of(objects: pa.ChunkedArray, keys: pa.ChunkedArray) -> pa.Array:
    """Return of each object the texts of the attributes that a `_WIDE` key stands for.

    The objects are the flat ones of `plain_json`.
    """
    names = _WIDE[keys[0].as_py()] if len(keys) else []
    words = {True: "true", False: "false"}
    found = (
        [
            words.get(value, value) if isinstance(value, bool) else value
            for value in map(document.get, names)
        ]
        for document in map(json.loads, objects.to_pylist())
    )
    return pa.array(list(found), pa.list_(pa.string()))


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


def plain_json(texts: pa.ChunkedArray, commas: pa.ChunkedArray) -> pa.Array:
    """Return each line as a flat object of texts, or as what is wrong with it.

    The texts are as a CSV file would hold them.

    `commas` is a JSON list of the attributes with a decimal comma.
    """
    marked = [frozenset(json.loads(one.as_py())) for one in commas[:1]]
    return pa.array([_plain(text, *marked) for text in texts.to_pylist()], pa.string())


def _plain(text: str, commas: frozenset[str]) -> str:
    try:
        document = parse_line(text)
    except InvalidValueError as error:
        return (
            "line: not a JSON object: "
            f"{error.message.removeprefix('This is no JSON document: ').rstrip('.')}"
        )
    if not isinstance(document, dict):
        return "line: not a JSON object"
    return json.dumps(
        {name: _text(value, "," if name in commas else ".") for name, value in document.items()},
        ensure_ascii=False,
    )


def _text(value: Any, mark: str) -> str | bool | None:  # noqa: ANN401 - whatever JSON holds
    """Return the text of a value.

    One that no store can keep, and a nested one, begins with a NUL.
    """
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
    """Copy a file so that DuckDB finds its lines.

    One kind of line ends, and nothing in a line that ends its reading.

    What was no UTF-8 becomes an escape that JSON does not know, and a line that is too long is cut,
    so both are set aside.
    """
    with (
        source.open(encoding="utf-8", errors="backslashreplace", newline=None) as text,
        copy.open("w", encoding="utf-8", newline="\n") as out,
    ):
        within = False
        for line in bounded_lines(text):
            whole = len(line) * 4 <= contract.MAX_LINE or len(line.encode()) < contract.MAX_LINE
            if not within:
                out.write((line if whole else line[:1000] + "\n").replace(DELIMITER, "\\x01"))
            within = not line.endswith("\n")
