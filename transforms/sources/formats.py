"""The source formats that there are, by the name that a configuration gives them.

A new one is a module with a `SourceFormat`, and its line here and in `SourceFormatName`.
"""

from overtide.schemas.configuration.entities import Entity
from overtide.transforms.sources.contract import SourceFormat
from overtide.transforms.sources.csv import Csv
from overtide.transforms.sources.jsonl import JsonLines
from overtide.transforms.sources.parquet import Parquet

FORMATS: dict[str, SourceFormat] = {
    "csv": Csv(),
    "jsonl": JsonLines(),
    "parquet": Parquet(),
}


def format_of(entity: Entity) -> SourceFormat:
    """Return the format in which an entity's files are written."""
    return FORMATS[entity.form]
