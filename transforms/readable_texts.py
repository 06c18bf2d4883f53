"""The text of each attribute of an entity's rows, from what a source format read.

Of an attribute with a column of its own it is that column's; an expression makes it of others.
"""

from dataclasses import dataclass

from overtide.schemas.configuration.entities import Attribute, Entity
from overtide.schemas.inputs import FILTER
from overtide.schemas.null_words import without_null_words
from overtide.schemas.types import type_of
from overtide.transforms.derived import Derived, as_read, derived, text_sql
from overtide.transforms.sources.contract import Raw

TEXTS = "texts"
"""The name of the rows with the texts of all attributes."""


@dataclass(frozen=True)
class Readable:
    """An attribute's text: SQL of it as it came and as it is read, and how it is read.

    A `doubtful` one that begins with a NUL is no value of any type.
    """

    raw: str
    text: str
    attribute: Attribute
    doubtful: bool


@dataclass(frozen=True)
class ReadableTexts:
    """The texts by attribute, and the named parts of the query that gives them, of `raw`.

    Where the entity has a filter, `counts` is SQL of whether a row counts.
    """

    query: str
    of: dict[str, Readable]
    counts: str | None = None


def readable_texts(entity: Entity, raw: Raw) -> ReadableTexts:
    """Return the texts of an entity's attributes; none of one that the files lack."""
    expressions = entity.expressions
    direct = {
        name: Readable(raw.column(name), raw.stripped(name), attribute, name in raw.doubtful)
        for name, attribute in raw.attributes.items()
        if name in entity.attributes and name not in expressions
    }
    stripped = [f"{_stripped(one.raw, one.attribute)} AS {one.text}" for one in direct.values()] + [
        f"{_given(name, raw)} AS {raw.stripped(name)}"
        for name in raw.attributes
        if name not in direct
    ]
    rows = f"(SELECT {', '.join(['*', *stripped])} FROM raw)"
    if not expressions:
        return ReadableTexts(f"{TEXTS} AS {rows}", direct)
    computed, query = _computed(entity, raw, rows)
    of = direct | computed
    counts = f"__made_{list(expressions).index(FILTER)}" if FILTER in expressions else None
    return ReadableTexts(
        query, {name: of[name] for name in entity.attributes if name in of}, counts
    )


def _computed(entity: Entity, raw: Raw, rows: str) -> tuple[dict[str, Readable], str]:
    """Return the texts that expressions make of the `rows`, and the named parts that make them."""
    expressions = entity.expressions
    made = [
        derived(name, text, _aliases(entity, raw), entity.time_zone)
        for name, text in expressions.items()
    ]
    of = {
        name: Readable(
            f"__made_{place}", f"__read_{place}", as_read(entity.attribute(name), one.kind), True
        )
        for place, (name, one) in enumerate(zip(expressions, made, strict=True))
        if name != FILTER
    }
    tried = ", ".join(f"{one.tried} AS __tried_{n}" for n, one in enumerate(made))
    texts = ", ".join(f"{_made(n, one, raw)} AS __made_{n}" for n, one in enumerate(made))
    read = [f"{_stripped(one.raw, one.attribute)} AS {one.text}" for one in of.values()]
    parts = (
        f"given AS {rows}",
        f"tried AS (SELECT *, {tried} FROM given)",
        f"made AS (SELECT *, {texts} FROM tried)",
        f"{TEXTS} AS (SELECT {', '.join(['*', *read])} FROM made)",
    )
    return of, ", ".join(parts)


def _stripped(text: str, attribute: Attribute) -> str:
    """Return the SQL of an attribute's text as it is read, null for a null word."""
    known = without_null_words(text, attribute.null_words)
    return type_of(attribute.type).stripped_sql(known, attribute.reading)


def _given(name: str, raw: Raw) -> str:
    """Return the SQL of the text that an expression takes: null where it is empty or no text."""
    text = f"nullif({without_null_words(raw.column(name), raw.attributes[name].null_words)}, '')"
    return (
        f"CASE WHEN NOT starts_with({text}, chr(0)) THEN {text} END"
        if name in raw.doubtful
        else text
    )


def _aliases(entity: Entity, raw: Raw) -> dict[str, str]:
    return {
        name: raw.stripped(name) if name in raw.attributes else "NULL::VARCHAR"
        for name in entity.inputs
    }


def _made(place: int, one: Derived, raw: Raw) -> str:
    """Return the SQL of an expression's text, or of the first input that is no value."""
    doubtful = [raw.column(name) for name in one.inputs if name in raw.doubtful]
    text = text_sql(f"__tried_{place}")
    if not doubtful:
        return text
    whens = " ".join(f"WHEN starts_with({raw}, chr(0)) THEN {raw}" for raw in doubtful)
    return f"CASE {whens} ELSE {text} END"
