"""How right the pairs of an AlternateKey table are.

Precision, recall and F1 against the generator's truth.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb

PAIRS = "sum(records * (records - 1) // 2)::BIGINT"


@dataclass(frozen=True)
class Accuracy:
    """Counts of pairs of records: in the truth, found, and found rightly."""

    true_pairs: int
    found_pairs: int
    right_pairs: int

    @property
    def precision(self) -> float:
        """Right pairs among those found."""
        return self.right_pairs / self.found_pairs

    @property
    def recall(self) -> float:
        """Right pairs among the true ones."""
        return self.right_pairs / self.true_pairs

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.right_pairs / (self.found_pairs + self.true_pairs)


def accuracy(keys: Path, truth: Path) -> Accuracy:
    """Compare AlternateKey with the file `truth`.

    `keys` is a Parquet file of EntityName, PrimaryKey and CustomerId.
    """
    reader = "read_csv" if truth.suffix == ".csv" else "read_parquet"
    query = f"""
        WITH known AS (
            SELECT CustomerId, PersonId FROM '{keys}'
            JOIN {reader}('{truth}') truth USING (PrimaryKey)
            WHERE EntityName LIKE '%\\_' || replace(Entity, '-', '') ESCAPE '\\')
        SELECT (SELECT {PAIRS} FROM (SELECT count(*) AS records FROM {reader}('{truth}')
          GROUP BY PersonId)),
               (SELECT {PAIRS} FROM (SELECT count(*) AS records FROM known GROUP BY CustomerId)),
               (SELECT {PAIRS} FROM (SELECT count(*) AS records FROM known
                 GROUP BY CustomerId, PersonId))"""
    row = duckdb.execute(query).fetchone()
    if row is None:
        raise ValueError(f"{truth} is empty")
    return Accuracy(*row)


def same_customers(one: Path, other: Path) -> bool:
    """Say whether two AlternateKey files put the same records together.

    What the customers are called does not matter.
    """
    query = f"""
        WITH sides AS (SELECT a.CustomerId AS one, b.CustomerId AS other
                      FROM '{one}' a FULL JOIN '{other}' b USING (EntityName, PrimaryKey))
        SELECT count(*) = count(one) AND count(*) = count(other)
          AND count(DISTINCT (one, other)) = count(DISTINCT one)
               AND count(DISTINCT one) = count(DISTINCT other) FROM sides"""
    row = duckdb.execute(query).fetchone()
    return bool(row and row[0])
