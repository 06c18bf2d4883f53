"""Values that stand for none: what is compared of them is null. Source of the rule: semantics 4.8.

A value is looked up as it is compared, after normalisation, whatever its case; of fields that are
compared in combination each is looked up by itself too.
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from overtide.schemas.configuration import Attribute, Condition, Ignore
from overtide.transforms.kernel import define
from overtide.transforms.normalize import How, normal
from overtide.transforms.words import sections

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

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


def kinds_of(condition: Condition, attributes: Sequence[Attribute]) -> frozenset[str]:
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
    condition: Condition, attributes: Sequence[Attribute], ignore: Ignore, how: How
) -> list[str]:
    """Return what a condition ignores of an entity's attributes.

    Texts as they are compared `how`, in lower case.
    """
    if not condition.ignore:
        return []
    kept = {lower(normal(value, how)) for value in ignore.keep}
    values = [
        *(built_in(kinds_of(condition, attributes)) if ignore.defaults else []),
        *ignore.values,
    ]
    return sorted({lower(normal(value, how)) for value in values} - kept - {""})


@cache
def _lower_letter(letter: str) -> str:
    return letter.lower() if len(letter.lower()) == 1 else letter


def lower(text: str) -> str:
    """Return a text in lower case letter by letter, as Arrow does."""
    return "".join(map(_lower_letter, text))


def lookup(values: Sequence[str]) -> str:
    """Return the name of the SQL function that says whether a text is one of the values.

    The same for the same.
    """
    return (
        f"ignored_{hashlib.md5(chr(31).join(values).encode(), usedforsecurity=False).hexdigest()}"
    )


def define_lookup(connection: "DuckDBPyConnection", values: Sequence[str]) -> None:
    """Let SQL call the function of `lookup`. As a list within IN, DuckDB would join.

    20 MB for each question.
    """
    define(connection, _function(tuple(values)), ["VARCHAR"], "BOOLEAN")


@cache
def _function(values: tuple[str, ...]) -> Callable[[pa.ChunkedArray], pa.Array]:
    """Return the function of `lookup`, kept for ever.

    DuckDB calls it when the connection that defined it is gone.
    """
    known = pa.array(values, pa.string())

    def is_value(texts: pa.ChunkedArray) -> pa.Array:
        return pc.is_in(pc.utf8_lower(texts), value_set=known)

    is_value.__name__ = lookup(values)
    return is_value
