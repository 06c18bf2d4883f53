"""Values that stand for none: what is compared of them is null. Source of the rule: semantics 4.8.

A value is looked up as it is compared, after normalisation, whatever its case; of fields that are
compared in combination each is looked up by itself too.
"""

from collections.abc import Mapping, Sequence
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from overtide.schemas.configuration.comparisons import Comparison
from overtide.schemas.configuration.entities import Attribute
from overtide.schemas.configuration.ignore import Ignore
from overtide.transforms.normalize import How, normal
from overtide.transforms.words import sections

REPEATED = (
    dict.fromkeys("-._?/\\*#=~", range(1, 13))
    | {"x": range(3, 13)}
    | dict.fromkeys("0123456789", range(7, 16))
)
"""Characters that alone stand for no value, with how often they must be repeated."""
SEMANTIC = {
    "email": "email",
    "phone": "phone",
    "birth": "birth date",
    "name": "name",
    "address": "address",
}
"""What a semantic type says, and the section of the list that it means.

A semantic type is, for example, `Identity.Service.Email`.
"""


def built_in(kinds: frozenset[str]) -> list[str]:
    """Return the values of the built-in list for what a condition compares."""
    found = sections("ignored")
    chosen = [
        "any",
        *sorted(kinds & found.keys()),
        *([] if "name" in kinds or "country" in kinds else ["not a name"]),
    ]
    return [
        *(value for section in chosen for value in found[section]),
        *(letter * times for letter, several in REPEATED.items() for times in several),
    ]


def kinds_of(condition: Comparison, attributes: Sequence[Attribute]) -> frozenset[str]:
    """Return what a condition compares, by its normalisations and semantic types.

    The semantic types are those of its attributes.
    """
    meant = [(attribute.semantic_type or "").lower() for attribute in attributes]
    found = {kind for word, kind in SEMANTIC.items() for text in meant if word in text}
    return frozenset(
        {
            *condition.normalize,
            *found,
            *(["country"] if any("country" in text for text in meant) else []),
        }
    )


def ignored_texts(
    condition: Comparison,
    attributes: Mapping[str, Attribute],
    ignore: Ignore,
    how: How,
) -> list[str]:
    """Return what a condition ignores of an entity's attributes, given by name.

    Texts as they are compared `how`, in lower case.
    """
    if not condition.ignore:
        return []
    kept = {lower(normal(value, how)) for value in ignore.keep}
    values = [
        *(built_in(kinds_of(condition, [*attributes.values()])) if ignore.defaults else []),
        *ignore.values,
        *(value for name in attributes for value in ignore.values_of.get(name, ())),
    ]
    return sorted({lower(normal(value, how)) for value in values} - kept - {""})


@cache
def _lower_letter(letter: str) -> str:
    return letter.lower() if len(letter.lower()) == 1 else letter


def lower(text: str) -> str:
    """Return a text in lower case letter by letter, as Arrow does."""
    return "".join(map(_lower_letter, text))


BLANKS = " \u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""Unicode's space separators: around an attribute that is looked up by itself they are nothing."""


def trimmed(texts: pa.Array) -> pa.Array:
    """Return texts without the blanks around them."""
    return pc.utf8_trim(texts, BLANKS)


def are_listed(texts: pa.Array, values: Sequence[str]) -> pa.Array:
    """Return which texts are one of some values, whatever their case."""
    if not values:
        return pa.repeat(False, len(texts))
    return pc.is_in(pc.utf8_lower(texts), value_set=pa.array(values, pa.string()))
