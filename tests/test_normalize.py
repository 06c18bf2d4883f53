"""What two spellings of one thing become before they are compared: the product's normalisations by example."""

import re

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.configuration import Condition, Entity
from transforms.normalize import ADDRESSES, NAMES, ORDER, SYMBOLS, TITLES, compared, normalized


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        yield connection


def normalize(connection, texts, steps, words_sorted=False):
    connection.execute("CREATE OR REPLACE TEMP TABLE texts (place INTEGER, text VARCHAR)")
    connection.execute("INSERT INTO texts SELECT generate_subscripts(?, 1), unnest(?::VARCHAR[])", [texts, texts])
    rows = connection.execute(f"SELECT {normalized('text', steps, words_sorted)} FROM texts ORDER BY place").fetchall()
    return [row[0] for row in rows]


@pytest.mark.parametrize(("step", "text", "found"), [
    ("numerals", "❽", "8"), ("numerals", "Ⅷ", "8"), ("numerals", "ⅷ", "8"), ("numerals", "①②③", "123"),
    ("numerals", "٣۴५௭๙", "34579"), ("numerals", "４２", "42"), ("numerals", "x²₃⓪", "x230"), ("numerals", "𝟙𝟗", "19"),
    ("numerals", "⑩ ⑳ ⓫ ❿ Ⅻ ⅺ", "10 20 11 10 12 11"), ("numerals", "⑴⒉⓷➃➎", "12345"), ("numerals", "a1 b½", "a1 b½"),
    ("symbols", "!?\"#$%&'()+,.-_/:;<=>@^\\~{}`[]", None), ("symbols", "O'Neil-Smith, Jr.", "ONeilSmith Jr"),
    ("symbols", "a*b|c§d", "a*b|c§d"), ("symbols", "john@example.com", "johnexamplecom"),
    ("lower", "ÀÉ Straẞe", "àé straße"), ("lower", "ΣΊΣΥΦΟΣ", "σίσυφοσ"),
    ("ascii", "àáâÀçñöü", "aaaAcnou"), ("ascii", "e\u0301", "e"),
    ("ascii", "Łódź Øre Æsir œuvre ßẞ Þór þ", "Lodz Ore AEsir oeuvre ssSS THor th"),
    ("ascii", "Đorđe ħıŧ", "Dorde hit"), ("ascii", "日本 Ω", "日本 Ω"),
    ("whitespace", " a b\t\n\r\x0b\x0c c\u00a0\u2003\u3000\u2028\x85d ", "abcd"), ("whitespace", "  ", None),
    ("email", " John.Doe+news@Example.COM ", "john.doe@example.com"), ("email", "a+b+c@x.com", "a@x.com"),
    ("email", "a@x+y.com", "a@x+y.com"), ("email", "+tag@x.com", "@x.com"), ("email", "", None),
    ("phone", "+1 (555) 123-4567", "15551234567"), ("phone", "+01 555.123.4567", "15551234567"),
    ("phone", "001 555 123 4567", "15551234567"), ("phone", "555 123 4567", "5551234567"),
    ("phone", "555-1234 ext. 89", "5551234"), ("phone", "555-1234 x89", "5551234"),
    ("phone", "555-1234Ext89", "5551234"),
    ("phone", "555-1234 #89", "5551234"), ("phone", "555-1234 extension 89", "5551234"),
    ("phone", "Fax: 555-1234", "5551234"), ("phone", "#555-1234", "5551234"),
    ("phone", "ext", None), ("phone", "0000", None),
    ("name", "Mr. Bob Smith", "robert smith"), ("name", "Dr Debby O'Neil", "deborah o'neil"),
    ("name", "Prof. DAN", "daniel"),
    ("name", "Will", "william"), ("name", "Bobson", "bobson"), ("name", "Mrs.", None),
    ("name", "Liz, Jones", "elizabeth jones"),
    ("address", "12 Main Street", "12 main st"), ("address", "5 Northwest Avenue, Suite 3", "5 nw ave ste 3"),
    ("address", "Streetwise Rd.", "streetwise rd."), ("address", "1 High St.", "1 high st."),
    ("organization", "The Contoso Co., Ltd.", "contoso"), ("organization", "ACME Corp", "acme"),
    ("organization", "Coca Cola", "coca cola"), ("organization", "Inc.", None)])
def test_one_step(connection, step, text, found):
    assert normalize(connection, [text], [step]) == [found]


def test_country_codes_are_significant(connection):
    with_code, without = normalize(connection, ["+31 6 1234 5678", "06 1234 5678"], ["phone"])
    assert with_code != without


@pytest.mark.parametrize(("steps", "text", "found"), [
    (["symbols", "name"], "Smith, Bob.", "smith robert"), (["lower", "numerals"], "Ⅷ STREET", "8 street"),
    (["whitespace", "symbols"], "- a -", "a"), (["phone", "numerals"], "＋３１ ６", "316"),
    (["email", "ascii"], "JOSÉ+X@x.com", "jose@x.com"), (["whitespace", "name"], "Dr. Bob Jones", "robertjones"),
    (["address", "symbols", "whitespace"], "1, Main Street", "1mainst"), ([], " As It Is ", " As It Is ")])
def test_several_steps_apply_in_their_own_order(connection, steps, text, found):
    assert normalize(connection, [text, None], steps) == [found, None]
    assert normalize(connection, [text, None], steps[::-1]) == [found, None]


def test_every_normalisation_of_the_configuration_has_its_place():
    names = Condition.model_fields["normalize"].annotation.__args__[0].__args__
    assert sorted(ORDER) == sorted(names)


@pytest.mark.parametrize(("text", "found"), [
    ("william trusso", "trusso william"), ("  b   a ", "a b"), ("é e z", "e z é"), ("b B a A 10 9", "10 9 A B a b"),
    (" ", None)])
def test_words_can_be_put_in_order(connection, text, found):
    assert normalize(connection, [text], [], words_sorted=True) == [found]


EXTENSION = re.compile(r"(?s)([0-9][^0-9a-z#]*)(ext|x|#).*")
LETTERS = st.sampled_from("abBé .,-'1\u00a0\t") | st.sampled_from([*SYMBOLS])
WORDS = st.sampled_from([*NAMES, *TITLES, *ADDRESSES, "Bob.", "MR", "x"])
TEXTS = st.lists(st.text(LETTERS) | st.lists(WORDS).map(" ".join), min_size=1, max_size=20)


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_steps_are_those_of_plain_python(connection, texts):
    plain = {
        "symbols": lambda text: "".join(letter for letter in text if letter not in SYMBOLS),
        "lower": str.lower, "whitespace": lambda text: "".join(text.split()),
        "phone": lambda text: re.sub("[^0-9]", "", EXTENSION.sub(r"\1", text.lower(), count=1)).lstrip("0")}
    for step, change in plain.items():
        assert normalize(connection, texts, [step]) == [change(text) or None for text in texts]
    sorted_words = [" ".join(sorted(filter(None, text.split(" ")))).strip("\u00a0 ") or None for text in texts]
    assert normalize(connection, texts, [], words_sorted=True) == sorted_words


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_words_are_replaced_as_whole_words(connection, texts):
    def named(word):
        bare = word.rstrip(".,")
        return None if bare in TITLES else NAMES.get(bare, word)
    lists = [[named(word) for word in text.lower().split(" ")] for text in texts]
    expected = [" ".join(word for word in found if word is not None) or None for found in lists]
    assert normalize(connection, texts, ["name"]) == expected


def test_what_is_compared_of_an_entity(connection):
    entity = Entity(path="x", primary_key="Id", attributes={
        "Id": "integer", "First": "string", "Last": "string", "Born": "date", "Paid": "decimal(9,2)",
        "Seen": "datetime"})
    connection.execute("""CREATE OR REPLACE TEMP TABLE rows AS SELECT * FROM (VALUES
        (1, 'Bob', 'Smith', DATE '2024-01-31', 5::DECIMAL(9,2), TIMESTAMPTZ '2024-01-31 10:00:00+00'),
        (2, NULL, 'Smith', NULL, NULL, NULL), (3, NULL, NULL, NULL, NULL, NULL))
        AS t(Id, "First", "Last", Born, Paid, Seen)""")

    def compare(fields, **more):
        condition = Condition(fields=fields, **more)
        found = connection.execute(f"SELECT {compared(condition, 'S_e', entity)} FROM rows").fetchall()
        return [row[0] for row in found]
    assert compare(["First", "Last"]) == ["Bob Smith", "Smith", None]
    assert compare({"S_e": ["Last", "First"], "S_f": "x"}, normalize=["name"]) == ["robert smith", "smith", None]
    assert compare(["Id", "Last"]) == ["1 Smith", "2 Smith", "3"]
    assert compare("Born") == ["2024-01-31", None, None]
    assert compare("Paid") == ["5.00", None, None]
    assert compare("Seen") == ["2024-01-31T10:00:00.000000Z", None, None]


@pytest.mark.parametrize(("more", "sorts"), [
    ({}, False), ({"normalize": ["name"]}, True), ({"normalize": ["lower"]}, False),
    ({"normalize": ["name"], "ignore_word_order": False}, False), ({"ignore_word_order": True}, True)])
def test_word_order_is_ignored_for_names_or_when_asked(more, sorts):
    assert Condition(fields="x", **more).words_sorted is sorts
