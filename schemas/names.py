"""How names from a configuration become SQL: identifiers are quoted here and nowhere else."""

import glob
from collections.abc import Iterable
from pathlib import Path

CHAIN = 64
"""The longest chain of terms that is written without brackets."""
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def folded(name: str) -> str:
    """Return what is the same of names that are one name to the lake.

    They differ at most in the case of A to Z.
    """
    return name.translate(_LOWER)


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as an SQL string literal, where a statement takes no parameter."""
    return "'" + text.replace("'", "''") + "'"


def listed_sql(text: str, texts: Iterable[str]) -> str:
    """Return the SQL condition that a text is one of some.

    DuckDB makes a join of an IN with more than a few, and one for every column is many.
    """
    return f"list_contains([{', '.join(map(literal, texts))}], {text})"


def chained(operator: str, terms: Iterable[str]) -> str:
    """Join any number of SQL terms by an operator whose grouping does not matter.

    Such operators are OR, AND and +.

    DuckDB nests each term in the one before and refuses a thousand; these are nested as a tree.
    """
    listed = list(terms)
    if len(listed) <= CHAIN:
        return f" {operator} ".join(listed)
    middle = len(listed) // 2
    return (
        f"({chained(operator, listed[:middle])}) {operator} ({chained(operator, listed[middle:])})"
    )


def file_literal(path: Path | str) -> str:
    """Return a path as an SQL string literal for what reads files: DuckDB takes each for a pattern.

    What writes a file (COPY TO, ATTACH) takes a path as it is: `literal`.
    """
    return literal(glob.escape(str(path)))


def parquet_rows(paths: Iterable[Path | str], options: str = "") -> str:
    """Return the SQL of the rows of Parquet files.

    A folder named `a=b` above them gives no column `a`.
    """
    files = ", ".join(map(file_literal, paths))
    return f"read_parquet([{files}], hive_partitioning = false{options})"


ROW_ID = "row_id"
"""The column of places of published rows in a file; DuckLake calls them rowid."""
PLACE = "file_row_number"
"""DuckDB's name of the place of a row in its Parquet file, from 0."""


def placed_rows(path: Path | str) -> str:
    """Return the SQL of the rows of a Parquet file with their places in it, in `PLACE`."""
    return parquet_rows([path], f", {PLACE} = true")


def columns(names: Iterable[str], prefix: str = "") -> str:
    """Return names as comma-separated SQL identifiers, each behind `prefix` (such as `t.`)."""
    return ", ".join(prefix + quoted(name) for name in names)
