"""Expressions: what they give, alike for files and records, and that nothing else is reached."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.schemas.expressions.binding import COLUMN, bind_fault
from overtide.schemas.expressions.compiling import compiled
from overtide.schemas.expressions.functions import FUNCTIONS
from overtide.schemas.expressions.mistake import ExpressionError
from overtide.schemas.expressions.parsing import parse
from overtide.schemas.strict_json import parse_line
from overtide.transforms.derived import FAILED, computed
from tests.configurations import checked, edited
from tests.test_sources_as_they_come import entity, in_files, posted, text

ROW = {"First": "Ann", "Last": "de Vries", "None": None, "Price": "12.50", "Tax": "0.21"}
ROW |= {"Blank": "  x\t", "Day": "2024-02-29", "Code": "NL-1234", "Odd": "abc", 'It\'s "x"': "q"}
ROW |= {"Select": "s", "Flag": "yes", "Long": "9223372036854775807"}

EXAMPLES: dict[str, str | None] = {
    "First || ' ' || Last": "Ann de Vries",
    "First || None": None,
    "concat(First, None, Last)": "Annde Vries",
    "concat_ws(' ', None, First, Last)": "Ann de Vries",
    "concat(None, None)": None,
    "coalesce(None, nullif(First, 'Ann'), 'nobody')": "nobody",
    "coalesce(None, '') || 'x'": "x",
    "lower(First) || upper(Last)": "annDE VRIES",
    "trim(Blank)": "x",
    "ltrim(Blank, ' ')": "x\t",
    "length(Last)": "8",
    "substring(Last, 4)": "Vries",
    "substring(Last, 1, 2) || left(First, 1) || right(Code, 2)": "deA34",
    "split_part(Code, '-', 2)": "1234",
    "split_part(Code, '-', 3)": None,
    "replace(Code, 'NL', 'BE', '-', '')": "BE1234",
    "replace(Code, 'NL-1234', '')": None,
    "replace_values(First, 'Bob', 'Robert', 'Ann', 'Anna')": "Anna",
    "replace_values(Last, 'Bob', 'Robert')": "de Vries",
    "replace_values(None, 'Bob', 'Robert')": None,
    r"regexp_extract(Code, '([A-Z]+)-(\d+)', 2)": "1234",
    r"regexp_extract(Code, 'x')": None,
    r"regexp_replace(Code, '\d', '#')": "NL-####",
    "CASE WHEN starts_with(Code, 'NL') THEN 'Dutch' ELSE 'other' END": "Dutch",
    "CASE First WHEN 'Bob' THEN 1 WHEN 'Ann' THEN 2 END": "2",
    "CASE WHEN None = 'x' THEN 'a' END": None,
    "contains(Code, '-') AND NOT ends_with(Code, '-')": "true",
    "First IN ('Bob', 'Ann')": "true",
    "First NOT IN ('Bob', 'Ann') OR First IS NULL": "false",
    "First LIKE 'A%' AND First ILIKE 'a%' AND Last NOT LIKE 'x%'": "true",
    "cast(Price AS decimal(9, 2)) BETWEEN 12 AND 13": "true",
    "cast(Price AS decimal(9, 2)) * (1 + cast(Tax AS decimal(4, 2)))": "15.125",
    "round(cast(Price AS decimal(9, 2)) * cast(Tax AS decimal(4, 2)), 2)": "2.63",
    "cast(Price AS double) / 4": "3.125",
    "cast(Price AS double) / 0": None,
    "1.10 + 2.2": "3.3",
    "7 % 4 - -2 * 3": "9",
    "10 / 4": "2.5",
    "abs(-3) + floor(1.7) + ceil(1.2)": "6",
    "greatest(3, 2.5, 1)": "3",
    "cast(Price AS integer)": FAILED,
    "try_cast(Price AS integer)": None,
    "cast(Odd AS date)": FAILED,
    "coalesce(try_cast(Odd AS date), cast(Day AS date))": "2024-02-29",
    "CASE WHEN Odd = 'abc' THEN 0 ELSE cast(Odd AS integer) END": "0",
    "year(cast(Day AS date)) * 100 + month(cast(Day AS date))": "202402",
    "cast(Day AS datetime)": "2024-02-28T23:00:00.000000Z",
    "cast(cast(Day AS datetime) AS date)": "2024-02-29",
    "cast(Flag AS boolean) = true": "true",
    "cast(' 7e2 ' AS integer)": "700",
    "cast(1.50 AS string)": "1.5",
    "cast('' AS integer)": None,
    "cast(Long AS integer) + 1": FAILED,
    "cast('1e308' AS double) * 10": FAILED,
    "cast('A0EEBC999C0B4EF8BB6D6BB9BD380A11' AS guid)": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    "'it''s {0} * %'": "it's {0} * %",
    '"It\'s ""x"""': "q",
    '"Select" || Select': "ss",
    "null": None,
    "NOT NOT true": "true",
    "'{*}' || replace('{0}', '{', '}')": "{*}}0}",
}


def test_what_expressions_give():
    names = dict(enumerate(EXAMPLES))
    expressions = {str(number): one for number, one in names.items()}
    rows = [
        {
            f"{number}:\n{_shown(name)}": value
            for number in expressions
            for name, value in ROW.items()
        }
    ]
    (made,), _ = computed(expressions, rows, "Europe/Amsterdam")
    assert {names[int(number)]: value for number, value in made.items()} == EXAMPLES


def _shown(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if '"' in name else name


def test_every_function_has_an_example():
    for name in FUNCTIONS:
        assert any(f"{name}(" in one for one in EXAMPLES) or name in (
            "rtrim",
            "least",
            "day",
            "regexp_matches",
        ), name


REFUSED = {
    "read_csv('/etc/passwd')": "There is no function `read_csv` (at character 1)",
    "getenv('HOME')": "There is no function `getenv`",
    "uper(a)": "There is no function `uper`",
    "(SELECT 1)": "`1`",
    "a; DROP TABLE x": "';' means nothing here (at character 2)",
    "a -- b": "begins",
    "a /* b */": "A value is missing",
    "a::integer": "':' means nothing here",
    "'open": "The quote ' is not closed (at character 1)",
    "": "A value is missing before the end (at character 1)",
    "a ||": "A value is missing before the end (at character 5)",
    "a b": "`b` was not expected (at character 3)",
    "a = 1": "A value of type text and one of type integer are not of one kind (at character 5)",
    "a + 1": "`+` computes with numbers, and this is a text (at character 1)",
    "CASE WHEN a THEN 1 END": "A condition was expected, and this is a text",
    "CASE WHEN true THEN 1 ELSE 'a' END": "type integer and one of type text are not of one kind",
    "CASE END": "`end`",
    "cast(a AS blob)": "`blob` is no type",
    "cast(a AS decimal(50, 2))": "`decimal(50,2)` cannot be kept",
    "substring(a)": "`substring` takes a text, a place from 1, and a length",
    "regexp_extract(a, b)": "`regexp_extract` needs a value that stands there as it is",
    "regexp_extract(a, '(')": "missing )",
    "regexp_extract(a, 'x', 12)": "Group index",
    "round(1.5, null)": "needs a value that stands there as it is",
    "a IS 1": "`NULL` is missing",
    "a[x]": "A number is missing",
    "a.1": "name",
    "12345678901234567890": "has too many digits",
    "(" * 60 + "a" + ")" * 60: "nested too deeply",
    "a" + " || a" * 200: "nested too deeply",
    "NOT " * 51 + "true": "nested too deeply",
    "cast(a AS decimal(38, 30)) * cast(a AS decimal(38, 30))": "more than 38 places",
    "year(a)": "A value of type date was expected, and this is a text",
    "$1": "'$' means nothing here",
    "a\0": "means nothing here",
}


@pytest.mark.parametrize("expression", REFUSED)
def test_what_is_refused(expression):
    words = REFUSED[expression]
    try:
        found = compiled(parse(expression), lambda _: COLUMN, "UTC")
        told = bind_fault(found.text) or ""
    except ExpressionError as error:
        told = str(error)
    assert told
    assert words == "begins" or words in told


@pytest.mark.parametrize(
    ("expression", "cast"),
    [
        ("CASE WHEN true THEN a ELSE true END", "cast(… AS boolean)"),
        ("CASE WHEN true THEN true ELSE 1 END", "cast(… AS boolean)"),
        ("CASE WHEN true THEN 1 ELSE a END", "cast(… AS integer)"),
    ],
)
def test_a_value_of_another_kind_is_to_be_cast_as_a_type(expression, cast):
    with pytest.raises(ExpressionError) as refused:
        compiled(parse(expression), lambda _: COLUMN, "UTC")
    assert refused.value.expected == cast


PIECES = st.sampled_from(
    [
        *(
            "a",
            "b",
            '"a b"',
            "'x'",
            "''",
            "1",
            "2.5",
            "true",
            "null",
            "(",
            ")",
            ",",
            "||",
            "+",
            "-",
        ),
        *("*", "/", "%", "=", "<>", "<", "and", "or", "not", "is null", "in (", "like", "between"),
        *("case when", "then", "else", "end", "cast(", "try_cast(", "as integer)", "as date)"),
        *("as double)", "as decimal(9,2))", "as boolean)", "as datetime)", "as string)"),
        *(f"{name}(" for name in FUNCTIONS),
    ]
)
VALUES = st.fixed_dictionaries(
    {
        name: st.one_of(st.none(), st.text(max_size=3), st.sampled_from(["1", "2.5", "2024-02-29"]))
        for name in ("a", "b", "a b")
    }
)


@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(st.lists(PIECES, min_size=1, max_size=12), VALUES)
def test_whatever_is_read_can_be_computed(pieces, values):
    expression = " ".join(pieces)
    try:
        found = compiled(parse(expression), lambda _: COLUMN, "UTC")
    except ExpressionError:
        return
    if bind_fault(found.text) is not None:
        return
    row = {
        f"x:\n{name}": value for name, value in values.items() if value is None or "\0" not in value
    }
    computed({"x": expression}, [row | {"x:\na": row.get("x:\na")}], "UTC")


MAPPED: dict[str, Any] = {
    "Id": {"column": "Nr"},
    "Name": {"expression": "concat_ws(' ', trim(Vorname), trim(Nachname))"},
    "Total": {
        "expression": "cast(replace(Netto, ',', '.') AS decimal(9, 2)) * 1.19",
        "type": "decimal(9, 2)",
        "decimal_mark": ",",
        "null_words": ["-"],
    },
    "When": {
        "expression": "Tag || ' ' || coalesce(Zeit, '00:00')",
        "type": "datetime",
        "format": "%d.%m.%Y %H:%M",
    },
    "Day": {"expression": "try_cast(Iso AS date)", "type": "date", "format": "%d.%m.%Y"},
    "Vip": {"expression": "Stufe IN ('A', 'B')", "type": "boolean"},
    "Channel": {"expression": "'shop'"},
    "Nachname": "string",
}
COLUMNS = ("Vorname", "Nachname", "Netto", "Tag", "Zeit", "Iso", "Stufe")
TEXTS = st.one_of(
    st.none(),
    st.sampled_from(
        ["", " ", "Ann", " de Vries ", "12,50", "1.5", "-", "x", "31.1.2024", "9:05", "A", "C"]
    ),
    st.sampled_from(["2024-02-29", "99999999,99", "é", "N/A", "'", '"']),
)
SENT = st.one_of(TEXTS, st.integers(-9, 9), st.booleans(), st.sampled_from([1.5, [1], {"a": 1}]))


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_record_gives_what_a_row_gives(tmp_path, form):
    @settings(deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(
            st.fixed_dictionaries(dict.fromkeys(COLUMNS, TEXTS if form == "csv" else SENT)),
            min_size=1,
            max_size=20,
        )
    )
    def hold(rows: list[dict[str, Any]]) -> None:
        rows = [{"Nr": str(number), **row} for number, row in enumerate(rows)]
        one = entity(form, MAPPED)
        if form == "csv":
            lines = [
                ",".join(
                    '"' + (row[name] or "").replace('"', '""') + '"' for name in ("Nr", *COLUMNS)
                )
                for row in rows
            ]
            (tmp_path / "a").write_text("\n".join([",".join(["Nr", *COLUMNS]), *lines]))
        else:
            (tmp_path / "a").write_text("\n".join(map(json.dumps, rows)))
        found = in_files(tmp_path, one)
        for row in rows:
            values, refused = posted(one, parse_line(json.dumps(row)))
            expected = {name: text(value) for name, value in values.items()}
            assert found[row["Nr"]] == (expected, refused), row

    hold()


def test_a_row_is_made_of_its_columns(tmp_path):
    (tmp_path / "a").write_text(
        "Nr,Vorname,Nachname,Netto,Tag,Zeit,Iso,Stufe\n"
        '1," Ann",de Vries,"100,00",31.1.2024,9:05,2024-02-29,A\n2,,,x,,,,\n'
    )
    found = in_files(tmp_path, entity("csv", MAPPED))
    assert found["1"] == (
        {
            "Id": "1",
            "Name": "Ann de Vries",
            "Total": "119.00",
            "When": "2024-01-31T08:05:00.000000Z",
            "Day": "2024-02-29",
            "Vip": "True",
            "Channel": "shop",
            "Nachname": "de Vries",
        },
        set(),
    )
    assert found["2"][1] == {"Total"}


NEW = "sources/Shop/Contacts/attributes/New"
MISTAKES = {
    "no expression": ({"expression": "concat(Name"}, "`)` is missing before the end"),
    "no function": ({"expression": "uper(Name)"}, "Did you mean `upper`?"),
    "nested": ({"expression": "Name.First"}, "nothing is nested in these files"),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_stands_at_its_line(tmp_path, what):
    setting, words = MISTAKES[what]
    (found,) = [
        one for one in checked(tmp_path, edited((NEW, setting))) if "New" in str(one.target)
    ]
    assert (found.code, found.target) == (
        "invalid_expression",
        "sources.Shop.Contacts.attributes.New.expression",
    )
    assert words in str(found)


def test_a_column_that_is_not_there_is_told(tmp_path):
    (found,) = checked(tmp_path, edited((NEW, {"expression": "lower(Nmae)"})))
    assert (found.code, found.target) == ("missing_column", "sources.Shop.Contacts.attributes.New")
    assert "no column 'Nmae'" in str(found)


def test_validate_computes_its_sample(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "own.csv").write_text("ContactId,Name\n1,12\n2,x\n3,y\n")
    setting = {"expression": "cast(Name AS integer)", "type": "integer"}
    document = edited(
        ("sources/Shop/Contacts/path", "data/own.csv"),
        (
            "sources/Shop/Contacts/attributes",
            {
                "ContactId": "string",
                "Name": "string",
                "New": setting,
                "EMail": {"expression": "Name"},
                "Born": {"expression": "null", "type": "date"},
                "Points": {"expression": "1", "type": "integer"},
                "Seen": {"expression": "null", "type": "datetime"},
            },
        ),
    )
    found = [one for one in checked(tmp_path, document) if one.severity == "mistake"]
    assert [(one.code, one.target) for one in found] == [
        ("values_do_not_fit", "sources.Shop.Contacts.attributes.New")
    ]
    assert "2 of 3 sampled values" in str(found[0])
