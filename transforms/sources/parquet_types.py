"""What the types of a Parquet file's columns are called."""

import pyarrow as pa

from overtide.transforms.sources.contract import NUMBER

MARK = {b"overtide.type": NUMBER.encode()}
"""The metadata of a column of texts that are numbers."""


def type_name(column: pa.Field) -> str:
    """Return the type of a column, `NUMBER` of texts that are numbers."""
    return NUMBER if is_number_text(column) else str(column.type)


def is_number_text(column: pa.Field) -> bool:
    """Say whether a column holds texts that are numbers."""
    return (column.metadata or {}).items() >= MARK.items()
