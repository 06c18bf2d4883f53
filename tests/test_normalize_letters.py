"""Texts that look the same are equal in every script: composed, folded, without what is unseen."""

import unicodedata

import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from overtide.transforms.normalize import STEPS, How, normal
from overtide.transforms.spelling import visible, without_accents

LETTERS_OF_UNICODE = [*map(chr, range(0x110000))]
ODD = "iIİıſßẞςσΣKeéyйиЙо\u0301\u0306\u0308\u00a0\u200d\u00adｶﾞＡ１ ’-–.,+@x5\t"
EVERY = st.text(max_size=12) | st.text(st.sampled_from(ODD), max_size=12)


@settings(max_examples=300, deadline=None)
@given(EVERY, st.lists(st.sampled_from([*STEPS]), unique=True, max_size=4), st.booleans())
def test_normalising_again_changes_nothing(text, steps, words_sorted):
    how = How(tuple(steps), words_sorted and not {"name", "address", "organization"} & set(steps))
    once = normal(text, how)
    assert normal(once, how) == once


@settings(max_examples=300, deadline=None)
@given(EVERY)
def test_composed_and_decomposed_spellings_are_equal(text):
    for how in (
        How(),
        How(("lower",)),
        How(("ascii", "lower")),
        How(("name",)),
        How(("symbols", "whitespace")),
    ):
        assert len({normal(unicodedata.normalize(form, text), how) for form in ("NFC", "NFD")}) == 1


@settings(max_examples=300, deadline=None)
@given(EVERY)
def test_lower_is_full_case_folding(text):
    plain = visible(text)
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", plain).casefold()).casefold()
    assert normal(text, How(("lower",))) == visible(folded)
    assert normal(text.upper(), How(("lower",))) == normal(text.upper().casefold(), How(("lower",)))


def test_nobody_sees_what_unicode_says_that_nobody_sees():
    ignorable = [
        letter
        for letter in LETTERS_OF_UNICODE
        if regex.match(r"\p{Default_Ignorable_Code_Point}", letter)
    ]
    assert len(ignorable) > 4000
    assert [letter for letter in ignorable if visible(f"a{letter}b") != "ab"] == []
    seen = [
        letter
        for letter in LETTERS_OF_UNICODE
        if visible(f"a{letter}b") == "ab"
        and not regex.match(r"[\p{Default_Ignorable_Code_Point}\p{Cc}]", letter)
    ]
    assert seen == []


def test_every_blank_of_unicode_is_one():
    blanks = [letter for letter in LETTERS_OF_UNICODE if regex.match(r"\p{White_Space}", letter)]
    assert len(blanks) == 25
    assert {visible(f"a{letter}b") for letter in blanks} == {"a b"}
    for step, text in (
        ("name", "mr{}bob"),
        ("address", "main{}street"),
        ("organization", "acme{}ltd"),
    ):
        assert len({normal(text.format(letter), How((step,))) for letter in blanks}) == 1


def test_only_letters_of_scripts_with_accents_lose_marks():
    """Every letter of Unicode whose form without marks is another letter, by its script."""
    changed = set()
    for letter in LETTERS_OF_UNICODE:
        is_letter = unicodedata.category(letter).startswith("L") and visible(letter) == letter
        if is_letter and without_accents(letter) != letter:
            script = next(
                (
                    one
                    for one in ("Latin", "Greek", "Cyrillic", "Hebrew", "Arabic")
                    if regex.match(rf"\p{{Script={one}}}", letter)
                ),
                "other",
            )
            changed.add((script, letter))
    assert {script for script, _ in changed} <= {
        "Latin",
        "Greek",
        "Cyrillic",
        "Hebrew",
        "other",
    } | {"Arabic"}
    assert {letter for script, letter in changed if script == "Cyrillic"} == set("ЀѐЍѝѶѷ") - set(
        "Ѷѷ"
    )
    others = {letter for script, letter in changed if script == "other"}
    assert all(
        unicodedata.normalize("NFKD", letter).isascii() or letter == "ـ" for letter in others
    )
    vowels = [
        letter
        for letter in LETTERS_OF_UNICODE
        if unicodedata.normalize("NFD", letter)[0] in "aeiouAEIOU"
    ]
    assert len(vowels) > 200
    assert [letter for letter in vowels if not without_accents(visible(letter)).isascii()] == []


@settings(max_examples=200, deadline=None)
@given(st.lists(st.characters(categories=["Ll", "Lo", "Mn", "Mc"]), min_size=1, max_size=6))
def test_ascii_keeps_every_mark_of_other_scripts(letters):
    text = visible("".join(letters))
    if not any(
        regex.search(r"[\p{Latin}\p{Greek}\p{Cyrillic}\p{Hebrew}\p{Arabic}]", letter)
        or unicodedata.normalize("NFKD", letter) != letter
        for letter in unicodedata.normalize("NFD", text)
    ):
        assert without_accents(text) == text
