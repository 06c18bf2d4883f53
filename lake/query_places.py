"""Where in a query an error lies, told from what DuckDB says of it."""

import re

SHOWN = re.compile(r"^LINE (\d+): (.*)\n( *)\^", re.MULTILINE)
CUT = "..."
"""What DuckDB writes where it leaves out the beginning or the end of a long line."""


def place_of(message: str, query: str) -> str | None:
    """Return the place as `line 2, column 14`, both from 1; None where DuckDB does not tell it.

    Columns are letters of the line. Where the beginning of a line is left out, what follows is
    looked for in it: of several such places the first is told.
    """
    found = SHOWN.search(message)
    if found is None:
        return None
    number, shown, gap = int(found[1]), found[2], len(found[3])
    lines = query.split("\n")
    column = gap - len(f"LINE {number}: ")
    if not (0 < number <= len(lines) and 0 <= column <= len(shown)):
        return None
    if shown.startswith(CUT) and not lines[number - 1].startswith(CUT):
        whole = shown.removeprefix(CUT)
        whole = whole.removesuffix(CUT) if not lines[number - 1].endswith(whole) else whole
        start = lines[number - 1].find(whole)
        if start < 0:
            return None
        column += start - len(CUT)
    return f"line {number}, column {column + 1}"
