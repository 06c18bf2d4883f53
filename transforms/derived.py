"""Attributes that an expression makes of a row's columns: in SQL, of files and of records alike.

An expression takes texts, nulls among them, and gives a text, which is then read like that of a
file. What cannot be computed is a text that begins with a NUL: no value of any type.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from overtide.schemas.errors import InvalidValueError
from overtide.schemas.expressions.binding import tried_sql
from overtide.schemas.expressions.compiling import compiled
from overtide.schemas.expressions.kinds import TIMES
from overtide.schemas.expressions.parsing import may_fail
from overtide.schemas.inputs import Input, input_name, parsed, paths_of
from overtide.schemas.names import literal
from overtide.schemas.null_words import is_null_word
from overtide.schemas.source_paths import Path
from overtide.schemas.types import type_of

if TYPE_CHECKING:
    from overtide.schemas.configuration.entities import Attribute  # it would load pydantic

FAILED = "\0what cannot be computed"
"""The text of an expression that fails."""
MOST_PROGRAMS = 256
"""Sets of expressions, one per entity, that are kept compiled."""


@dataclass(frozen=True)
class Derived:
    """An attribute's expression in SQL: what was tried, its value's kind, and its inputs."""

    tried: str
    kind: str
    inputs: tuple[str, ...]


def derived(name: str, expression: str, texts: Mapping[str, str], time_zone: str) -> Derived:
    """Return an expression over the SQL of its inputs' texts, which are null where empty."""
    names = tuple(input_name(name, path) for path in paths_of(expression))

    def column(path: Path) -> str:
        return texts[input_name(name, path)]

    found = compiled(parsed(expression), column, time_zone)
    tried = tried_sql(f"({found.text})::VARCHAR", may_fail(parsed(expression)))
    return Derived(tried, found.kind, names)


def text_sql(tried: str) -> str:
    """Return the SQL of the text in what was tried."""
    return f"CASE WHEN {tried} IS NULL THEN chr(0) || {literal(FAILED[1:])} ELSE {tried}.v END"


def as_read(attribute: "Attribute", kind: str) -> "Attribute":
    """Return how the text of a value of a kind is read: marks and formats are about texts."""
    if kind == "text":
        return attribute
    settings: dict[str, Any] = {"decimal_mark": ".", "thousands_separator": None}
    if kind in TIMES:
        settings["format"] = None
    return attribute.model_copy(update=settings)


def made_values(
    inputs: Mapping[str, Input],
    expressions: Mapping[str, str],
    values: dict[str, Any],
    time_zone: str,
) -> tuple[dict[str, Any], dict[str, str], dict[str, InvalidValueError]]:
    """Return what a posted record says of each attribute, from the values of its inputs.

    Beside it are the kinds of what expressions made, and the attributes of which nothing can be
    made, with the reason.
    """
    texts, wrong = input_texts(inputs, values)
    (made,), kinds = computed(expressions, [texts], time_zone)
    for name, text in made.items():
        if text == FAILED:
            wrong[name] = InvalidValueError(
                "invalid_value",
                f"The expression of {name or 'the filter'} cannot be computed for this record.",
                name,
            )
    return values | made, kinds, wrong


def input_texts(
    inputs: Mapping[str, Input], values: Mapping[str, Any]
) -> tuple[dict[str, str | None], dict[str, InvalidValueError]]:
    """Return the texts that expressions take, and by attribute what is no text."""
    texts: dict[str, str | None] = {}
    wrong: dict[str, InvalidValueError] = {}
    for name, one in inputs.items():
        if name == one.owner:
            continue
        kind, value = type_of("string"), values[name]
        try:
            null = is_null_word(kind, value, one.attribute.null_words)
            texts[name] = None if null else kind.source_text(value) or None
        except InvalidValueError as error:
            texts[name] = None
            wrong.setdefault(one.owner, error)
    return texts, wrong


_LOCAL = threading.local()


def computed(
    expressions: Mapping[str, str],
    rows: Sequence[Mapping[str, str | None]],
    time_zone: str,
) -> tuple[list[dict[str, str | None]], dict[str, str]]:
    """Return the texts of expressions of rows, whose inputs have names, and the values' kinds.

    Rows of files are computed by the same SQL.
    """
    program = _program(tuple(expressions.items()), time_zone)
    found = _executed(program, rows[0]) if len(rows) == 1 else _of_rows(program, rows)
    names = list(program.kinds)
    return [dict(zip(names, row, strict=True)) for row in found], dict(program.kinds)


@dataclass(frozen=True, eq=False)
class Program:
    """Expressions in SQL: their inputs, what makes texts of these, and the kinds of values.

    `tried` are columns over the inputs, called `__in_0`, …; `texts` are columns over these.
    """

    inputs: tuple[str, ...]
    tried: str
    texts: str
    kinds: Mapping[str, str]


@lru_cache(maxsize=MOST_PROGRAMS)
def _program(expressions: tuple[tuple[str, str], ...], time_zone: str) -> Program:
    """Compile expressions: once, as long as their entity stays as it is configured."""
    names = dict.fromkeys(
        input_name(name, path) for name, one in expressions for path in paths_of(one)
    )
    aliases = {name: f"__in_{place}" for place, name in enumerate(names)}
    found = {name: derived(name, one, aliases, time_zone) for name, one in expressions}
    tried = ", ".join(one.tried + f" AS __tried_{n}" for n, one in enumerate(found.values()))
    texts = ", ".join(text_sql(f"__tried_{n}") for n in range(len(found)))
    return Program(tuple(names), tried, texts, {name: one.kind for name, one in found.items()})


def _of_rows(
    program: Program, rows: Sequence[Mapping[str, str | None]]
) -> list[tuple[str | None, ...]]:
    """Return the texts of many rows, in their order."""
    import pyarrow as pa

    columns = {
        f"__in_{place}": pa.array([row.get(name) for row in rows], pa.string())
        for place, name in enumerate(program.inputs)
    }
    given = pa.table({"__place": pa.array(range(len(rows)), pa.int64())} | columns)
    connection = _connection()
    connection.register("given", given)
    found: list[tuple[str | None, ...]] = connection.execute(
        f"SELECT {program.texts} FROM (SELECT __place, {program.tried} FROM given) ORDER BY __place"
    ).fetchall()
    connection.unregister("given")
    return found


def _executed(program: Program, row: Mapping[str, str | None]) -> list[tuple[str | None, ...]]:
    """Return the texts of one row, by a statement that this thread plans once for a program.

    Planning takes six times as long as all else. EXECUTE takes no parameters of Python's.
    """
    connection = _connection()
    statements: dict[Program, str] = _LOCAL.statements
    if program not in statements:
        if len(statements) >= MOST_PROGRAMS:
            for name in statements.values():
                connection.execute(f"DEALLOCATE {name}")
            statements.clear()
        name = f"program_{len(statements)}"
        given = ", ".join(
            f"${place + 1}::VARCHAR AS __in_{place}" for place in range(len(program.inputs))
        )
        connection.execute(
            f"PREPARE {name} AS SELECT {program.texts} "
            f"FROM (SELECT {program.tried} FROM (SELECT {given or '0 AS none'}))"
        )
        statements[program] = name
    texts = (row.get(name) for name in program.inputs)
    values = ", ".join("NULL" if text is None else literal(text) for text in texts)
    called = f"({values})" if program.inputs else ""
    found: list[tuple[str | None, ...]] = connection.execute(
        f"EXECUTE {statements[program]}{called}"
    ).fetchall()
    return found


def _connection() -> Any:  # noqa: ANN401 - DuckDB is loaded where it is needed
    """Return this thread's DuckDB, which reaches no file."""
    if not hasattr(_LOCAL, "connection"):
        import duckdb

        from overtide.transforms.rare_values import allow_rare_values

        connection = duckdb.connect(config={"threads": 1, "enable_external_access": False})
        connection.execute("SET TimeZone = 'UTC'")
        allow_rare_values(connection)
        _LOCAL.connection, _LOCAL.statements = connection, {}
    return _LOCAL.connection
