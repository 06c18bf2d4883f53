"""CSV files that people download from pages, which spreadsheets open: no value is a formula."""

import re

import anyio.to_thread

FIELD = re.compile(rb'("[^"]*(?:""[^"]*)*"|[^",\r\n]*)(,|\r?\n|\Z)')
"""A field of CSV as it is written here, and what ends it."""
FORMULA = re.compile(rb"[=+\-@\t\r]")
NUMBER = re.compile(rb"-[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")


async def without_formulas(content: bytes) -> bytes:
    """Return CSV in which `'` stands before a text that a spreadsheet may take for a formula.

    Negative numbers stay as they are. It is done in a thread: a file may be large.
    """
    return await anyio.to_thread.run_sync(plain, content)


def plain(content: bytes) -> bytes:
    """Return CSV without formulas, as `without_formulas`."""
    return FIELD.sub(_plain, content)


def _plain(found: re.Match[bytes]) -> bytes:
    field = found.group(1)
    quote = field[:1] if field.startswith(b'"') else b""
    value = field[len(quote) : len(field) - len(quote)]
    if not FORMULA.match(value) or NUMBER.fullmatch(value):
        return found.group()
    return quote + b"'" + value + quote + found.group(2)
