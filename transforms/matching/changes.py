"""What other rules would change of the published customers: which are joined, which are split."""

from typing import TYPE_CHECKING

from overtide.schemas import tables
from overtide.schemas.names import parquet_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SHOWN = 10
"""How many customers are named that are joined, split or large."""
RECORDS = 6
"""How many records are named of each of them."""
Row = dict[str, object]
PUBLISHED = f"SELECT EntityName, PrimaryKey, CustomerId FROM lake.{tables.ALTERNATE_KEY.name}"


def compared(
    connection: "DuckDBPyConnection", keys: str, published: bool, sampled: bool
) -> dict[str, object]:
    """Return what customers there would be, and what of the published ones would change.

    `keys` is a file of alternate keys (EntityName, PrimaryKey, CustomerId) as a refresh makes it.
    Where records were `sampled`, the others are compared with nothing.
    """
    now = f"SELECT EntityName, PrimaryKey, CustomerId FROM {parquet_rows([keys])}"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE now_keys AS {now}")
    before = PUBLISHED if published else f"{PUBLISHED.partition(' FROM ')[0]} FROM now_keys LIMIT 0"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE before_keys AS {before}")
    found: dict[str, object] = {"customers": _customers(connection)}
    return found | {"changes": _changes(connection, sampled) if published else None}


def _customers(connection: "DuckDBPyConnection") -> dict[str, object]:
    counts = _one(
        connection,
        "SELECT count(*), count(*) FILTER (n > 1), coalesce(max(n), 0) "
        "FROM (SELECT count(*) AS n FROM now_keys GROUP BY CustomerId)",
    )
    largest = _named(
        connection, "now_keys", "SELECT CustomerId FROM now_keys GROUP BY 1 HAVING count(*) > 1"
    )
    names = ("count", "ofSeveralRecords", "mostRecords")
    return dict(zip(names, counts, strict=True)) | {"largest": largest}


def _changes(connection: "DuckDBPyConnection", sampled: bool) -> dict[str, object]:
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE both_keys AS
        SELECT n.CustomerId AS now_id, b.CustomerId AS before_id
        FROM now_keys AS n JOIN before_keys AS b USING (EntityName, PrimaryKey)"""
    )
    joined = "SELECT now_id FROM both_keys GROUP BY 1 HAVING count(DISTINCT before_id) > 1"
    split = "SELECT before_id FROM both_keys GROUP BY 1 HAVING count(DISTINCT now_id) > 1"
    (customers,) = _one(connection, "SELECT count(DISTINCT CustomerId) FROM before_keys")
    return {
        "customers": customers,
        "joined": _told(connection, "now_keys", joined, "before_keys"),
        "split": _told(connection, "before_keys", split, "now_keys"),
        "newRecords": _alone(connection, "now_keys", "before_keys"),
        "goneRecords": None if sampled else _alone(connection, "before_keys", "now_keys"),
    }


def _alone(connection: "DuckDBPyConnection", one: str, other: str) -> int:
    query = f"SELECT count(*) FROM {one} ANTI JOIN {other} USING (EntityName, PrimaryKey)"
    return int(_one(connection, query)[0])


def _told(
    connection: "DuckDBPyConnection", table: str, customers: str, other: str
) -> dict[str, object]:
    count = _one(connection, f"SELECT count(*) FROM ({customers})")[0]
    return {"count": count, "greatest": _named(connection, table, customers, other)}


def _named(
    connection: "DuckDBPyConnection", table: str, customers: str, other: str = "now_keys"
) -> list[Row]:
    """Return those of the customers with most records, each with its first records.

    With each record stands its customer in the `other` table.
    """
    rows = connection.execute(
        f"""
        WITH chosen AS (FROM ({customers}) AS chosen (CustomerId)),
        sized AS (SELECT CustomerId, count(*) AS records FROM {table} SEMI JOIN chosen
          USING (CustomerId) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {SHOWN})
        SELECT s.CustomerId, s.records, t.EntityName, t.PrimaryKey, o.CustomerId
        FROM sized AS s JOIN {table} AS t USING (CustomerId)
        LEFT JOIN {other} AS o ON o.EntityName = t.EntityName AND o.PrimaryKey = t.PrimaryKey
        QUALIFY row_number() OVER (PARTITION BY s.CustomerId
          ORDER BY o.CustomerId, t.EntityName, t.PrimaryKey) <= {RECORDS}
        ORDER BY s.records DESC, s.CustomerId, o.CustomerId, t.EntityName, t.PrimaryKey"""
    ).fetchall()
    found: dict[str, Row] = {}
    for customer, records, entity, key, there in rows:
        one = found.setdefault(
            customer, {"customerId": customer, "records": records, "firstRecords": []}
        )
        first = one["firstRecords"]
        assert isinstance(first, list)  # noqa: S101 (made above)
        first.append({"entity": entity, "key": key, "customerId": there})
    return list(found.values())


def _one(connection: "DuckDBPyConnection", query: str) -> tuple[int, ...]:
    return connection.execute(query).fetchone() or (0,)
