"""What was wrong with a row in the person's language: the sentences of a refresh, taken apart.

A refresh writes its reasons in English, next to the row. Each is one of a few sentences with values
in it; one that is none of them is shown as it is.
"""

import re
from collections.abc import Callable, Mapping

from overtide.schemas.types import TYPES

Say = Callable[..., str]
"""Returns a text of the person's language by its name, with values."""
NAMED = {one.family for one in TYPES if not one.is_text}
"""The types of which a value is expected; every text is a string."""
SENTENCES: Mapping[str, re.Pattern[str]] = {
    name: re.compile(pattern, re.DOTALL)
    for name, pattern in {
        "expected": r'expected (?P<type>[a-z]+)(?P<form>.*?) but found (?P<found>".*|null)',
        "no_key": r"the primary key is missing",
        "other_kept": r'another row with the key (?P<key>".*?") is kept: (?P<instead>\{.*)',
        "same_kept": r'another row with the key (?P<key>".*") is kept, '
        r"with the same values where they could be read",
        "expression": r"its expression cannot be computed",
        "filter": r"it cannot be computed",
        "quote": r"a quote is not closed, or a value goes on behind its quote",
        "columns": r"expected number of columns: (?P<expected>\d+) found: (?P<found>\d+)",
        "no_object": r"not a JSON object",
        "encoding": r"it is not (?P<encoding>[\w.-]+)",
    }.items()
}
"""The sentences, by the names of their texts."""


def reason_in_words(say: Say, sentence: str) -> str | None:
    """Return a reason in the person's language; None for a sentence that is not known here."""
    for name, pattern in SENTENCES.items():
        found = pattern.fullmatch(sentence)
        if found is None:
            continue
        values = found.groupdict()
        if name == "expected":
            if values["type"] not in NAMED:
                return None
            values |= {"type": say(f"rows.type.{values['type']}"), "form": _form(say, values)}
        return say(f"rows.told.{name}", **values)
    return None


def _form(say: Say, values: Mapping[str, str]) -> str:
    """Return how a value should have been written: ` as %m/%d/%Y`, ` (true/false, yes/no)`."""
    form = values["form"].strip()
    plain = form.removeprefix("as ").removeprefix("in ")
    if plain != form:
        return say("rows.told.form", form=plain.replace(" or ", ", "))
    return f" {form}" if form else ""
