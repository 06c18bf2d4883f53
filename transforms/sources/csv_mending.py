"""Mend a CSV file whose quotes or line ends are broken.

Keep the well-formed records, set the other lines aside.

A record whose quote is not closed, or that goes on behind a closing quote, loses only its first
line: the next line begins a new record. Line ends become one kind, those within quotes stay as they
are.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TextIO

import pyarrow as pa

from overtide.transforms.sources import contract
from overtide.transforms.sources.contract import SourceText

SHOWN = 10_000
"""Characters that are kept of a line that is set aside."""
ASIDE = pa.schema(
    [
        ("CorruptionDetails", pa.string()),
        ("Record", pa.string()),
        ("Line", pa.int64()),
        ("FileName", pa.string()),
    ]
)
END = r"(?:\r\n|\r|\n)"
LINE, LINE_END = re.compile(rf"[^\r\n]*+{END}?"), re.compile(END)


@dataclass(frozen=True)
class Grammar:
    """What a well-formed record is, as DuckDB reads it."""

    delimiter: str

    @cached_property
    def _parts(self) -> tuple[str, str, str]:
        # DuckDB skips one blank before a quote, those behind it, and a pair of quotes with blanks
        # between them.
        before, behind, again = (" ?+", " *+", '|" ++"') if self.delimiter != " " else ("", "", "")
        mark, opening = re.escape(self.delimiter), f'{before}"(?:[^"]++|""{again})*+'
        return mark, opening, rf'(?:{opening}"{behind}|(?!{before}")[^{mark}\r\n]*+)'

    @cached_property
    def record(self) -> re.Pattern[str]:
        """One record in a group, and its line end."""
        mark, _, value = self._parts
        return re.compile(rf"({value}(?:{mark}{value})*+){END}")

    @cached_property
    def records(self) -> re.Pattern[str]:
        """As many records as there are, with their line ends."""
        mark, _, value = self._parts
        return re.compile(rf"(?:{value}(?:{mark}{value})*+{END})*+")

    @cached_property
    def _beginning(self) -> re.Pattern[str]:
        mark, opening, value = self._parts
        return re.compile(rf"(?:{value}{mark})*+(?:{opening}|{value})\Z")

    def is_cut(self, text: str, start: int) -> bool:
        """Say whether the text ends within the line, or the record, that begins at `start`."""
        return (
            LINE_END.search(text, start) is None or self._beginning.match(text, start) is not None
        )


def mend(source: Path, file: SourceText, copy: Path) -> pa.Table:
    """Write the well-formed records of UTF-8 text to `copy`.

    Return what is set aside, as the columns of `ASIDE`.
    """
    grammar, number, aside = Grammar(file.layout.delimiter), 1, []
    with (
        source.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text,
        copy.open("w", encoding="utf-8", errors="surrogateescape", newline="") as out,
    ):
        for piece, reason in pieces(text, grammar):
            if reason:
                shown = piece[:SHOWN].rstrip("\r\n").encode(errors="replace").decode()
                aside.append(
                    {
                        "CorruptionDetails": f"line: {reason}",
                        "Record": shown,
                        "Line": number,
                        "FileName": file.shown,
                    }
                )
                # An empty line keeps the numbers of those behind it, but in a file of one column it
                # would be a row.
                out.write("\n" if len(file.layout.columns) > 1 else "")
            else:
                out.write(grammar.record.sub(r"\1\n", piece) if "\r" in piece else piece)
            number += len(LINE_END.findall(piece)) if "\r" in piece else piece.count("\n")
    return pa.Table.from_pylist(aside, schema=ASIDE)


def pieces(text: TextIO, grammar: Grammar) -> Iterator[tuple[str, str | None]]:
    """Split a text into well-formed records (None) and other lines, with the reason.

    The records come in runs; the other lines belong to none.
    """
    rest, more = "", True
    while more:
        block = _block(text)
        more = bool(block)
        rest += block if more or not rest or rest.endswith(("\r", "\n")) else "\n"
        start = 0
        while start < len(rest):
            end = grammar.records.match(rest, start).end()  # type: ignore[union-attr] # it matches nothing as well
            if end > start:
                yield rest[start:end], None
                start = end
            elif more and len(rest) - start <= contract.MAX_LINE and grammar.is_cut(rest, start):
                break
            else:
                end = LINE.match(rest, start).end()  # type: ignore[union-attr]
                whole = rest[end - 1] in "\r\n"
                yield (
                    rest[start:end],
                    "a quote is not closed, or a value goes on behind its quote"
                    if whole
                    else "it is longer than 16 MiB",
                )
                start = end
                if not whole:
                    rest, start = _behind_line(text), 0
        rest = rest[start:]


def _block(text: TextIO) -> str:
    """Read on, not to the middle of a line end."""
    block = text.read(contract.MAX_LINE)
    return block + text.read(1) if block.endswith("\r") else block


def _behind_line(text: TextIO) -> str:
    """Read to the end of the line and return what was read behind it."""
    while block := _block(text):
        if found := LINE_END.search(block):
            return block[found.end() :]
    return ""
