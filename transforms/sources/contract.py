"""The contract of a source format, and what passes through it.

Four questions are asked of a format, in this order: how a file is laid out (`layout`, before
anything is read, and for `validate`), what a few rows of it hold (`sampled`, for `validate` alone),
which files can be read at once (`alike`), and all rows of those (`read`). A format changes no file
and keeps nothing between two questions.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overtide.schemas.configuration.entities import Attribute, Entity
from overtide.schemas.names import folded
from overtide.transforms.sources.deliveries import Delivery

if TYPE_CHECKING:
    import numpy as np
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

MAX_LINE = 16 * 1024 * 1024
"""The most bytes that a line may have."""
LINES = (
    "NULL::VARCHAR AS CorruptionDetails, NULL::VARCHAR AS Record, NULL::BIGINT AS Line, "
    "NULL::VARCHAR AS FileName"
)
"""The columns of what is no row, all null."""
NUMBER, MORE = "number", b"overtide.more"
"""The type of a column of texts that are numbers, and a file's note of columns that it lacks.

Copies of tables have them: no Parquet type holds every number of a database, and what no attribute
reads is not copied.
"""
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
    delivery: Delivery = field(default_factory=Delivery)
    lines: "NDArray[np.int64] | None" = field(default=None, compare=False)
    """Of a file of some lines of another one, the numbers that these have there."""


@dataclass(frozen=True)
class Raw:
    """The untyped rows of files.

    SQL of a text `raw_column(place)` for each of their `attributes`, in their order: these are the
    attributes of the entity's `inputs`, without those whose column is not there.

    The file of a row is its `__file`.

    A text of the attributes in `doubtful` that begins with a NUL is no value of any type, and what
    follows the NUL is shown of it: the lake holds no text with a NUL, so `raw_texts.marked` puts
    one before each that has one. `line` is SQL of a row's line.
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

    def stripped(self, name: str) -> str:
        """Return the column in which ingest puts an attribute's text as it is read."""
        return f"__text_{self._places[name]}"


Write = Callable[[Raw], int]
"""Types the rows of files and writes them; returns how many there are."""


def raw_column(place: int) -> str:
    """Return the name of an untyped column; no attribute begins with two underscores."""
    return f"__raw_{place}"


class TypedTime(str):
    """A time that a file says by a type of its own: ISO 8601, whatever its attribute's format."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class SampledRow:
    """A sampled row: its place, and its values by attribute, as a posted record has them.

    A text with a NUL is no value of any type; what follows one at its beginning is shown of it.

    A line that is no row has no values, and `wrong` says what is wrong with it.
    """

    place: str
    values: dict[str, Any]
    wrong: str | None = None


class SourceFormat(ABC):
    """A way to write the rows of an entity into files."""

    @abstractmethod
    def layout(self, file: Path, entity: Entity) -> Layout:
        """Return how a file is laid out; no columns where it is empty.

        Raise `UnreadableError`, `UnicodeError` or `OSError` where it cannot be read so.
        """

    @abstractmethod
    def read(
        self, connection: "DuckDBPyConnection", files: Sequence[SourceText], write: Write
    ) -> tuple[int, str]:
        """Write the rows of files that are alike.

        Return how many there are, and the SQL of what is no row, in the columns of `LINES`. Every
        line is one or the other. What DuckDB raises is taken for a damaged file.
        """

    @abstractmethod
    def sampled(
        self, file: Path, shown: str, entity: Entity, layout: Layout, most: int
    ) -> Iterator[SampledRow]:
        """Give up to `most` rows of each of a few places of a file, which is `shown` as that."""

    @abstractmethod
    def about_rows(self, file: Path) -> int:
        """Return how many rows a file has, or about; 0 where it cannot be read."""

    def alike(self, file: SourceText, place: int) -> object:  # noqa: ARG002 - others need it
        """Return what files must share to be read at once; `place` is that of this one."""
        return file.layout

    def hashed_rows(self, connection: "DuckDBPyConnection", file: SourceText) -> str | None:
        """Return the SQL of two hashes, `h` and `g`, of what each row is read from, in order.

        Rows with the same two are read alike, wherever they stand. None where what a row becomes
        may depend on others.
        """
        del connection, file
        return None

    def only_rows(
        self, connection: "DuckDBPyConnection", file: SourceText, places: "NDArray[np.int64]"
    ) -> SourceText | None:
        """Write a file of the rows alone that are at some places among the `hashed_rows`.

        The places ascend from 0. None where one of them is not a row by itself.
        """
        del connection, file, places
        return None

    def lines_at(self, file: SourceText, places: "NDArray[np.int64]") -> "NDArray[np.int64] | None":
        """Return the numbers of the lines at some places among the `hashed_rows`.

        None of a format whose rows stand in no lines, or say in which.
        """
        del file, places
        return None

    def places_of(self, file: SourceText, lines: "NDArray[np.int64]") -> "NDArray[np.int64]":
        """Return the places among the `hashed_rows` of lines, by their numbers; both ascend."""
        del file
        return lines

    def is_told_alone(self, details: str) -> bool:
        """Say whether a line is no row, for a reason, whatever other lines there are."""
        del details
        return True

    @property
    def numbers_rows(self) -> bool:
        """Whether what is wrong with a row says at once in which line it stands."""
        return False

    def name_of(self, column: str) -> str:
        """Return what tells a column from others: to the lake `Id` and `id` are one name."""
        return folded(column)

    def other_delimiter(
        self, file: Path, layout: Layout, entity: Entity, missing: int
    ) -> str | None:
        """Return the delimiter by which fewer than `missing` columns are missing, or None."""
        del file, layout, entity, missing
        return None

    def lines_of(
        self, file: Path, entity: Entity, records: Mapping[str, int]
    ) -> dict[str, list[int]]:
        """Return the first lines of records that `read` cannot place.

        Each is a JSON object of texts that comes so many times. What is not found as it is written
        has no line: never a wrong one.
        """
        del file, entity, records
        return {}
