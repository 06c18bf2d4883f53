"""What the readers of CSV, Parquet and JSON lines hand over.

The untyped rows of files, and what is no row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from overtide.schemas.configuration import Attribute, Entity
from overtide.schemas.errors import OvertideError
from overtide.schemas.names import literal
from overtide.transforms.contents import UnreadableError, is_utf8, write_utf8

MAX_LINE = 16 * 1024 * 1024
"""The most bytes that a line may have."""
LINES = (
    "NULL::VARCHAR AS CorruptionDetails, NULL::VARCHAR AS Record, NULL::BIGINT AS Line, "
    "NULL::VARCHAR AS FileName"
)
"""The columns of what is no row, all null."""
FILE = "__file"
"""The column of the name of a row's file."""


@dataclass(frozen=True)
class Layout:
    """How a file is laid out.

    Its columns in order, and what they must share with those of files read together.

    Of text that is its encoding and whether it is packed; of CSV what separates the columns, and
    how many lines stand before the header; of Parquet the columns' types.
    """

    columns: tuple[str, ...]
    encoding: str = "utf-8"
    packed: bool = False
    delimiter: str = ","
    before: int = 0
    types: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceText:
    """One file of an entity: its name in errors, its layout and a place for a clean copy."""

    entity: Entity
    path: Path
    shown: str
    layout: Layout
    copy: Path


@dataclass(frozen=True)
class Raw:
    """The untyped rows of files.

    SQL of a text `raw_column(place)` for each of their `attributes`, in their order.

    The file of a row is its `__file`.

    A text of the attributes in `doubtful` that begins with a NUL is no value of any type, and what
    follows the NUL is shown of it; `line` is SQL of a row's line.
    """

    query: str
    attributes: dict[str, Attribute]
    doubtful: frozenset[str] = frozenset()
    line: str = "NULL"

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.attributes)}

    def column(self, name: str) -> str:
        """Return the SQL of an attribute's untyped text."""
        return raw_column(self._places[name])


Write = Callable[[Raw], int]
"""Types the rows of files and writes them; returns how many there are."""


def raw_column(place: int) -> str:
    """Return the name of an untyped column; no attribute begins with two underscores."""
    return f"__raw_{place}"


def buffers(texts: Sequence[Path]) -> str:
    """Return the options of `read_csv` that let a line be `MAX_LINE` long.

    Small files take no large buffers.

    And whatever a file is called, what is read here is not compressed.
    """
    largest = max(1 << 16, *(text.stat().st_size for text in texts))
    line = min(MAX_LINE, largest)
    return f"compression = 'none', max_line_size = {line}, buffer_size = {4 * line}"


def file_name(files: Sequence[SourceText]) -> str:
    """Return the SQL of the name of a row's file, for what reads these files in this order."""
    if len(files) == 1:
        return literal(files[0].shown)
    return (
        f"list_extract([{', '.join(literal(file.shown) for file in files)}], "
        "file_index::BIGINT + 1)"
    )


def in_utf8(file: SourceText) -> Path:
    """Return the file itself when DuckDB can read it, else a copy in UTF-8.

    Raise `unreadable_file` of a damaged.
    """
    if not file.layout.packed and is_utf8(file.layout.encoding):
        return nameable(file)
    try:
        write_utf8(file.path, file.entity, file.copy)
    except UnreadableError as error:
        raise OvertideError(
            "unreadable_file", f"{file.shown} {error.what}.", file.shown, error.hint
        ) from None
    return file.copy


def nameable(file: SourceText) -> Path:
    """Return the file itself, or a link to it where its name is no Unicode, as DuckDB needs it."""
    try:
        str(file.path).encode()
    except UnicodeEncodeError:
        link = file.copy.with_suffix(".link")
        if not link.is_symlink():
            link.symlink_to(file.path.absolute())
        return link
    return file.path
