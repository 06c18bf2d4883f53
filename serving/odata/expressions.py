"""`$filter` and `$orderby` in SQL, from the syntax tree that odatapy makes of them.

Values of expressions may be null. Comparisons are never null (OData 4.01, part 2, 5.1.1.1): null
equals null alone, and nothing is greater or less than it. Durations are microseconds.
"""

from dataclasses import dataclass

from odatapy.server.uri.expression import (
    Alias,
    Binary,
    BinaryOperatorKind,
    Expression,
    ListExpression,
    Literal,
    Member,
    Method,
    Unary,
    UnaryOperatorKind,
)

from overtide.schemas.instants import Instant
from overtide.schemas.names import chained
from overtide.serving.odata.entity_sets import ACTIVITY, EntitySet
from overtide.serving.odata.functions import called
from overtide.serving.odata.literals import INTEGERS, literal_sql
from overtide.serving.odata.refusals import not_supported
from overtide.serving.odata.sql import TRUE, Sql, joined, written

Operator = BinaryOperatorKind
LOGICAL = {Operator.AND: "AND", Operator.OR: "OR"}
COMPARED = {Operator.GT: ">", Operator.GE: ">=", Operator.LT: "<", Operator.LE: "<="}
DAY = "86400000000"


@dataclass(frozen=True)
class Scope:
    """What the names of an expression stand for: the columns of a row, and what now is.

    `activities` is the SQL of the rows of UnifiedActivity with their entity set, for `any`, `all`
    and `$count`; `variable` is what a lambda calls its row.
    """

    entities: EntitySet
    row: str
    now: Instant
    activities: tuple[EntitySet, str] | None = None
    variable: str | None = None
    outer: "Scope | None" = None

    def column(self, member: Member) -> Sql:
        """Return the column of a property."""
        if member.lambda_variable != self.variable and self.outer is not None:
            return self.outer.column(member)
        if len(member.path) != 1 or member.root_uri_info is not None:
            raise not_supported(f"The path {member.path_str}", "$filter")
        return Sql(f"{self.row}.{self.entities.named(member.path[0]).sql}")


def condition(expression: Expression, scope: Scope, *, sure: bool = True) -> Sql:
    """Return the SQL of a condition, which may be null; within `sure`, null is as good as false."""
    if isinstance(expression, Binary) and expression.operator in LOGICAL:
        parts = [condition(part, scope, sure=sure) for part in _chain(expression)]
        text = chained(LOGICAL[expression.operator], (f"({part.text})" for part in parts))
        return Sql(f"({text})", joined("", parts).parameters)
    if isinstance(expression, Binary) and expression.operator.is_comparison:
        return _comparison(expression, scope, sure)
    if isinstance(expression, Binary) and expression.operator is Operator.IN:
        return _membership(expression, scope)
    if isinstance(expression, Unary) and expression.operator is UnaryOperatorKind.NOT:
        return written("NOT ({})", condition(expression.operand, scope, sure=False))
    if isinstance(expression, Alias) and expression.expression is not None:
        return condition(expression.expression, scope, sure=sure)
    return value(expression, scope)


def _chain(expression: Binary) -> list[Expression]:
    """Return the terms that one operator joins, however many, in order."""
    found: list[Expression] = []
    waiting: list[Expression] = [expression]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Binary) and one.operator is expression.operator:
            waiting += [one.right, one.left]
        else:
            found.append(one)
    return found


def _comparison(expression: Binary, scope: Scope, sure: bool) -> Sql:
    left, right = (condition(one, scope, sure=False) for one in (expression.left, expression.right))
    if expression.operator in COMPARED:
        compared = written(f"{{}} {COMPARED[expression.operator]} {{}}", left, right)
    elif expression.operator is Operator.NE:
        return written("({} IS DISTINCT FROM {})", left, right)
    elif _may_be_null(expression.left) and _may_be_null(expression.right):
        return written("({} IS NOT DISTINCT FROM {})", left, right)
    else:  # what DuckDB can look up in the statistics of files
        compared = written("{} = {}", left, right)
    return written("({})" if sure else "coalesce({}, false)", compared)


def _may_be_null(expression: Expression) -> bool:
    return not (isinstance(expression, Literal) and expression.value is not None)


def _membership(expression: Binary, scope: Scope) -> Sql:
    if not isinstance(expression.right, ListExpression):
        raise not_supported(f"`in` with {expression.right!r}", "$filter")
    item, listed = condition(expression.left, scope, sure=False), expression.right.items
    values = [condition(one, scope, sure=False) for one in listed]
    if not values:
        return Sql("false")
    if not any(map(_may_be_null, listed)):
        return written("coalesce({} IN ({}), false)", item, joined(", ", values))
    same = [written("({} IS NOT DISTINCT FROM {})", item, one) for one in values]
    return Sql(f"({chained('OR', (one.text for one in same))})", joined("", same).parameters)


def value(expression: Expression, scope: Scope) -> Sql:
    """Return the SQL of a value."""
    if isinstance(expression, Literal):
        return literal_sql(expression)
    if isinstance(expression, Member):
        return _member(expression, scope)
    if isinstance(expression, Method):
        return _method(expression, scope)
    if isinstance(expression, Unary) and expression.operator is UnaryOperatorKind.MINUS:
        return written("(- {})", value(expression.operand, scope))
    if isinstance(expression, Binary) and expression.operator.is_arithmetic:
        return _arithmetic(expression, scope)
    if isinstance(expression, Alias) and expression.expression is not None:
        return value(expression.expression, scope)
    if isinstance(expression, Binary | Unary) and expression.type_fqn == "Edm.Boolean":
        return condition(expression, scope, sure=False)
    raise not_supported(f"The expression {expression!r}", "$filter")


def _member(member: Member, scope: Scope) -> Sql:
    if member.lambda_expression is None and not member.count:
        return scope.column(member)
    if member.path != [ACTIVITY] or scope.activities is None:
        raise not_supported(f"The path {member.path_str}", "$filter")
    entities, rows = scope.activities
    row = f"{scope.row}_activity"
    of_customer = f'FROM ({rows}) {row} WHERE {row}."CustomerId" = {scope.row}."CustomerId"'
    if member.lambda_expression is None:
        return Sql(f"(SELECT count(*) {of_customer})")
    asked = member.lambda_expression
    inner = Scope(entities, row, scope.now, None, asked.variable, scope)
    body = TRUE if asked.body is None else condition(asked.body, inner, sure=False)
    if asked.kind == "all":
        begin, end = f"(NOT EXISTS (SELECT 1 {of_customer} AND NOT coalesce(", ", false)))"
    else:
        begin, end = f"(EXISTS (SELECT 1 {of_customer} AND ", "))"
    return joined("", (Sql(begin), body, Sql(end)))


def _arithmetic(expression: Binary, scope: Scope) -> Sql:
    left, right = value(expression.left, scope), value(expression.right, scope)
    kinds = expression.left.type_fqn or "", expression.right.type_fqn or ""
    template = _of_times(expression.operator, *kinds) or _of_numbers(expression.operator, kinds)
    return written(template, left, right)


def _of_numbers(operator: Operator, kinds: tuple[str, str]) -> str:
    """Return the template of arithmetic with numbers; what is divided by 0 is null."""
    simple = {Operator.ADD: "({} + {})", Operator.SUB: "({} - {})", Operator.MUL: "({} * {})"}
    if operator in simple:
        return simple[operator]
    if operator is Operator.MOD:
        return "({} % nullif({}, 0))"
    if operator is Operator.DIV and all(kind in INTEGERS for kind in kinds):
        return "({} // nullif({}, 0))"
    return "(CAST({} AS DOUBLE) / nullif({}, 0))"


def _of_times(operator: Operator, left: str, right: str) -> str | None:
    """Return the template of arithmetic with dates, instants and durations; None where none is."""
    times = {"Edm.Date", "Edm.DateTimeOffset", "Edm.Duration", "Edm.TimeOfDay"}
    if not {left, right} & times:
        return None
    sign = {Operator.ADD: "+", Operator.SUB: "-"}.get(operator)
    found = {
        ("Edm.DateTimeOffset", "Edm.Duration"): f"make_timestamptz(epoch_us({{}}) {sign} {{}})",
        ("Edm.Date", "Edm.Duration"): f"({{}} {sign} CAST({{}} // {DAY} AS INTEGER))",
        ("Edm.Duration", "Edm.Duration"): f"({{}} {sign} {{}})",
    }
    if operator is Operator.SUB:
        found["Edm.DateTimeOffset", "Edm.DateTimeOffset"] = "(epoch_us({}) - epoch_us({}))"
        found["Edm.Date", "Edm.Date"] = f"(({{}} - {{}}) * {DAY})"
    if sign is None or (left, right) not in found:
        raise not_supported(f"`{operator.value}` of {left} and {right}", "$filter")
    return found[left, right]


def _method(expression: Method, scope: Scope) -> Sql:
    return called(expression, scope.now, lambda one: condition(one, scope, sure=False))
