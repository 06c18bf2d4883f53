"""How names from a configuration become SQL: identifiers are quoted here and nowhere else."""

from collections.abc import Iterable


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as an SQL string literal, where a statement takes no parameter."""
    return "'" + text.replace("'", "''") + "'"


def columns(names: Iterable[str], prefix: str = "") -> str:
    """Return names as a comma-separated list of SQL identifiers, each behind `prefix` (such as `t.`)."""
    return ", ".join(prefix + quoted(name) for name in names)
