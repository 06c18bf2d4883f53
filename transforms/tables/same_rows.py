"""Which rows are not the same in two tables; texts of a value say more than the value."""

from collections.abc import Iterable, Mapping

from overtide.schemas.names import chained, quoted


def rows_apart_from(rows: str, others: str, types: Mapping[str, str], order: Iterable[str]) -> str:
    """Return the SQL of rows that are not the same among others, in an order."""
    same = chained(
        "AND",
        (
            f"{exact(f'one.{quoted(name)}', kind)} IS NOT DISTINCT FROM "
            f"{exact(f'other.{quoted(name)}', kind)}"
            for name, kind in types.items()
        ),
    )
    by = ", ".join(map(quoted, order))
    return f"SELECT one.* FROM {rows} AS one ANTI JOIN {others} AS other ON {same} ORDER BY {by}"


def exact(column: str, kind: str) -> str:
    """Return the SQL by which values are compared: 0.0 and -0.0 have two texts."""
    return f"{column}::VARCHAR" if kind in ("DOUBLE", "FLOAT") else column
