"""How two spellings of one text become one.

What applies to all that is compared, and `numerals`, `ascii` and `lower`.

Pure functions of one text; `overtide.transforms.normalize` applies them to whole columns.
"""

import re
import unicodedata
from functools import cache

IGNORABLE = (
    (0xAD, 0xAD),
    (0x34F, 0x34F),
    (0x61C, 0x61C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
"""First and last of the characters that nobody sees: Unicode's Default_Ignorable_Code_Point."""
CONTROLS = ((0x00, 0x08), (0x0E, 0x1B), (0x7F, 0x84), (0x86, 0x9F))
"""First and last of the control characters that are no blanks."""
APOSTROPHES, QUOTES = "‘’‛ʼʻʽʹ′´՚׳ꞌ", "“”„‟″״"
DASHES = "‐‑‒–—―−⸺⸻﹘﹣־֊"
"""What is written for `'`, `"` and `-`; all else that looks alike stays what it is."""
LETTERS = dict(
    zip(
        "øØłŁđĐðÐħĦıŧŦŋŊĸſəƏɛƐɔƆɓƁɗƊƙƘƴƳɖƉɲƝɩƖʋƲƒƑɣƔ",
        "oOlLdDdDhHitTnNkseEeEoObBdDkKyYdDnNiIvVfFgG",
        strict=True,
    )
) | {
    "ß": "ss",
    "ẞ": "SS",
    "æ": "ae",
    "Æ": "AE",
    "œ": "oe",
    "Œ": "OE",
    "þ": "th",
    "Þ": "TH",
    "ĳ": "ij",
    "Ĳ": "IJ",
    "ŀ": "l",
    "Ŀ": "L",
    "ŉ": "'n",
    "ـ": "",
}
"""What `ascii` makes of letters that are none with an accent.

The stretch of Arabic writing is no letter at all.
"""
VOWELS = frozenset("аеиоуыэюяіѣєѵ")
"""Cyrillic letters on which an acute or grave accent only marks stress.

The accent is no part of the letter.
"""
POINTS = {
    "ARABIC": re.compile("[\u064b-\u0652\u0670]"),
    "HEBREW": re.compile("[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]"),
}
"""The points of alphabets that are mostly written without: of vowels, doubling and singing."""


def _visible() -> dict[int, str | None]:
    """Return what becomes of characters everywhere.

    Nothing, their plain form, or that of ordinary width.
    """
    found: dict[int, str | None] = {
        code: None for first, last in (*IGNORABLE, *CONTROLS) for code in range(first, last + 1)
    }
    for plain, letters in (("'", APOSTROPHES), ('"', QUOTES), ("-", DASHES)):
        found |= dict.fromkeys(map(ord, letters), plain)
    for code in range(0xFF01, 0xFFEF):
        kind, _, letter = unicodedata.decomposition(chr(code)).partition(" ")
        if kind in ("<wide>", "<narrow>") and code not in found:
            found[code] = chr(int(letter, 16))
    return found


VISIBLE = _visible()


def visible(text: str) -> str:
    """Return the text as it looks: what applies to every text before it is compared.

    Composed (NFC), without characters that nobody sees, in ordinary width, with plain apostrophes,
    quotes and dashes, and with one blank between its words.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    plain = unicodedata.normalize("NFC", text).translate(VISIBLE)
    return " ".join(unicodedata.normalize("NFC", plain).split())


def folded(text: str) -> str:
    """Return the text in the one case that compares: Unicode's full case folding."""
    if text.isascii():
        return text.lower()
    return visible(
        unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold()).casefold()
    )


def plain_numerals(text: str) -> str:
    """Return the text with 0 to 9 for all digits, and numbers for numeric letters.

    The digits are those of all scripts and styles.
    """
    return text if text.isascii() else "".join(map(_number, text))


@cache
def _number(letter: str) -> str:
    number = (
        unicodedata.numeric(letter, 0.5)
        if unicodedata.category(letter) in ("Nd", "Nl", "No")
        else 0.5
    )
    return str(int(number)) if number == int(number) else letter


def without_accents(text: str) -> str:
    """Return the text without accents where they are accents, and with Latin letters as A to Z.

    That is after Latin and Greek letters, stress on Cyrillic vowels, and points in Arabic and
    Hebrew; elsewhere a mark makes another letter.
    """
    if text.isascii():
        return text
    kept, base = [], ""
    for letter in unicodedata.normalize("NFD", text):
        if not unicodedata.category(letter).startswith("M"):
            base = letter
            kept.append(_latin(letter))
        elif not _is_accent(base, letter):
            kept.append(letter)
    return unicodedata.normalize("NFC", "".join(kept))


@cache
def _latin(letter: str) -> str:
    """Return as Latin letters a letter that Unicode says is a form of them.

    A ligature is such a letter.
    """
    if letter in LETTERS:
        return LETTERS[letter]
    forms = unicodedata.normalize("NFKD", letter)
    return (
        forms
        if unicodedata.category(letter).startswith("L") and forms.isascii() and forms.isalpha()
        else letter
    )


@cache
def _is_accent(base: str, mark: str) -> bool:
    script = unicodedata.name(base, "").partition(" ")[0] if base else ""
    if script in POINTS:
        return bool(POINTS[script].match(mark))
    return script in ("LATIN", "GREEK") or (base.lower() in VOWELS and mark in "\u0300\u0301")
