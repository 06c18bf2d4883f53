"""The records of which a refresh may change anything, where not all of them are.

Records and ids are told by hashes (`record_node`, `id_node`), so that what hangs together is found
among numbers (`overtide.transforms.closure`). Two that have one hash cost a record that is matched
for nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from overtide.schemas.names import parquet_rows
from overtide.schemas.table import Table


@dataclass(frozen=True)
class Affected:
    """Records of the unified entities that are to be matched and identified; others stay.

    No pair of records and no id has one end among them and the other elsewhere, as published and as
    they are now.
    """

    rows: str
    """The file of the entity's rows among them, with their numbers."""
    rows_before: str
    """The same of the rows that are published."""
    nodes: str
    """The file of the nodes (`node`) of all these records and ids."""
    before: Mapping[str, str]
    """Files of what is published of them, by table."""
    customers: int
    """How many customers there are beside theirs."""
    records: int
    """How many records of these there are."""
    counted: str | None = None
    """The file of how many records have a value (`Value`, its hash; `Records`), of all records.

    Of few records it may be left out. None where nothing is counted.
    """
    counted_before: str | None = None
    """The same of the rows that are published."""

    def published(self, table: str) -> str:
        """Return the SQL of what is published of them in a table."""
        return f"SELECT * FROM {parquet_rows([self.before[table]])}"

    def is_of(self, node: str) -> str:
        """Return the SQL of whether a node is of them."""
        return f"{node} IN (SELECT node FROM {parquet_rows([self.nodes])})"


def of_everyone(table: Table, found: str, affected: Affected | None) -> str:
    """Return the SQL of all rows of a table of identities; `found` is the file of those that are.

    Where some records alone were identified, what is published of the others is read from the lake.
    """
    rows = f"FROM {parquet_rows([found])}"
    if affected is None:
        return rows
    known, key = affected.published(table.name), ", ".join(table.key)
    return f"""
        SELECT * FROM lake.{table.name} ANTI JOIN ({known}) AS known USING ({key})
        UNION ALL BY NAME {rows}"""


def record_node(entity: str = "EntityName", key: str = "PrimaryKey") -> str:
    """Return the SQL of a record's node, of the SQL of its entity's name and its key's text.

    Both are hashed as they are: to join them first takes as long as to read them.
    """
    return f"(hash({entity}, {key}) >> 1)::BIGINT"


def id_node(column: str = "CustomerId") -> str:
    """Return the SQL of the node of a customer's id."""
    return f"(hash({column}) >> 1)::BIGINT"
