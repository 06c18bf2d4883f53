"""Read samples of files of which nothing is known: format, encoding, delimiter, columns, rows."""

import codecs
import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from overtide.schemas.configuration.entities import Attribute, Entity
from overtide.schemas.configuration.sources import RESERVED_ATTRIBUTES
from overtide.schemas.errors import InvalidValueError
from overtide.schemas.names import folded
from overtide.schemas.source_paths import shown_path
from overtide.schemas.types import type_of
from overtide.transforms.sources.contents import HALF, UnreadableError, head, opened, opened_text
from overtide.transforms.sources.csv import DELIMITERS
from overtide.transforms.sources.deliveries import FULL, find_deliveries
from overtide.transforms.sources.files import same_names
from overtide.transforms.sources.formats import format_of
from overtide.transforms.sources.layout import layout_of

ROWS = 10_000
"""Rows at the beginning of a file that are looked at, and as many from its middle and its end."""
LEAST_ROWS = 100
"""Those of each of many files that may be parts of one table."""
LOOKED_INTO = 2_000
"""Lines of JSON whose objects are looked into for nested values."""
BYTES = 1 << 28
"""Unpacked bytes in which letters that are no UTF-8 are sought."""
DEEPEST = 5
Places = dict[str, tuple[Attribute, str]]
"""Attributes by name: where each stands, and the type that the file gives it, if any."""

EMAIL, NUMBER = re.compile(r"\s*[^@\s]+@[^@\s]+\.[^@\s]+\s*"), re.compile(r"\s*-?[\d.,]+\s*")
"""Values that name no column: one e-mail, or nothing but numbers."""


@dataclass(frozen=True)
class Column:
    """A column of a sample: its name in the project, where it stands, its texts and its type.

    `column` or `path` say where it stands if it is not called so; `type` is that of the file, if
    it has types.
    """

    name: str
    texts: tuple[str | None, ...]
    column: str | None = None
    path: str | None = None
    type: str | None = None

    @property
    def filled(self) -> list[str]:
        """The texts that are something."""
        return [one for one in self.texts if one is not None and one.strip()]


@dataclass(frozen=True)
class Sample:
    """What was seen of a file; `notes` say what is not as one would wish.

    A folder of full data and changes is `delivered`, and seen by a file of its full data. A table
    in several files has the `pattern` of their names, and the first one is its `file`.
    """

    file: Path
    format: str
    encoding: str
    delimiter: str
    columns: tuple[Column, ...]
    rows: int
    notes: tuple[str, ...] = ()
    delivered: bool = False
    pattern: str | None = None

    def column(self, name: str) -> Column:
        """Return a column by its name in the project."""
        return next(one for one in self.columns if one.name == name)


def sample_of(file: Path, parts: int = 1) -> Sample:
    """Return a sample of a file, or of a folder of full data and changes.

    Of one of so many `parts` fewer rows are taken: together they are about as many as of one file.
    Raise `UnreadableError`, or an `OvertideError` of a file that is empty or cannot be read.
    """
    if (file / FULL).is_dir():
        return replace(sample_of(_of_full_data(file)), file=file, delivered=True)
    begin = head(file)
    kind = _format_of(file, begin)
    encoding, notes = ("utf-8", ()) if kind == "parquet" else _encoding_of(file, kind)
    delimiter = _delimiter_of(file, encoding) if kind == "csv" else ","
    blank = Attribute(optional=True)
    entity = Entity(
        path=file.name,
        format=kind,
        encoding=encoding,
        delimiter=delimiter,
        primary_key="x",
        attributes={"x": blank},
    )
    layout = layout_of(file, file.name, entity)
    for one, other in same_names(layout.columns, entity):
        what = f"has the columns {one!r} and {other!r}, which are one name"
        raise UnreadableError(what, "Give each its own name in the file.")
    entity = entity.model_copy(update={"delimiter": layout.delimiter})
    places, left_out = _places(file, entity, layout.columns)
    attributes = {f"a{number}": one for number, (one, _) in enumerate(places.values())}
    entity = entity.model_copy(update={"attributes": attributes or {"x": blank}})
    rows = list(format_of(entity).sampled(file, file.name, entity, layout, _most(parts)))
    values = [row.values for row in rows if row.wrong is None]
    columns = tuple(
        _column(name, *place, [row.get(f"a{number}") for row in values])
        for number, (name, place) in enumerate(places.items())
    )
    wrong = [f"{row.place}: {row.wrong}" for row in rows if row.wrong is not None]
    told = [f"{len(wrong)} of {len(rows)} lines are no rows ({wrong[0]})."] if wrong else []
    return Sample(
        file, kind, encoding, layout.delimiter, columns, len(values), (*notes, *left_out, *told)
    )


def _most(parts: int) -> int:
    return max(ROWS // parts, LEAST_ROWS)


def _of_full_data(folder: Path) -> Path:
    """Return the first file of the full data that holds anything, or else the first."""
    files = find_deliveries(folder, Entity.model_construct(path="."), None).files
    return next((one for one in files if one.stat().st_size), files[0])


def _column(name: str, where: Attribute, kind: str, values: list[Any]) -> Column:
    return Column(
        name,
        tuple(map(_text, values)),
        None if where.column in (None, name) else where.column,
        None if where.path in (None, shown_path((name,))) else where.path,
        kind or None,
    )


def _format_of(file: Path, begin: bytes) -> Any:  # noqa: ANN401 - one of the formats
    if begin.startswith(b"PAR1"):
        return "parquet"
    text = begin.lstrip(codecs.BOM_UTF8 + b" \t\r\n")
    if text.startswith(b"["):
        with suppress(ValueError, UnicodeError):
            json.JSONDecoder().raw_decode(text.split(b"\n", 1)[0].decode().lstrip("[ "))
            what = "holds one list of JSON objects"
            raise UnreadableError(what, "Write one object per line (JSON lines).")
        if file.suffix == ".json":
            raise UnreadableError("holds a JSON list", "Write one object per line (JSON lines).")
    return "jsonl" if text.startswith(b"{") else "csv"


def _encoding_of(file: Path, kind: str) -> tuple[str, tuple[str, ...]]:
    """Return the encoding of a text, and what is to be said of it."""
    entity = Entity.model_construct(format=kind, encoding="utf-8", delimiter=",")
    try:
        with opened_text(file, entity):
            pass
    except UnreadableError as error:
        found = next((one for one in ("utf-16-le", "utf-16-be") if one in error.hint), None)
        if found is None:
            raise
        return found, (f"The encoding {found} was guessed: its first line looks like it.",)
    with opened(file) as unpacked:
        if unpacked.begin[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-8", ()  # its byte order mark says what it is
        if _is_utf8(unpacked.content):
            return "utf-8", ()
    with opened(file) as unpacked:
        try:
            unpacked.content.read(BYTES).decode("windows-1252")
            found = "windows-1252"
        except UnicodeDecodeError:
            found = "latin-1"
    return found, (f"It is not UTF-8; {found} was guessed: look at names with accents.",)


def _is_utf8(content: Any) -> bool:  # noqa: ANN401 - a binary stream
    decoder, left = codecs.getincrementaldecoder("utf-8")(), BYTES
    try:
        while left > 0 and (block := content.read(1 << 20)):
            decoder.decode(block)
            left -= len(block)
        return bool(decoder.decode(b"", final=left > 0) or True)
    except UnicodeDecodeError:
        return False


def _delimiter_of(file: Path, encoding: str) -> str:
    """Return the delimiter by which most rows have as many columns as the header, and most."""
    entity = Entity.model_construct(format="csv", encoding=encoding, delimiter=",")
    with opened_text(file, entity) as text:
        lines = list(islice(text.text, 200))
    return max(DELIMITERS, key=lambda one: (_columns_by(lines, one), -DELIMITERS.index(one)))


def _columns_by(lines: list[str], delimiter: str) -> float:
    try:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return 0.0
    if not widths:
        return 0.0
    width, often = Counter(widths).most_common(1)[0]
    return (width - 1) * (often / len(widths)) ** 2


def _places(file: Path, entity: Entity, columns: tuple[str, ...]) -> tuple[Places, list[str]]:
    """Return the attributes by the names that they get, and what of the file is left out."""
    if entity.format == "csv":
        return _of_header(file.name, columns)
    found = _of_parquet(file) if entity.format == "parquet" else _of_json(file, entity)
    names: Places = {}
    lists = [shown_path(path) for path, kind in found.items() if kind == "list"]
    firsts = [shown_path(path) for path, kind in found.items() if kind == "first"]
    for path, kind in found.items():
        if kind == "list":
            continue
        first = kind == "first"
        where = Attribute(path=shown_path((*path, 0) if first else path), optional=True)
        names[_free("_".join(path), names)] = where, "" if first else kind
    told = [f"Of a list the first value is read: {', '.join(firsts)}."] if firsts else []
    if lists:
        how = f"a path such as `{lists[0]}[0]` reads a value."
        told.append(f"Lists are left out: {', '.join(lists)}; {how}")
    return names, told


def _of_header(name: str, columns: tuple[str, ...]) -> tuple[Places, list[str]]:
    names: Places = {}
    unnamed = sum(not one.strip() for one in columns)
    for column in columns:
        if column.strip():
            names[_free(column, names)] = Attribute(column=column, optional=True), ""
    told = [f"Columns without a name are left out: {unnamed}."] if unnamed else []
    if any(EMAIL.fullmatch(one) for one in columns) or all(map(NUMBER.fullmatch, columns)):
        told.append(f"{name} begins with what looks like a row: write the columns' names above it.")
    return names, told


def _free(name: str, taken: Mapping[str, object]) -> str:
    """Return a name that an attribute may have, the column's own where that is possible."""
    plain = name.lstrip("_") if name.startswith("__") else name
    plain = plain if plain.strip() else "column"
    plain = f"{plain}_" if folded(plain) in RESERVED_ATTRIBUTES else plain
    known, number, found = {folded(one) for one in taken}, 2, plain
    while folded(found) in known:
        found, number = f"{plain}_{number}", number + 1
    return found


def _of_json(file: Path, entity: Entity) -> dict[tuple[str, ...], str]:
    """Return the paths to the values of JSON lines, in the order in which they come."""
    found: dict[tuple[str, ...], set[str]] = {}
    with opened_text(file, entity) as opened_file:
        for line in islice(opened_file.text, LOOKED_INTO):
            with suppress(ValueError):
                document = json.loads(line)
                if isinstance(document, dict):
                    for path, kind in _paths(document, ()):
                        found.setdefault(path, set()).add(kind)
    return _leaves({path: _together(kinds) for path, kinds in found.items()})


def _together(kinds: set[str]) -> str:
    """Return what stands at a path where these do: `first` of lists, a `list`, or nothing else."""
    there = kinds - {"nothing"}
    if there <= {"value"}:
        return ""
    return "first" if "first" in there and there <= {"first", "empty"} else "list"


def _kind_of(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    """Return what a value is: of a list of one text or number, or of e-mails, the first is read."""
    if not isinstance(value, list):
        return "nothing" if value is None else "list" if isinstance(value, dict) else "value"
    if not value:
        return "empty"
    if any(isinstance(one, list | dict) for one in value):
        return "list"
    return "first" if len(value) == 1 or "@" in str(value[0]) else "list"


def _paths(
    value: Mapping[str, Any], above: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, below in value.items():
        path = (*above, name)
        if not name.strip():
            continue
        if isinstance(below, dict) and len(path) < DEEPEST:
            yield from _paths(below, path)
        else:
            yield path, _kind_of(below)


def _leaves(found: dict[tuple[str, ...], str]) -> dict[tuple[str, ...], str]:
    """Return the paths that do not lead through another one: one is null, the other an object."""
    through = {path[:length] for path in found for length in range(1, len(path))}
    return {path: kind for path, kind in found.items() if path not in through}


def _of_parquet(file: Path) -> dict[tuple[str, ...], str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def leaves(fields: Any, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:  # noqa: ANN401
        for one in fields:
            path = (*above, one.name)
            if pa.types.is_struct(one.type) and len(path) < DEEPEST:
                yield from leaves(one.type, path)
            elif pa.types.is_nested(one.type):
                yield path, "list"
            else:
                yield path, _type_of_arrow(one.type)

    return dict(leaves(pq.read_schema(file), ()))


def _type_of_arrow(kind: Any) -> str:  # noqa: ANN401 - an Arrow type
    """Return the attribute type of an Arrow type, nothing for texts, which may be anything."""
    import pyarrow as pa

    if pa.types.is_decimal(kind) and kind.precision <= 38 and 0 <= kind.scale <= kind.precision:
        return f"decimal({kind.precision}, {kind.scale})"
    known = (
        (pa.types.is_boolean, type_of("boolean").name),
        (pa.types.is_integer, type_of("integer").name),
        (pa.types.is_floating, type_of("double").name),
        (pa.types.is_date, type_of("date").name),
        (pa.types.is_timestamp, type_of("datetime").name),
    )
    return next((name for test, name in known if test(kind)), "")


def _text(value: Any) -> str | None:  # noqa: ANN401 - whatever a row holds
    """Return a value as the text of a CSV file; what is no value of any type is nothing."""
    with suppress(InvalidValueError):
        text = type_of("string").source_text(value)
        return None if text is None or "\0" in text or HALF in text else text
    return None
