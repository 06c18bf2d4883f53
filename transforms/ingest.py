"""Read source files, type their columns, and name everything that could not be read.

The result is one Parquet file of typed rows with two more columns, `__corrupt` (JSON, null where
nothing is wrong) and `__file` (the place of its file among those that were read together: these
rows go into the lake, and a name may be nothing for its readers), and one Parquet file of the lines
that are no rows. Source of the rules: semantics 4.2.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.names import chained, columns, literal, parquet_rows, quoted
from overtide.schemas.types import type_of
from overtide.schemas.values import trimmed_sql
from overtide.transforms.derived import FAILED
from overtide.transforms.fingerprint import Fingerprint
from overtide.transforms.kernel import write_parquet
from overtide.transforms.known_rows import read_changed, with_hashes
from overtide.transforms.rare_values import allow_rare_values
from overtide.transforms.readable_texts import TEXTS, Readable, ReadableTexts, readable_texts
from overtide.transforms.row_hashes import KeptRows, ReadBefore, Unknown
from overtide.transforms.sources.contents import unreadable
from overtide.transforms.sources.contract import FILE, Raw, SourceText
from overtide.transforms.sources.deliveries import delivery_of, of_deletes
from overtide.transforms.sources.files import expected_layout, new_columns, root_of, within
from overtide.transforms.sources.formats import format_of
from overtide.transforms.sources.staged import origin_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CORRUPT = "__corrupt"
COUNTS = "__counts"
"""Whether the entity's filter keeps a row."""
WIDE = 500
"""Attributes that have an expression each."""


@dataclass(frozen=True)
class IngestedFiles:
    """What became of source files that are laid out alike.

    The typed rows, the lines set aside, and their counts.
    """

    entity: str
    sources: tuple[str, ...]
    rows_path: str
    lines_path: str
    rows: int
    lines: int
    new_columns: tuple[str, ...]
    filtered_rows: int = 0
    """Rows that the entity's filter leaves out; they are not among `rows`."""
    copies: tuple[str, ...] = ()
    """Where the files are of which these are copies, in the order of the `sources`."""
    hours: tuple[str, ...] = ()
    """In which hours the files were delivered, in the order of the `sources`; none of all rows."""
    deletes: bool = False
    """Whether the rows name records that are gone."""
    content: Fingerprint | None = None
    """That of the rows, where all of them are rows of their entity's table."""
    hashes: str | None = None
    """The file of what each row was read from (`row_hashes`), where that is known."""
    unknown: Unknown | None = None
    """The rows of which that does not say what becomes of them, where there are some."""
    numbered: str | None = None
    """The file of the lines of rows without a key (`line`), by their places, where these are known
    and `rows_path` does not say them."""
    kept: KeptRows | None = None
    """Rows of the file that were read by an earlier refresh, beside those of `rows_path`."""
    before: ReadBefore | None = None
    """What the refresh before found of the file, where this one read its changed rows alone."""


def ingest(
    connection: "DuckDBPyConnection",
    name: str,
    entity: Entity,
    sources: Sequence[Path],
    folder: Path,
    number: int,
    project: Path,
    before: ReadBefore | None = None,
) -> list[IngestedFiles]:
    """Read source files of an entity into `folder`, together where they are laid out alike.

    What is found does not depend on which files are read together. `number` makes the names of the
    results unique. Of a single file of which is known how it was `before`, few rows are read.
    """
    groups: dict[object, list[SourceText]] = {}
    root = root_of(project, entity)
    with tempfile.TemporaryDirectory(dir=folder) as copies:
        for place, source in enumerate(sources):
            shown = within(project, source)
            delivery = delivery_of(entity, root, shown)
            read = of_deletes(entity) if delivery.deletes else entity
            layout = expected_layout(source, shown, name, read)
            copy = Path(copies) / f"{place}.utf8"
            file = SourceText(read, source, shown, layout, copy, delivery)
            alike = delivery.deletes, format_of(entity).alike(file, place)
            groups.setdefault(alike, []).append(file)
            if before is not None:
                named = folder, f"{number:06d}-{place:06d}"
                alone = partial(_read_one, connection, name, entity, *named)
                changed = read_changed(connection, file, before, folder, alone)
                if changed is not None:
                    return [changed]
        return [
            ingested
            for place, files in enumerate(groups.values())
            for ingested in _together(
                connection, name, entity, files, folder, f"{number:06d}-{place:06d}"
            )
        ]


def _read_one(
    connection: "DuckDBPyConnection",
    name: str,
    entity: Entity,
    folder: Path,
    number: str,
    file: SourceText,
) -> IngestedFiles:
    """Read a file of some rows of another one."""
    return _read(connection, name, entity, [file], folder, number)


def _together(
    connection: "DuckDBPyConnection",
    name: str,
    entity: Entity,
    files: Sequence[SourceText],
    folder: Path,
    number: str,
) -> Iterator[IngestedFiles]:
    """Read files at once, or, to name the one that DuckDB cannot read, one after the other."""
    import duckdb

    try:
        found = _read(connection, name, entity, files, folder, number)
        yield with_hashes(connection, files[0], entity, found) if len(files) == 1 else found
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        if len(files) == 1:
            reason = str(error).strip().splitlines()[0].replace(str(files[0].path), files[0].shown)
            raise unreadable(
                files[0].shown,
                f"cannot be read: {reason.rstrip('.')}",
                "Correct the file, or `format` and `encoding` of the entity.",
            ) from None
        for place, file in enumerate(files):
            yield from _together(connection, name, entity, [file], folder, f"{number}-{place:06d}")


def _read(
    connection: "DuckDBPyConnection",
    name: str,
    entity: Entity,
    files: Sequence[SourceText],
    folder: Path,
    number: str,
) -> IngestedFiles:
    """Read files that are laid out alike, each as it says, into rows of the `entity`.

    Rows of versions that its filter leaves out stay, since they may be the latest ones.
    """
    read = files[0].entity
    filters = entity.filter is not None and entity.deliveries is None
    rows_path, lines_path = folder / f"rows-{number}.parquet", folder / f"lines-{number}.parquet"
    sources = tuple(file.shown for file in files)
    allow_rare_values(connection)
    typed_path = folder / f"all-{number}.parquet" if filters else rows_path
    rows, aside = format_of(entity).read(
        connection,
        files,
        lambda raw: write_parquet(
            connection, _whole(entity, read, typed_rows(read, raw, sources)), typed_path
        ),
    )
    read_rows = rows
    if filters:
        rows = _write_counting(connection, typed_path, rows_path)
    lines = write_parquet(connection, aside, lines_path)
    alike = files if read is entity else ()
    new = (new_columns(file.layout.columns, entity) for file in alike)
    return IngestedFiles(
        name,
        sources,
        str(rows_path),
        str(lines_path),
        rows,
        lines,
        tuple(dict.fromkeys(chain.from_iterable(new))),
        read_rows - rows,
        tuple(str(file.path) for file in files if origin_of(file.path) is not None),
        tuple(file.delivery.hour for file in files),
        files[0].delivery.deletes,
    )


def _write_counting(connection: "DuckDBPyConnection", every: Path, counting: Path) -> int:
    """Move the rows that the entity's filter keeps to another file; return how many they are."""
    kept = f"SELECT * EXCLUDE ({COUNTS}) FROM {parquet_rows([every])} WHERE {COUNTS}"
    rows = write_parquet(connection, kept, counting)
    every.unlink()
    return rows


def _whole(entity: Entity, read: Entity, typed: str) -> str:
    """Return the SQL of rows with all attributes, null where their files are read for fewer."""
    if read is entity:
        return typed
    values = (
        quoted(name)
        if name in read.attributes
        else f"NULL::{type_of(entity.attribute(name).type).duckdb} AS {quoted(name)}"
        for name in entity.attributes
    )
    counts = "" if entity.filter is None else f", true AS {COUNTS}"
    return f"SELECT {', '.join(values)}, {CORRUPT}, {FILE}{counts} FROM ({typed})"


def typed_rows(entity: Entity, raw: Raw, sources: Sequence[str]) -> str:
    """Return the SQL of typed rows with `__corrupt`: JSON with details, line and record, or null.

    `record` are the untyped values. It is never null in a row without primary key.
    """
    texts = readable_texts(entity, raw)
    values, source = (
        _wide(entity, texts.of)
        if len(entity.attributes) > WIDE
        else ({name: _typed(one.text, name, entity, one) for name, one in texts.of.items()}, TEXTS)
    )
    missing = {
        name: f"NULL::{type_of(entity.attribute(name).type).duckdb}" for name in entity.attributes
    }
    place = (
        f"list_position([{', '.join(map(literal, sources))}], {FILE}) - 1"
        if len(sources) > 1
        else "0"
    )
    typed = (f"{value} AS {quoted(name)}" for name, value in (missing | values).items())
    counts = ""
    if texts.counts is not None:  # a row of which that cannot be said is kept, and named
        unknown = f"starts_with({texts.counts}, chr(0))"
        counts = f", coalesce({texts.counts} = 'true' OR {unknown}, false) AS {COUNTS}"
    return f"""
        WITH raw AS ({raw.query}), {texts.query},
        typed AS (SELECT *, {", ".join(typed)} FROM {source})
        SELECT {columns(entity.attributes)}, {_corruption(entity, raw, texts)} AS {CORRUPT},
          {place}::INTEGER AS {FILE}{counts}
        FROM typed"""


def _wide(entity: Entity, texts: Mapping[str, Readable]) -> tuple[dict[str, str], str]:
    """Return the typed values, and from where, by one expression for attributes read alike.

    DuckDB thinks for minutes about an expression for each of some thousands.
    """
    alike: dict[str, list[str]] = {}
    for name, one in texts.items():
        alike.setdefault(_typed("one", name, entity, one), []).append(name)
    lists = (
        (
            f"list_transform([{', '.join(texts[name].text for name in names)}], "
            f"lambda one: {typed}) AS __list_{place}"
        )
        for place, (typed, names) in enumerate(alike.items())
    )
    values = {
        name: f"__list_{place}[{number}]"
        for place, names in enumerate(alike.values())
        for number, name in enumerate(names, start=1)
    }
    return values, f"(SELECT *, {', '.join(lists)} FROM {TEXTS})"


def _typed(text: str, name: str, entity: Entity, one: Readable) -> str:
    """Return the SQL of an attribute's value from the SQL of its stripped text."""
    kind = type_of(one.attribute.type)
    typed = kind.read_sql(text, one.attribute.reading, entity.time_zone)
    if name == entity.primary_key and not kind.is_trimmed(one.attribute.reading):
        typed = f"CASE WHEN {trimmed_sql(text)} <> '' THEN {text} END"  # a blank key is none
    return f"CASE WHEN NOT starts_with({text}, chr(0)) THEN {typed} END" if one.doubtful else typed


def _corruption(entity: Entity, raw: Raw, texts: ReadableTexts) -> str:
    typed = {
        name: one
        for name, one in texts.of.items()
        if not type_of(one.attribute.type).is_text or one.doubtful
    }
    unknown = [f"starts_with({one}, chr(0))" for one in (texts.counts,) if one is not None]
    reasons = ", ".join(
        [
            *(f"CASE WHEN {one} THEN 'filter: it cannot be computed' END" for one in unknown),
            *(_reason(name, one) for name, one in typed.items()),
        ]
        or ["NULL"]
    )
    wrong = chained(
        "OR",
        [
            f"{quoted(entity.primary_key)} IS NULL",
            *(f"coalesce({one}, false)" for one in unknown),
            *(_wrong(name, one) for name, one in typed.items()),
        ],
    )
    record = ", ".join(
        f"{literal(name.replace(chr(10), ' '))}, {_shown(raw.column(name), name in raw.doubtful)}"
        for name in raw.attributes
    )
    return (
        f"CASE WHEN {wrong} THEN json_object('details', concat_ws('; ', {reasons}), 'line', "
        f"{raw.line}, 'record', json_object({record}))::VARCHAR END"
    )


def _wrong(name: str, one: Readable) -> str:
    kind, text = type_of(one.attribute.type), one.text
    # A blank key is told as missing.
    given = text if kind.is_trimmed(one.attribute.reading) else f"trim({text})"
    return f"({quoted(name)} IS NULL AND {given} <> '')"


def _reason(name: str, one: Readable) -> str:
    expected = type_of(one.attribute.type).expectation(one.attribute.reading)
    sentence = f"{name}: expected {expected} but found "
    failed = f"{name}: its expression cannot be computed"
    return (
        f"CASE WHEN {one.raw} = chr(0) || {literal(FAILED[1:])} THEN {literal(failed)} "
        f"WHEN {_wrong(name, one)} THEN {literal(sentence)} || "
        f"to_json({_shown(one.raw, one.doubtful)}) END"
    )


def _shown(text: str, doubtful: bool) -> str:
    return f"CASE {text}[1] WHEN chr(0) THEN {text}[2:] ELSE {text} END" if doubtful else text
