"""What two spellings of one thing become before they are compared.

It is tested by example and against what others know.

Others are Python's `unicodedata` and `str.casefold`, Unicode's properties in the package `regex`,
and the example numbers of `phonenumbers`.
"""

from typing import get_args

import duckdb
import phonenumbers
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overtide.schemas.configuration.comparisons import Condition, Normalization
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.configuration.ignore import Ignore
from overtide.schemas.names import quoted
from overtide.schemas.types import type_of
from overtide.transforms.matching.compared import Compared
from overtide.transforms.normalize import STEPS, How, normal, normal_texts


def normalize(texts, steps, words_sorted=False, country=None):
    how = How(tuple(steps), words_sorted, country)
    return normal_texts(pa.array(texts, pa.string()), how).to_pylist()


ONE_STEP = [
    ("numerals", "❽", "8"),
    ("numerals", "Ⅷ", "8"),
    ("numerals", "ⅷ", "8"),
    ("numerals", "①②③", "123"),
    ("numerals", "٣۴५௭๙", "34579"),
    ("numerals", "４２", "42"),
    ("numerals", "x²₃⓪", "x230"),
    ("numerals", "𝟙𝟗", "19"),
    ("numerals", "⑩ ⑳ ⓫ ❿ Ⅻ ⅺ", "10 20 11 10 12 11"),
    ("numerals", "⑴⒉⓷➃➎", "12345"),
    ("numerals", "a1 b½", "a1 b½"),
    ("numerals", "Ⅽ 一", "100 一"),
    ("symbols", "!?\"#$%&'()+,.-_/:;<=>@^\\~{}`[]", None),
    ("symbols", "O'Neil-Smith, Jr.", "ONeilSmith Jr"),
    ("symbols", "O’Neil—Smith", "ONeilSmith"),
    ("symbols", "a - b", "a b"),
    ("symbols", "a*b|c§d", "a*b|c§d"),
    ("symbols", "john@example.com", "johnexamplecom"),
    ("lower", "ÀÉ Straẞe", "àé strasse"),
    ("lower", "ΣΊΣΥΦΟΣ σίσυφος", "σίσυφοσ σίσυφοσ"),
    ("lower", "I ı", "i ı"),
    ("lower", "ﬁn", "fin"),
    ("lower", "ＡＢＣ", "abc"),
    ("ascii", "àáâÀçñöü", "aaaAcnou"),
    ("ascii", "e\u0301", "e"),
    ("ascii", "Ngũgĩ Nguyễn İı", "Ngugi Nguyen Ii"),
    ("ascii", "Łódź Øre Æsir œuvre ßẞ Þór þ", "Lodz Ore AEsir oeuvre ssSS THor th"),
    ("ascii", "ﬁ 𝐀ª", "fi Aa"),
    ("ascii", "Đorđe ħıŧ", "Dorde hit"),
    ("ascii", "日本 Ω", "日本 Ω"),
    ("ascii", "Ὀδυσσεύς", "Οδυσσευς"),
    ("ascii", "сто\u0301ит Й й ё ї Ѓ", "стоит Й й ё ї Ѓ"),
    ("ascii", "سَلِم سـلم", "سلم سلم"),
    ("ascii", "آ أ ئ", "آ أ ئ"),
    ("ascii", "שָׁלוֹם", "שלום"),
    ("whitespace", " a b\t\n\r\x0b\x0c c\u00a0\u2003\u3000\u2028\x85d ", "abcd"),
    ("whitespace", "  ", None),
    ("email", " John.Doe+news@Example.COM ", "john.doe@example.com"),
    ("email", "a+b+c@x.com", "a@x.com"),
    ("email", "a@x+y.com", "a@x+y.com"),
    ("email", "+tag@x.com", "@x.com"),
    ("email", "", None),
    ("email", "\u200bann＠x.org", "ann@x.org"),
    ("phone", "+1 (555) 123-4567", "15551234567"),
    ("phone", "+01 555.123.4567", "15551234567"),
    ("phone", "001 555 123 4567", "15551234567"),
    ("phone", "555 123 4567", "5551234567"),
    ("phone", "555-1234 ext. 89", "5551234"),
    ("phone", "555-1234 x89", "5551234"),
    ("phone", "555-1234Ext89", "5551234"),
    ("phone", "+31 (0)20 1234567", "31201234567"),
    ("phone", "555-1234 #89", "5551234"),
    ("phone", "555-1234 extension 89", "5551234"),
    ("phone", "Fax: 555-1234", "5551234"),
    ("phone", "#555-1234", "5551234"),
    ("phone", "٠٢٠ ١٢٣", "20123"),
    ("phone", "ext", None),
    ("phone", "0000", None),
    ("phone", "+", None),
    ("phone", "+9", "9"),
    ("name", "Mr. Bob Smith", "robert smith"),
    ("name", "Dr Debby O'Neil", "deborah o'neil"),
    ("name", "Prof. DAN", "daniel"),
    ("name", "Dr.med. Anna Weiß", "anna weiss"),
    ("name", "Bob Smith, Ph.D.", "robert smith"),
    ("name", "Will", "william"),
    ("name", "Bobson", "bobson"),
    ("name", "Mrs.", None),
    ("name", "Liz, Jones", "elizabeth jones"),
    ("name", "Mme\u00a0Curie", "curie"),
    ("name", "Bob\tSmith", "robert smith"),
    ("name", "J.R. Smith", "j r smith"),
    ("name", "Alex Chris Pat Sam", "alex chris pat sam"),
    ("name", "Dean Earl", "dean earl"),
    ("name", "O’Brien", "o'brien"),
    ("address", "12 Main Street", "12 main st"),
    ("address", "5 Northwest Avenue, Suite 3", "5 nw ave ste 3"),
    ("address", "5 N.W. Ave, Ste. 3", "5 nw ave ste 3"),
    ("address", "5 North\u00a0West Ave", "5 nw ave"),
    ("address", "Streetwise Rd.", "streetwise rd"),
    ("address", "1 High St.", "1 high st"),
    ("address", "P.O. Box 7", "po box 7"),
    ("address", "Post Office Box 7", "po box 7"),
    ("address", "Kerkstraat 1", "kerkstr 1"),
    ("address", "Kerkstr. 1", "kerkstr 1"),
    ("address", "Lange Straat", "lange str"),
    ("address", "Hauptstraße 5", "hauptstr 5"),
    ("address", "HAUPTSTRASSE 5", "hauptstr 5"),
    ("address", "3 bd Voltaire", "3 blvd voltaire"),
    ("address", "3, boulevard Voltaire", "3 blvd voltaire"),
    ("organization", "The Contoso Co., Ltd.", "contoso"),
    ("organization", "ACME Corp", "acme"),
    ("organization", "Coca Cola", "coca cola"),
    ("organization", "Inc.", None),
    ("organization", "Day Spa World", "day spa world"),
    ("organization", "N.V. Nederlandse Gasunie", "nederlandse gasunie"),
    ("organization", "Novo Nordisk A/S", "novo nordisk"),
    ("organization", "Müller GmbH & Co. KG", "müller"),
    ("organization", "Firma Sp. z o.o.", "firma"),
    ("organization", "Marks\u00a0& Spencer plc", "marks spencer"),
    ("organization", "株式会社 トヨタ", "トヨタ"),
]


@pytest.mark.parametrize(("step", "text", "found"), ONE_STEP)
def test_one_step(step, text, found):
    assert normalize([text], [step]) == [found]


@pytest.mark.parametrize("step", STEPS)
def test_done_again_it_changes_nothing_of_any_example(step):
    once = {text: normal(text, How((step,))) for _, text, _ in ONE_STEP}
    again = {text: normal(found, How((step,))) for text, found in once.items()}
    assert again == once, f"what `{step}` gives of these texts is not what it leaves unchanged"


WORDS_OF = {
    step: sorted({word for name, text, _ in ONE_STEP if name == step for word in text.split(" ")})
    for step in STEPS
}


@pytest.mark.parametrize("step", STEPS)
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_done_again_it_changes_nothing_of_words_of_its_examples(step, data):
    words = data.draw(st.lists(st.sampled_from(WORDS_OF[step]), max_size=4))
    once = normal(data.draw(st.sampled_from(["", " "])).join(words), How((step,)))
    assert normal(once, How((step,))) == once, f"what `{step}` gives is not what it leaves"


def test_every_normalisation_has_an_example():
    missing = set(STEPS) - {step for step, _, _ in ONE_STEP}
    assert missing == set(), "give ONE_STEP a line for each: normalisation, text, what it becomes"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("é", "e\u0301"),
        ("co\u00adop", "coop"),
        ("Ann\u200b", "Ann"),
        ("\ufeffAnn", "Ann"),
        ("a\u200db", "ab"),
        ("☎\ufe0f", "☎"),
        ("\u202aAnn\u202c", "Ann"),
        ("Ann\u00a0Lee", "Ann Lee"),
        ("Ann\tLee", "Ann  Lee"),
        (" Ann ", "Ann"),
        ("O’Neil", "O'Neil"),
        ("OʼNeil", "O'Neil"),
        ("A–B", "A-B"),
        ("A—B", "A-B"),
        ("A‑B", "A-B"),
        ("A−B", "A-B"),
        ("“x”", '"x"'),
        ("ＡＢＣ１２３", "ABC123"),
        ("ｶﾞｷﾞ", "ガギ"),
        ("\u1112\u1161\u11ab", "한"),
        ("a\x00b".replace("\x00", "\x7f"), "ab"),
    ],
)
def test_what_looks_the_same_is_equal_without_any_normalisation(one, other):
    left, right = normalize([one, other], [])
    assert left == right != ""


@pytest.mark.parametrize(
    "words",
    [
        ("कमल", "कोमल", "कमला"),
        ("かぎ", "かき"),
        ("ガ", "カ"),
        ("ดี", "ดู"),
        ("மலர்", "மாலர"),
        ("й", "и"),
        ("ё", "е"),
        ("ї", "і"),
        ("ў", "у"),
        ("ქ", "კ"),
        ("גּ".replace("\u05bc", ""), "ד"),
        ("ك", "ل"),
        ("أ", "ا"),
        ("ខ្មែរ", "ខមរ"),
        ("বাংলা", "বংল"),
    ],
)
@pytest.mark.parametrize(
    "steps", [["ascii"], ["ascii", "lower", "name"], ["numerals", "symbols", "ascii"]]
)
def test_other_words_stay_other_words(words, steps):
    assert len(set(normalize(list(words), steps))) == len(words)


TURKISH = ("ISPARTA", "ısparta", "İSPARTA", "isparta")


def test_no_i_of_turkish_is_damaged_or_welded_to_another_letter_by_lower():
    plain, dotless, dotted, small = normalize(list(TURKISH), ["lower"])
    assert plain == small == "isparta"
    assert len({plain, dotless, dotted}) == 3
    assert set(normalize(list(TURKISH), ["lower", "ascii"])) == {"isparta"}


def test_country_codes_are_significant():
    with_code, without = normalize(["+31 6 1234 5678", "06 1234 5678"], ["phone"])
    assert with_code != without
    ways = ["+31 6 1234 5678", "06 1234 5678", "0031612345678", "06-12345678 ext 3"]
    assert set(normalize(ways, ["phone"], country="NL")) == {"31612345678"}


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_numbers_of_every_country_are_one_however_they_are_written(region):
    example = phonenumbers.example_number(region)
    how = How(("phone",), country=region)
    ways = [
        phonenumbers.format_number(example, way)
        for way in (
            phonenumbers.PhoneNumberFormat.E164,
            phonenumbers.PhoneNumberFormat.INTERNATIONAL,
            phonenumbers.PhoneNumberFormat.NATIONAL,
            phonenumbers.PhoneNumberFormat.RFC3966,
        )
    ]
    expected = ways[0].removeprefix("+")
    assert {normal(way, how) for way in ways} == {expected}
    assert normal(ways[1], How(("phone",))) == expected


@pytest.mark.parametrize(
    ("steps", "text", "found"),
    [
        (["symbols", "name"], "Smith, Bob.", "smith robert"),
        (["lower", "numerals"], "Ⅷ STREET", "8 street"),
        (["whitespace", "symbols"], "- a -", "a"),
        (["phone", "numerals"], "＋３１ ６", "316"),
        (["email", "ascii"], "JOSÉ+X@x.com", "jose@x.com"),
        (["whitespace", "name"], "Dr. Bob Jones", "robertjones"),
        (["address", "symbols", "whitespace"], "1, Main Street", "1mainst"),
        ([], " As  It Is ", "As It Is"),
        (["ascii", "whitespace"], "A \u0300", "A"),
    ],
)
def test_several_steps_apply_in_their_own_order(steps, text, found):
    assert normalize([text, None], steps) == [found, None]
    assert normalize([text, None], steps[::-1]) == [found, None]


def test_every_normalisation_of_the_configuration_has_its_place():
    names = set(get_args(Normalization))
    assert names - set(STEPS) == set(), "give each a line in STEPS of transforms/normalize.py"
    assert set(STEPS) - names == set(), (
        "name each in Normalization of schemas/configuration/comparisons.py"
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("william trusso", "trusso william"),
        ("  b   a ", "a b"),
        ("é e z", "e z é"),
        ("b B a A 10 9", "10 9 A B a b"),
        (" ", None),
    ],
)
def test_words_can_be_put_in_order(text, found):
    assert normalize([text], [], words_sorted=True) == [found]


def compare(entity, rows, fields, **more):
    side = Compared(Condition(fields=fields, **more), "S_e", entity, Ignore())
    texts = ", ".join(
        type_of(entity.attribute(field).type).text_sql(quoted(field)) for field in side.fields
    )
    columns = duckdb.sql(f"SELECT {texts} FROM ({rows})").to_arrow_table().columns
    return side.values([column.combine_chunks() for column in columns])[0].to_pylist()


def test_what_is_compared_of_an_entity():
    entity = Entity(
        path="x",
        primary_key="Id",
        attributes={
            "Id": "integer",
            "First": "string",
            "Last": "string",
            "Born": "date",
            "Paid": "decimal(9,2)",
            "Seen": "datetime",
            "Tel": {"type": "string", "country": "NL"},
        },
    )
    rows = """SELECT * FROM (VALUES
        (1, 'Bob', 'Smith', DATE '2024-01-31', 5::DECIMAL(9,2), TIMESTAMPTZ
          '2024-01-31 10:00:00+00', '020-1234567'),
        (2, NULL, 'Smith', NULL, NULL, NULL, '+31201234567'), (3, NULL, NULL, NULL, NULL, NULL,
          NULL))
        AS t(Id, "First", "Last", Born, Paid, Seen, Tel)"""
    assert compare(entity, rows, ["First", "Last"]) == ["Bob Smith", "Smith", None]
    assert compare(entity, rows, {"S_e": ["Last", "First"], "S_f": "x"}, normalize=["name"]) == [
        "robert smith",
        "smith",
        None,
    ]
    assert compare(entity, rows, ["Id", "Last"]) == ["1 Smith", "2 Smith", "3"]
    assert compare(entity, rows, "Born") == ["2024-01-31", None, None]
    assert compare(entity, rows, "Paid") == ["5.00", None, None]
    assert compare(entity, rows, "Seen") == ["2024-01-31T10:00:00.000000Z", None, None]
    assert compare(entity, rows, "Tel", normalize=["phone"], country="US") == [
        "31201234567",
        "31201234567",
        None,
    ]


@pytest.mark.parametrize(
    ("more", "sorts"),
    [
        ({}, False),
        ({"normalize": ["name"]}, True),
        ({"normalize": ["lower"]}, False),
        ({"normalize": ["name"], "ignore_word_order": False}, False),
        ({"ignore_word_order": True}, True),
    ],
)
def test_word_order_is_ignored_for_names_or_when_asked(more, sorts):
    assert Condition(fields="x", **more).words_sorted is sorts
