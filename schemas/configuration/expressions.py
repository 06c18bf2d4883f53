"""Checks of expressions: their grammar, the kinds of their parts, and where columns stand."""

from overtide.schemas.configuration.checking import Checking
from overtide.schemas.configuration.entities import NESTING, Entity
from overtide.schemas.expressions.binding import COLUMN, bind_fault
from overtide.schemas.expressions.compiling import compiled
from overtide.schemas.expressions.kinds import as_kind
from overtide.schemas.expressions.mistake import ExpressionError
from overtide.schemas.expressions.nodes import Column
from overtide.schemas.expressions.parsing import columns_of
from overtide.schemas.inputs import parsed
from overtide.schemas.mistakes import Path
from overtide.schemas.source_paths import shown_path


def check_expression(
    checking: Checking, path: Path, entity: Entity, expression: str, kind: str = "any"
) -> None:
    """Check an expression over the columns of an entity's files; its value is of a kind."""
    try:
        node = parsed(expression)
        if entity.form not in NESTING:
            _expect_flat([column for column in columns_of(node) if len(column.path) > 1])
        found = as_kind(compiled(node, lambda _: COLUMN, "UTC"), kind)
    except ExpressionError as error:
        checking.add(
            "invalid_expression",
            path,
            f"`{expression}` cannot be read: {error}.",
            expected=error.expected or "an expression of docs/expressions.md",
            suggestion=error.suggestion,
        )
        return
    if (fault := bind_fault(found.text)) is not None:
        checking.add(
            "invalid_expression",
            path,
            f"`{expression}` cannot be computed: {fault}.",
            expected="an expression of docs/expressions.md",
        )


def _expect_flat(nested: list[Column]) -> None:
    if nested:
        name = shown_path(nested[0].path)
        raise ExpressionError(
            f"nothing is nested in these files, so there is no {name}",
            nested[0].place,
            f'"{name}" in double quotes, if it is a column',
        )
