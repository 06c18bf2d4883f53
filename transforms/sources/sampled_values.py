"""What a few rows of an entity's files show, before a refresh reads all of them.

Types, formats, keys, nested values.

A mistake is what a refresh would refuse, or can hardly be meant: an attribute most of whose values
are not of its type, or that another format fits better. All else is a note.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import SourceError
from overtide.schemas.expressions.kinds import NUMBERS
from overtide.schemas.expressions.kinds import TIMES as OF_TIME
from overtide.schemas.inputs import FILTER
from overtide.schemas.instants import Instant
from overtide.schemas.null_words import is_null_word
from overtide.schemas.numbers import Number, number_text
from overtide.schemas.source_paths import shown_path
from overtide.schemas.types import type_of
from overtide.schemas.values import BLANKS, text_of
from overtide.transforms.derived import FAILED, computed, input_texts
from overtide.transforms.sources.contract import SampledRow, TypedTime
from overtide.transforms.sources.deliveries import of_deletes
from overtide.transforms.sources.files import Finding, files_of, is_of_deletes
from overtide.transforms.sources.other_ways import better, fits, read
from overtide.transforms.sources.samples import sampled_rows

SHOWN = 60
"""Characters of a value that are shown."""
Severity = Literal["mistake", "note"]
Placed = tuple[str, object]
"""A value, after its place in words."""


@dataclass
class Column:
    """What was seen of an attribute: its values, and where.

    Those that do not fit, nested ones, and strings around which blanks are taken away.
    """

    values: list[object] = field(default_factory=list)
    wrong: list[Placed] = field(default_factory=list)
    nested: list[Placed] = field(default_factory=list)
    trimmed: list[Placed] = field(default_factory=list)


@dataclass
class Seen:
    """What was seen of an entity.

    Its attributes, its rows, and those that have no key or one that another has.
    """

    columns: dict[str, Column]
    rows: int = 0
    unreadable: list[SampledRow] = field(default_factory=list)
    keyless: list[SampledRow] = field(default_factory=list)
    keys: dict[str, SampledRow] = field(default_factory=dict)
    repeated: list[tuple[str, SampledRow, SampledRow]] = field(default_factory=list)


def check_values(
    folder: Path,
    entity: Entity,
    unknown: Iterable[str] = (),
    filtered: bool = True,
    copies: Sequence[Path] | None = None,
    now: Instant | None = None,
) -> list[Finding]:
    """Return what a sample of the files of an entity shows.

    Its files are `copies`, if any, else those that count `now`, or all. Nothing is said of
    attributes whose type is `unknown`, nor of rows that its filter leaves out, unless that has a
    mistake (not `filtered`).
    """
    entity = entity if filtered else entity.model_copy(update={"filter": None})
    seen = Seen({name: Column() for name in entity.attributes if name not in set(unknown)})
    try:
        files = files_of(folder, entity, now) if copies is None else copies
        for read, some in _alike(folder, entity, files):
            for row in _with_made(seen, sampled_rows(folder, read, some), read):
                look(seen, row, entity)
    except (SourceError, OSError):
        return []  # what cannot be read at all was found before
    found = [
        finding
        for name, column in seen.columns.items()
        for finding in _of_column(name, column, entity)
    ]
    return [*found, *_of_rows(seen, entity)]


def _alike(
    folder: Path, entity: Entity, files: Sequence[Path]
) -> Iterator[tuple[Entity, list[Path]]]:
    """Give the files of an entity, and those of its deletes, which are read for less."""
    deletes = {one for one in files if is_of_deletes(folder, entity, one)}
    if deletes:
        yield of_deletes(entity), [one for one in files if one in deletes]
    if len(deletes) < len(files):
        yield entity, [one for one in files if one not in deletes]


def _with_made(seen: Seen, rows: Iterable[SampledRow], entity: Entity) -> Iterable[SampledRow]:
    """Return rows with the values that expressions make; a NUL begins what none can make."""
    known = {*seen.columns, FILTER}
    expressions = {name: one for name, one in entity.expressions.items() if name in known}
    if not expressions:
        return rows
    listed, inputs = list(rows), entity.inputs
    given = [input_texts(inputs, {name: row.values.get(name) for name in inputs}) for row in listed]
    made, kinds = computed(expressions, [texts for texts, _ in given], entity.time_zone)
    return [
        replace(
            row,
            values=row.values
            | {name: _of_kind(text, kinds[name]) for name, text in texts.items()}
            | dict.fromkeys(wrong, FAILED),
        )
        if row.wrong is None
        else row
        for row, texts, (_, wrong) in zip(listed, made, given, strict=True)
        if row.wrong is not None or texts.get(FILTER, "true") in ("true", FAILED)
    ]


def _of_kind(text: str | None, kind: str) -> object:
    """Return a value that an expression made, as a posted record has it."""
    if text is None or text == FAILED:
        return text
    if kind in NUMBERS:
        return Number(text)
    return TypedTime(text) if kind in OF_TIME else text


def look(seen: Seen, row: SampledRow, entity: Entity) -> None:
    """Take note of one row."""
    seen.rows += 1
    if row.wrong is not None:
        seen.unreadable.append(row)
        return
    for name, column in seen.columns.items():
        value = _value(row, name, entity)
        if isinstance(value, dict | list):
            column.nested.append((row.place, value))
        elif value is not None and str(value).strip(BLANKS):
            column.values.append(value)
            attribute = entity.attribute(name)
            if not fits(value, attribute, entity.time_zone):
                column.wrong.append((row.place, value))
            elif attribute.trim and str(value) != str(value).strip(BLANKS):
                column.trimmed.append((row.place, value))
    if entity.primary_key in seen.columns:
        _look_at_key(seen, row, entity)


def _value(row: SampledRow, name: str, entity: Entity) -> object:
    """Return what a row has for an attribute, None for a null word and for what is no number."""
    value, attribute = row.values.get(name), entity.attribute(name)
    if isinstance(value, float) and math.isnan(value):
        return None
    return None if is_null_word(type_of(attribute.type), value, attribute.null_words) else value


def _look_at_key(seen: Seen, row: SampledRow, entity: Entity) -> None:
    key = text_of(
        read(
            _value(row, entity.primary_key, entity),
            entity.attribute(entity.primary_key),
            entity.time_zone,
        )
    )
    if key is None or not key.strip(BLANKS):
        seen.keyless.append(row)
    elif (first := seen.keys.setdefault(key, row)) is not row and first.values != row.values:
        seen.repeated.append((key, first, row))


def _of_column(name: str, column: Column, entity: Entity) -> Iterator[Finding]:
    some = len(column.values) + len(column.nested)
    path = entity.inputs[name].path if name in entity.inputs else ()
    if len(path) > 1 and not some and not entity.attribute(name).optional:
        yield _missing(name, shown_path(path))
    if column.nested:
        yield _nested(name, column.nested, some)
    if column.trimmed:
        yield _trimmed(name, column.trimmed, some)
    if (
        column.wrong and name != entity.primary_key
    ):  # a key that is none is told as a row without key
        yield _wrong(name, column, some, entity)


def _missing(name: str, path: str) -> Finding:
    return Finding(
        "mistake",
        "missing_value",
        f"No sampled row has a value at {path}. "
        "Correct the path, or mark the attribute `optional: true`.",
        name,
        "a path to values",
    )


def _nested(name: str, nested: list[Placed], some: int) -> Finding:
    place, value = nested[0]
    return Finding(
        _severity(nested, some),
        "nested_value",
        f"{len(nested):,} of {some:,} sampled values of {name!r} are lists or objects, which are "
        f"no values; the first is {_shown(value)} ({place}). Name their parts by `path`.",
        name,
    )


def _trimmed(name: str, trimmed: list[Placed], some: int) -> Finding:
    place, value = trimmed[0]
    return Finding(
        "note",
        "trimmed_keys",
        f"{len(trimmed):,} of {some:,} sampled values of {name!r} have blanks around "
        f"them, which are taken away; the first is {_shown(value)} ({place}). "
        "`trim: false` of the attribute keeps them.",
        name,
    )


def _wrong(name: str, column: Column, some: int, entity: Entity) -> Finding:
    attribute, (place, value) = entity.attribute(name), column.wrong[0]
    expected, suggestion = better(column.values, attribute, entity.time_zone)
    severity: Severity = "mistake" if expected else _severity(column.wrong, some)
    return Finding(
        severity,
        "values_do_not_fit",
        f"{len(column.wrong):,} of {some:,} sampled values of {name!r} are no "
        f"{type_of(attribute.type).expectation(attribute.reading)}; the first is "
        f"{_shown(value)} ({place}).{f' All of them fit {expected}.' if expected else ''}",
        name,
        expected,
        suggestion,
    )


def _severity(wrong: list[Any], some: int) -> Severity:
    return "mistake" if len(wrong) * 2 > some else "note"


def _shown(value: object) -> str:
    if isinstance(value, str):
        value = value.removeprefix("\0")
    text = (
        number_text(value)
        if isinstance(value, float)
        else json.dumps(value, ensure_ascii=False, default=str)
    )
    text = text.encode(errors="backslashreplace").decode()  # JSON may hold half a letter
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def _of_rows(seen: Seen, entity: Entity) -> Iterator[Finding]:
    aside = len(seen.unreadable) + len(seen.keyless)
    severity: Severity = (
        "mistake" if aside * 100 > entity.max_set_aside_percent * seen.rows else "note"
    )
    if seen.unreadable:
        first = seen.unreadable[0]
        yield Finding(
            severity,
            "unreadable_line",
            f"{len(seen.unreadable):,} of {seen.rows:,} sampled lines are no "
            f"rows; the first is {first.place}: {first.wrong}.",
        )
    if seen.keyless:
        first = seen.keyless[0]
        yield Finding(
            severity,
            "missing_key",
            f"{len(seen.keyless):,} of {seen.rows:,} sampled rows have no primary "
            f"key; the first is {first.place}, whose {entity.primary_key} is "
            f"{_no_key(first, entity)}.",
        )
    if seen.repeated and entity.prefer is None and entity.deliveries is None:
        key, one, other = seen.repeated[0]
        yield Finding(
            "note",
            "repeated_key",
            f"{len(seen.repeated):,} of {seen.rows:,} sampled rows have the key of another row and "
            f"other values; the first is {_shown(key)} ({one.place}, and {other.place}). One row "
            "of a key is kept: `prefer` of the entity says which.",
        )


def _no_key(row: SampledRow, entity: Entity) -> str:
    """Return in words what a row has in the place of its primary key."""
    value = row.values.get(entity.primary_key)
    if value is None:
        return "missing"
    if str(value).strip(BLANKS):
        return f"{_shown(value)}, which is no {entity.attribute(entity.primary_key).type}"
    return _shown(value)
