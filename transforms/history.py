"""Keep what a refresh replaces.

Unchanged rows keep the run that first published them, the others go to history.
"""

from collections.abc import Mapping

from overtide.schemas.names import chained, columns, folded, quoted

RUNS = ("FirstRun", "ReplacedRun")


def stamped(new: str, old: str | None, key: str, values: list[str], run: int) -> str:
    """Return the SQL of the new rows with `FirstRun`.

    That of the old row when all values are the same, else `run`.

    `new` and `old` are SQL with the columns `values`, among them `key`; `old` has `FirstRun`
    besides.
    """
    if old is None:
        return f"SELECT {columns(values)}, {run}::INTEGER AS FirstRun FROM ({new})"
    same = chained(
        "AND", (f"new.{quoted(name)} IS NOT DISTINCT FROM old.{quoted(name)}" for name in values)
    )
    first = f"CASE WHEN {same} THEN old.FirstRun ELSE {run} END::INTEGER AS FirstRun"
    return (
        f"SELECT {columns(values, 'new.')}, {first} "
        f"FROM ({new}) AS new LEFT JOIN ({old}) AS old ON {_same_key(key)}"
    )


def _same_key(key: str) -> str:
    return " AND ".join(f"new.{part} = old.{part}" for part in key.split(", "))


def replaced(stamped_rows: str, old: str, key: str, values: list[str], run: int) -> str:
    """Return the SQL of the old rows that changed or vanished, with `ReplacedRun`."""
    return (
        f"SELECT {columns(values, 'old.')}, old.FirstRun, {run}::INTEGER AS ReplacedRun FROM "
        f"({old}) AS old ANTI JOIN (SELECT {key} FROM ({stamped_rows}) WHERE FirstRun < {run}) AS "
        f"new ON {_same_key(key)}"
    )


def columns_of_history(past: Mapping[str, str], table: Mapping[str, str]) -> dict[str, str]:
    """Return the columns, with their SQL types, in which a history can keep the rows of a table.

    `past` are its own.

    They are all that the table ever had; one that had several types is kept as text. Case makes no
    other name.
    """
    found: dict[str, tuple[str, str]] = {}
    for name, kind in [*past.items(), *table.items()]:
        known = found.setdefault(folded(name), (name, kind))
        if known[1] != kind:
            found[folded(name)] = (known[0], "VARCHAR")
    values = {name: kind for name, kind in found.values() if name not in RUNS}
    return values | dict.fromkeys(RUNS, "INTEGER")


def reshaped(rows: str, there: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    """Return the SQL of rows with the columns `there` as rows with those `wanted`.

    What is missing is null.
    """
    names = {folded(name): name for name in there}
    values = (
        (
            f"{quoted(names[folded(name)]) if folded(name) in names else 'NULL'}::{kind} AS "
            f"{quoted(name)}"
        )
        for name, kind in wanted.items()
    )
    return f"SELECT {', '.join(values)} FROM ({rows})"
