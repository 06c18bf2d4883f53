"""A refresh of customer data by hand: DuckDB SQL in one process, as a bar to measure an engine against.

    python baseline_refresh.py --data DIR --out DIR

reads Contact, Customer-Loyalty, OnlinePurchases, POSPurchases and WebsiteReviews (.csv or .parquet, as made by
make_customers.py), writes Customer, UnifiedActivity, Customer_Measure, Segment_HighValue and quarantine as Parquet, and
prints one line of JSON. The evaluation against `truth` is not part of the time. Rules: two records are one person if
their normalised e-mails (trimmed, lower case, no plus tag) are equal and (len - levenshtein) / len >= 0.8 for their
lower-cased names with sorted words, where len is that of the longer name; contact with contact and contact with loyalty
member; clusters are connected components; a field is the first value that is not null, contacts before loyalty, earlier
rows before later ones. Rows that cannot be typed go to quarantine; activities of unknown customers are counted.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

SIMILARITY = 0.8
HIGH_VALUE = 2000
US_DATE = "%m/%d/%Y"

EMAIL = "regexp_replace(lower(trim(EMail)), '\\+[^@]*@', '@')"
NAME = "array_to_string(list_sort(string_split(lower(trim(FullName)), ' ')), ' ')"

# Per entity: primary key, and the typed columns as name -> (source column, expression that is null for a bad value).
ENTITIES = {
    "Contact": (
        "ContactId",
        {
            "DateOfBirth": ("DateOfBirth", f"try_strptime(DateOfBirth, '{US_DATE}')::DATE"),
            "CreatedOn": ("CreatedOn", f"try_strptime(CreatedOn, '{US_DATE}')::DATE"),
            "Income": ("Income", "try_cast(Income AS DOUBLE)"),
        },
    ),
    "Customer-Loyalty": (
        "LoyaltyId",
        {
            "DateOfBirth": ("DateOfBirth", "try_cast(DateOfBirth AS DATE)"),
            "CreatedOn": ("CreatedOn", "try_cast(CreatedOn AS DATE)"),
            "RewardPoints": ("RewardPoints", "try_cast(RewardPoints AS INTEGER)"),
        },
    ),
    "OnlinePurchases": (
        "PurchaseId",
        {
            "PurchasedOn": ("PurchasedOn", f"try_strptime(PurchasedOn, '{US_DATE}')::DATE"),
            "TotalPrice": ("TotalPrice", "try_cast(TotalPrice AS DOUBLE)"),
        },
    ),
    "POSPurchases": (
        "PurchaseId",
        {
            "PurchasedOn": ("PurchasedOn", "try_cast(PurchasedOn AS DATE)"),
            "TotalPrice": ("TotalPrice", "try_cast(TotalPrice AS DOUBLE)"),
            "RewardPointsAdded": ("RewardPointsAdded", "try_cast(RewardPointsAdded AS INTEGER)"),
        },
    ),
    "WebsiteReviews": (
        "ReviewId",
        {
            "ReviewDate": ("ReviewDate", f"try_strptime(ReviewDate, '{US_DATE}')::DATE"),
            "ReviewRating": ("ReviewRating", "try_cast(ReviewRating AS INTEGER)"),
        },
    ),
}
PERSON_FIELDS = [
    "FirstName",
    "LastName",
    "FullName",
    "DateOfBirth",
    "Gender",
    "EMail",
    "Telephone",
    "PostCode",
    "StreetAddress",
    "City",
    "State",
    "Country",
    "CreatedOn",
    '"Loyalty Tier"',
    '"Email Subscriber"',
    "Income",
    "Occupation",
    "CustomerSatisfaction",
]
MEMBER_FIELDS = [
    "FirstName",
    "LastName",
    "FullName",
    "DateOfBirth",
    "Gender",
    "EMail",
    "Telephone",
    "RewardPoints",
    "CreditCard",
    "CreatedOn",
]
FIELDS = list(dict.fromkeys(PERSON_FIELDS + MEMBER_FIELDS))

# Per activity entity: table of its customer, that table's key, own foreign key, time, detail, amount, rating.
ACTIVITIES = {
    "OnlinePurchases": (
        "person",
        "ContactId",
        "ContactId",
        "PurchasedOn",
        "ProductId",
        "TotalPrice",
        "NULL",
    ),
    "POSPurchases": (
        "member",
        "LoyaltyId",
        "LoyaltyId",
        "PurchasedOn",
        "ProductId",
        "TotalPrice",
        "NULL",
    ),
    "WebsiteReviews": (
        "person",
        "ContactId",
        "UserId",
        "ReviewDate",
        "ReviewText",
        "NULL",
        "ReviewRating",
    ),
}


def first_value(field: str) -> str:
    """The field of a profile with at most one record of each entity: the contact's, else the member's."""
    values = [f"p.{field}"] * (field in PERSON_FIELDS) + [f"m.{field}"] * (field in MEMBER_FIELDS)
    return f"coalesce({', '.join(values)}) AS {field}"


def columns_of(own: list[str]) -> str:
    """All fields of a profile, null where a record has none."""
    return ", ".join(field if field in own else f"NULL AS {field}" for field in FIELDS)


class Refresh:
    """One run: a connection, the folders, and the seconds of each stage."""

    def __init__(self, data: Path, out: Path):
        self.data, self.out = data, out
        self.seconds: dict[str, float] = {}
        self.sql = duckdb.connect()
        out.mkdir(parents=True, exist_ok=True)

    def source(self, entity: str) -> str:
        """SQL that reads one file with every column as text."""
        path = self.data / f"{entity}.parquet"
        if path.exists():
            return f"read_parquet('{path}')"
        return f"read_csv('{self.data / entity}.csv', all_varchar = true, header = true, delim = ',', quote = '\"')"

    def write(self, name: str, query: str) -> int:
        options = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
        return self.sql.execute(
            f"COPY ({query}) TO '{self.out / name}.parquet' ({options})"
        ).fetchone()[0]

    def count(self, table: str) -> int:
        return self.sql.execute(f"SELECT count(*) FROM {table}").fetchone()[0]

    def typed(self, entity: str) -> str:
        """SQL of an entity with typed values; a row that cannot be typed keeps its reason and its text."""
        typed = ENTITIES[entity][1]
        replaced = ", ".join(f"{expression} AS {name}" for name, (_, expression) in typed.items())
        failed = {
            column: f"({expression} IS NULL AND {column} <> '')"
            for column, expression in typed.values()
        }
        corrupt = " OR ".join(failed.values())
        reasons = " || ".join(
            f"CASE WHEN {test} THEN '{column} ' ELSE '' END" for column, test in failed.items()
        )
        return f"""
            SELECT * REPLACE ({replaced}), CASE WHEN {corrupt} THEN trim({reasons}) END AS corrupt_fields,
                CASE WHEN {corrupt} THEN to_json(r)::VARCHAR END AS corrupt_row
            FROM {self.source(entity)} r"""

    def ingest_customers(self) -> tuple[int, int]:
        """Read contacts and members; number their records contacts first, so that a smaller number wins."""
        for entity in ("Contact", "Customer-Loyalty"):
            self.sql.execute(f"""
                CREATE TABLE "{entity}" AS SELECT *, {EMAIL} AS match_email, {NAME} AS match_name
                FROM ({self.typed(entity)})""")
        contacts, members = self.count('"Contact"'), self.count('"Customer-Loyalty"')
        self.sql.execute(f"""
            CREATE VIEW person AS SELECT *, rowid AS record FROM "Contact" WHERE corrupt_fields IS NULL;
            CREATE VIEW member AS SELECT *, {contacts} + rowid AS record
            FROM "Customer-Loyalty" WHERE corrupt_fields IS NULL;
            CREATE VIEW record AS SELECT record, match_email, match_name FROM person
            UNION ALL SELECT record, match_email, match_name FROM member""")
        return contacts, members

    def match(self) -> dict[str, np.ndarray]:
        """Pairs of a contact with a later contact or with a member: same e-mail, similar name."""
        return self.sql.execute(f"""
            SELECT a.record AS a, b.record AS b
            FROM person a JOIN record b ON a.match_email = b.match_email AND a.record < b.record
            WHERE a.match_name = b.match_name OR levenshtein(a.match_name, b.match_name)
                <= {1 - SIMILARITY + 1e-9} * greatest(len(a.match_name), len(b.match_name))""").fetchnumpy()

    def cluster(self, pairs: dict[str, np.ndarray], contacts: int, members: int) -> None:
        """Connected components, as tables: record_cluster, and cluster with its first contact and first member.

        A cluster is named by its smallest record. Quarantined rows have a number but no pair; they drop out in the merge.
        """
        records = np.arange(contacts + members)
        graph = coo_array(
            (np.ones(len(pairs["a"]), np.int8), (pairs["a"], pairs["b"])), shape=(len(records),) * 2
        )
        count, label = connected_components(graph, directed=False)
        first = np.full((2, count), -1)
        first[0, label[contacts - 1 :: -1]] = records[contacts - 1 :: -1]
        first[1, label[: contacts - 1 : -1]] = records[: contacts - 1 : -1]
        smallest = np.where(first[0] >= 0, first[0], first[1])
        large = (
            sum(
                np.bincount(part, minlength=count) > 1
                for part in (label[:contacts], label[contacts:])
            )
            > 0
        )
        labels = pa.table({"record": records, "cluster": smallest[label]})
        clusters = pa.table(
            {"cluster": smallest, "person": first[0], "member": first[1], "large": large}
        )
        self.sql.execute(
            "CREATE TABLE record_cluster AS FROM labels; CREATE TABLE cluster AS FROM clusters"
        )

    def merge(self) -> int:
        """Customer: one profile per cluster, per field the first value that is not null by record number.

        Nearly all clusters have at most one record of each entity and need only a join.
        """
        self.sql.execute(f"""
            CREATE TABLE customer AS
            SELECT cluster, md5('Contact:' || ContactId) AS CustomerId
            FROM person p JOIN cluster c ON c.cluster = p.record
            UNION ALL
            SELECT cluster, md5('Loyalty:' || LoyaltyId) FROM member m JOIN cluster c ON c.cluster = m.record;
            CREATE TABLE ranked AS
            SELECT cluster, CustomerId, (row_number() OVER (ORDER BY CustomerId))::INTEGER AS rank
            FROM customer""")
        small = ", ".join(map(first_value, FIELDS))
        return self.write(
            "Customer",
            f"""
            WITH large AS (
                SELECT cluster, {", ".join(f"arg_min({field}, record) AS {field}" for field in FIELDS)}
                FROM (FROM cluster WHERE large) JOIN record_cluster USING (cluster) JOIN (
                    SELECT record, {columns_of(PERSON_FIELDS)} FROM person
                    UNION ALL SELECT record, {columns_of(MEMBER_FIELDS)} FROM member) USING (record)
                GROUP BY cluster),
            merged AS (
                SELECT cluster, {small} FROM person p JOIN cluster c ON c.person = p.record AND NOT c.large
                LEFT JOIN member m ON m.record = c.member
                UNION ALL
                SELECT cluster, {columns_of(MEMBER_FIELDS)}
                FROM member m JOIN cluster c ON c.member = m.record AND c.person < 0 AND NOT c.large
                UNION ALL FROM large)
            SELECT CustomerId, merged.* EXCLUDE (cluster) FROM merged JOIN ranked USING (cluster)""",
        )

    def activities(self) -> tuple[int, int]:
        """Read all activities in one shape, with the rank of their customer; how many were read, how many have none."""
        self.sql.execute("""
            CREATE TABLE customer_key AS
            SELECT 'person' AS entity, ContactId AS key, rank, CustomerId FROM person
            JOIN record_cluster USING (record) JOIN ranked USING (cluster)
            UNION ALL
            SELECT 'member', LoyaltyId, rank, CustomerId FROM member
            JOIN record_cluster USING (record) JOIN ranked USING (cluster)""")
        parts = [
            f"""
            SELECT rank, CustomerId, a.{when} AS ActivityTime, '{entity}'::source_entity AS SourceEntity,
                a.{ENTITIES[entity][0]} AS SourceActivityId, a.ActivityTypeDisplay AS ActivityType,
                a.{detail} AS Detail, ({amount})::DOUBLE AS Amount, ({rating})::INTEGER AS Rating,
                a.corrupt_fields, a.corrupt_row
            FROM ({self.typed(entity)}) a
            LEFT JOIN (SELECT key, rank, CustomerId FROM customer_key WHERE entity = '{customer}') ON key = a.{own}"""
            for entity, (customer, key, own, when, detail, amount, rating) in ACTIVITIES.items()
        ]
        self.sql.execute(f"CREATE TYPE source_entity AS ENUM ({str(list(ACTIVITIES))[1:-1]})")
        self.sql.execute("CREATE TABLE activity AS " + " UNION ALL ".join(parts))
        return self.count("activity"), self.count(
            "activity WHERE rank IS NULL AND corrupt_fields IS NULL"
        )

    def write_activities(self) -> int:
        return self.write(
            "UnifiedActivity",
            """
            SELECT * EXCLUDE (rank, corrupt_fields, corrupt_row) FROM activity
            WHERE rank IS NOT NULL AND corrupt_fields IS NULL ORDER BY rank, ActivityTime, activity.rowid""",
        )

    def measures(self) -> int:
        """Measures of every customer, and the segment that rests on them."""
        self.sql.execute("""
            CREATE TABLE measure AS
            SELECT CustomerId, coalesce(LifetimeSpend, 0) AS LifetimeSpend, coalesce(Orders, 0) AS Orders, LastActivity
            FROM ranked LEFT JOIN (
                SELECT rank, sum(Amount) AS LifetimeSpend, count(Amount) AS Orders, max(ActivityTime) AS LastActivity
                FROM activity WHERE rank IS NOT NULL AND corrupt_fields IS NULL GROUP BY rank) USING (rank)""")
        self.write("Customer_Measure", "FROM measure")
        return self.write(
            "Segment_HighValue",
            f"SELECT CustomerId FROM measure WHERE LifetimeSpend >= {HIGH_VALUE}",
        )

    def quarantine(self) -> int:
        customers = [
            f"""
            SELECT '{entity}' AS Entity, {ENTITIES[entity][0]} AS PrimaryKey, corrupt_fields AS Fields,
                corrupt_row AS Row
            FROM "{entity}" WHERE corrupt_fields IS NOT NULL"""
            for entity in ("Contact", "Customer-Loyalty")
        ]
        return self.write(
            "quarantine",
            " UNION ALL ".join(customers)
            + """
            UNION ALL SELECT SourceEntity, SourceActivityId, corrupt_fields, corrupt_row FROM activity
            WHERE corrupt_fields IS NOT NULL""",
        )

    def timed(self, stage: str, step, *arguments):
        start = time.perf_counter()
        result = step(*arguments)
        self.seconds[stage] = round(time.perf_counter() - start, 3)
        return result

    def run(self) -> dict:
        start = time.perf_counter()
        contacts, members = self.timed("ingest_customers", self.ingest_customers)
        pairs = self.timed("match", self.match)
        self.timed("cluster", self.cluster, pairs, contacts, members)
        profiles = self.timed("merge_and_write_customers", self.merge)
        read, unknown = self.timed("ingest_and_join_activities", self.activities)
        written = self.timed("sort_and_write_activities", self.write_activities)
        segment = self.timed("measures_and_segment", self.measures)
        quarantined = self.timed("quarantine", self.quarantine)
        total = time.perf_counter() - start
        rows = contacts + members + read
        return {
            "rows_in": rows,
            "seconds": self.seconds,
            "total_seconds": round(total, 2),
            "rows_per_s": round(rows / total),
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "quarantined": quarantined,
            "match_pairs": len(pairs["a"]),
            "profiles": profiles,
            "activities": written,
            "activities_of_unknown_customer": unknown,
            "segment": segment,
        }

    def evaluate(self) -> dict:
        """Pairs of records in one cluster against pairs of one person; quarantined records count as missed."""
        found, true, both = self.sql.execute(f"""
            WITH joined AS (
                SELECT PersonId, coalesce(rank, -1 - row_number() OVER ()) AS cluster
                FROM {self.source("truth")} t LEFT JOIN customer_key k ON t.PrimaryKey = k.key
                    AND k.entity = if(t.Entity = 'Contact', 'person', 'member'))
            SELECT (SELECT sum(n * (n - 1) / 2) FROM (SELECT count(*) n FROM joined GROUP BY cluster)),
                (SELECT sum(n * (n - 1) / 2) FROM (SELECT count(*) n FROM joined GROUP BY PersonId)),
                (SELECT sum(n * (n - 1) / 2) FROM (SELECT count(*) n FROM joined GROUP BY cluster, PersonId))
            """).fetchone()
        return {
            "precision": round(both / found, 5),
            "recall": round(both / true, 5),
            "f1": round(2 * both / (found + true), 5),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    refresh = Refresh(arguments.data, arguments.out)
    print(json.dumps(refresh.run() | refresh.evaluate()))


if __name__ == "__main__":
    main()
