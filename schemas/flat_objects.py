"""JSON objects with the same names again and again: what is the same of them is written once."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from json.encoder import encode_basestring
from typing import Any

from overtide.schemas.values import Value

_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_WRITERS: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "true" if value else "false",
    int: int.__repr__,
    float: lambda value: float.__repr__(value) if math.isfinite(value) else _ENCODER.encode(value),
}
"""How values that are neither texts nor null are written."""
NOTHING: Mapping[str, Value] = {}


class FlatObject:
    """Writes JSON objects of canonical values, in half of the time that an encoder takes.

    Made for names that are written again and again, in the order in which they are to stand (sorted
    ones give what `canonical` gives), of which some may have `fixed` values.
    """

    def __init__(self, names: Sequence[str], fixed: Mapping[str, Value] = NOTHING) -> None:
        self._all, self._fixed = names, fixed
        self._names = [name for name in names if name not in fixed]
        members = [
            _ENCODER.encode(name).replace("%", "%%")
            + ":"
            + (_ENCODER.encode(fixed[name]).replace("%", "%%") if name in fixed else "%s")
            for name in names
        ]
        self._template = "{" + ",".join(members) + "}"

    def __call__(self, values: Mapping[str, Any]) -> str:
        """Return the JSON text of the values of these names; others are left out."""
        try:
            return self._template % tuple(
                [
                    "null"
                    if (value := values[name]) is None
                    else encode_basestring(value)
                    if type(value) is str
                    else _WRITERS[type(value)](value)
                    for name in self._names
                ]
            )
        except KeyError:  # a value of another class, such as a number that knows its text
            whole = {**values, **self._fixed}
            return _ENCODER.encode({name: whole[name] for name in self._all})
