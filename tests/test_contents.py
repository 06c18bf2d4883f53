"""What a file holds counts, not its name.

It is unpacked, decoded line by line, or refused by what it seems to be.
"""

import gzip
import io
import json
import os
import tracemalloc
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import OvertideError
from overtide.transforms.sources.contents import HALF, wide_text
from overtide.transforms.sources.files import about_rows, check_columns
from tests.source_files import NAMES, Found, kept, read, read_files

ROWS = [("1", "a"), ("2", "b")]
PLAIN = b"Id,Name\n1,a\n2,b\n"


def zstd(content: bytes) -> bytes:
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as stream:
        stream.write(content)
    return out.getvalue().to_pybytes()


PACKERS = {"gzip": gzip.compress, "zstd": zstd}


def entity(path: str, **more: object) -> Entity:
    return Entity.model_validate(
        {"path": path, "primary_key": "Id", "attributes": NAMES, "max_set_aside_percent": 100}
        | more
    )


def read_named(project: Path, name: str, content: bytes, **more: object) -> Found:
    file = project / name
    file.write_bytes(content)
    return read_files(project, entity(name, **more), [file])


def refused(project: Path, content: bytes, name: str = "c.csv", **more: object) -> str:
    """Return the refusal of a file, the same by a look at the columns as by reading.

    Only a refusal that needs all of the file is not told by the look.
    """
    with pytest.raises(OvertideError) as error:
        read_named(project, name, content, **more)
    assert error.value.code == "unreadable_file"
    assert len(str(error.value)) < 300
    return str(error.value)


# ---- compressed


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("name", ["c.csv", "c.csv.gz", "c.csv.zst", "c"])
def test_a_compressed_file_is_read_whatever_its_name(tmp_path, kind, name):
    assert read_named(tmp_path, name, PACKERS[kind](PLAIN)).rows == ROWS


@pytest.mark.parametrize("name", ["c.csv.gz", "c.csv.zst", "c.gzip"])
def test_plain_text_is_read_whatever_its_name(tmp_path, name):
    assert read_named(tmp_path, name, PLAIN).rows == ROWS
    lines = "".join(json.dumps(dict(zip(NAMES, row, strict=True))) + "\n" for row in ROWS).encode()
    assert read_named(tmp_path, name + "2", lines, format="jsonl").rows == ROWS


@pytest.mark.parametrize("kind", PACKERS)
def test_the_members_of_an_archive_are_one_text(tmp_path, kind):
    pack = PACKERS[kind]
    assert read_named(tmp_path, "c", pack(b"Id,Name\n1,") + pack(b"a\n2,b\n")).rows == ROWS


def test_frames_that_hold_nothing_are_skipped(tmp_path):
    assert read_named(tmp_path, "c", b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + zstd(PLAIN)).rows == ROWS


@pytest.mark.parametrize("kind", PACKERS)
def test_compressed_lines_are_those_of_the_text(tmp_path, kind):
    found = read(tmp_path, PACKERS[kind](b"Id,Name\n1,a\nbad\n3,\xff\n"))
    assert [(row.line, row.record[:3]) for row in found.corrupt] == [(3, "bad"), (4, "3,?")]
    found = read(tmp_path, PACKERS[kind](b'{"Id": "1", "Name": "x"}\n\n{bad\n'), format="jsonl")
    assert [(row.line, row.record) for row in found.corrupt] == [(3, "{bad")]


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("cut", [1, 8, 1000])
def test_an_archive_that_was_cut_is_refused_as_a_whole(tmp_path, kind, cut):
    whole = PACKERS[kind](b"Id,Name\n" + os.urandom(100_000).hex().encode() + b",x\n")
    assert f"is compressed with {kind} and ends in the middle" in refused(tmp_path, whole[:-cut])


@pytest.mark.parametrize("kind", PACKERS)
def test_an_archive_that_is_damaged_is_refused(tmp_path, kind):
    whole = PACKERS[kind](b"Id,Name\n" + b"1,a\n" * 10_000)
    assert f"is compressed with {kind} and is damaged" in refused(
        tmp_path, whole + b"something else"
    )
    assert f"is compressed with {kind} and" in refused(
        tmp_path, whole[:20] + b"\xff" * 20 + whole[40:]
    )


@pytest.mark.parametrize("kind", PACKERS)
def test_much_text_in_a_small_archive_takes_no_memory(tmp_path, kind):
    pack = PACKERS[kind]
    (tmp_path / "c").write_bytes(pack(b"Id,Name\n") + pack(b"x" * (32 << 20)) * 8)
    tracemalloc.start()
    found = read_files(tmp_path, entity("c"), [tmp_path / "c"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 192 << 20
    assert found.counts == (1, 0, 1, 0)
    assert found.corrupt[0].details == "line: it is longer than 16 MiB"


@pytest.mark.parametrize("kind", PACKERS)
def test_the_rows_of_an_archive_are_estimated(tmp_path, kind):
    (tmp_path / "c").write_bytes(
        PACKERS[kind](b"Id,Name\n" + b"".join(b"%d,x\n" % (n * 7919) for n in range(300_000)))
    )
    assert abs(about_rows(tmp_path / "c", entity("c")) - 300_000) < 100_000


# ---- what is no text


def workbook(first: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(first, "x")
    return out.getvalue()


FOREIGN = {
    "an Excel workbook": workbook("xl/workbook.xml"),
    "an Office document": workbook("mimetype"),
    "a zip archive": workbook("c.csv"),
    "compressed with bzip2": b"BZh91AY&SY\0\1\2",
    "compressed with xz": b"\xfd7zXZ\0",
    "compressed with LZ4": b"\x04\x22\x4d\x18ab",
    "compressed with Snappy": b"\xff\x06\0\0sNaPpY",
    "compressed with compress": b"\x1f\x9d\x90",
    "a 7z archive": b"7z\xbc\xaf\x27\x1c",
    "a RAR archive": b"Rar!\x1a\x07",
    "a tar archive": b"c.csv" + b"\0" * 252 + b"ustar\0",
    "a PDF document": b"%PDF-1.4\n%\xe2\xe3",
    "an SQLite database": b"SQLite format 3\0",
    "a Parquet file": b"PAR1\x15\4",
    "an old Excel workbook": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "an Avro file": b"Obj\x01\4",
    "an ORC file": b"ORC\x0a\x03",
    "an Arrow file": b"ARROW1\0\0",
    "a picture": b"\x89PNG\r\n\x1a",
    "a web page": b"\n<!DOCTYPE html><html>",
    "an XML document": b"<?xml version='1.0'?>",
    "binary data": b"\x7fELF\x02\x01\0\0\0",
}


@pytest.mark.parametrize("what", FOREIGN)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_that_is_no_text_is_refused_by_what_it_seems_to_be(tmp_path, what, pack):
    if pack is gzip.compress and what in ("an Excel workbook", "an Office document"):
        pytest.skip("it is a zip archive as far as its beginning tells")
    message = refused(tmp_path, pack(FOREIGN[what] + b"\r\n"))
    assert f"c.csv is {what}" in message
    (finding,) = check_columns(tmp_path, entity("c.csv"))
    assert (finding.severity, finding.code, finding.message) == (
        "mistake",
        "unreadable_file",
        message,
    )


@pytest.mark.parametrize("header", ["PAR1", "BZh", "ORC", "GIF8"])
def test_a_header_may_begin_as_another_kind_of_file(tmp_path, header):
    found = read(tmp_path, f"{header},Id\nx,1\n", {header: "string", "Id": "string"})
    assert found.rows == [("x", "1")]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (gzip.compress(b"PAR1\x15", mtime=0), "compressed with gzip"),
        (b"Id,Name\n1,a\n", "text"),
        (b"", "empty"),
        (FOREIGN["an Excel workbook"], "an Excel workbook"),
    ],
)
def test_what_is_no_parquet_is_named(tmp_path, content, what):
    assert f"is not a Parquet file (it is {what}" in refused(
        tmp_path, content, format="parquet"
    ).replace("seems to be", "is")


def test_garbage_in_a_header_is_not_shown_to_its_end(tmp_path):
    with pytest.raises(OvertideError) as error:
        read(tmp_path, b"\xc3\xa9" * 50_000 + b"\n1\n")
    assert len(str(error.value)) < 400


# ---- encodings


def aside(found: Found) -> list[tuple[int | None, str]]:
    return [(row.line, row.details) for row in found.corrupt]


@pytest.mark.parametrize(
    ("encoding", "line"),
    [
        ("windows-1252", b"3,\x81"),
        ("iso-8859-6", b"3,\xa1"),
        ("shift_jis", b"3,\xff"),
        ("shift_jis", b"3,\x81"),
        ("gb18030", b"3,\xff"),
        ("gb18030", b"3,\x81\x20"),
        ("euc-jp", b"3,\xa1"),
        ("ascii", b"3,\xc3\xa9"),
        ("utf-8", b"3,\xed\xa0\x80"),
        ("utf-8", b"3,\xc0\xaf"),
        ("utf-8", b"3,\xf4\x90\x80\x80"),
        ("utf-8", b"3,\xc3"),
        ("big5", b"3,\xc3"),
        ("utf-7", b"3,\xff"),
    ],
)
@pytest.mark.parametrize("mark", [b"", b'"'])
def test_a_line_that_is_not_in_the_encoding_is_set_aside_and_no_other(
    tmp_path, encoding, line, mark
):
    content = b"Id,Name\n1," + mark + b"a" + mark + b"\n" + line + b"\n2,b\n"
    found = read(tmp_path, content, encoding=encoding)
    assert found.rows == ROWS
    assert aside(found) == [(3, f"line: it is not {encoding}")]


WIDE = ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]


@pytest.mark.parametrize("encoding", WIDE)
@pytest.mark.parametrize("letters", ["a", "あ"])
def test_a_byte_that_is_missing_or_too_many_costs_one_line(tmp_path, encoding, letters):
    width = 2 if "16" in encoding else 4
    lines = [f"{number},{letters}\n".encode(encoding) for number in range(100)]
    for number in (10, 20, 30):
        lines[number] = lines[number][:width] + b"\x41" + lines[number][width:]
    lines[40] = lines[40][:width] + lines[40][width + 1 :]
    found = read(tmp_path, "Id,Name\n".encode(encoding) + b"".join(lines), encoding=encoding)
    assert [row[0] for row in found.rows] == [
        str(n) for n in range(100) if n not in (10, 20, 30, 40)
    ]
    assert aside(found) == [
        (number + 2, f"line: it is not {encoding}") for number in (10, 20, 30, 40)
    ]


@pytest.mark.parametrize("encoding", WIDE[:2])
def test_half_a_surrogate_pair_and_a_letter_cut_at_the_end_cost_their_lines(tmp_path, encoding):
    half = b"\x00\xd8" if encoding.endswith("le") else b"\xd8\x00"
    found = read(
        tmp_path,
        "Id,Name\n1,a\n2,b\n3,".encode(encoding) + half + "\n4,".encode(encoding) + b"\0",
        encoding=encoding,
    )
    assert (found.rows, [line for line, _ in aside(found)]) == (ROWS, [4, 5])


SHIFTED_ENDS = "\u0a00\U000a0000"
"""No letters: what the end of a line looks like where a byte before it is missing or too many."""


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.text(
        st.characters(exclude_characters=SHIFTED_ENDS, exclude_categories=["Cs"])
        | st.sampled_from("\nĀ一\r")
    ),
    st.sampled_from(WIDE),
)
@example("\u0a31Ā\n", "utf-16-le")
@example("\u0a31Ā\n", "utf-16-be")
def test_what_is_whole_is_decoded_as_python_does(text, encoding):
    assert "".join(wide_text(io.BytesIO(text.encode(encoding)), encoding)) == text
    assert HALF in "".join(wide_text(io.BytesIO(text.encode(encoding) + b"x"), encoding))


@pytest.mark.parametrize(
    "configured", ["utf-8", "windows-1252", "utf-16", "utf-16-be", "utf-32", "shift_jis"]
)
@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_more_than_the_configuration(tmp_path, configured, mark):
    assert kept(tmp_path, "Id,Name\n1,é\n".encode(mark), encoding=configured) == [("1", "é")]


@pytest.mark.parametrize("encoding", WIDE[:2])
def test_utf_16_that_says_so_nowhere_is_named(tmp_path, encoding):
    assert f"seems to be UTF-16. Set `encoding: {encoding}`" in refused(
        tmp_path, "Id,Name\n1,a\n".encode(encoding)
    )


# ---- odd names and odd contents


@pytest.mark.parametrize(
    "name",
    [
        b"c [1].csv",
        b"d'e%20*?.csv",
        b'a "b".csv',
        b"a\nb.csv",
        b" .csv",
        b"\xff\xfe.csv",
        b"\xc3\xa9.csv",
        b"-x.csv",
        b"$HOME.csv",
    ],
)
@pytest.mark.parametrize("format_of", ["csv", "jsonl", "parquet"])
def test_a_file_may_have_any_name(tmp_path, name, format_of):
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    other = tmp_path / "other"
    table = pa.table({"Id": ["1", None], "Name": ["a", "x"]})
    for path in (file, other):
        if format_of == "parquet":
            import pyarrow.parquet as pq

            with path.open("wb") as out:
                pq.write_table(table, out)
        else:
            path.write_bytes(
                b"Id,Name\n1,a\n,x\n"
                if format_of == "csv"
                else b'{"Id": "1", "Name": "a"}\n{"Id": null, "Name": "x"}\n'
            )
    for files in ([file], [other, file]):
        found = read_files(tmp_path, entity("*", format=format_of), files)
        assert found.rows == [("1", "a")]
        assert name.decode(errors="backslashreplace") in [row.file for row in found.corrupt]


def test_an_empty_file_among_others_is_refused_and_one_with_a_header_only_is_not(tmp_path):
    (tmp_path / "a.csv").write_bytes(PLAIN)
    (tmp_path / "b.csv").write_bytes(b"Id,Name\n")
    (tmp_path / "c.csv").write_bytes(gzip.compress(b"Id,Name"))
    files = [tmp_path / name for name in ("a.csv", "b.csv", "c.csv")]
    assert read_files(tmp_path, entity("*"), files).rows == ROWS
    (tmp_path / "d.csv").touch()
    assert [finding.code for finding in check_columns(tmp_path, entity("*.csv"))] == ["empty_file"]
