"""What every attribute type answers: its values in Python, in SQL and in words.

A canonical value is null, a string, a boolean, an integer up to 2^53 (its text beyond), a finite
double, the text of a decimal with exactly its scale, `YYYY-MM-DD`, or an instant in UTC with six
digits.

Methods that end in `_sql` return SQL text; what they take are SQL expressions. `docs/values.md`
specifies what values are read as, and a test holds Python and SQL to it.
"""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, NamedTuple

from overtide.schemas.errors import InvalidValueError
from overtide.schemas.names import literal
from overtide.schemas.numbers import Number, exact_text, number_text
from overtide.schemas.types.raw_texts import RawTexts
from overtide.schemas.values import (
    BLANKS,
    Value,
    canonical,
    checked_text,
    is_number,
    text_of,
    trimmed_sql,
)

ISO = "ISO"
"""The word for ISO 8601 among formats."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How the text of an attribute is read.

    A strptime `format` or several of them, tried in order (ISO 8601 without, or as the word `ISO`);
    `.` or `,` as `decimal_mark`; what stands between the thousands; more words for true and false;
    whether blanks around a string are taken away, as they are around values of all other types.
    """

    format: str | Sequence[str] | None = None
    decimal_mark: str = "."
    thousands_separator: str | None = None
    true_words: Sequence[str] = ()
    false_words: Sequence[str] = ()
    trim: bool = False

    @classmethod
    def of(cls, attribute: Mapping[str, Any]) -> "Reading":
        """Read the metadata of an attribute."""
        return cls(
            attribute.get("format"),
            attribute.get("decimal_mark") or ".",
            attribute.get("thousands_separator"),
            attribute.get("true_words") or (),
            attribute.get("false_words") or (),
            bool(attribute.get("trim")),
        )

    @property
    def formats(self) -> tuple[str | None, ...]:
        """The formats in the order in which they are tried; None is ISO 8601."""
        given = [self.format] if isinstance(self.format, str) else self.format or [ISO]
        return tuple(None if one == ISO else one for one in given)

    @property
    def of_values(self) -> "Reading":
        """How what is no text is read: a decimal mark and separators are about texts alone."""
        return replace(self, decimal_mark=".", thousands_separator=None)

    def of_kind(self, kind: str) -> "Reading":
        """Return how the value of an expression is read, a text or one of another kind."""
        if kind == "text":
            return self
        return replace(self.of_values, format=None if kind in ("date", "datetime") else self.format)

    @property
    def spoken_formats(self) -> str:
        """The formats in words; nothing where there is none but ISO 8601."""
        if self.formats == (None,):
            return ""
        return " or ".join(one or "ISO 8601" for one in self.formats)


class Arguments(NamedTuple):
    """What stands in brackets behind the name of a type: in words, as a pattern, an example."""

    words: str = ""
    pattern: str = ""
    example: str = ""


class AttributeType(RawTexts, ABC):
    """The rules of one type, and what is alike of all of them."""

    family: ClassVar[str]
    """Its name, without arguments."""
    edm: ClassVar[str]
    """What OData calls it."""
    example: ClassVar[Value]
    """A value in JSON, to show how one is sent."""
    arguments: ClassVar[Arguments] = Arguments()
    names_elsewhere: ClassVar[tuple[str, ...]] = ()
    """What other systems call it."""
    is_key: ClassVar[bool] = False
    """Whether a value has one text, by which it identifies a record and is joined with others."""
    is_time: ClassVar[bool] = False
    is_truth: ClassVar[bool] = False
    is_day: ClassVar[bool] = False
    """Whether values are days, which begin when their time zone says."""
    has_decimal_mark: ClassVar[bool] = False
    is_exact: ClassVar[bool] = True
    """Whether the digits make the value; a double is the same however it is written."""
    expected_in_files: ClassVar[str | None] = None
    """What is expected where source records may write values in more ways than updates."""
    duckdb: str
    """Its SQL type."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def unfit(self) -> tuple[str, str] | None:
        """Why no such values can be kept, and what would do; None where they can."""
        return None

    @property
    @abstractmethod
    def expected(self) -> str:
        """What a value should have been, in words."""

    def expectation(self, reading: Reading) -> str:
        """Say in words what a text of a file should have been."""
        formats = reading.spoken_formats
        return f"{self.name} as {formats}" if formats else self.name

    def example_in_files(self, reading: Reading) -> Value:
        """Return the example as a source record has it."""
        del reading
        return self.example

    def from_json(self, value: object) -> Value:
        """Check a JSON value and return it canonical; raise `invalid_value`."""
        if value is None:
            return None
        found = self._from_json(value)
        if found is None:
            raise self.invalid(value)
        return found

    @abstractmethod
    def _from_json(self, value: object) -> Value:
        """Return the canonical value of a JSON value that is not null, None where it is none."""

    def misfit(self, value: object) -> str | None:
        """Say why a value that was accepted earlier is none of this type now.

        None where it is one, unchanged.
        """
        try:
            found = self.from_json(value)
        except InvalidValueError as error:
            return error.message
        same = found == value and (not self.is_exact or type(found) is type(value))
        return (
            None if same else f"{canonical(value)} is not written as a value of type {self.name}."
        )

    def from_source(self, reading: Reading, time_zone: str, value: object) -> Value:
        """Read the value of a source record just as the refresh reads it from a file.

        Raise `invalid_value`.
        """
        raw = self.source_text(value)
        text = raw.strip(BLANKS) if raw is not None and self.is_trimmed(reading) else raw
        if not text:
            return None
        if not isinstance(value, str):
            reading = reading.of_values
        found = self.read(text, reading, time_zone)
        if found is None:
            raise self.invalid(value, self._expected_in_files(reading))
        return found

    def key_text(self, reading: Reading, time_zone: str, key: str) -> str:
        """Return a primary key as records keep it: its canonical text (`007` is `7` of integers).

        One that is none of this type stays as it is, and no record has it.
        """
        try:
            return text_of(self.from_source(reading, time_zone, key)) or key
        except InvalidValueError:
            return key

    def source_text(self, value: object) -> str | None:
        """Return the text that a file would hold for a JSON value; NaN is none.

        Raise `invalid_value` for arrays, objects, infinities and what no store can keep.
        """
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return None
        if isinstance(value, bool):
            return "true" if value else "false"
        text = None
        if isinstance(value, str):
            text = checked_text(value)
        elif is_number(value):
            text = self.number_text(value)
        if text is None:
            raise self.invalid(value)
        return text

    def number_text(self, value: Any) -> str | None:  # noqa: ANN401 - an int or a float
        """Return the text by which a number is read, None of an infinite one."""
        text = number_text(value)
        return text if text[-1].isdigit() else None

    @abstractmethod
    def read(self, text: str, reading: Reading, time_zone: str) -> Value:
        """Return the canonical value of a text, None where it is none.

        It has no blanks around it, except where they belong to a value.
        """

    def from_word(self, text: str) -> object:
        """Return what a text of the command line says for an update: the text, as a rule."""
        return text

    def from_lake(self, value: Any) -> Value:  # noqa: ANN401 - whatever DuckDB gives
        """Return what `fetched_sql` gives as its canonical value."""
        found: Value = value
        return found

    def instant(self, value: Value, time_zone: str) -> str:
        """Return the instant of a canonical value of a type of time."""
        return str(value)

    def is_trimmed(self, reading: Reading) -> bool:
        """Say whether blanks around a text are taken away: they may belong to a string."""
        return reading.trim or not self.is_text

    def stripped_sql(self, raw: str, reading: Reading) -> str:
        """Return the SQL of a raw text without blanks around it, unless they belong to a value."""
        return trimmed_sql(raw) if self.is_trimmed(reading) else raw

    @abstractmethod
    def read_sql(self, text: str, reading: Reading, time_zone: str) -> str:
        """Return the SQL that types a stripped text, with null for one that is no value.

        SQL reads what is common; what is rare goes through `rare_sql`, which reads one value at a
        time by the rules of `read`.
        """

    def rare_sql(self, text: str, reading: Reading, time_zone: str) -> str:
        """Return the SQL that reads rare texts by the function that `transforms` defines.

        DuckDB takes no null from a function for a text, so none is empty.
        """
        plain = asdict(Reading())
        told = {name: one for name, one in asdict(reading).items() if one != plain[name]}
        how = {"type": self.name, **told, "time_zone": time_zone}
        return f"nullif(typed_alone({text}, {literal(json.dumps(how))}), '')::{self.duckdb}"

    def text_sql(self, column: str) -> str:
        """Return the SQL of a typed column's canonical text, which keys and titles show."""
        return f"{column}::VARCHAR"

    def json_sql(self, column: str) -> str:
        """Return the SQL of a typed column's canonical JSON value (type JSON)."""
        return f"to_json({self.text_sql(column)})"

    def json_text_sql(self, column: str) -> str:
        """Return the SQL of a typed column's canonical JSON text."""
        return f"({self.json_sql(column)})::VARCHAR"

    def typed_sql(self, value: str) -> str:
        """Return the SQL that types canonical JSON text, which fits."""
        return f"TRY_CAST(json_extract_string({value}, '$') AS {self.duckdb})"

    def fits_sql(self, value: str) -> str:
        """Return the SQL condition that canonical JSON text is null or a value of the type.

        It is one exactly when `from_json` returns it unchanged.
        """
        return f"({value} = 'null' OR {self._fits_sql(value)})"

    @abstractmethod
    def _fits_sql(self, value: str) -> str:
        """Return the SQL of `fits_sql` for what is not null."""

    def fetched_sql(self, column: str) -> str:
        """Return the SQL by which a typed column comes to Python."""
        return column

    def instant_sql(self, column: str, time_zone: str) -> str:
        """Return the SQL of the instant of a typed column of a type of time."""
        return column

    def invalid(self, value: object, expected: str | None = None) -> InvalidValueError:
        """Return the error of a value that is none of the type."""
        shown = (
            exact_text(value)
            if isinstance(value, Number)
            else json.dumps(value, ensure_ascii=False, default=str)
        )
        shown = shown if len(shown) <= 100 else shown[:97] + "..."
        expected = expected or self.expected
        return InvalidValueError("invalid_value", f"{shown} is not {expected}.")

    def _expected_in_files(self, reading: Reading) -> str | None:
        return self.expected_in_files
