"""The kinds of databases that there are, by the name that a configuration gives them."""

from overtide.schemas.configuration.databases import DatabaseKind
from overtide.transforms.sources.databases.contract import DatabaseSource
from overtide.transforms.sources.databases.delta import DELTA
from overtide.transforms.sources.databases.duckdb_file import DuckDBFile
from overtide.transforms.sources.databases.iceberg import ICEBERG
from overtide.transforms.sources.databases.mysql import MySQL
from overtide.transforms.sources.databases.postgres import Postgres
from overtide.transforms.sources.databases.sqlite import SQLite

KINDS: dict[DatabaseKind, DatabaseSource] = {
    "delta": DELTA,
    "duckdb": DuckDBFile(),
    "iceberg": ICEBERG,
    "mysql": MySQL(),
    "postgres": Postgres(),
    "sqlite": SQLite(),
}
