"""The base tables that there are; a new one is a module with a `BaseTable`, and its line here."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.transforms.tables import activity_changes, customer_changes, identity_tables
from overtide.transforms.tables.contract import BaseTable, Basis, PublishedRows, TablePart
from overtide.transforms.tables.customer import Customer
from overtide.transforms.tables.hidden_activity import HiddenActivity
from overtide.transforms.tables.identity_tables import (
    ALTERNATE_KEY,
    IDENTITY_ALIAS,
    OF_IDENTITIES,
    VANISHED_KEY,
)
from overtide.transforms.tables.related_key import RelatedKey
from overtide.transforms.tables.unified_activity import UnifiedActivity

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BASE_TABLES: dict[str, BaseTable] = {
    table.name: table
    for table in (
        Customer(),
        UnifiedActivity(),
        ALTERNATE_KEY,
        VANISHED_KEY,
        RelatedKey(),
        IDENTITY_ALIAS,
        HiddenActivity(),
    )
}
DIFFERENCES: dict[str, Callable[["DuckDBPyConnection", Path, Basis, PublishedRows], TablePart]] = {
    Customer.name: customer_changes.difference,
    UnifiedActivity.name: activity_changes.difference,
    **{name: partial(identity_tables.difference, name=name) for name in OF_IDENTITIES},
}
"""What makes a table as a difference to the published one, of those of which that can be."""
