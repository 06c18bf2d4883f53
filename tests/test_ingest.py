"""Every line of a CSV file is a row or is named.

Whatever its quotes, line ends, encoding and length.
"""

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import OvertideError
from overtide.transforms.sources import contract, csv_reading
from tests.csv_reference import Reference
from tests.source_files import Found, kept, read, read_alone, read_files

MISSING = "Id: the primary key is missing"
QUOTES = "line: a quote is not closed, or a value goes on behind its quote"


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        pytest.param("Id,Name\n1,a\n2,b", [("1", "a"), ("2", "b")], id="no line end at the end"),
        pytest.param("Id,Name\r\n1,a\r\n2,b\r\n", [("1", "a"), ("2", "b")], id="CRLF"),
        pytest.param("Id,Name\r1,a\r2,b\r", [("1", "a"), ("2", "b")], id="CR"),
        pytest.param(
            "Id,Name\n1,a\r\n2,b\n3,c\r\n",
            [("1", "a"), ("2", "b"), ("3", "c")],
            id="line ends of two kinds",
        ),
        pytest.param("Id,Name\r\n1,a\n2,b", [("1", "a"), ("2", "b")], id="LF behind a CRLF header"),
        pytest.param("\ufeffId,Name\n1,a\n", [("1", "a")], id="byte order mark"),
        pytest.param('\ufeff"Id","Name"\n1,a\n', [("1", "a")], id="byte order mark before a quote"),
        pytest.param(
            'Id,Name\n1,"a, b"\n2,"say ""hi"""\n', [("1", "a, b"), ("2", 'say "hi"')], id="quotes"
        ),
        pytest.param(
            'Id,Name\n1,5" pipe\n', [("1", '5" pipe')], id="a quote within a value without quotes"
        ),
        pytest.param(
            'Id,Name\n1,"a\nb\n\nc"\n2,"d\r\ne"\n',
            [("1", "a\nb\n\nc"), ("2", "d\r\ne")],
            id="within values",
        ),
        pytest.param(
            'Id,Name\n1,"a\r\nb"\r\n2,"c"\n',
            [("1", "a\r\nb"), ("2", "c")],
            id="values keep their line ends",
        ),
        pytest.param("Id,Name\n\n1,a\n\n\n2,b\n\n", [("1", "a"), ("2", "b")], id="blank lines"),
        pytest.param(
            'Id,Name\n1,""\n2,\n3,NULL\n4," "\n',
            [("1", None), ("2", None), ("3", "NULL"), ("4", " ")],
            id="only an empty text is null",
        ),
        pytest.param(
            "Id,Name\n1,a,\n2,b,,\n", [("1", "a"), ("2", "b")], id="delimiters at the end of lines"
        ),
        pytest.param("Id,Name,,\n1,a,,\n", [("1", "a")], id="columns without a name"),
        pytest.param("Name,Id\na,1\n", [("1", "a")], id="columns in another order"),
        pytest.param(
            "Id,Name\n#1,a\n-- 2,b\n", [("#1", "a"), ("-- 2", "b")], id="nothing is a comment"
        ),
        pytest.param("Id,Name\n1,ünï — ✓ 😀\n", [("1", "ünï — ✓ 😀")], id="letters of all kinds"),
    ],
)
def test_rows_are_read_as_they_are(tmp_path, content, rows):
    assert kept(tmp_path, content) == rows


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8-sig", "é"),
        ("utf-16", "é✓"),
        ("utf-16-le", "é✓"),
        ("latin-1", "é"),
        ("windows-1252", "€“"),
        ("iso-8859-15", "€"),
        ("shift_jis", "日本"),
        ("ascii", "e"),
    ],
)
def test_encodings(tmp_path, encoding, text):
    content = f"Id,Name\n1,{text}\n2,b\n"
    assert kept(tmp_path, content.encode(encoding), encoding=encoding) == [("1", text), ("2", "b")]


def test_a_byte_order_mark_of_utf_16_is_no_part_of_the_first_name(tmp_path):
    assert kept(tmp_path, "\ufeffId,Name\n1,a\n".encode("utf-16-le"), encoding="utf-16-le") == [
        ("1", "a")
    ]


@pytest.mark.parametrize(
    ("delimiter", "content"),
    [
        (";", 'Id;Name\n1;"a;b"\n2;c,d\n'),
        ("\t", 'Id\tName\n1\t"a;b"\n2\tc,d\n'),
        ("|", "Id|Name\n1|a;b\n2|c,d\n"),
        ("'", "Id'Name\n1'a;b\n2'c,d\n"),
        (" ", 'Id Name\n1 "a;b"\n2 c,d\n'),
        ("\\", "Id\\Name\n1\\a;b\n2\\c,d\n"),
    ],
)
def test_delimiters(tmp_path, delimiter, content):
    assert kept(tmp_path, content, delimiter=delimiter) == [("1", "a;b"), ("2", "c,d")]
    assert read(tmp_path, content + '3"x\n', delimiter=delimiter).rows == [
        ("1", "a;b"),
        ("2", "c,d"),
    ]


@pytest.mark.parametrize(
    "names",
    [
        ["Id", "raw Id", "raw score", "score"],
        ["Id", "a\nb", 'c "d"', "e'f"],
        ["Id", "details", "record", "line"],
        ["Id", "SELECT", "a.b", "é"],
        ["Id", "filename", "text", "%s"],
    ],
)
def test_columns_may_have_any_name(tmp_path, names):
    out = io.StringIO()
    csv.writer(out).writerows([names, ["1", "a", "b", "3"]])
    attributes = dict.fromkeys(names[:3], "string") | {names[3]: "integer"}
    assert kept(tmp_path, out.getvalue(), attributes=attributes) == [("1", "a", "b", 3)]


def test_names_that_differ_by_more_than_the_case_of_a_to_z_are_two(tmp_path):
    names = ["Id", "Straße", "Strasse", "É", "é", "İ", "i", "\u212a", "k", "ſ", "s"]
    found = read(
        tmp_path, ",".join(names) + "\n" + ",".join(names) + "\n", dict.fromkeys(names, "string")
    )
    assert found.rows == [tuple(names)]


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


ATTRIBUTES = {
    "Id": "integer",
    "Born": {"type": "date", "format": "%m/%d/%Y"},
    "Paid": "decimal(9,2)",
    "Vip": "boolean",
}


def test_values_of_another_type_are_null_and_named(tmp_path):
    found = read(
        tmp_path,
        "Id,Born,Paid,Vip\n1,13/1/2024,x,yes\n007,1/31/2024,1.005,\nx,,,maybe\n,1/1/2024,5,t\n",
        ATTRIBUTES,
    )
    assert [[str(value) for value in row] for row in sorted(found.rows)] == [
        ["1", "None", "None", "True"],
        ["7", "2024-01-31", "1.01", "None"],
    ]
    rows = {(row.key, row.kept, row.details, row.record) for row in found.corrupt}
    assert rows == {
        (
            "1",
            True,
            (
                'Born: expected date as %m/%d/%Y but found "13/1/2024"; '
                'Paid: expected decimal(9,2) but found "x"'
            ),
            '{"Id":"1","Born":"13/1/2024","Paid":"x","Vip":"yes"}',
        ),
        (
            None,
            False,
            MISSING
            + '; Id: expected integer but found "x"; '
            + 'Vip: expected boolean (true/false, yes/no) but found "maybe"',
            '{"Id":"x","Born":null,"Paid":null,"Vip":"maybe"}',
        ),
        (None, False, MISSING, '{"Id":null,"Born":"1/1/2024","Paid":"5","Vip":"t"}'),
    }
    assert found.counts == (4, 2, 2, 0)


def test_several_files_are_one_entity_and_are_named(tmp_path):
    (tmp_path / "2024").mkdir()
    files = [tmp_path / "2024" / "a.csv", tmp_path / "b.csv"]
    files[0].write_text("Id,Name\n1,a\nbad\n")
    files[1].write_text("Name,Extra,Id\nb,x,2\nc,x,1\n,x,\n")
    entity = Entity(
        path="**/*.csv",
        primary_key="Id",
        max_set_aside_percent=100,
        attributes={"Id": "string", "Name": "string", "Note": {"type": "string", "optional": True}},
    )
    found, again = read_files(tmp_path, entity, files), read_files(tmp_path, entity, files[::-1])
    assert sorted(found.rows) == sorted(again.rows) == [("1", "c", None), ("2", "b", None)]
    assert [(row.file, row.line, row.record) for row in found.corrupt] == [
        ("2024/a.csv", None, '{"Id":"1","Name":"a","Note":null}'),
        ("2024/a.csv", 3, "bad"),
        ("b.csv", 4, '{"Id":null,"Name":null}'),
    ]
    assert found.counts == again.counts == (5, 2, 2, 1)
    assert found.table.new_columns == ("Extra",)
    assert (found.table.content, found.table.corrupt_content) == (
        again.table.content,
        again.table.corrupt_content,
    )


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("Id\n1\n", "missing_column", "has no column 'Name'"),
        ("Id,Name,name\n1,a,b\n", "duplicate_column", "'Name' and 'name'"),
        ("Id,Name,x,x\n1,a,b,c\n", "duplicate_column", "'x' and 'x'"),
        ("", "empty_file", "is empty"),
        ("\ufeff", "empty_file", "is empty"),
        ("\nId,Name\n1,a\n", "unreadable_file", "begins with a blank line"),
        ('Id,"Name"x\n1,a\n', "unreadable_file", "first line that is no header"),
        (b"Id,N\xe4me\n1,a\n", "unreadable_file", "is not utf-8"),
        ("Id,Name\n", "no_rows", "has no rows"),
        ("Id,Name", "no_rows", "has no rows"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(tmp_path, content, code, words):
    with pytest.raises(OvertideError) as error:
        read(tmp_path, content)
    assert error.value.code == code
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("utf-16", b"Id,Name\n1,a\n2,b\n3"),
        ("utf-16", b"Id,Name\n1,ab\n"),
        ("utf-32", b"Id,Name\n1,a\n"),
        ("utf-8", b"Id,N\xe4me\n1,a\n"),
        ("shift_jis", b"Id,\xff\xff\n1,a\n"),
        ("ascii", "Id,Näme\n".encode()),
    ],
)
def test_a_header_in_another_encoding_is_refused(tmp_path, encoding, content):
    with pytest.raises(OvertideError) as error:
        read(tmp_path, content, encoding=encoding)
    assert error.value.code == "unreadable_file"
    assert f"is not {encoding}" in error.value.message


# ---- against a few lines of plain Python

PARTS = [
    "a",
    "b",
    " ",
    ",",
    ",",
    ",",
    '"',
    '""',
    "\n",
    "\n",
    "é",
    "a,b\n",
    '"a,b",c\n',
    '"a\nb",c\n',
    '"a\r\nb",c\n',
]


@pytest.mark.parametrize("ends", [[], ["\r\n", "\r"]], ids=["LF", "all line ends"])
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_rows_and_bad_lines_are_those_of_a_plain_reader(tmp_path, ends, data):
    text = data.draw(
        st.lists(st.sampled_from(PARTS + ends), max_size=15)
        .map("".join)
        .filter(lambda text: '" "' not in text.replace("  ", " "))
    )  # DuckDB takes these for one quoted text
    assert read_alone(tmp_path, "Id,Name\n" + text) == Reference("Id,Name\n" + text).read(2)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.lists(
            st.sampled_from(["x", "y,z", "\n", '"', "1,a\n", "b", "\r\n", " "]), max_size=10
        ).map("".join),
        min_size=1,
        max_size=300,
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([256, 1024, 4096]),
)
def test_what_a_csv_writer_wrote_is_read_back_whatever_the_buffers(tmp_path, texts, end, line):
    out = io.StringIO()
    csv.writer(out, lineterminator=end).writerows([("Id", "Name"), *enumerate(texts * 5)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contract, "MAX_LINE", line)
        patch.setattr(csv_reading, "PART", line // 2)
        found = read(tmp_path, out.getvalue())
    assert found.corrupt == []
    assert found.rows == [(str(number), text or None) for number, text in enumerate(texts * 5)]
