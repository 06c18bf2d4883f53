"""The lines of a text file by their hashes, and a file of some of them alone."""

from dataclasses import replace
from typing import TYPE_CHECKING

from overtide.schemas.names import file_literal
from overtide.transforms.sources.contract import Layout, SourceText
from overtide.transforms.sources.texts import buffers, holds, in_utf8

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DELIMITER = "\x01"
"""No line of text holds it; a file in which one does is not read so."""
BATCH = 50_000
APART = 4
"""From which letter on a line is hashed a second time: two that differ and have one hash would have
to have another one in common."""


def hashed_lines(file: SourceText, before: int) -> str | None:
    """Return the SQL of the lines of a file: `h`, `g` and `row`, which is the line.

    Without those that stand `before`, and without empty ones. None where a NUL marks what is no
    text.
    """
    text = in_utf8(file)
    if holds(text, b"\0"):
        return None
    return f"""
        SELECT hash(line) AS h, hash(substring(line, {APART})) AS g, line AS row
        FROM read_csv({file_literal(text)}, auto_detect = false, hive_partitioning = false,
          header = false, skip = {before}, columns = {{'line': 'VARCHAR'}}, delim = '{DELIMITER}',
          quote = '', escape = '', strict_mode = true, {buffers([text])})
        WHERE line <> ''"""


def write_lines(
    connection: "DuckDBPyConnection",
    file: SourceText,
    rows: str,
    header: str | None = None,
    quotes: bool = False,
) -> SourceText | None:
    """Write lines to a file of their own, in an order of their own, behind a `header`.

    None where one has the rest of another line's end, or where an odd number of `quotes` leaves one
    open. Of lines that were rows before each is whole, so then all are.
    """
    copy = file.copy.with_suffix(".rows")
    reader = connection.execute(f"SELECT row FROM ({rows}) ORDER BY row").to_arrow_reader(BATCH)
    with copy.open("w", encoding="utf-8", newline="\n") as out:
        if header is not None:
            out.write(f"{header}\n")
        for batch in reader:
            lines = batch.column(0).to_pylist()
            if any("\r" in line or (quotes and line.count('"') % 2) for line in lines):
                return None
            out.writelines(f"{line}\n" for line in lines)
    layout = Layout(file.layout.columns, delimiter=file.layout.delimiter)
    return replace(file, path=copy, layout=layout, copy=file.copy.with_suffix(".came"))
