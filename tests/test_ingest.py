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
from tests.source_files import kept, read, read_alone, read_files

MISSING = "Id: the primary key is missing"


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
