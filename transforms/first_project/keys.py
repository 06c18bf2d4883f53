"""What identifies a row, and what refers to rows of other files."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, islice, product

from overtide.schemas.types import type_of
from overtide.transforms.first_project.columns import CALLED_KEY, words_of
from overtide.transforms.first_project.found import Found
from overtide.transforms.first_project.meanings import EMAIL, FIRST, LAST
from overtide.transforms.first_project.samples import Sample

CALLED_MODIFIED = re.compile(r"modif|chang|updat|geändert|aender|gewijzigd|modifi")
CALLED_PERSON = re.compile(
    r"(customer|client|contact|member|user|account|person|kunden?|klant|kontakt)"
    r"(id|key|no|code|uuid|guid|num|nr|ref|number|nummer)$"
)
"""How the key of who did something may be called, whatever the file of people is."""
PLACE_IN_KEY = re.compile(r"\b(line|place|position|pos|seq|sequence|item|number|nr|version)\b")
MOST_KEYS = 8
"""Columns that are tried as parts of a key."""
HIT, SURE = 0.8, 0.95
"""The share of foreign keys that must be found among the keys that are meant, where a name says
so, and where values alone do."""
MOST_COMBINATIONS = 16
"""Combinations of columns that are tried as a foreign key of several."""
NEARLY, NEARLY_ALL = 0.8, 0.98
"""The share of rows that must differ in a column that is called like a key, if none else is one,
and from which on it is one where other columns would be by accident."""
CALLED_SO = 2
"""How unlikely a key, at most, what is called like a key or like a place in one is."""


@dataclass(frozen=True)
class Proposed:
    """A file as an entity: its full name's parts, the types and meanings of its columns, its key.

    `key` is None where nothing identifies a row.
    """

    source: str
    name: str
    path: str
    sample: Sample
    types: dict[str, Found]
    meanings: dict[str, str]
    key: tuple[str, ...] | None = None
    known: dict[tuple[str, ...], set[tuple[str, ...]]] = field(
        default_factory=dict, compare=False, repr=False
    )
    """The distinct values of columns that were asked for; they are those of the sample."""

    @property
    def modified(self) -> str | None:
        """The column that says when a row was last modified: by its name, else the only time."""
        times = [name for name, found in self.types.items() if type_of(found.type).is_time]
        called = [name for name in times if CALLED_MODIFIED.search(words_of(name))]
        return called[0] if called else times[0] if len(times) == 1 else None

    @property
    def repeated(self) -> int:
        """How many rows have the key of another one."""
        return self.sample.rows - len(self.values(self.key or ()))

    @property
    def entity(self) -> str:
        """The full name."""
        return f"{self.source}_{self.name}"

    def meaning(self, *meant: str) -> str | None:
        """Return the first column with one of these meanings."""
        columns = (name for one in meant for name, found in self.meanings.items() if found == one)
        return next(columns, None)

    def kind(self, name: str) -> str:
        """Return the type of a column."""
        return self.types[name].type

    def values(self, names: Sequence[str]) -> set[tuple[str, ...]]:
        """Return the distinct values of columns, where none of them is missing."""
        known = self.known.get(tuple(names))
        if known is None:
            columns = [self.sample.column(name).texts for name in names]
            rows = (
                tuple((text or "").strip() for text in row) for row in zip(*columns, strict=True)
            )
            known = self.known[tuple(names)] = {row for row in rows if all(row)}
        return known


@dataclass(frozen=True)
class Reference:
    """A column, or several, that name rows of another file by its key.

    `found` of its `distinct` values are keys there.
    """

    entity: str
    columns: tuple[str, ...]
    to: str
    found: int
    distinct: int


def key_of(one: Proposed) -> tuple[str, ...] | None:
    """Return the columns whose values differ where rows do, one if possible; None where none do.

    One that is called like a key, if nearly all rows differ, comes before several that are not, and
    before all columns together.
    """
    able = [
        column.name
        for column in one.sample.columns
        if type_of(one.kind(column.name)).is_key
        and len(column.filled) == one.sample.rows
        and not one.types[column.name].settings.get("null_words")
    ]
    # Rows that are the same in all columns need nothing that tells them apart.
    rows = len(set(zip(*(column.texts for column in one.sample.columns), strict=True)))
    ranked = sorted(able, key=lambda name: _rank(one, name, able.index(name)))
    single = (name for name in ranked if len(one.values([name])) == rows)
    named = next(single, None)
    if named is not None:
        return (named,)
    parts = sorted(ranked[:MOST_KEYS], key=able.index)
    called = [name for name in parts if _rank(one, name, 0)[0] <= CALLED_SO]
    share = {name: len(one.values([name])) / rows for name in ranked if _is_called(one, name)}
    nearly = next((name for name, differing in share.items() if differing >= NEARLY), None)
    found = _of_parts(one, called, rows)
    if found is None and (nearly is None or share[nearly] < NEARLY_ALL):
        found = _of_parts(one, parts, rows)
    if found is None and nearly is not None:
        return (nearly,)
    return found or tuple(able) or None


def _of_parts(one: Proposed, names: Sequence[str], rows: int) -> tuple[str, ...] | None:
    """Return the best two columns, or else three, that differ where rows do."""
    for size in (2, 3):
        fitting = (some for some in combinations(names, size) if len(one.values(some)) == rows)
        best = min(fitting, key=lambda some: [_rank(one, each, 0) for each in some], default=None)
        if best is not None:
            return best
    return None


def _is_called(one: Proposed, name: str) -> bool:
    return name not in one.meanings and CALLED_KEY.search(words_of(name)) is not None


def _rank(one: Proposed, name: str, place: int) -> tuple[int, int, int]:
    """Return how unlikely a column is a key: by its name, by its meaning, by its place."""
    words = words_of(name)
    own = words_of(one.name).rstrip("s").replace(" ", "")
    called = CALLED_SO + 1
    if words == "id" or (CALLED_KEY.search(words) and own in words.replace(" ", "")):
        called = 0
    elif CALLED_KEY.search(words):
        called = 1
    elif PLACE_IN_KEY.search(words):
        called = CALLED_SO
    return (CALLED_SO + 2 if name in one.meanings else called), place, 0


def references(entities: Sequence[Proposed]) -> Iterator[Reference]:
    """Give the references between files, the best of each column."""
    for one in entities:
        for name in one.types:
            if (name,) != one.key and name not in one.meanings:
                yield from _best(_of_column(one, name, entities))
        yield from _best(_of_several(one, entities))


def _best(found: Iterator[Reference]) -> list[Reference]:
    best = max(found, key=lambda each: each.found / each.distinct, default=None)
    return [] if best is None else [best]


def _of_column(one: Proposed, name: str, entities: Sequence[Proposed]) -> Iterator[Reference]:
    values = one.values([name]) if type_of(one.kind(name)).is_key else set()
    for other in entities:
        if other is one or other.key is None or len(other.key) != 1 or not values:
            continue
        if one.kind(name) != other.kind(other.key[0]):
            continue
        alike = _called_alike(name, other)
        found = len(values & other.values(other.key))
        telling = type_of(one.kind(name)).is_text or len(values) < found
        enough = HIT if alike else SURE
        if found >= enough * len(values) and (alike or (telling and found > 2)):
            yield Reference(one.entity, (name,), other.entity, found, len(values))


def _of_several(one: Proposed, entities: Sequence[Proposed]) -> Iterator[Reference]:
    """Give references by columns that are together the key of another file.

    They are called as its own, or hold what these hold, and one at least is called alike.
    """
    for other in entities:
        key = other.key or ()
        if other is one or len(key) < 2:
            continue
        parts = [_parts(one, other, name) for name in key]
        for columns in islice(product(*parts), MOST_COMBINATIONS):
            alike = [_plain(mine) == _plain(name) for mine, name in zip(columns, key, strict=True)]
            if columns == one.key or len(set(columns)) < len(columns) or not any(alike):
                continue
            values = one.values(columns)
            found = len(values & other.values(key))
            if values and found >= (HIT if all(alike) else SURE) * len(values):
                yield Reference(one.entity, columns, other.entity, found, len(values))


def _parts(one: Proposed, other: Proposed, name: str) -> list[str]:
    """Return the columns that may be a part of the key of another file, what is called so first."""
    values = other.values([name])
    able = []
    for mine, found in one.types.items():
        if found.type == other.kind(name) and mine not in one.meanings:
            own = one.values([mine])
            if own and (_plain(mine) == _plain(name) or len(own & values) >= SURE * len(own)):
                able.append(mine)
    return sorted(able, key=lambda mine: _plain(mine) != _plain(name))


def _plain(name: str) -> str:
    return words_of(name).replace(" ", "")


def _called_alike(name: str, other: Proposed) -> bool:
    """Say whether a column is called like another file, or like its key."""
    words, key = _plain(name), _plain((other.key or ("",))[0])
    singular = _plain(other.name).removesuffix("s")
    return (
        (len(key) > 2 and (words == key or words.endswith(key)))
        or (len(singular) > 2 and singular in words)
        or (other.meaning(FIRST, LAST) is not None and CALLED_PERSON.search(words) is not None)
    )


def by_email(one: Proposed, other: Proposed) -> tuple[int, int] | None:
    """Return how many e-mails of a file are those of another, of how many; None where few are."""
    here, there = (each.meaning(EMAIL) for each in (one, other))
    if here is None or there is None:
        return None
    values = {text.lower() for (text,) in one.values([here])}
    found = len(values & {text.lower() for (text,) in other.values([there])})
    return (found, len(values)) if found and found >= 0.3 * len(values) else None
