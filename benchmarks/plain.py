"""The plain alternative.

Hand-written DuckDB SQL and scipy that makes the same tables as plain Parquet files.

What somebody would write who needs the result once: ingest, deduplicate, match, merge, activities,
for these five files and one rule. No configuration, lasting identities, history, quarantine,
checks, publish or recovery.
"""

import argparse
import json
import time
from pathlib import Path

import duckdb
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

US_DATE = "%m/%d/%Y"
CONTACT, MEMBER = "eCommerce_Contact", "LoyaltyScheme_CustomerLoyalty"
KEYS = {CONTACT: "ContactId", MEMBER: "LoyaltyId"}
FILES = {CONTACT: "Contact", MEMBER: "Customer-Loyalty"}

# The one rule: e-mail trimmed, lower case, without plus tag, equal; full name lower case, words
# sorted, >= 80 %.
EMAIL = r"nullif(regexp_replace(lower(trim(EMail)), '\+[^@]*@', '@'), '')"
NAME = (
    "nullif(list_aggregate(list_sort(string_split(lower(FullName), ' ')), 'string_agg', ' '), '')"
)
LENGTH = "greatest(length(l.name), length(r.name))"
SAME_PERSON = f"l.name = r.name OR ({LENGTH} - levenshtein(l.name, r.name)) * 100 >= 80 * {LENGTH}"

TYPED = {
    "Contact": f"""try_strptime(DateOfBirth, '{US_DATE}')::DATE AS DateOfBirth,
        try_strptime(CreatedOn, '{US_DATE}')::DATE AS CreatedOn,
        try_cast(Income AS DOUBLE) AS Income""",
    "Customer-Loyalty": """try_cast(DateOfBirth AS DATE) AS DateOfBirth,
        try_cast(CreatedOn AS DATE) AS CreatedOn,
        try_cast(RewardPoints AS BIGINT) AS RewardPoints""",
    "OnlinePurchases": f"""try_strptime(PurchasedOn, '{US_DATE}')::DATE AS PurchasedOn,
        try_cast(TotalPrice AS DOUBLE) AS TotalPrice""",
    "POSPurchases": """try_cast(PurchasedOn AS DATE) AS PurchasedOn,
        try_cast(TotalPrice AS DOUBLE) AS TotalPrice,
        try_cast(RewardPointsAdded AS BIGINT) AS RewardPointsAdded""",
    "WebsiteReviews": f"""try_strptime(ReviewDate, '{US_DATE}')::DATE AS ReviewDate,
        try_cast(ReviewRating AS DOUBLE) AS ReviewRating""",
}
# file -> key, foreign key, the entity it leads to, time, title, value kept beside it, type
ACTIVITIES = {
    "OnlinePurchases": (
        "PurchaseId",
        "ContactId",
        CONTACT,
        "PurchasedOn",
        "Subject",
        "TotalPrice",
        "SalesOrder",
    ),
    "POSPurchases": (
        "PurchaseId",
        "LoyaltyId",
        MEMBER,
        "PurchasedOn",
        "Subject",
        "TotalPrice",
        "SalesOrder",
    ),
    "WebsiteReviews": (
        "ReviewId",
        "UserId",
        CONTACT,
        "ReviewDate",
        "ReviewText",
        "ReviewRating",
        "Feedback",
    ),
}


def number(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    """Run a statement and return the one number it answers, such as the rows that a COPY wrote."""
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0


def ingest(connection: duckdb.DuckDBPyConnection, source: Path, out: Path) -> int:
    """Type every file into a Parquet file of its own; return the rows of all."""
    rows = 0
    for name, columns in TYPED.items():
        path = next(source.glob(f"{name}.*"))
        read = (
            f"read_csv('{path}', all_varchar = true)"
            if path.suffix == ".csv"
            else f"read_parquet('{path}')"
        )
        rows += number(
            connection, f"COPY (SELECT * REPLACE ({columns}) FROM {read}) TO '{out}/{name}.parquet'"
        )
    return rows


def filled(connection: duckdb.DuckDBPyConnection, path: Path) -> str:
    """Return the SQL of how many columns of a file's row are filled."""
    names = [row[0] for row in connection.execute(f"DESCRIBE FROM '{path}'").fetchall()]
    return " + ".join(f'("{name}" IS NOT NULL)::INTEGER' for name in names)


def persons(connection: duckdb.DuckDBPyConnection, out: Path) -> int:
    """Make the table `person`.

    Number, entity, key, e-mail and name as compared, and how many fields are filled.
    """
    parts = [
        f"SELECT '{entity}' AS entity, {key} AS key, {EMAIL} AS email, {NAME} AS name, "
        f"{filled(connection, path)} AS filled FROM '{path}'"
        for entity, key in KEYS.items()
        for path in [out / f"{FILES[entity]}.parquet"]
    ]
    connection.execute(
        "CREATE TABLE person AS SELECT row_number() OVER () - 1 AS number, * FROM "
        f"({' UNION ALL '.join(parts)})"
    )
    return number(connection, "SELECT count(*) FROM person")


def pairs(connection: duckdb.DuckDBPyConnection) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of every two persons who are one by the rule.

    They are compared within and across both entities.
    """
    found = connection.execute(f"""
        SELECT l.number AS one, r.number AS other
        FROM person l JOIN person r ON l.email = r.email AND l.number < r.number
        WHERE {SAME_PERSON}""").fetchnumpy()
    return found["one"], found["other"]


def cluster(connection: duckdb.DuckDBPyConnection, count: int) -> int:
    """Make the table `member`: every person with its customer.

    Return how many customers there are.
    """
    one, other = pairs(connection)
    graph = coo_array((np.ones(len(one), dtype=np.int8), (one, other)), shape=(count, count))
    customers, labels = connected_components(graph, directed=False)
    labelled = {"number": np.arange(count), "customer": labels}
    connection.register("labels", labelled)
    connection.execute("""
        CREATE TABLE member AS
        WITH least AS (SELECT customer, md5(min(entity || key)) AS CustomerId
                       FROM person JOIN labels USING (number) GROUP BY customer)
        SELECT entity, key, filled, CustomerId
        FROM person JOIN labels USING (number) JOIN least USING (customer)""")
    connection.unregister("labels")
    return int(customers)


def merge(connection: duckdb.DuckDBPyConnection, out: Path) -> None:
    """Write Customer and AlternateKey.

    The most filled record of each entity wins, contacts go before members.
    """
    shared = (
        "FullName",
        "FirstName",
        "LastName",
        "EMail",
        "Telephone",
        "DateOfBirth",
        "Gender",
        "CreatedOn",
    )
    contact = (
        "PostCode",
        "StreetAddress",
        "City",
        "State",
        "Country",
        "Occupation",
        "Income",
        '"Loyalty Tier"',
    )
    fields = [f"coalesce(c.{name}, m.{name}) AS {name}" for name in shared]
    fields += [f"c.{name}" for name in contact] + ["m.RewardPoints", "m.CreditCard"]
    connection.execute("""
        CREATE TABLE winner AS SELECT CustomerId, entity, max({'filled': filled, 'key': key}).key AS
          key
        FROM member GROUP BY CustomerId, entity""")
    connection.execute(f"""
        COPY (SELECT CustomerId, {", ".join(fields)}, c.ContactId, m.LoyaltyId
              FROM (SELECT DISTINCT CustomerId FROM winner)
              LEFT JOIN (FROM winner JOIN '{out}/Contact.parquet' ON key = ContactId
                         WHERE entity = '{CONTACT}') c USING (CustomerId)
              LEFT JOIN (FROM winner JOIN '{out}/Customer-Loyalty.parquet' ON key = LoyaltyId
                         WHERE entity = '{MEMBER}') m USING (CustomerId))
        TO '{out}/Customer.parquet'""")
    connection.execute(f"""
        COPY (SELECT entity AS EntityName, key AS PrimaryKey, CustomerId, winner.key IS NOT NULL AS
          IsWinner
              FROM member LEFT JOIN winner USING (CustomerId, entity, key)) TO
                '{out}/AlternateKey.parquet'""")


def activities(connection: duckdb.DuckDBPyConnection, out: Path) -> int:
    """Write UnifiedActivity: every purchase and review of a known customer; return how many."""
    parts = [
        f"""SELECT CustomerId, md5('{name}' || chr(31) || {key}) AS ActivityId, '{kind}' AS
          ActivityType,
                 {at}::TIMESTAMP AS ActivityTime, {title} AS Title, '{name}' AS SourceEntityName,
                 {key} AS SourceActivityId, {value} AS Value, epoch({at})::VARCHAR AS RangeIndex
                 FROM '{out}/{name}.parquet' JOIN (FROM member WHERE entity = '{entity}') m
                   ON m.key = {foreign}"""
        for name, (key, foreign, entity, at, title, value, kind) in ACTIVITIES.items()
    ]
    return number(
        connection, f"COPY ({' UNION ALL '.join(parts)}) TO '{out}/UnifiedActivity.parquet'"
    )


def unify(source: Path, out: Path, memory_limit: str = "3GB") -> dict[str, float]:
    """Make all tables of `source` in `out`; return the counts, and the seconds it took."""
    began = time.perf_counter()
    out.mkdir(parents=True)
    with duckdb.connect(
        config={"memory_limit": memory_limit, "temp_directory": str(out / "spill")}
    ) as connection:
        connection.execute("SET preserve_insertion_order = false")
        rows = ingest(connection, source, out)
        customers = cluster(connection, persons(connection, out))
        merge(connection, out)
        shown = activities(connection, out)
    return {
        "rows": rows,
        "customers": customers,
        "activities": shown,
        "seconds": time.perf_counter() - began,
    }


def main() -> None:
    """Run it once and print the counts as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    arguments = parser.parse_args()
    print(json.dumps(unify(arguments.source, arguments.out)))


if __name__ == "__main__":
    main()
