"""The generated parts of the pages about tables, views and macros of a lake."""

from overtide.lake.flap_backs import FLAP_BACKS
from overtide.lake.overlay import OVERLAY_STATE
from overtide.lake.views import MACROS, UNIFIED_ACTIVITY_LIVE, customer_live, documented_tables
from overtide.schemas import match_tables, tables
from overtide.schemas.service_tables import API_USAGE, AUDIT
from overtide.schemas.table import Column, ProfileField, Table
from tests.reference_forms import code, table

ENTITY, FIELD = "{DataSource}_{Entity}", "{Field}"
PROFILE = (
    ProfileField("CustomerId", "string", False),
    ProfileField(FIELD, "string", True),
    ProfileField(f"{ENTITY}_{{PrimaryKey}}", "string", False),
    ProfileField("PreviousCustomerId", "string", False),
)
"""The columns of Customer of every project, and placeholders for configured ones.

The configured ones are those that a project's configuration names.
"""


def lake_tables() -> dict[str, Table]:
    """Return every table and view of a lake by name, in the order of the page.

    `{…}` stands for configured names.
    """
    every = documented_tables(PROFILE)
    of_matching = every.index(match_tables.MATCHED[0])
    entity = Table(
        ENTITY,
        "The typed rows of an entity, one per primary key.",
        (
            Column(
                "{Attribute}", "its type", "what the file holds, typed; null where it could not be"
            ),
        ),
    )
    found = [
        customer_live(PROFILE),
        UNIFIED_ACTIVITY_LIVE,
        OVERLAY_STATE,
        FLAP_BACKS,
        *every[:of_matching],
        entity,
        tables.corrupt(ENTITY),
        match_tables.deduplication(ENTITY),
        *every[of_matching:],
    ]
    return {one.name: one for one in found}


SERVICE_VIEWS = {one.name: one for one in (API_USAGE, AUDIT)}
"""What `overtide sql` shows beside the lake."""


def lake_table(name: str) -> str:
    """Return what a table or view is for, and its columns as a table."""
    found = {**lake_tables(), **SERVICE_VIEWS}[name]
    rows = [
        (
            code(column.name),
            "its attribute's" if column.name == FIELD else column.type,
            column.comment,
        )
        for column in found.columns
    ]
    return f"{found.comment}\n\n{table(('column', 'type', 'meaning'), rows)}"


def macro(name: str) -> str:
    """Return what a macro gives."""
    found = {one.name: one for one in MACROS}[name]
    return f"{code(found.signature)}: {found.comment}"
