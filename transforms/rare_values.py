"""Values that SQL does not read: one at a time, by the very rules of a posted record.

`AttributeType.read_sql` sends them here.
"""

import json
from typing import TYPE_CHECKING, Any

from overtide.schemas.types import type_of
from overtide.schemas.types.attribute_type import Reading
from overtide.schemas.values import text_of
from overtide.transforms.kernel import define

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def allow_rare_values(connection: "DuckDBPyConnection") -> None:
    """Define what the SQL of `AttributeType.rare_sql` calls."""
    define(connection, typed_alone, ["VARCHAR", "VARCHAR"], "VARCHAR")


def typed_alone(texts: Any, how: Any) -> Any:  # noqa: ANN401 - Arrow's arrays: DuckDB looks up what is named here
    """Return the canonical texts of values that are read one by one, empty for what is none.

    `how` is one document.
    """
    import pyarrow as pa  # at the top it would make `validate` slow

    attributes = [json.loads(one.as_py()) for one in how[:1]]
    values = (
        type_of(one["type"]).read(text, Reading.of(one), one["time_zone"])
        for one in attributes
        for text in texts.to_pylist()
    )
    return pa.array([text_of(value) or "" for value in values], pa.string())
