"""The rows without a key and the lines that are no rows.

What is wrong with each, and where it stands in its file.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import OvertideError, SourceError
from overtide.schemas.names import PLACE, literal, parquet_rows, placed_rows, quoted
from overtide.transforms.ingest import CORRUPT, IngestedFiles
from overtide.transforms.sources.deliveries import of_deletes
from overtide.transforms.sources.formats import format_of
from overtide.transforms.sources.staged import origin_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ASIDE = "SELECT CorruptionDetails, PrimaryKey, IsKept, FileName, LineNumber, Record FROM aside"
"""SQL of all that is set aside, as rows of `{DataSource}_{Entity}_corrupt`.

It works once `collect_aside` has collected it.
"""
SOUGHT = 1000
"""Rows of a CSV file whose lines are sought: DuckDB reads rows without their numbers."""
SHOWN = 200
"""Characters of a record that an error shows."""
FOUND = pa.schema(
    [("file", pa.string()), ("record", pa.string()), ("nth", pa.int64()), ("line", pa.int64())]
)


def named_rows(ingested: list[IngestedFiles]) -> str:
    """Return the SQL of the rows of files, each with the name of its file in `__file`."""
    return " UNION ALL ".join(
        f"SELECT * REPLACE (list_extract([{', '.join(map(literal, files.sources))}], __file + 1) "
        f"AS __file) FROM {parquet_rows([files.rows_path])}"
        for files in ingested
    )


def collect_aside(
    connection: "DuckDBPyConnection",
    entity: Entity,
    ingested: list[IngestedFiles],
    project: Path,
    most: int | None = None,
) -> None:
    """Create the table `aside` of all that goes no further, or only of its beginning.

    That is the first `most` rows and lines.
    """
    limit = "" if most is None else f" LIMIT {most}"
    key, keyless = (
        quoted(entity.primary_key),
        literal(f"{entity.primary_key}: the primary key is missing"),
    )
    without_key = " UNION ALL ".join(_without_key(key, files) for files in ingested)
    rows = f"""
        SELECT concat_ws('; ', {keyless}, nullif({CORRUPT} ->> 'details', '')) AS CorruptionDetails,
          __file AS FileName, __line AS LineNumber, {CORRUPT} ->> 'record' AS Record
        FROM ({without_key})"""
    parts = [rows + limit]
    with_lines = [files.lines_path for files in ingested if files.lines]
    if with_lines:
        parts.append(
            f"SELECT CorruptionDetails, FileName, Line, Record FROM {parquet_rows(with_lines)} "
            f"ORDER BY FileName, Line{limit}"
        )
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE aside AS
        SELECT *, NULL::VARCHAR AS PrimaryKey, false AS IsKept,
               row_number() OVER (PARTITION BY FileName, Record, LineNumber) AS nth
        FROM ({" UNION ALL ".join(f"({part})" for part in parts)})""")
    copies = {
        origin_of(Path(copy)) or "": Path(copy) for files in ingested for copy in files.copies
    }
    deletes = frozenset(name for files in ingested if files.deletes for name in files.sources)
    _number_rows(connection, entity, project, copies, deletes)


def _without_key(key: str, files: IngestedFiles) -> str:
    """Return the SQL of the rows of files without a key: what is wrong with each, and where."""
    shown = f"list_extract([{', '.join(map(literal, files.sources))}], __file + 1) AS __file"
    if files.numbered is None:
        line = f"({CORRUPT} ->> 'line')::BIGINT"
        rows = f"{parquet_rows([files.rows_path])} WHERE {key} IS NULL"
    else:
        line = "numbered.line"
        rows = f"""(FROM {placed_rows(files.rows_path)} WHERE {key} IS NULL) AS typed
            LEFT JOIN {parquet_rows([files.numbered])} AS numbered
            ON typed.{PLACE} = numbered.place"""
    return f"SELECT {CORRUPT}, {shown}, {line} AS __line FROM {rows}"


def first_aside(connection: "DuckDBPyConnection", few: int) -> list[OvertideError]:
    """Return an error for each of the first few rows that were set aside.

    Where it is, what is wrong, how it reads.
    """
    rows = connection.execute(
        "SELECT FileName, LineNumber, CorruptionDetails, Record FROM aside "
        f"ORDER BY FileName, LineNumber NULLS LAST, Record LIMIT {few}"
    ).fetchall()
    return [
        SourceError(
            "row_set_aside",
            f"{file}{'' if line is None else f', line {line}'}: "
            f"{details.removeprefix('line: ')}, in {record[:SHOWN]}{'…' * (len(record) > SHOWN)}.",
            file,
        )
        for file, line, details, record in rows
    ]


def _number_rows(
    connection: "DuckDBPyConnection",
    entity: Entity,
    project: Path,
    copies: Mapping[str, Path],
    deletes: Collection[str],
) -> None:
    """Give the rows without a key the numbers of their lines; files of `deletes` have less."""
    wanted = connection.execute(f"""
        SELECT FileName, Record, count(*) FROM aside WHERE LineNumber IS NULL
          GROUP BY FileName, Record
        QUALIFY row_number() OVER (PARTITION BY FileName ORDER BY Record) <= {SOUGHT}""").fetchall()
    found, source_format = [], format_of(entity)
    for name in sorted({file for file, _, _ in wanted}):
        file = copies.get(name, project / name)
        if not file.is_file():
            continue  # its name is no Unicode, and is shown otherwise
        records = {record: times for file, record, times in wanted if file == name}
        read = of_deletes(entity) if name in deletes else entity
        found += [
            {"file": name, "record": record, "nth": nth, "line": line}
            for record, lines in source_format.lines_of(file, read, records).items()
            for nth, line in enumerate(lines, start=1)
        ]
    connection.register("found_lines", pa.Table.from_pylist(found, FOUND))
    connection.execute(
        "UPDATE aside SET LineNumber = line FROM found_lines WHERE FileName = file "
        "AND aside.Record = found_lines.record AND aside.nth = found_lines.nth "
        "AND LineNumber IS NULL"
    )
    connection.unregister("found_lines")
