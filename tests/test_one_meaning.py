"""One value has one meaning: null words and numbers, in every form and of every type."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from overtide.schemas.configuration.entities import Attribute, Entity
from overtide.schemas.errors import OvertideError
from overtide.schemas.null_words import is_null_word
from overtide.schemas.strict_json import parse_json
from overtide.schemas.types import type_of
from tests.engine import canonical
from tests.source_files import read_files

TYPES = (
    *("string", "integer", "double", "decimal(9, 2)", "decimal(38, 10)", "boolean"),
    *("date", "datetime", "guid"),
)
WORDS = ["999", "-1.50", "000", "1E3", "0.1", "20240131", "n/a"]
NUMBERS = (
    *("999", "999.0", "999.00", "9.99e2", "9990E-1", "999.0000000000000000000000", "998.5"),
    *("-1.5", "-1.50", "-15e-1", "0", "0.0", "-0.0", "1000", "1000.0", "1e3", "1001.0"),
    *("0.1", "0.10", "1e-1", "20240131", "20240131.0", "99999999999999999999", "1", "1.0"),
)
NULL = {Decimal(text) for text in ("999", "-1.5", "1000", "0.1", "20240131")}
TEXTS = ("999", "999.0", " 999\t", "-1.5", "-1.50", "0", "000", "1e3", "1000", "N/A", "n/a ", "x")
NULL_TEXTS = {"999", "-1.50", "000", "1e3", "n/a"}


def posted(kind: str, value: Any, words: list[str] | None = None) -> Any:
    """The value of a posted record; null where it is a null word or refused."""
    how = Attribute(type=kind, null_words=words)
    if is_null_word(type_of(kind), value, how.null_words):
        return None
    try:
        return type_of(kind).from_source(how.reading, "UTC", value)
    except OvertideError:
        return None


def entity(path: str, form: str, names: list[str]) -> Entity:
    attributes = {name: Attribute(type=TYPES[int(name[1:])], null_words=WORDS) for name in names}
    return Entity.model_validate(
        {
            "path": path,
            "format": form,
            "primary_key": "Id",
            "attributes": {"Id": "string", "T": Attribute(optional=True)} | attributes,
        }
    )


def plain(value: Any) -> Any:
    """A value as a record has it, with all zeros of a decimal."""
    return f"{value:f}" if isinstance(value, Decimal) else canonical(value)


NAMES = [f"V{number}" for number in range(len(TYPES))]


def found(folder: Path, name: str, form: str) -> tuple[dict[str, list[Any]], str]:
    """The rows of a file by their keys, and what is wrong with them."""
    one = entity(name, form, NAMES)
    read = read_files(folder, one, [folder / name])
    rows = {str(row[0]): [plain(value) for value in row[2:]] for row in read.rows}
    return rows, " ".join(row.details for row in read.corrupt)


def texts_of_values(values: list[Any]) -> list[str | None]:
    return [None if value is None else str(value) for value in values]


@pytest.mark.parametrize("path", ["DuckDB", "Python"])
def test_a_number_of_json_is_a_null_word_as_that_of_a_record_is(tmp_path, path):
    more = ', "T": 7.0' if path == "Python" else ""
    lines = [
        f'{{"Id": "{text}"{more}, ' + ", ".join(f'"{name}": {text}' for name in NAMES) + "}"
        for text in NUMBERS
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    rows, _ = found(tmp_path, "a.jsonl", "jsonl")
    for text in NUMBERS:
        expected = [posted(kind, parse_json(text), WORDS) for kind in TYPES]
        assert (text, texts_of_values(rows[text])) == (text, texts_of_values(expected))
        assert Decimal(text) not in NULL or set(rows[text]) == {None}
        assert Decimal(text) in NULL or rows[text][0] is not None


@pytest.mark.parametrize("form", ["csv", "jsonl", "jsonl by Python", "parquet"])
def test_a_text_is_a_null_word_by_itself(tmp_path, form):
    rows = [{"Id": str(n)} | dict.fromkeys(NAMES, text) for n, text in enumerate(TEXTS)]
    if form == "csv":
        lines = [",".join(f'"{text}"' for text in row.values()) for row in rows]
        (tmp_path / "a").write_text("\n".join([",".join(["Id", *NAMES]), *lines]))
    elif form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a")
    else:
        more = {"T": 7.0} if "Python" in form else {}
        (tmp_path / "a").write_text("\n".join(json.dumps(row | more) for row in rows))
    read, _ = found(tmp_path, "a", form.split()[0])
    for number, text in enumerate(TEXTS):
        expected = [posted(kind, text, WORDS) for kind in TYPES]
        assert (text, texts_of_values(read[str(number)])) == (text, texts_of_values(expected))
        null = text.strip().lower() in NULL_TEXTS
        assert not null or set(read[str(number)]) == {None}
        assert null or read[str(number)][0] == text


@pytest.mark.parametrize(
    "kind", [pa.int64(), pa.float32(), pa.float64(), pa.decimal128(20, 4), pa.decimal256(30, 10)]
)
def test_a_number_of_parquet_is_a_null_word_as_that_of_a_record_is(tmp_path, kind):
    texts = [text for text in NUMBERS if len(text) < 12]
    if kind == pa.int64():
        texts = [text for text in texts if Decimal(text) == int(Decimal(text))]
    if kind == pa.float32():
        texts.remove("20240131")
        texts.remove("20240131.0")
    values = [Decimal(text) for text in texts]
    if not pa.types.is_decimal(kind):
        values = [int(one) if kind == pa.int64() else float(one) for one in values]
    column = pa.array(values).cast(kind) if pa.types.is_floating(kind) else pa.array(values, kind)
    table = {"Id": pa.array(texts)} | dict.fromkeys(NAMES, column)
    pq.write_table(pa.table(table), tmp_path / "a")
    rows, _ = found(tmp_path, "a", "parquet")
    for text in texts:
        expected = [posted(one, parse_json(text), WORDS) for one in TYPES]
        assert (text, texts_of_values(rows[text])) == (text, texts_of_values(expected))


@pytest.mark.parametrize("key", ["Größe", "a/b", "😀", 'q"', "Vx"])
@pytest.mark.parametrize("escaped", ["as Python", "as PHP", "every letter"])
def test_a_key_may_be_written_with_escapes(tmp_path, key, escaped):
    written = json.dumps(key)
    if escaped == "as PHP":
        written = written.replace("/", "\\/").upper().replace("\\U", "\\u").replace("VX", "Vx")
        written = written if json.loads(written) == key else json.dumps(key)
    if escaped == "every letter" and key.isascii():
        written = '"' + "".join(f"\\u{ord(letter):04x}" for letter in key) + '"'
    one = Entity(
        path="a", format="jsonl", primary_key="Id", attributes={"Id": "string", key: "string"}
    )
    (tmp_path / "a").write_text(f'{{"Id": 1, {written}: 7.0}}\n')
    assert read_files(tmp_path, one, [tmp_path / "a"]).rows == [("1", "7")]


def test_the_word_of_a_number_with_a_decimal_comma(tmp_path):
    how = Attribute(type="double", decimal_mark=",", null_words=["1.5"])
    one = Entity(path="a", format="jsonl", primary_key="Id", attributes={"Id": "string", "V": how})
    (tmp_path / "a").write_text('{"Id": 1, "V": 1.50}\n{"Id": 2, "V": "1,5"}\n{"Id": 3, "V": 2.5}')
    assert sorted(read_files(tmp_path, one, [tmp_path / "a"]).rows) == [
        ("1", None),
        ("2", 1.5),
        ("3", 2.5),
    ]


@pytest.mark.parametrize("text", ["1e999", "1.8e308", "-1e400", "1" * 5000, "1e5000"])
def test_a_number_that_is_too_large_for_a_double_is_a_text_as_in_a_file(tmp_path, text):
    one = Entity(
        path="a",
        format="jsonl",
        primary_key="Id",
        attributes={"Id": "string", "S": "string", "D": "double", "M": "decimal(9,2)"},
    )
    (tmp_path / "a").write_text(f'{{"Id": 1, "S": {text}, "D": {text}, "M": {text}}}\n')
    done = read_files(tmp_path, one, [tmp_path / "a"])
    assert done.rows == [("1", posted("string", parse_json(text)), None, None)]
    assert done.corrupt[0].details.count("expected") == 2


FLOATS = ("3061734.25", "343126.125", "64311768", "-1029280832", "6.82446e-41", "0.1", "16777216")


@pytest.mark.parametrize("kind", ["string", "double", "decimal(38, 2)"])
def test_a_float_has_the_fewest_digits_that_mean_it(tmp_path, kind):
    column = pa.array([float(one) for one in FLOATS]).cast(pa.float32())
    pq.write_table(pa.table({"Id": pa.array(FLOATS), "V": column}), tmp_path / "a")
    one = Entity(
        path="a", format="parquet", primary_key="Id", attributes={"Id": "string", "V": kind}
    )
    rows = dict(read_files(tmp_path, one, [tmp_path / "a"]).rows)
    shortest = {text: str(number) for text, number in zip(FLOATS, column.to_numpy(), strict=True)}
    assert {text: canonical(value) for text, value in rows.items()} == {
        text: posted(kind, parse_json(number)) for text, number in shortest.items()
    }
