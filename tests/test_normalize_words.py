"""The lists of names, addresses and legal forms, and columns that are normalised by them."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overtide.transforms import words
from overtide.transforms.normalize import STEPS, SYMBOLS, How, normal
from tests.test_normalize import normalize

LETTERS = st.sampled_from("abBé .,-'1\u00a0\t+@/&") | st.sampled_from([*SYMBOLS])
WORDS = st.sampled_from(
    [
        "Bob",
        "MR",
        "Dr.",
        "med.",
        "Ph.D.",
        "x",
        "Liz,",
        "North",
        "West",
        "Street",
        "P.O.",
        "Box",
        "Hauptstrasse",
        "The",
        "Kerkstr.",
        "and",
        "Sons",
        "B.V.",
        "bv",
        "AG",
        "s.a.",
        "de",
        "c.v.",
        "Ltd.",
        "Private",
        "Limited",
        "sp.",
        "z",
        "Inc",
        "o.o.",
        "A/S",
        "J.R.",
        "Straat",
        "Marktplatz,",
    ]
)
TEXTS = st.lists(st.text(LETTERS) | st.lists(WORDS).map(" ".join), min_size=1, max_size=20)


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.lists(st.sampled_from([*STEPS]), unique=True), st.booleans())
def test_columns_give_what_python_gives(texts, steps, words_sorted):
    how = How(tuple(steps), words_sorted)
    assert normalize(texts, steps, words_sorted) == [normal(text, how) or None for text in texts]


@pytest.mark.parametrize(
    ("name", "section", "least"),
    [
        ("names", "", 600),
        ("titles", "", 90),
        ("addresses", "words", 330),
        ("addresses", "endings", 4),
        ("organizations", "anywhere", 40),
        ("organizations", "ends", 150),
        ("ignored", "any", 120),
    ],
)
def test_the_lists_are_long_and_clear(name, section, least):
    entries = words.sections(name)[section]
    assert len(entries) >= least
    for entry, become in entries.items():
        assert entry == entry.strip() != ""
        assert become not in entries or entries[become] == become, (
            "what a word becomes is replaced no more"
        )


def test_no_short_name_stands_for_two_names():
    stands: dict[str, set[str]] = {}
    for short, full in words.sections("names")[""].items():
        stands.setdefault(short, set()).add(full)
    for short in (
        "al",
        "alex",
        "bert",
        "chris",
        "jack",
        "jo",
        "kathy",
        "pat",
        "sam",
        "terry",
        "charlie",
        "harry",
    ):
        assert short not in stands
    lines = re.findall(
        r"^(\w+): (.*)$",
        (words.files("overtide.transforms") / "lists" / "names.txt").read_text(),
        re.MULTILINE,
    )
    shorts = [short for _, text in lines for short in text.split(", ")]
    assert len(shorts) == len(set(shorts))
    assert not set(shorts) & {full for full, _ in lines}


@pytest.mark.parametrize("more", ["", "x" * 40, *("Bob Smith " * 3).split()])
def test_words_of_no_list_stay(more):
    assert words.name(f"Zz{more} Qq") == f"zz{more} qq".lower().replace("zzbob", "zzbob")
