"""The content hash of a table: free of the order of rows, the same on every runner and in every layout.

A row's canonical text is the texts of its columns in order, joined by a separator that no value can hold; the hash of a
table is the number of its rows and the sums of both halves of the first 120 bits of each row's SHA-256.
Source of the rule: semantics 4.7.
"""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.names import quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SEPARATOR, NULL, ESCAPED = "chr(28)", "chr(28) || chr(29)", "chr(28) || chr(30)"


@dataclass(frozen=True)
class Fingerprint:
    """The content of a part of a table; parts add up to the whole in any order."""

    rows: int
    upper: int
    lower: int

    def __add__(self, other: "Fingerprint") -> "Fingerprint":
        """Return the fingerprint of both parts together."""
        return Fingerprint(self.rows + other.rows, self.upper + other.upper, self.lower + other.lower)

    def hex(self) -> str:
        """Return the content hash: 64 hex characters."""
        return hashlib.sha256(f"{self.rows}:{self.upper}:{self.lower}".encode()).hexdigest()


EMPTY = Fingerprint(0, 0, 0)


def canonical_row(types: dict[str, str]) -> str:
    """Return the SQL of a row's canonical text; `types` maps the columns to their SQL types.

    Separators within values are escaped; few rows have any, so most are spared the search in each of their values.
    """
    texts = ", ".join(quoted(name) for name, kind in types.items() if kind == "VARCHAR")
    plain = f"concat_ws({SEPARATOR}, {', '.join(_text(name, kind, False) for name, kind in types.items())})"
    escaped = f"concat_ws({SEPARATOR}, {', '.join(_text(name, kind, True) for name, kind in types.items())})"
    return f"CASE WHEN contains(concat({texts}), {SEPARATOR}) THEN {escaped} ELSE {plain} END" if texts else plain


def _text(name: str, kind: str, escape: bool) -> str:
    column = quoted(name)
    if kind == "VARCHAR" and escape:
        column = f"replace({column}, {SEPARATOR}, {ESCAPED})"
    elif kind.startswith("TIMESTAMP"):
        column = f"epoch_us({column})::VARCHAR"
    elif kind != "VARCHAR":
        column = f"{column}::VARCHAR"
    return f"coalesce({column}, {NULL})"


def fingerprint(connection: "DuckDBPyConnection", rows: str, types: dict[str, str]) -> Fingerprint:
    """Return the fingerprint of the rows of a query, over the columns named in `types`."""
    row = connection.execute(f"""
        WITH hashed AS (SELECT sha256({canonical_row(types)}) AS digest FROM ({rows}))
        SELECT count(*), coalesce(sum(('0x' || digest[1:15])::BIGINT), 0),
               coalesce(sum(('0x' || digest[16:30])::BIGINT), 0) FROM hashed""").fetchone()
    return Fingerprint(*map(int, row or (0, 0, 0)))
