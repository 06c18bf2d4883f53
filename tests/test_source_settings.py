"""What an entity's settings make of rows, against values that were written by them in plain Python.

A value is drawn first, then one of the ways in which its file may write it: so what must be read is
known without reading.
"""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.source_files import read

BLANKS = st.sampled_from(["", " ", "\t", "\u00a0", "  "])
FORMATS = ["%d.%m.%y", "%Y/%m/%d", "ISO"]
WORDS = {"true_words": ["Ja", "x"], "false_words": ["nee", "-"]}
NOTHING = ["N/A", "keine", "?"]
ATTRIBUTES: dict[str, dict[str, Any]] = {
    "Nr": {"type": "integer", "null_words": NOTHING},
    "Line": {"type": "string"},
    "Kind": {"type": "string", "null_words": NOTHING},
    "Paid": {"type": "decimal(12, 2)", "decimal_mark": ",", "thousands_separator": "."}
    | {"null_words": NOTHING},
    "Since": {"type": "date", "format": FORMATS},
    "News": {"type": "boolean", **WORDS},
}
MADE = {
    "Label": {
        "type": "string",
        "expression": "concat_ws('/', upper(trim(Kind)), nullif(Line, 'b'))",
    },
    "Size": {
        "type": "integer",
        "expression": "CASE WHEN Line IN ('a', 'b') THEN 1 WHEN Line IS NULL THEN NULL ELSE 2 END",
    },
}
FILTER = "lower(Kind) <> 'gone'"
UNREADABLE = st.sampled_from(["12x", "1.2.3x", "31.31.20", "vielleicht", "1,2,3"])


@dataclass(frozen=True)
class Cell:
    """A value, how its file writes it, and whether it cannot be read."""

    value: Any
    text: str
    wrong: bool = False


def cells(values: st.SearchStrategy[Any], written: Callable[[Any, Any], str]) -> Any:
    """Draw values with what is written for them, unreadable ones among them."""

    @st.composite
    def one(draw: Any) -> Cell:
        if draw(st.integers(0, 7)) == 0:
            return Cell(None, draw(UNREADABLE), True)
        value = draw(values)
        around = draw(BLANKS), draw(BLANKS)
        return Cell(value, around[0] + written(draw, value) + around[1])

    return one()


def nothing(draw: Any) -> str:
    """A null word, in any case."""
    word = draw(st.sampled_from(NOTHING))
    return draw(st.sampled_from([word, word.lower(), word.upper()]))


def as_integer(draw: Any, value: int | None) -> str:
    if value is None:
        return nothing(draw)
    return draw(st.sampled_from([f"{value}", f"{value}.0", f"{value:03d}", f"{value}e0"]))


def as_decimal(draw: Any, value: Decimal | None) -> str:
    if value is None:
        return nothing(draw)
    grouped = draw(st.booleans())
    text = f"{value:,.2f}" if grouped else f"{value:.2f}"
    return text.replace(",", " ").replace(".", ",").replace(" ", ".")


def as_date(draw: Any, value: date | None) -> str:
    if value is None:
        return ""
    written = [f"{value:%Y/%m/%d}", value.isoformat()]
    if 1969 <= value.year <= 2068:
        written.append(f"{value:%d.%m.%y}")
    return draw(st.sampled_from(written))


def as_truth(draw: Any, value: bool | None) -> str:
    if value is None:
        return ""
    own = WORDS["true_words" if value else "false_words"]
    word = draw(st.sampled_from([*own, str(value)]))
    return draw(st.sampled_from([word, word.lower(), word.upper()]))


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values, values)


@st.composite
def texts(draw: Any, words: list[str]) -> Cell:
    """A text, which is read as it is, with its blanks."""
    value = draw(maybe(st.sampled_from(words)))
    if value is None:
        return Cell(None, "")
    return Cell(value, value)


@st.composite
def kinds(draw: Any) -> Cell:
    if draw(st.integers(0, 4)) == 0:
        return Cell(None, nothing(draw))
    return draw(texts(["shop", " web ", "GONE", "gone", "fairé"]))


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "Nr": cells(maybe(st.integers(0, 40)), as_integer),
            "Line": texts(["a", "b", "a|", "\\", "c d"]),
            "Kind": kinds(),
            "Paid": cells(
                maybe(st.decimals(-99999, 9999999, places=2, allow_nan=False)), as_decimal
            ),
            "Since": cells(maybe(st.dates(date(1900, 1, 1), date(2100, 1, 1))), as_date),
            "News": cells(maybe(st.booleans()), as_truth),
        }
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda row: (row["Nr"].value, row["Line"].value),
)
GOOD = {
    "Nr": Cell(99, "99"),
    "Line": Cell("z", "z"),
    "Kind": Cell("shop", "shop"),
    "Paid": Cell(Decimal("1.50"), "1,50"),
    "Since": Cell(date(2026, 1, 2), "2026-01-02"),
    "News": Cell(True, "ja"),
}
"""A row that is kept, so that something is."""


def key_of(row: dict[str, Cell]) -> str | None:
    number, line = row["Nr"].value, row["Line"].value
    if number is None or line is None:
        return None
    return f"{number}|" + line.replace("\\", "\\\\").replace("|", "\\|")


def is_left_out(row: dict[str, Cell]) -> bool:
    """Say whether the filter does not keep a row: it is not true where there is no text."""
    return row["Kind"].text.lower() in ("", "gone")


def expected(row: dict[str, Cell]) -> tuple[Any, ...] | None:
    """Return a row as it is read, None of one that is set aside or left out."""
    kind, line = row["Kind"].text, row["Line"].value  # expressions are about columns
    if is_left_out(row) or key_of(row) is None:
        return None
    label = "/".join(part for part in (kind.strip().upper(), line if line != "b" else None) if part)
    size = 1 if line in ("a", "b") else 2
    return (*(row[name].value for name in ATTRIBUTES), label, size, key_of(row))


def as_csv(rows: list[dict[str, Cell]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=";")
    writer.writerow(["Order No", *(name for name in ATTRIBUTES if name != "Nr")])
    writer.writerows([row[name].text for name in ATTRIBUTES] for row in rows)
    return file.getvalue()


def as_lines(rows: list[dict[str, Cell]]) -> str:
    """Write nested records: the number stands in a list within an object."""
    return "".join(
        json.dumps(
            {"order": {"nr": [row["Nr"].text]}}
            | {name: cell.text for name, cell in row.items() if name != "Nr"}
        )
        + "\n"
        for row in rows
    )


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=ROWS)
def test_every_setting_reads_what_was_written_by_it(form, rows):
    rows = [*rows, GOOD]
    where = {"column": "Order No"} if form == "csv" else {"path": "order.nr[0]"}
    attributes = ATTRIBUTES | {"Nr": ATTRIBUTES["Nr"] | where} | MADE
    with TemporaryDirectory() as folder:
        found = read(
            Path(folder),
            as_csv(rows) if form == "csv" else as_lines(rows),
            attributes,
            primary_key=["Nr", "Line"],
            filter=FILTER,
            max_set_aside_percent=100,
            format=form,
            **({"delimiter": ";"} if form == "csv" else {}),
        )
    wanted = {key_of(row): one for row in rows if (one := expected(row)) is not None}
    assert {row[-1]: row for row in found.rows} == wanted
    assert found.table.rows_read == len(rows)
    assert found.table.filtered_rows == sum(map(is_left_out, rows))
    keyless = [row for row in rows if key_of(row) is None and not is_left_out(row)]
    assert found.table.set_aside == len(keyless)
    wrong = {
        key_of(row): {name for name, cell in row.items() if cell.wrong}
        for row in rows
        if expected(row) is not None and any(cell.wrong for cell in row.values())
    }
    named = {one.key: one.details for one in found.corrupt if one.kept}
    assert named.keys() == wanted.keys() & wrong.keys()
    for key, names in wrong.items():
        assert {part.split(":")[0] for part in named[key].split("; ")} == names
