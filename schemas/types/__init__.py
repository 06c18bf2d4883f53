"""Attribute types: each is one module with its rules side by side, and one line of `TYPES`.

Nothing else in Overtide asks what a type is called.
"""

from collections.abc import Sequence
from functools import cache

from overtide.schemas.types.attribute_type import AttributeType
from overtide.schemas.types.boolean import BooleanType
from overtide.schemas.types.date import DateType
from overtide.schemas.types.datetime import DatetimeType
from overtide.schemas.types.decimal import DecimalType
from overtide.schemas.types.double import DoubleType
from overtide.schemas.types.guid import GuidType
from overtide.schemas.types.integer import IntegerType
from overtide.schemas.types.string import StringType

TYPES: tuple[type[AttributeType], ...] = (
    StringType,
    IntegerType,
    DoubleType,
    BooleanType,
    DateType,
    DatetimeType,
    GuidType,
    DecimalType,
)
"""All types, in the order in which they are listed to people."""
_BY_FAMILY = {one.family: one for one in TYPES}

NAMES = tuple(one.family + one.arguments.words for one in TYPES)
"""The name of each type, as people are told of it."""
EXAMPLES = tuple(one.family + one.arguments.example for one in TYPES)
"""A name of each type."""
PATTERN = f"^({'|'.join(one.family + one.arguments.pattern for one in TYPES)})$"
"""The regular expression of all names."""
MEANT = {
    other: one.family + one.arguments.example for one in TYPES for other in one.names_elsewhere
}
"""What other systems call the types, in lower case, and the names that are meant."""

KEYS = tuple(one.family for one in TYPES if one.is_key)
"""Types of which a primary key may be, and whose texts can be compared in combination."""
MARKED = tuple(one.family + one.arguments.words for one in TYPES if one.has_decimal_mark)
"""Types whose texts may have a decimal comma."""
NUMBERS = tuple(one.family for one in TYPES if one.is_number)
TIMES = tuple(one.family for one in TYPES if one.is_time)
COMPARED = (*NUMBERS, *TIMES)
"""Types that most recent and least recent can compare."""


@cache
def type_of(name: str) -> AttributeType:
    """Return the type of a name such as `date` or `decimal(18, 2)`."""
    return _BY_FAMILY[name.partition("(")[0]](name)


def listed(names: Sequence[str]) -> str:
    """Return names of types as a text: `a, b or c`."""
    return f"{', '.join(names[:-1])} or {names[-1]}"
