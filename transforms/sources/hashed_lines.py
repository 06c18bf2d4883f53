"""The lines of a text file by their hashes, and a file of some of them alone."""

import hashlib
import json
import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from overtide.schemas.names import file_literal
from overtide.transforms.sources.contract import Layout, SourceText
from overtide.transforms.sources.texts import buffers, holds, in_utf8

DELIMITER = "\x01"
"""No line of text holds it; a file in which one does is not read so."""
AHEAD = "'abcd'"
"""What stands before a text that is hashed a second time. DuckDB hashes eight letters at a time,
and of texts that differ in the last of eight and in the last of the next eight, many have one hash;
moved by four letters they have others."""
BLOCK = 1 << 22
LF, CR = 10, 13


def read_by(hashed: str, told: Sequence[object]) -> str:
    """Return the SQL of a hash of what a row is read from, in which it counts by what it is read.

    The same line under another header is another row: what the file tells of all rows is in each.
    """
    if not told:
        return hashed
    text = json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogatepass")
    number = int.from_bytes(hashlib.sha256(text).digest()[:8])
    return f"xor({hashed}, {number}::UBIGINT)"


def hashed_lines(file: SourceText, before: int, told: Sequence[object] = ()) -> str | None:
    """Return the SQL of the hashes of the lines of a file, `h` and `g`, in their order.

    Without those that stand `before`, and without empty ones; `told` is by what they are read. None
    where a NUL marks what is no text.
    """
    text = in_utf8(file)
    if holds(text, b"\0"):
        return None
    return f"""
        SELECT {read_by("hash(line)", told)} AS h,
          {read_by(f"hash({AHEAD} || line)", told)} AS g
        FROM read_csv({file_literal(text)}, auto_detect = false, hive_partitioning = false,
          header = false, skip = {before}, columns = {{'line': 'VARCHAR'}}, delim = '{DELIMITER}',
          quote = '', escape = '', strict_mode = true, {buffers([text])})
        WHERE line <> ''"""


def write_lines(
    file: SourceText, before: int, places: NDArray[np.int64], header: str = "", quotes: bool = False
) -> SourceText | None:
    """Write the lines at some places, which ascend from 0, to a file of their own.

    They come behind a `header`. None where one has the rest of another line's end, or where an odd
    number of `quotes` leaves one open. Of lines that were rows before each is whole, so then all
    are.
    """
    copy, text = file.copy.with_suffix(".rows"), in_utf8(file)
    found = list(_lines_at(text, before, places))
    lines, numbers = [line for _, line in found], np.array([number for number, _ in found], int)
    wrong = any(b"\r" in line or (quotes and line.count(b'"') % 2) for line in lines)
    if wrong or len(lines) < len(places):
        return None
    copy.write_bytes(b"".join(line + b"\n" for line in [*[header.encode()] * bool(header), *lines]))
    layout = Layout(file.layout.columns, delimiter=file.layout.delimiter)
    came = file.copy.with_suffix(".came")
    return replace(file, path=copy, layout=layout, copy=came, lines=numbers)


def lines_at(file: SourceText, before: int, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers of the lines at some places, which ascend from 0; lines from 1."""
    if file.lines is not None:
        return file.lines[places]
    found = [np.empty(0, np.int64)]
    for block in _blocks(in_utf8(file), before):
        low, high = np.searchsorted(places, [block.place, block.place + len(block.filled)])
        found.append(block.line + block.filled[places[low:high] - block.place])
        if high == len(places):
            break
    return np.concatenate(found)


def places_of(file: SourceText, before: int, lines: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places of lines, by their numbers, which ascend; of an empty one there is none."""
    if file.lines is not None:
        return np.flatnonzero(np.isin(file.lines, lines))
    found = [np.empty(0, np.int64)]
    for block in _blocks(in_utf8(file), before):
        low, high = np.searchsorted(lines, [block.line, block.line + len(block.ends)])
        filled = np.isin(block.filled, lines[low:high] - block.line)
        found.append(block.place + np.flatnonzero(filled))
        if high == len(lines):
            break
    return np.concatenate(found)


def _lines_at(text: Path, before: int, places: NDArray[np.int64]) -> Iterator[tuple[int, bytes]]:
    """Give the lines at some places among those that are not empty, numbered, without their ends.

    They come in their order.
    """
    for block in _blocks(text, before):
        wanted = int(np.searchsorted(places, block.place + len(block.filled)))
        for at in block.filled[places[:wanted] - block.place].tolist():
            line = block.letters[block.begins[at] : block.ends[at]].rstrip(b"\r")
            yield block.line + at, line
        places = places[wanted:]
        if not len(places):
            break


@dataclass(frozen=True)
class _Block:
    """Some lines of a file, one after the other."""

    letters: bytes
    begins: NDArray[np.int64]
    ends: NDArray[np.int64]
    filled: NDArray[np.int64]
    """Which of the lines are not empty."""
    place: int
    """The place of the first one of these."""
    line: int
    """The number of the first line."""


def _blocks(text: Path, before: int) -> Iterator[_Block]:
    """Give the lines of a file, without those `before`."""
    with text.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        place, number, start = 0, before + 1, 0
        for _ in range(before):
            start = content.find(b"\n", start) + 1
        while start < len(content):
            end = content.rfind(b"\n", start, start + BLOCK) + 1 or content.find(b"\n", start) + 1
            block = content[start : end or len(content)]
            start += len(block)
            letters = np.frombuffer(block, np.uint8)
            ends = np.flatnonzero(letters == LF)
            if not block.endswith(b"\n"):
                ends = np.append(ends, len(block))
            begins = np.append(0, ends[:-1] + 1)
            filled = np.flatnonzero((ends - begins) - (letters[ends - 1] == CR) > 0)
            yield _Block(block, begins, ends, filled, place, number)
            place, number = place + len(filled), number + len(ends)
