"""Read CSV files strictly.

Every line is part of a row, or is set aside with its reason and its place in its file.

DuckDB reads what is well-formed. It drops lines without a word when a quote stays open, when a line
is very long, and when a column's name has a line end; and it stops at line ends of several kinds.
Such files are mended first.
"""

import mmap
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from overtide.schemas.names import file_literal, literal
from overtide.schemas.types.raw_texts import marked
from overtide.transforms.sources import contract
from overtide.transforms.sources.contract import FILE, LINES, Raw, SourceText, Write, raw_column
from overtide.transforms.sources.csv_mending import mend
from overtide.transforms.sources.numbered_lines import of_whole
from overtide.transforms.sources.texts import buffers, file_name, holds, in_utf8

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BLOCK = 1 << 22
PART = 1 << 22
"""Bytes that a thread reads at once where all lines are shorter: then all have work to the end."""
LF, CR = b"\n\r"


# Several threads find the line ends that are not within quotes by guessing, and DuckDB checks their
# guesses only when it is not to set lines aside. A single thread is right, but says nothing of a
# quote that is open
# at the end.
REJECTING = "store_rejects = true, rejects_limit = 0, "
WITHOUT_QUOTES, WITH_QUOTES, MENDED = (
    REJECTING,
    "",
    REJECTING + "parallel = false, new_line = '\\n', ",
)


def read_csv(
    connection: "DuckDBPyConnection", files: Sequence[SourceText], write: Write
) -> tuple[int, str]:
    """Write the rows of CSV files.

    Return how many there are, and the SQL of the lines that are no rows.
    """
    import duckdb

    texts = [in_utf8(file) for file in files]
    try:
        if not _is_misread(files, texts):
            options = WITH_QUOTES if any(holds(text, b'"') for text in texts) else WITHOUT_QUOTES
            rows = write(raw_rows(connection, files, texts, options))
            if options != REJECTING:
                return rows, f"SELECT {LINES} WHERE false"
            lines = rejected(connection, files, texts)
            return rows, of_whole(connection, files[0], lines, "Line", 1)
    except (duckdb.InvalidInputException, duckdb.NotImplementedException):
        pass
    mended = [file.copy.with_suffix(".mended") for file in files]
    aside = [mend(text, file, copy) for text, file, copy in zip(texts, files, mended, strict=True)]
    rows = write(raw_rows(connection, files, mended, MENDED))
    connection.register("set_aside", pa.concat_tables(aside))
    found = f"{rejected(connection, files, mended)} UNION ALL FROM set_aside"
    return rows, of_whole(connection, files[0], found, "Line", 1)


def _is_misread(files: Sequence[SourceText], texts: Sequence[Path]) -> bool:
    """Say whether DuckDB would drop lines of such files without a word, or find no row."""
    layout = files[0].layout
    return (
        _have_long_line(texts, contract.MAX_LINE)
        or any("\n" in name or "\r" in name for name in layout.columns)
        or (bool(layout.before) and any(map(_begins_otherwise, texts)))
        or (len(texts) > 1 and any(_ends_in_quotes(text, layout.delimiter) for text in texts))
    )


def raw_rows(
    connection: "DuckDBPyConnection",
    files: Sequence[SourceText],
    texts: Sequence[Path],
    options: str,
) -> Raw:
    """Return the untyped rows of UTF-8 files.

    What DuckDB rejects is in `reject_errors` once they were read.
    """
    connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    entity, layout = files[0].entity, files[0].layout
    there = set(layout.columns)
    inputs = {name: one for name, one in entity.inputs.items() if one.column in there}
    attributes = {name: one.attribute for name, one in inputs.items()}
    places = {name: place for place, name in enumerate(layout.columns)}
    kinds = ", ".join(f"'__column_{place}': 'VARCHAR'" for place in range(len(layout.columns)))
    doubtful = frozenset(attributes if any(holds(text, b"\0") for text in texts) else ())
    found = (f"__column_{places[one.column]}" for one in inputs.values())
    # Within quotes a record may go on for many lines.
    short = options == WITHOUT_QUOTES and not _have_long_line(texts, PART // 2)
    longest = PART if short else contract.MAX_LINE
    values = [
        f"{marked(text) if doubtful else text} AS {raw_column(place)}"
        for place, text in enumerate(found)
    ]
    query = (
        f"SELECT {', '.join(values)}, {file_name(files)} AS {FILE} FROM "
        f"read_csv([{', '.join(map(file_literal, texts))}], auto_detect = false, hive_partitioning "
        f"= false, header = true, skip = {layout.before}, delim = {literal(layout.delimiter)}, "
        f"quote = '\"', escape = '\"', columns = {{{kinds}}}, strict_mode = true, "
        f"{options}{buffers(texts, longest)})"
    )
    return Raw(query, attributes, doubtful)


def _ends_in_quotes(text: Path, delimiter: str) -> bool:
    """Say whether a quote may be open at the end.

    Of several files DuckDB reads each by one thread, which then says nothing of the last lines.
    """
    begins = rb"(?:\A|[\r\n]|" + re.escape(delimiter.encode()) + rb")"
    with text.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return re.search(begins + rb'"[^"]*(?:""[^"]*)*\Z', content) is not None


def _have_long_line(texts: Sequence[Path], size: int) -> bool:
    """Say whether a block of this size is without a line end: DuckDB drops what fills its buffer.

    Where none is, all lines are shorter than two such blocks.
    """
    return any(_has_long_line(text, size) for text in texts)


def _has_long_line(text: Path, size: int) -> bool:
    with text.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(
            content.find(b"\n", start, start + size) < 0
            and content.find(b"\r", start, start + size) < 0
            for start in range(0, len(content) - size + 1, size)
        )


def _begins_otherwise(text: Path) -> bool:
    """Say whether the first line ends otherwise than the second.

    DuckDB takes the end of a line that it skips for that of all, and then finds no row.
    """
    with text.open("rb") as file:
        ends = re.findall(rb"\r\n|\r|\n", file.read(contract.MAX_LINE))
    return len(set(ends[:2])) > 1


def rejected(
    connection: "DuckDBPyConnection", files: Sequence[SourceText], texts: Sequence[Path]
) -> str:
    """Return the SQL of the lines that DuckDB rejected.

    CorruptionDetails, Record (the line), Line, FileName.
    """
    foreign = literal(f"line: it is not {files[0].layout.encoding}")
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE rejected AS
        WITH found AS (SELECT *, coalesce(column_idx, 0) * (CASE error_type WHEN 'MISSING COLUMNS'
          THEN -1 ELSE 1 END)
                              AS place FROM reject_errors)
        SELECT file_id::BIGINT AS file, any_value(line_byte_position) - 1 AS position,
          any_value(csv_line) AS record,
               CASE WHEN bool_or(error_type = 'INVALID ENCODING') THEN {foreign}
                    ELSE 'line: ' || lower(rtrim(max_by(error_message, place), '.')) END AS details
        FROM found GROUP BY file_id, line""")
    connection.register("lines_at", _places(connection, files, texts))
    return """
        SELECT details AS CorruptionDetails, trim(record, chr(10) || chr(13)) AS Record,
               number + length(record) - length(ltrim(record, chr(10) || chr(13))) AS Line, name AS
                 FileName
        FROM rejected JOIN lines_at USING (file, position)"""


def _places(
    connection: "DuckDBPyConnection", files: Sequence[SourceText], texts: Sequence[Path]
) -> pa.Table:
    """Return the lines at which rejected records begin: file, its name, position, number."""
    found = connection.execute(
        "SELECT DISTINCT file, position FROM rejected ORDER BY ALL"
    ).fetchnumpy()
    bounds = np.searchsorted(found["file"], np.arange(len(files) + 1))
    numbers = [
        line_numbers(texts[place], found["position"][low:high])
        for place, (low, high) in enumerate(pairwise(bounds))
        if low < high
    ]
    names = pa.array([files[place].shown for place in found["file"]], pa.string())
    return pa.table(
        {
            "file": found["file"],
            "name": names,
            "position": found["position"],
            "number": np.concatenate([np.empty(0, np.int64), *numbers]),
        }
    )


def line_numbers(text: Path, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers, from 1, of the lines in which some bytes of a file stand.

    `places` ascend.
    """
    numbers, before, start = np.ones(len(places), np.int64), 1, 0
    with text.open("rb") as file:
        block = file.read(BLOCK)
        while block and len(places) and start <= places[-1]:
            following = file.read(BLOCK)
            letters = np.frombuffer(block + (following[:1] or b"\n"), np.uint8)
            ends = (
                np.flatnonzero((letters[:-1] == LF) | ((letters[:-1] == CR) & (letters[1:] != LF)))
                + start
            )
            low, high = np.searchsorted(places, [start, start + len(block)])
            numbers[low:high] = before + np.searchsorted(ends, places[low:high])
            before, start, block = before + len(ends), start + len(block), following
    return numbers
