"""The first line by which spreadsheets name the delimiter of a CSV file: `sep=;`."""

import itertools

import pytest

from overtide.schemas.errors import OvertideError
from tests.source_files import read


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"', "sep=;;;"])
@pytest.mark.parametrize("configured", [";", ",", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_line_that_names_the_delimiter_is_no_header(tmp_path, first, configured, end):
    text = end.join([first, "Id;Name", '00123;"Bob; Jr."', "bad", "1;Ann", ""])
    found = read(tmp_path, text, delimiter=configured)
    assert found.rows == [("00123", "Bob; Jr."), ("1", "Ann")]
    assert [(row.line, row.record) for row in found.corrupt] == [(4, "bad")]


ENDS = ["\n", "\r\n", "\r"]


@pytest.mark.parametrize(("first", "header", "others"), [*itertools.product(ENDS, repeat=3)])
@pytest.mark.parametrize("quoted", [False, True])
def test_no_row_behind_that_line_is_lost_however_each_line_ends(
    tmp_path, first, header, others, quoted
):
    rows = [str(number) for number in range(3_000)]
    lines = [f'{row};"x"' if quoted else f"{row};x" for row in rows]
    text = f"sep=;{first}Id;Name{header}" + "".join(line + others for line in lines)
    found = read(tmp_path, text)
    assert sorted(found.rows) == sorted((row, "x") for row in rows)
    assert found.corrupt == []


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "windows-1252"])
def test_the_line_that_names_the_delimiter_is_known_in_every_encoding(tmp_path, encoding):
    found = read(tmp_path, 'sep=\t\nId\tName\n1\té\n2\t"x\n'.encode(encoding), encoding=encoding)
    assert found.rows == [("1", "é")]
    assert [(row.line, row.record) for row in found.corrupt] == [(4, '2\t"x')]


def test_a_column_may_be_called_like_that_line(tmp_path):
    found = read(tmp_path, "sep=x\n1\n", {"sep=x": "string"}, primary_key="sep=x")
    assert found.rows == [("1",)]


def test_a_line_that_names_another_delimiter_than_the_header_has_is_told(tmp_path):
    with pytest.raises(
        OvertideError, match=r"separated by ',', not by ';'. Correct its first line"
    ) as error:
        read(tmp_path, "sep=;\nId,Name\n1,a\n")
    assert error.value.code == "wrong_delimiter"
