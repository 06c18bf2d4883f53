"""Check the kinds of an expression's parts, and write it in DuckDB's SQL.

What cannot be computed (a text that is none of the type of its cast, a number that is too large)
raises an error in SQL, which whoever runs it turns into a fault of the row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from overtide.schemas.expressions.functions import FUNCTIONS, Function
from overtide.schemas.expressions.kinds import (
    NULL,
    NUMBERS,
    Compiled,
    as_kind,
    common,
    integer_sql,
    none_if,
    once,
    one_text,
)
from overtide.schemas.expressions.mistake import ExpressionError
from overtide.schemas.expressions.nodes import Call, Case, Cast, Column, Literal, Node
from overtide.schemas.expressions.parsing import COMPARISONS
from overtide.schemas.names import chained, literal
from overtide.schemas.numbers import decimal_shape
from overtide.schemas.source_paths import Path
from overtide.schemas.suggestions import closest
from overtide.schemas.types import type_of
from overtide.schemas.types.attribute_type import Reading

LONGEST = 100_000
"""Characters of the SQL of an expression."""
KIND_OF = {"string": "text", "guid": "text", "boolean": "truth"}
"""What the types are called among kinds, where that differs."""


def compiled(node: Node, columns: Callable[[Path], str], time_zone: str) -> Compiled:
    """Return the SQL of an expression; raise `ExpressionError`.

    `columns` gives the SQL of the text at a path, null where it is empty; `time_zone` is that of
    times without an offset.
    """
    return _Compiler(columns, time_zone).node(node)


@dataclass(frozen=True)
class _Compiler:
    columns: Callable[[Path], str]
    time_zone: str

    def node(self, node: Node) -> Compiled:
        """Return the SQL of a part and all that it is made of."""
        found = replace(self._found(node), place=node.place)
        if len(found.sql) > LONGEST:
            raise ExpressionError("It computes too much", node.place, "fewer parts")
        return found

    def _found(self, node: Node) -> Compiled:
        match node:
            case Literal():
                return _literal(node)
            case Column(path=path):
                return Compiled(self.columns(path), "text")
            case Cast():
                return self._cast(node)
            case Case():
                return self._case(node)
            case Call():
                return _call(node, [self.node(part) for part in node.parts])

    def _cast(self, node: Cast) -> Compiled:
        kind, value = type_of(node.type), self.node(node.value)
        if kind.unfit is not None:
            raise ExpressionError(
                f"`{node.type}` cannot be kept: {kind.unfit[0]}", node.place, kind.unfit[1]
            )
        name = KIND_OF.get(kind.family, kind.family)
        refused = "BIGINT" if name == "text" else kind.duckdb  # no cast to a text fails

        def read(given: str) -> str:
            found = kind.read_sql(kind.stripped_sql(given, Reading()), Reading(), self.time_zone)
            if not node.may_fail and not kind.is_text:
                found = f"coalesce({found}, CAST('none: ' || {given} AS {refused})::{kind.duckdb})"
            return f"CASE WHEN trim({given}) <> '' THEN {found} END"

        sql, scale = once(one_text(value), read), 0
        if name == "decimal":
            scale = decimal_shape(node.type)[1]
            sql = f"({sql})::DECIMAL(38, {scale})"
        return Compiled(sql, name, scale)

    def _case(self, node: Case) -> Compiled:
        conditions = [as_kind(self.node(when), "truth") for when, _ in node.whens]
        values = [self.node(value) for _, value in node.whens]
        other = self.node(node.other) if node.other else Compiled("NULL", NULL, place=node.place)
        *values, other = common([*values, other])
        whens = " ".join(
            f"WHEN {condition.sql} THEN {value.sql}"
            for condition, value in zip(conditions, values, strict=True)
        )
        return replace(other, sql=f"CASE {whens} ELSE {other.sql} END")


def _literal(node: Literal) -> Compiled:
    if node.kind == "text":
        return Compiled(literal(node.text), "text", place=node.place)
    if node.kind != "number":
        kind = NULL if node.kind == "null" else "truth"
        return Compiled(node.text.upper(), kind, place=node.place)
    whole, _, places = node.text.partition(".")
    if len(whole) + len(places) > 38 or (not places and len(whole) > 18):
        raise ExpressionError(
            f"`{node.text}` has too many digits", node.place, "18 digits or fewer"
        )
    if not places:
        return Compiled(integer_sql(node.text), "integer", place=node.place)
    sql = f"CAST('{node.text}' AS DECIMAL(38, {len(places)}))"
    return Compiled(sql, "decimal", len(places), node.place)


def _call(node: Call, parts: list[Compiled]) -> Compiled:
    name = node.name
    if name in ("and", "or"):
        truths = [as_kind(part, "truth").sql for part in parts]
        return Compiled(f"({f' {name.upper()} '.join(truths)})", "truth")
    if name == "not":
        return Compiled(f"(NOT {as_kind(parts[0], 'truth').sql})", "truth")
    if name == "is null":
        return Compiled(f"({parts[0].sql} IS NULL)", "truth")
    if name in (*COMPARISONS, "in", "between"):
        return _compared(name, common(parts))
    if name in ("like", "ilike"):
        value, pattern = (as_kind(part, "text").sql for part in parts)
        return Compiled(f"({value} {name.upper()} {pattern})", "truth")
    if name == "||":
        return Compiled(f"({' || '.join(one_text(part) for part in parts)})", "text")
    if name in ("+", "-", "*", "/", "%", "negative"):
        return _computed(node, parts)
    return _function(node, parts)


def _compared(name: str, parts: list[Compiled]) -> Compiled:
    first, *others = (part.sql for part in parts)
    if name == "in":
        listed = once(first, lambda given: chained("OR", [f"({given} = {one})" for one in others]))
        return Compiled(listed, "truth")
    if name == "between":
        return Compiled(f"({first} BETWEEN {others[0]} AND {others[1]})", "truth")
    return Compiled(f"({first} {name} {others[0]})", "truth")


def _computed(node: Call, parts: list[Compiled]) -> Compiled:
    for part in parts:
        if part.kind not in (*NUMBERS, NULL):
            what = f"cast(… AS {'integer' if node.name == '%' else 'decimal(18, 2)'})"
            raise ExpressionError(
                f"`{node.name.replace('negative', '-')}` computes with numbers, and this is a "
                f"{part.kind}",
                part.place,
                what,
            )
    first, *more = (replace(one, kind="integer") if one.kind == NULL else one for one in parts)
    if node.name == "negative":
        return replace(first, sql=f"(-{first.sql})")
    second = more[0]
    if node.name == "%":
        one, other = as_kind(first, "integer").sql, as_kind(second, "integer").sql
        return Compiled(f"({one} % {none_if(other, '0')})", "integer")
    if node.name == "/":
        return Compiled(f"({first.sql}::DOUBLE / {none_if(second.sql, '0')}::DOUBLE)", "double")
    if node.name == "*" and {first.kind, second.kind} <= {"integer", "decimal"}:
        return _product(node, first, second)
    first, second = common([first, second])
    return replace(first, sql=f"({first.sql} {node.name} {second.sql})")


def _product(node: Call, first: Compiled, second: Compiled) -> Compiled:
    scale = first.scale + second.scale
    if first.kind == second.kind == "integer":
        return Compiled(f"({first.sql} * {second.sql})", "integer")
    if scale > 38:
        raise ExpressionError("The product has more than 38 places", node.place, "fewer places")
    one, other = (f"({part.sql})::DECIMAL(38, {part.scale})" for part in (first, second))
    return Compiled(f"({one} * {other})", "decimal", scale)


def _function(node: Call, parts: list[Compiled]) -> Compiled:
    function = FUNCTIONS.get(node.name)
    if function is None:
        raise ExpressionError(
            f"There is no function `{node.name}`",
            node.place,
            f"one of {', '.join(FUNCTIONS)}",
            closest(node.name, FUNCTIONS),
        )
    if not function.least <= len(parts) <= (function.most or len(parts)):
        raise ExpressionError(f"`{node.name}` takes {function.takes}", node.place, function.takes)
    _check_literals(node, function)
    found = function.apply(_of_kinds(function, parts))
    if found.kind == "text" and function.kinds is not None:
        return replace(found, sql=none_if(found.sql, "''"))  # an empty text is none
    return found


def _of_kinds(function: Function, parts: Sequence[Compiled]) -> list[Compiled]:
    """Return the parts as the kinds that a function takes."""
    if function.kinds is None:
        return common(parts)
    kinds = [*function.kinds, *(function.kinds[-1:] * len(parts))]
    return [as_kind(part, kind) for part, kind in zip(parts, kinds, strict=False)]


def _check_literals(node: Call, function: Function) -> None:
    for place in function.literals:
        if place >= len(node.parts):
            continue
        part = node.parts[place]
        if not isinstance(part, Literal) or part.kind not in ("text", "number"):
            raise ExpressionError(
                f"`{node.name}` needs a value that stands there as it is", part.place, "a literal"
            )
