"""Read a CSV file strictly: every line is part of a row, or is set aside with its reason and its place in the file.

DuckDB reads what is well-formed. It drops lines without a word when a quote stays open, when a line is very long, and
when a column's name has a line end; and it stops at line ends of several kinds. Such files are mended first.
"""

import mmap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.names import file_literal, literal
from transforms import raw
from transforms.csv_mending import mend
from transforms.raw import LINES, Raw, SourceText, Write, in_utf8, marked, raw_column

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BLOCK = 1 << 22
LF, CR = b"\n\r"


# Several threads find the line ends that are not within quotes by guessing, and DuckDB checks their guesses only when
# it is not to set lines aside. A single thread is right, but says nothing of a quote that is open at the end.
REJECTING = "store_rejects = true, rejects_limit = 0, "
WITHOUT_QUOTES, WITH_QUOTES, MENDED = REJECTING, "", REJECTING + "parallel = false, new_line = '\\n', "


def read_csv(connection: "DuckDBPyConnection", file: SourceText, write: Write) -> tuple[int, str]:
    """Write the rows of a CSV file; return how many there are, and the SQL of the lines that are no rows."""
    import duckdb

    text = in_utf8(file)
    try:
        if not _has_long_line(text) and not any("\n" in name or "\r" in name for name in file.columns):
            options = WITH_QUOTES if _holds(text, b'"') else WITHOUT_QUOTES
            rows = write(raw_rows(connection, file, text, options))
            return rows, rejected(connection, text) if options == REJECTING else f"SELECT {LINES} WHERE false"
    except (duckdb.InvalidInputException, duckdb.NotImplementedException):
        pass
    mended = file.copy.with_suffix(".mended")
    aside = mend(text, mended, file.entity.delimiter, len(file.columns))
    rows = write(raw_rows(connection, file, mended, MENDED))
    connection.register("set_aside", aside)
    return rows, f"{rejected(connection, mended)} UNION ALL FROM set_aside"


def raw_rows(connection: "DuckDBPyConnection", file: SourceText, text: Path, options: str) -> Raw:
    """Return the untyped rows of a UTF-8 file; what DuckDB rejects is in `reject_errors` once they were read."""
    connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    attributes = {name: file.entity.attribute(name) for name in file.entity.attributes if name in file.columns}
    places = {name: raw_column(place) for place, name in enumerate(attributes)}
    kinds = ", ".join(f"{literal(places.get(name, f'__other_{place}'))}: 'VARCHAR'"
                      for place, name in enumerate(file.columns))
    doubtful = frozenset(attributes if _holds(text, b"\0") else ())
    texts = [f"{marked(place)} AS {place}" if doubtful else place for place in places.values()]
    query = f"SELECT {', '.join(texts)} FROM read_csv({file_literal(text)}, auto_detect = false, " \
            f"hive_partitioning = false, header = true, delim = {literal(file.entity.delimiter)}, " \
            f"quote = '\"', escape = '\"', columns = {{{kinds}}}, strict_mode = true, {options}" \
            f"max_line_size = {raw.MAX_LINE}, buffer_size = {4 * raw.MAX_LINE})"
    return Raw(query, attributes, doubtful)


def _holds(text: Path, letter: bytes) -> bool:
    with text.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(letter) >= 0


def _has_long_line(text: Path) -> bool:
    """A line longer than DuckDB's buffer, which it drops, contains a whole block without a line end."""
    with text.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(b"\n", start, start + raw.MAX_LINE) < 0
                   and content.find(b"\r", start, start + raw.MAX_LINE) < 0
                   for start in range(0, len(content) - raw.MAX_LINE + 1, raw.MAX_LINE))


def rejected(connection: "DuckDBPyConnection", text: Path) -> str:
    """Return the SQL of the lines that DuckDB rejected: CorruptionDetails, Record (the line), Line."""
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE rejected AS
        WITH found AS (SELECT *, coalesce(column_idx, 0) * (CASE error_type WHEN 'MISSING COLUMNS' THEN -1 ELSE 1 END)
                              AS place FROM reject_errors)
        SELECT any_value(line_byte_position) - 1 AS position, any_value(csv_line) AS record,
               'line: ' || lower(rtrim(max_by(error_message, place), '.')) AS details
        FROM found GROUP BY line""")
    places = connection.execute("SELECT DISTINCT position FROM rejected ORDER BY ALL").fetchnumpy()["position"]
    connection.register("lines_at", pa.table({"position": places, "number": line_numbers(text, places)}))
    return """
        SELECT details AS CorruptionDetails, trim(record, chr(10) || chr(13)) AS Record,
               number + length(record) - length(ltrim(record, chr(10) || chr(13))) AS Line
        FROM rejected JOIN lines_at USING (position)"""


def line_numbers(text: Path, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers, from 1, of the lines in which some bytes of a file stand; `places` ascend."""
    numbers, before, start = np.ones(len(places), np.int64), 1, 0
    with text.open("rb") as file:
        block = file.read(BLOCK)
        while block and len(places) and start <= places[-1]:
            following = file.read(BLOCK)
            letters = np.frombuffer(block + (following[:1] or b"\n"), np.uint8)
            ends = np.flatnonzero((letters[:-1] == LF) | ((letters[:-1] == CR) & (letters[1:] != LF))) + start
            low, high = np.searchsorted(places, [start, start + len(block)])
            numbers[low:high] = before + np.searchsorted(ends, places[low:high])
            before, start, block = before + len(ends), start + len(block), following
    return numbers
