"""Lines that are no rows are set aside by name, whatever their quotes and lengths."""

import pytest

from overtide.transforms.sources import contract, csv_reading
from tests.source_files import Found, read

QUOTES = "line: a quote is not closed, or a value goes on behind its quote"
MISSING = "Id: the primary key is missing"


def aside(found: Found) -> list[tuple[int | None, str, str]]:
    assert [row for row in found.corrupt if row.kept or row.key] == []
    return [(row.line, row.record, row.details) for row in found.corrupt]


@pytest.mark.parametrize(
    ("content", "rows", "lines"),
    [
        pytest.param(
            "Id,Name\n1\n2,b,c\n3,x\n",
            [("3", "x")],
            [
                (2, "1", "line: expected number of columns: 2 found: 1"),
                (3, "2,b,c", "line: expected number of columns: 2 found: 3"),
            ],
            id="short and long",
        ),
        pytest.param(
            "Id,Name,x,y,z\n1\n2,b,,,,f,g\n3,x,,,\n",
            [("3", "x")],
            [
                (2, "1", "line: expected number of columns: 5 found: 1"),
                (3, "2,b,,,,f,g", "line: expected number of columns: 5 found: 7"),
            ],
            id="much too short and long",
        ),
        pytest.param(
            'Id,Name\n1,"a\n\nb"\n\n2\n3,c\n',
            [("1", "a\n\nb"), ("3", "c")],
            [(6, "2", "line: expected number of columns: 2 found: 1")],
            id="lines are those of the file",
        ),
        pytest.param(
            'Id,Name\n1,"p"q\n2,b\n', [("2", "b")], [(2, '1,"p"q', QUOTES)], id="a stray quote"
        ),
        pytest.param(
            'Id,Name\n1,"a\n2,b\n3,c\n',
            [("2", "b"), ("3", "c")],
            [(2, '1,"a', QUOTES)],
            id="an open quote",
        ),
        pytest.param(
            'Id,Name\n1,"a\n2,"b"\n3,c\n',
            [("2", "b"), ("3", "c")],
            [(2, '1,"a', QUOTES)],
            id="an open quote before a quoted value",
        ),
        pytest.param(
            'Id,Name\n1,a\n2,"b', [("1", "a")], [(3, '2,"b', QUOTES)], id="an open quote at the end"
        ),
        pytest.param(
            'Id,Name\n1,"a\\"b"\n2,b\n',
            [("2", "b")],
            [(2, '1,"a\\"b"', QUOTES)],
            id="a backslash is a letter",
        ),
        pytest.param(
            "Id,Name\n1,a\rb\n2,c\n",
            [("1", "a"), ("2", "c")],
            [(3, "b", "line: expected number of columns: 2 found: 1")],
            id="CR ends a line too",
        ),
        pytest.param(
            "Id,Name\n1,a\n\x1a",
            [("1", "a")],
            [(3, "\x1a", "line: expected number of columns: 2 found: 1")],
            id="an end-of-file mark",
        ),
    ],
)
def test_lines_that_are_no_rows_are_set_aside(tmp_path, content, rows, lines):
    found = read(tmp_path, content)
    assert (found.rows, aside(found)) == (rows, lines)
    assert found.counts == (len(rows) + len(lines), len(rows), len(lines), 0)


@pytest.mark.parametrize("rows_before", [0, 5_000])
@pytest.mark.parametrize("quoted", ["", '"q"'])
def test_a_line_that_is_no_utf_8_is_set_aside_wherever_it_stands(tmp_path, rows_before, quoted):
    before = [f"{number},x" for number in range(rows_before)]
    lines = ["Id,Name", *before, "a,é", "b,\udcff\udcfe", f"c,{quoted}"]
    found = read(tmp_path, "\n".join(lines).encode(errors="surrogateescape"))
    good = [
        *((str(number), "x") for number in range(rows_before)),
        ("a", "é"),
        ("c", quoted[1:2] or None),
    ]
    assert found.rows == good
    ((line, record, details),) = aside(found)
    assert (line, record[:2]) == (rows_before + 3, "b,")
    assert "utf-8" in details


def test_a_text_with_a_nul_is_no_value(tmp_path):
    found = read(tmp_path, b"Id,Name\n1,a\0b\n2,b\n\0,c\n")
    assert sorted(found.rows) == [("1", None), ("2", "b")]
    kept_row, keyless = sorted(found.corrupt, key=lambda row: not row.kept)
    assert (kept_row.key, kept_row.details) == ("1", 'Name: expected string but found "a\\u0000b"')
    assert keyless.details.startswith(MISSING)
    assert found.counts == (3, 2, 1, 0)


LONG = 4096


@pytest.mark.parametrize("length", [LONG - 10, LONG + 10, 2 * LONG, 5 * LONG, 20 * LONG])
@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("rows", [1, 3_000])
def test_a_line_is_read_or_named_however_long_it_is(tmp_path, monkeypatch, length, quoted, rows):
    monkeypatch.setattr(contract, "MAX_LINE", LONG)
    before, behind = (
        ",x\n".join(map(str, range(start, start + rows))) + ",x\n" for start in (0, 10_000)
    )
    text = "y" * (length - len("z,") - 2 * quoted)
    mark = '"' if quoted else ""
    found = read(tmp_path, f"Id,Name\n{before}z,{mark}{text}{mark}\n{behind}")
    short = length < LONG
    assert found.counts == (2 * rows + 1, 2 * rows + short, not short, 0)
    assert (
        [(row.line, row.record[:3]) for row in found.corrupt] == []
        if short
        else [(rows + 2, "z,y")]
    )
    assert ("z", text) in found.rows or not short


@pytest.mark.parametrize("length", [100, 1_000, 2_000, 2_040, 2_060, 4_000, 4_090, 4_100, 9_000])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_small_buffers_are_for_files_of_short_lines(tmp_path, monkeypatch, length, end):
    monkeypatch.setattr(csv_reading, "PART", 1 << 12)
    texts = ["x" * (length if number % 50 == 7 else number % 90) for number in range(300)]
    lines = [f"{number},{text}" for number, text in enumerate(texts)]
    found = read(tmp_path, end.join(["Id,Name", *lines, ""]))
    assert found.rows == [(str(number), text or None) for number, text in enumerate(texts)]
    assert found.corrupt == []


def test_an_open_quote_takes_no_other_line_along_however_large_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(contract, "MAX_LINE", 1 << 12)
    lines = [f'{number},"x"' for number in range(5_000)]
    lines[3] = '3,"x'
    found = read(tmp_path, "\n".join(["Id,Name", *lines]))
    assert found.counts == (5_000, 4_999, 1, 0)
    assert aside(found) == [(5, '3,"x', QUOTES)]
