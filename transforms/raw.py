"""What the readers of CSV, Parquet and JSON lines hand over: the untyped rows of one file, and what is no row."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from schemas.configuration import Attribute, Entity
from schemas.errors import OvertideError
from transforms.sources import is_utf8

MAX_LINE = 16 * 1024 * 1024
"""The most bytes that a line may have."""
LINES = "NULL::VARCHAR AS CorruptionDetails, NULL::VARCHAR AS Record, NULL::BIGINT AS Line"
"""The columns of what is no row, all null."""


@dataclass(frozen=True)
class SourceText:
    """One file of an entity, how errors name it, its columns, and a place for a cleaned copy; its folder is there."""

    entity: Entity
    path: Path
    shown: str
    columns: list[str]
    copy: Path


@dataclass(frozen=True)
class Raw:
    """The untyped rows of a file: SQL of a text `raw_column(place)` for each of its `attributes`, in their order.

    A text of the attributes in `doubtful` that begins with a NUL is no value of any type, and what follows the NUL is
    shown of it; `line` is SQL of a row's line.
    """

    query: str
    attributes: dict[str, Attribute]
    doubtful: frozenset[str] = frozenset()
    line: str = "NULL"

    def column(self, name: str) -> str:
        """Return the SQL of an attribute's untyped text."""
        return raw_column(list(self.attributes).index(name))


Write = Callable[[Raw], int]
"""Types the rows of a file and writes them; returns how many there are."""


def raw_column(place: int) -> str:
    """Return the name of an untyped column; no attribute begins with two underscores."""
    return f"__raw_{place}"


def marked(text: str) -> str:
    """Return the SQL of a text with a NUL before one that holds a NUL, which the lake cannot compare."""
    return f"CASE WHEN contains({text}, chr(0)) THEN chr(0) || {text} ELSE {text} END"


def in_utf8(file: SourceText) -> Path:
    """Return the file itself when it is UTF-8, else a copy that is; raise `wrong_encoding` where it cannot be read."""
    if is_utf8(file.entity):
        return file.path
    encoding = file.entity.encoding
    try:
        with file.path.open(encoding=encoding, newline="") as text, \
                file.copy.open("w", encoding="utf-8", newline="") as out:
            while block := text.read(1 << 22):
                out.write(block)
    except UnicodeError as error:
        raise OvertideError("wrong_encoding", f"{file.shown} is not {encoding}: {error}.", file.shown,
                            "Correct `encoding` of the entity.") from None
    return file.copy
