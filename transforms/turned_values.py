"""Values that so many records have now that they are others to a rule, or so many no more.

Of records that did not change such a value is another one, too, so they are compared again.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.match_tables import MATCH_VALUE
from overtide.schemas.names import parquet_rows
from overtide.transforms.kernel import write_parquet

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KNOWN = f"lake.{MATCH_VALUE.name}"


def find_turned(
    connection: "DuckDBPyConnection", folder: Path, came: Sequence[str], numbers: Collection[int]
) -> tuple[str, str]:
    """Create `turned` (node) of `changed`: records with a value that has turned; add it to `node`.

    `came` are files of the values of what changed, as they are now, and `numbers` those of records
    from which on a value is another one. Return the files of how many records have a value, of
    those that enough have: now, and as it is published.
    """
    now = f"SELECT Value, 1 AS more FROM {parquet_rows(came)} UNION ALL" if came else ""
    least = min(numbers)
    turned = " OR ".join(f"(was >= {number}) <> (was + more >= {number})" for number in numbers)
    connection.execute(f"""
        CREATE TEMP TABLE differing AS
        SELECT Value, sum(more)::BIGINT AS more FROM
          ({now} SELECT Value, -1 FROM {KNOWN} WHERE Record IN (FROM changed))
        GROUP BY Value HAVING sum(more) <> 0;
        CREATE TEMP TABLE tally AS
        SELECT Value, count(*) AS Records FROM {KNOWN} GROUP BY Value
        HAVING count(*) >= {least} OR Value IN (SELECT Value FROM differing);
        CREATE TEMP TABLE turned AS
        SELECT DISTINCT Record AS node FROM {KNOWN} WHERE Record NOT IN (FROM changed)
        AND Value IN (
          SELECT Value FROM (
            SELECT Value, more, coalesce(Records, 0) AS was FROM differing LEFT JOIN tally
              USING (Value)) WHERE {turned});
        INSERT INTO node FROM turned WHERE node NOT IN (FROM node)""")
    files = folder / "counted-now.parquet", folder / "counted-before.parquet"
    both = "tally FULL JOIN differing USING (Value)"
    present = f"SELECT Value, coalesce(Records, 0) + coalesce(more, 0) AS Records FROM {both}"
    for path, counts in zip(files, (present, "FROM tally"), strict=True):
        write_parquet(connection, f"FROM ({counts}) WHERE Records >= {least}", path)
    return str(files[0]), str(files[1])
