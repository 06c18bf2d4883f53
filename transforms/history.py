"""Keep what a refresh replaces: unchanged rows keep the run that first published them, the others go to history."""

from schemas.names import columns, quoted


def stamped(new: str, old: str | None, key: str, values: list[str], run: int) -> str:
    """Return the SQL of the new rows with `FirstRun`: that of the old row when all values are the same, else `run`.

    `new` and `old` are SQL with the columns `values`, among them `key`; `old` has `FirstRun` besides.
    """
    if old is None:
        return f"SELECT {columns(values)}, {run}::INTEGER AS FirstRun FROM ({new})"
    same = " AND ".join(f"new.{quoted(name)} IS NOT DISTINCT FROM old.{quoted(name)}" for name in values)
    first = f"CASE WHEN {same} THEN old.FirstRun ELSE {run} END::INTEGER AS FirstRun"
    return f"SELECT {columns(values, 'new.')}, {first} " \
           f"FROM ({new}) AS new LEFT JOIN ({old}) AS old ON {_same_key(key)}"


def _same_key(key: str) -> str:
    return " AND ".join(f"new.{part} = old.{part}" for part in key.split(", "))


def replaced(stamped_rows: str, old: str, key: str, values: list[str], run: int) -> str:
    """Return the SQL of the old rows that changed or vanished, with `ReplacedRun`."""
    return f"SELECT {columns(values, 'old.')}, old.FirstRun, {run}::INTEGER AS ReplacedRun FROM ({old}) AS old " \
           f"ANTI JOIN (SELECT {key} FROM ({stamped_rows}) WHERE FirstRun < {run}) AS new ON {_same_key(key)}"
