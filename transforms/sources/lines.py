"""Lines of a text: from its beginning, and whole ones from its middle and its end.

Pieces that lie behind the beginning are read only where a line is a row by itself, so a text of
several lines is never taken for rows.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from overtide.transforms.sources import contract
from overtide.transforms.sources.contents import HALF, UNDECODABLE, is_utf8
from overtide.transforms.sources.contract import Layout

PIECE = 1 << 18
"""Bytes of a piece in the middle or at the end of a file."""
JSON_BLANKS = " \t\r\n\ufeff"
"""What does not count around a JSON line."""
COUNTED = 1 << 28
"""Bytes before a piece whose lines are counted; behind more, a place is named by its byte."""


def bounded_lines(text: TextIO) -> Iterator[str]:
    """Give the lines of a text with their ends.

    One that is too long for any reader comes in pieces.
    """
    return iter(lambda: text.readline(contract.MAX_LINE), "")


def later_lines(
    file: Path, shown: str, layout: Layout, most: int, behind: int
) -> Iterator[tuple[str, str]]:
    """Give whole lines from the middle and the end of a file, with their places.

    Those behind the line `behind`.
    """
    size = file.stat().st_size
    encoding = "utf-8" if is_utf8(layout.encoding) else layout.encoding
    if layout.packed or len("\n".encode(encoding)) > 1:
        return
    length = min(PIECE, size // 4)
    for start, wanted in ((size // 2, slice(most)), (size - length, slice(-most, None))):
        piece = _piece(file, start, length)
        first, end = piece.find(b"\n") + 1, piece.rfind(b"\n")
        lines = (
            piece[first:end].decode(encoding, UNDECODABLE).split("\n") if 0 < first < end else []
        )
        before = _lines_before(file, start + first) if start <= COUNTED else None
        for number, line in list(enumerate(lines, start=1))[wanted]:
            place = f"near byte {start:,}" if before is None else f"line {before + number}"
            if before is None or before + number > behind:
                yield f"{shown}, {place}", line.rstrip("\r")


def _piece(file: Path, start: int, length: int) -> bytes:
    with file.open("rb") as opened_file:
        opened_file.seek(start)
        return opened_file.read(length)


def _lines_before(file: Path, end: int) -> int:
    lines = 0
    with file.open("rb") as opened_file:
        while end > 0 and (block := opened_file.read(min(end, 1 << 20))):
            lines, end = lines + block.count(b"\n"), end - len(block)
    return lines


def json_keys(line: str) -> list[str]:
    """Return the keys of a line that is a JSON object; none of any other."""
    if HALF in line:
        return []
    try:
        row = json.loads(line, parse_int=str)  # Python reads no number of any length
    except (ValueError, RecursionError):
        return []
    return list(row) if isinstance(row, dict) else []
