"""The lines of text files in SQL: each with its number, its file, and what is wrong with it.

DuckDB reads them as CSV of one column. It reads no file with bytes that are not in its encoding,
with a line that is too long or with line ends of several kinds: such files are copied first, and
the lines that are none marked.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from overtide.schemas.names import file_literal, literal
from overtide.transforms.sources import contract
from overtide.transforms.sources.contract import FILE, SourceText
from overtide.transforms.sources.lines import JSON_BLANKS, bounded_lines
from overtide.transforms.sources.texts import buffers, file_name, in_utf8

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DELIMITER, MARK = "\x01", "\x02"
"""Characters that no line of text holds.

The first is for a CSV reader that is to find one column.
"""
AROUND = "\r\ufeff"
"""What is not of a line: the rest of its end, a byte order mark."""
ASIDE = (
    "CASE WHEN starts_with(given, chr(2)) THEN split_part(given, chr(2), 2) END, "
    "CASE WHEN starts_with(given, chr(2)) THEN split_part(given, chr(2), 3) ELSE given END"
)
"""SQL of what `clean` knows to be wrong with a line, and of the line."""
UNDECODED = re.compile("[\udc80-\udcff]")
"""What stands for bytes that are no UTF-8."""
SHOWN = 1000
"""Characters that are kept of a line that cannot be read."""


def load_lines(
    files: Sequence[SourceText], load: Callable[[str], object], around: str = AROUND, kind: str = ""
) -> None:
    """Give `load` the SQL of the lines of files: `line`, `__file`, `wrong` and `text`.

    Where DuckDB cannot run it, `load` is given another. `wrong` is null, or says why a line is no
    row; behind `kind` where its characters are why. The characters `around` a line are left out,
    and it may be empty.
    """
    import duckdb

    texts = [in_utf8(file) for file in files]
    try:
        load(_numbered(files, texts, "NULL::VARCHAR, given", around))
    except (duckdb.InvalidInputException, duckdb.NotImplementedException):
        cleaned = [file.copy.with_suffix(".cleaned") for file in files]
        for file, text, copy in zip(files, texts, cleaned, strict=True):
            clean(text, copy, file.layout.encoding, kind)
        load(_numbered(files, cleaned, ASIDE, around))


def of_whole(
    connection: "DuckDBPyConnection", file: SourceText, lines: str, column: str, before: int
) -> str:
    """Return the SQL of `lines` whose numbers, in a `column`, are those that they have in a whole.

    That is the file of which this one has some lines, behind others `before`.
    """
    if file.lines is None:
        return lines
    part = np.arange(before + 1, before + 1 + len(file.lines))
    connection.register("part_lines", pa.table({"__part": part, "__whole": file.lines}))
    return (
        f"SELECT * EXCLUDE (__part, __whole) REPLACE (__whole AS {column}) FROM ({lines}) "
        f"JOIN part_lines ON {column} = __part"
    )


def _numbered(files: Sequence[SourceText], texts: Sequence[Path], aside: str, around: str) -> str:
    """Return the SQL of the lines; `aside` is what is known to be wrong with one, and its text.

    Lines are read in order, so those of a file are numbered one after the other.
    """
    several = (
        "number - min(number) OVER (PARTITION BY file_index) + 1" if len(files) > 1 else "number"
    )
    return f"""(
        SELECT {several} AS line, {FILE}, {aside}
        FROM (SELECT row_number() OVER () AS number, file_index, {file_name(files)} AS {FILE},
                     trim(text, {literal(around)}) AS given
              FROM read_csv([{", ".join(map(file_literal, texts))}], auto_detect = false,
                            hive_partitioning = false, header = false,
                            columns = {{'text': 'VARCHAR'}}, delim = '{DELIMITER}', quote = '',
                            escape = '', strict_mode = true, {buffers(texts)}))
        ) AS lines(line, {FILE}, wrong, text)"""


def clean(source: Path, copy: Path, encoding: str, kind: str) -> None:
    """Copy a file so that DuckDB finds its lines.

    One kind of line ends, and nothing in a line that ends its reading. A line that must be set
    aside begins with what is wrong with it, between two `MARK`.
    """
    with (
        source.open(encoding="utf-8", errors="surrogateescape", newline=None) as text,
        copy.open("w", encoding="utf-8", newline="\n") as out,
    ):
        within = False
        for line in bounded_lines(text):
            if not within:
                wrong = _wrong(line, encoding, kind)
                out.write(f"{MARK}line: {wrong}{MARK}{_printable(line)}\n" if wrong else line)
            within = not line.endswith("\n")


def _wrong(line: str, encoding: str, kind: str) -> str | None:
    if not line.isascii() and UNDECODED.search(line):
        return f"it is not {encoding}"
    if len(line) * 4 > contract.MAX_LINE and len(line.encode()) >= contract.MAX_LINE:
        return "it is longer than 16 MiB"
    if DELIMITER in line or MARK in line:
        return f"{kind}it holds a control character"
    return None


def _printable(line: str) -> str:
    """Return the beginning of a line, with a replacement character for what is no letter."""
    begin = UNDECODED.sub("\ufffd", line[:SHOWN]).strip(JSON_BLANKS)
    return begin.replace(DELIMITER, "\\x01").replace(MARK, "\\x02")
