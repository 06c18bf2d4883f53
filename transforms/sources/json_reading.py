"""Read JSON lines: every line is one object, or is set aside with what is wrong with it.

A value is the text that a CSV file would hold for it, as for a posted record; nested values are no
values. DuckDB takes the plain lines apart. Those that it could read otherwise than a posted record
is read (numbers that it would write in another way or with another decimal mark, keys given twice
or escaped without need, escaped NULs) and those that it cannot read at all go through Python first.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from overtide.schemas.configuration.entities import Attribute, Entity
from overtide.schemas.errors import InvalidValueError
from overtide.schemas.inputs import Input
from overtide.schemas.names import literal
from overtide.schemas.null_words import words_of_numbers
from overtide.schemas.numbers import number_text
from overtide.schemas.source_paths import Path, pointer, value_at
from overtide.schemas.strict_json import parse_line
from overtide.schemas.types import type_of
from overtide.schemas.values import is_number
from overtide.transforms.kernel import define
from overtide.transforms.sources.contract import FILE, Raw, SourceText, Write, raw_column
from overtide.transforms.sources.lines import JSON_BLANKS
from overtide.transforms.sources.numbered_lines import load_lines, of_whole

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SUSPECT = r"""\\u0000|,\s*}|:\s*-?(?i:nan|inf)|\\u00[2-7][^"]*"\s*:"""
"""Lines that hold this may mean something else to DuckDB, or nothing to JSON.

Others merely take longer for it.
"""
REWRITTEN = r"(-?(\d+(\.\d+)?[eE]|[\d.]{17}|0\.0000)|-0\s*[,}])"
"""Numbers whose text DuckDB may change; as doubles they are the same."""
POINTED = r"-?\d+\.0+\s*[,}]"
"""Whole numbers that DuckDB would write with a point."""
NO_OBJECT = "not a JSON object: "
NESTED = r":\s*[\[{]"
WIDE = 100
"""Attributes of which DuckDB takes the texts out of an object.

It seeks each among all keys, so of more Python does.
"""
_WIDE: dict[str, list[str]] = {}
"""The attributes of wide entities, by a key that a query can hold."""


def read_json(
    connection: "DuckDBPyConnection", files: Sequence[SourceText], write: Write
) -> tuple[int, str]:
    """Write the rows of files.

    Return how many there are, and the SQL of the lines that are no rows.
    """
    define(connection, plain_json, ["VARCHAR", "VARCHAR"], "VARCHAR")
    define(connection, texts_of, ["VARCHAR", "VARCHAR"], "VARCHAR[]")
    entity = files[0].entity
    load_lines(
        files, lambda lines: connection.execute(_loading(lines, entity)), JSON_BLANKS, NO_OBJECT
    )
    if files[0].lines is not None:
        whole = of_whole(connection, files[0], "FROM json_lines", "line", 0)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE json_lines AS {whole}")
    aside = (
        f"SELECT plain AS CorruptionDetails, text AS Record, line AS Line, {FILE} AS FileName "
        "FROM json_lines WHERE NOT starts_with(plain, '{')"
    )
    return write(raw_rows(entity)), aside


def _loading(lines: str, entity: Entity) -> str:
    """Return the SQL that creates `json_lines` (line, text, plain and the file).

    `plain` is an object that DuckDB reads, or what is wrong.
    """
    plain = f"plain_json(text, {literal(_how(entity))})"
    return f"""
        CREATE OR REPLACE TEMP TABLE json_lines AS
        SELECT line, {FILE}, text, CASE
            WHEN wrong IS NOT NULL THEN wrong WHEN flat THEN {plain} ELSE text END AS plain, flat
        FROM (SELECT *, CASE
                WHEN {len(entity.inputs) > WIDE} OR NOT json_valid(text) THEN true
                WHEN json_type(text) <> 'OBJECT' OR regexp_matches(text, {literal(foreign(entity))})
                  THEN true
                ELSE {_keys_twice(entity)} END AS flat
              FROM {lines} WHERE text <> '')"""


def _keys_twice(entity: Entity) -> str:
    """Return the SQL condition that an object on the way to a value has a key twice."""
    ways = dict.fromkeys(
        one.path[:length] for one in entity.inputs.values() for length in range(len(one.path))
    )
    keys = [
        f"json_keys(text, {literal(pointer(way))})" if way else "json_keys(text)" for way in ways
    ]
    return " OR ".join(f"coalesce(len(list_distinct({one})) < len({one}), false)" for one in keys)


def foreign(entity: Entity) -> str:
    """Return the pattern of lines that DuckDB might read otherwise than a posted record is read."""
    inputs = entity.inputs.values()
    kinds = [(one.path, type_of(one.attribute.type)) for one in inputs]
    groups = (
        ([path for path, kind in kinds if kind.is_exact], REWRITTEN),
        ([path for path, kind in kinds if not kind.is_number], POINTED),
        ([one.path for one in inputs if one.attribute.decimal_mark == ","], r"-?\d"),
    )  # the numbers of JSON have no decimal comma
    return "|".join(
        [SUSPECT, *(f"({_before(paths)})\\s*{number}" for paths, number in groups if paths)]
    )


def _before(paths: list[Path]) -> str:
    """Return the pattern of what stands before the values at some paths."""
    keys = dict.fromkeys(_key(path[-1]) + r"\s*:" for path in paths if isinstance(path[-1], str))
    places = ["[\\[,]"] * any(isinstance(path[-1], int) for path in paths)
    return "|".join([*keys, *places])


def _key(name: str) -> str:
    """Return the pattern of a key, whose letters beyond ASCII, and slashes, may be escaped."""
    return f'"{"".join(map(_letter, name))}"'


def _letter(letter: str) -> str:
    escaped = json.dumps(letter)[1:-1]
    itself = re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", json.dumps(letter, ensure_ascii=False)[1:-1])
    if letter == "/":
        return r"\\?/"
    return itself if letter < "\x7f" else f"(?:{itself}|(?i:{re.escape(escaped)}))"


def _how(entity: Entity) -> str:
    """Return how Python reads lines, as JSON.

    For each input its path, and of the attribute what makes a difference for numbers.
    """
    return json.dumps(
        {name: (one.path, _of_numbers(one.attribute)) for name, one in entity.inputs.items()}
    )


def _of_numbers(attribute: Attribute) -> dict[str, object]:
    if attribute.decimal_mark != "," and not words_of_numbers(attribute.null_words):
        return {}
    return {
        "type": attribute.type,
        "decimal_mark": attribute.decimal_mark,
        "null_words": attribute.null_words,
    }


def raw_rows(entity: Entity) -> Raw:
    """Return the untyped rows of the objects in `json_lines`.

    A key that an object lacks is null.
    """
    inputs = entity.inputs
    attributes = {name: one.attribute for name, one in inputs.items()}
    if len(attributes) > WIDE:
        return _wide_rows(attributes)
    paths = "[" + ", ".join(literal(pointer(one.path)) for one in inputs.values()) + "]"
    flat = "[" + ", ".join(literal(pointer((name,))) for name in inputs) + "]"
    extracted = f"json_extract_string(plain, {paths})"
    if flat != paths:
        extracted = f"CASE WHEN flat THEN json_extract_string(plain, {flat}) ELSE {extracted} END"
    values = ", ".join(
        f"CASE WHEN kinds[{place}] IN ('OBJECT', 'ARRAY') THEN chr(0) || texts[{place}] "
        f"ELSE {_with_word(f'texts[{place}]', one)} END AS {raw_column(place - 1)}"
        for place, one in enumerate(inputs.values(), start=1)
    )
    query = f"""
        SELECT __line, {FILE}, {values} FROM (
            SELECT plain, flat, line AS __line, {FILE}, {extracted} AS texts,
                   CASE WHEN NOT flat AND regexp_matches(plain, {literal(NESTED)})
                     THEN json_type(plain, {paths}) END AS kinds
            FROM json_lines WHERE starts_with(plain, '{{'))"""
    return Raw(query, attributes, frozenset(attributes), "__line")


def _with_word(text: str, one: Input) -> str:
    """Return the SQL of a text, or the null word that is the number which it was.

    Only numbers that may be one are asked whether they were no texts. The ones whose digits make
    the value come as they were sent but for a point and a zero, the others as doubles.
    """
    words = words_of_numbers(one.attribute.null_words)
    if not words:
        return text
    if type_of(one.attribute.type).is_exact:
        number = text
        meant = {literal(one + point): word for one, word in words.items() for point in ("", ".0")}
    else:
        number = f"try_cast({text} AS DOUBLE)"
        meant = {f"{literal(one)}::DOUBLE": word for one, word in words.items()}
    word = (
        f"CASE {number} {' '.join(f'WHEN {one} THEN {literal(meant[one])}' for one in meant)} END"
    )
    is_text = f"json_type(plain, {literal(pointer(one.path))}) = 'VARCHAR'"
    return (
        f"CASE WHEN flat OR {word} IS NULL THEN {text} "
        f"ELSE CASE WHEN {is_text} THEN {text} ELSE {word} END END"
    )


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
    documents = map(json.loads, objects.to_pylist())
    return pa.array(
        [list(map(document.get, names)) for document in documents], pa.list_(pa.string())
    )


def plain_json(texts: pa.ChunkedArray, how: pa.ChunkedArray) -> pa.Array:
    """Return each line as a flat object of texts, or as what is wrong with it.

    The texts are as a CSV file would hold them, `how` is what `_how` gives.
    """
    inputs = [
        {
            name: Input(tuple(path), Attribute.model_construct(**attribute), name)
            for name, (path, attribute) in json.loads(first.as_py()).items()
        }
        for first in how[:1]
    ]
    return pa.array([_plain(text, *inputs) for text in texts.to_pylist()], pa.string())


def _plain(text: str, inputs: dict[str, Input]) -> str:
    try:
        document = parse_line(text)
    except InvalidValueError as error:
        return (
            f"line: {NO_OBJECT}"
            f"{error.message.removeprefix('This is no JSON document: ').rstrip('.')}"
        )
    if not isinstance(document, dict):
        return "line: not a JSON object"
    return json.dumps(
        {name: _text(value_at(document, one.path), one.attribute) for name, one in inputs.items()},
        ensure_ascii=False,
    )


def _text(value: Any, attribute: Attribute) -> str | None:  # noqa: ANN401 - whatever JSON holds
    """Return the text of a value; one that no type takes begins with a NUL."""
    kind = type_of(attribute.type)
    try:
        text = kind.source_text(value)
    except InvalidValueError:
        return "\0" + _shown(value)
    if text is None or not is_number(value):
        return text
    words = words_of_numbers(attribute.null_words)
    return words.get(text) or text.replace(".", attribute.decimal_mark)


def _shown(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    text = (
        value
        if isinstance(value, str)
        else number_text(value)
        if isinstance(value, float)
        else json.dumps(value, ensure_ascii=False)
    )
    return text.replace("\0", "\\u0000").encode(errors="backslashreplace").decode()
