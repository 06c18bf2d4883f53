"""One row per primary key: by preference, then the greatest canonical row, never by the order of the files."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.configuration import Entity, Preference
from schemas.errors import OvertideError
from tests.source_files import Found, read, read_files

ATTRIBUTES = {"Id": "integer", "Name": "string", "City": "string", "Seen": "date"}
Row = tuple[int | None, str | None, str | None, date | None]
POLICIES = [Preference(), Preference(policy="most_recent", attribute="Seen"),
            Preference(policy="least_recent", attribute="Seen"), Preference(policy="most_recent", attribute="Id")]


def write(file: Path, rows: list[Row], spelling: str = "{}") -> None:
    lines = (",".join("" if value is None else str(value) for value in row) for row in rows)
    file.write_text("Id,Name,City,Seen\n" + "".join(spelling.format(line) + "\n" for line in lines))


def read_rows(tmp_path: Path, parts: list[list[Row]], prefer: Preference) -> Found:
    files = []
    for number, rows in enumerate(parts):
        files.append(tmp_path / f"{id(parts)}-{number}.csv")
        write(files[-1], rows)
    entity = Entity(path="x", primary_key="Id", attributes=ATTRIBUTES, max_set_aside_percent=100)
    return read_files(tmp_path, entity, files, prefer)


def winner(rows: list[Row], prefer: Preference) -> Row:
    """The preferred row; between equals the one whose texts, joined, are the greatest."""
    def text(row: Row) -> bytes:
        return "\x1c".join("\x1d" if value is None else str(value) for value in row).encode()

    def rank(row: Row) -> tuple[Any, ...]:
        compared = row[list(ATTRIBUTES).index(prefer.attribute)] if prefer.attribute else None
        number = compared.toordinal() if isinstance(compared, date) else compared
        if prefer.policy == "most_filled":
            return sum(value is not None for value in row), text(row)
        if number is None:
            return False, 0, text(row)
        return True, number if prefer.policy == "most_recent" else -number, text(row)
    return max(rows, key=rank)


ROWS = st.tuples(st.none() | st.integers(1, 4), st.none() | st.sampled_from(["a", "b", "é", "Z"]),
                 st.none() | st.sampled_from(["x", "10", "9"]),
                 st.none() | st.sampled_from([date(2024, 1, 1), date(2024, 2, 1), date(1999, 1, 1)]))


@pytest.mark.parametrize("prefer", POLICIES, ids=lambda one: f"{one.policy} {one.attribute}")
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(ROWS, min_size=1, max_size=12), data=st.data())
def test_the_row_of_a_key_is_that_of_plain_python_whatever_the_files(tmp_path, prefer, rows, data):
    keyed: dict[int, list[Row]] = {}
    for row in rows:
        keyed.setdefault(row[0], []).append(row) if row[0] is not None else None
    keyless = sum(row[0] is None for row in rows)
    found = read_rows(tmp_path, [rows], prefer)
    assert sorted(found.rows) == sorted(winner(same, prefer) for same in keyed.values())
    assert found.counts == (len(rows), len(keyed), keyless, len(rows) - len(keyed) - keyless)
    shuffled, cut = data.draw(st.permutations(rows)), data.draw(st.integers(0, len(rows)))
    again = read_rows(tmp_path, [part for part in (shuffled[cut:], shuffled[:cut]) if part], prefer)
    assert (again.table.content, again.table.corrupt_content) == (found.table.content, found.table.corrupt_content)


@pytest.mark.parametrize(("kind", "texts", "kept"), [
    ("integer", ["7", "007", "+7", " 7 "], [7]), ("integer", ["-0", "0", "00"], [0]),
    ("string", ["7", "007", " 7", "7 ", "A", "a", "é", "e\u0301"], ["7", "007", " 7", "7 ", "A", "a", "é", "e\u0301"]),
    ("guid", ["0000000A-0000-0000-0000-00000000000A", "0000000a00000000000000000000000a"],
     ["0000000a-0000-0000-0000-00000000000a"])])
def test_a_key_is_its_value_not_its_text(tmp_path, kind, texts, kept):
    found = read(tmp_path, "Id\n" + "\n".join(f'"{text}"' for text in texts), {"Id": kind})
    assert sorted(row[0] for row in found.rows) == sorted(kept)
    assert found.table.repeated_keys == len(texts) - len(kept)


@pytest.mark.parametrize("kind", ["string", "integer", "guid"])
@pytest.mark.parametrize("blank", ["", '""', '" "', '"   "', '"\u00a0"', '"\u3000"'])
def test_a_blank_key_is_none(tmp_path, kind, blank):
    found = read(tmp_path, f"Name,Id\nx,{blank}\n", {"Name": "string", "Id": kind})
    corrupt, = found.corrupt
    assert (found.counts, found.rows) == ((1, 0, 1, 0), [])
    assert (corrupt.kept, corrupt.details) == (False, "Id: the primary key is missing")
    assert corrupt.record.startswith('{"Name":"x","Id":')


def test_of_rows_with_a_key_that_is_corrupt_elsewhere_all_are_named(tmp_path):
    found = read(tmp_path, "Id,Seen\n1,x\n1,y\n1,2024-01-01\n", {"Id": "string", "Seen": "date"})
    assert found.rows == [("1", date(2024, 1, 1))]
    assert [(row.key, row.kept, row.record) for row in found.corrupt] == [
        ("1", True, '{"Id":"1","Seen":"x"}'), ("1", True, '{"Id":"1","Seen":"y"}')]
    assert found.counts == (3, 1, 0, 2)


@pytest.mark.parametrize(("percent", "aside", "rows", "refused"), [
    (5, 5, 100, False), (5, 6, 100, True), (5, 1, 20, False), (5, 1, 19, True), (0, 0, 1, False), (0, 1, 1_000, True),
    (0.1, 1, 1_000, False), (0.1, 1, 999, True), (12.5, 1, 8, False), (100, 3, 3, False)])
def test_the_share_of_rows_that_may_be_set_aside(tmp_path, percent, aside, rows, refused):
    lines = ["" if number < aside else str(number) for number in range(rows)]
    text = "Name,Id\n" + "".join(f"x,{line}\n" for line in lines)
    if not refused:
        counts = read(tmp_path, text, {"Id": "string"}, max_set_aside_percent=percent).counts
        assert counts == (rows, rows - aside, aside, 0)
        return
    with pytest.raises(OvertideError) as error:
        read(tmp_path, text, {"Id": "string"}, max_set_aside_percent=percent)
    assert error.value.code == "too_many_set_aside"
    assert f"{aside:,} of {rows:,} rows" in str(error.value)


def test_lines_that_are_no_rows_count_as_set_aside(tmp_path):
    with pytest.raises(OvertideError, match="2 of 3 rows"):
        read(tmp_path, "Id,Name\n1\n2,b\n,c\n", max_set_aside_percent=50)


def test_repeated_keys_do_not_count_as_set_aside(tmp_path):
    assert read(tmp_path, "Id,Name\n" + "1,a\n" * 100, max_set_aside_percent=0).counts == (100, 1, 0, 99)
