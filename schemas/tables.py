"""Every table of the lake: its columns with their SQL types and comments, and what it keeps.

`FirstRun` is the run that first published a row; a row of an `…_history` table was valid for the
runs n with FirstRun <= n < ReplacedRun, a current row for all runs from FirstRun on.
"""

from collections.abc import Sequence

from overtide.schemas.activity_columns import ACTIVITY_COLUMNS
from overtide.schemas.table import BY_ID, BY_RECORD, Column, Kept, ProfileField, Table, table_of
from overtide.schemas.types import type_of

FIRST_RUN = ("FirstRun", "INTEGER", "the run that first published this row")

RUNS = table_of(
    "runs",
    "One row per publish.",
    ("Run", "INTEGER", "number of the refresh, increasing"),
    ("PublishedAt", "TIMESTAMPTZ", "instant of the publish"),
    ("Generation", "VARCHAR", "serving generation that belongs to the run"),
    ("ConfigurationHash", "VARCHAR", "SHA-256 of the configuration"),
    ("CodeVersion", "VARCHAR", "version of Overtide that ran"),
    ("Manifest", "VARCHAR", "JSON: counts per stage, content hash per table, timings, peak memory"),
    key=("Run",),
    kept=Kept.EVER,
)

CUSTOMER_ID = ("CustomerId", "VARCHAR", "the unified customer: 32 lower-case hex characters")

UNIFIED_ACTIVITY = table_of(
    "UnifiedActivity",
    "Activities of the sources, each with the customer it belongs to.",
    CUSTOMER_ID,
    *ACTIVITY_COLUMNS,
    FIRST_RUN,
    key=("ActivityId",),
    order=("CustomerId", "ActivityTime", "SourceEntityName", "SourceActivityId"),
    people=(BY_ID,),
    following=("ActivityId", "RangeIndex"),
)

ALTERNATE_KEY = table_of(
    "AlternateKey",
    "Every unified source record and its customer.",
    ("EntityName", "VARCHAR", "entity of the source record, {DataSource}_{Entity}"),
    ("PrimaryKey", "VARCHAR", "primary key of the source record, as text"),
    CUSTOMER_ID,
    ("IsWinner", "BOOLEAN", "whether this record represents its entity in the customer"),
    FIRST_RUN,
    key=("EntityName", "PrimaryKey"),
    people=(BY_ID, BY_RECORD),
)

IDENTITY_ALIAS = table_of(
    "IdentityAlias",
    "Ids that were merged away and the id that heads the profile now.",
    ("PreviousCustomerId", "VARCHAR", "id that was merged away"),
    ("CustomerId", "VARCHAR", "id that heads the profile, transitively"),
    FIRST_RUN,
    key=("PreviousCustomerId",),
    people=(BY_ID, ("PreviousCustomerId",)),
)

VANISHED_KEY = table_of(
    "VanishedKey",
    (
        "Records that were unified once and are no longer there, and the customer that their id "
        "leads to."
    ),
    ("EntityName", "VARCHAR", "entity that the source record was of"),
    ("PrimaryKey", "VARCHAR", "primary key that it had, as text"),
    CUSTOMER_ID,
    FIRST_RUN,
    key=("EntityName", "PrimaryKey"),
    order=("CustomerId", "EntityName", "PrimaryKey"),
    people=(BY_ID, BY_RECORD),
)

RELATED_KEY = table_of(
    "RelatedKey",
    "Values by which activities reach customers, other than keys of unified records.",
    ("EntityName", "VARCHAR", "what the value is of, such as Customer.EMail"),
    ("PrimaryKey", "VARCHAR", "the value as it is looked up, as text"),
    CUSTOMER_ID,
    FIRST_RUN,
    key=("EntityName", "PrimaryKey"),
    order=("CustomerId", "EntityName", "PrimaryKey"),
    people=(BY_ID, BY_RECORD),
)

HIDDEN_ACTIVITY = table_of(
    "HiddenActivity",
    "Entities whose activities timelines do not show.",
    ("SourceEntityName", "VARCHAR", "entity {DataSource}_{Entity} of the activities"),
    FIRST_RUN,
    key=("SourceEntityName",),
)

REGISTRY = table_of(
    "Registry",
    (
        "Append-only: the id of every record ever seen; the latest row counts that Departure does "
        "not end."
    ),
    ("EntityName", "VARCHAR", "entity of the source record"),
    ("PrimaryKey", "VARCHAR", "primary key of the source record"),
    ("CustomerId", "VARCHAR", "its id from that run on"),
    ("Run", "INTEGER", "run that said so"),
    key=("EntityName", "PrimaryKey", "Run"),
    people=(BY_ID, BY_RECORD),
    kept=Kept.EVER,
)

DEPARTURE = table_of(
    "Departure",
    "Append-only: records that left an id, which went to another customer while they were there.",
    ("EntityName", "VARCHAR", "entity of the source record"),
    ("PrimaryKey", "VARCHAR", "primary key of the source record"),
    ("CustomerId", "VARCHAR", "the id that it has no more, unless Registry gives it again later"),
    ("Run", "INTEGER", "run that parted them"),
    key=("EntityName", "PrimaryKey", "CustomerId", "Run"),
    people=(BY_ID, BY_RECORD),
    kept=Kept.EVER,
)

IDENTITY = table_of(
    "Identity",
    "Append-only: every CustomerId ever given and the record that it was created for.",
    ("CustomerId", "VARCHAR", "the id, reserved for ever"),
    ("Run", "INTEGER", "run that gave it"),
    ("EntityName", "VARCHAR", "entity of the record that it was created for"),
    ("PrimaryKey", "VARCHAR", "primary key of that record"),
    key=("CustomerId",),
    people=(BY_ID, BY_RECORD),
    kept=Kept.EVER,
)

CLUSTER_REGISTRY = table_of(
    "ClusterRegistry",
    (
        "Append-only: the id of every cluster that a customer was ever of, by column; the latest "
        "row of a customer and an id counts."
    ),
    ("Cluster", "VARCHAR", "column of Customer"),
    CUSTOMER_ID,
    ("ClusterId", "VARCHAR", "id of the cluster, reserved for ever"),
    ("IsGiven", "BOOLEAN", "false: the customer left the id, which went to others"),
    ("Run", "INTEGER", "run that said so"),
    key=("Cluster", "CustomerId", "ClusterId", "Run", "IsGiven"),
    people=(BY_ID,),
    kept=Kept.EVER,
)


def customer(profile: Sequence[ProfileField]) -> Table:
    """Return the table Customer for a profile's metadata.

    Its columns are in order, CustomerId first.
    """
    columns = [
        Column(column.name, type_of(column.type).duckdb, _profile_comment(column))
        for column in profile
    ]
    return Table(
        "Customer",
        "One row per unified customer.",
        (*columns, Column(*FIRST_RUN)),
        key=BY_ID,
        order=BY_ID,
        people=(BY_ID,),
    )


def _profile_comment(column: ProfileField) -> str:
    known = {
        CUSTOMER_ID[0]: CUSTOMER_ID[2],
        "PreviousCustomerId": "ids merged into this one, sorted, joined by ;",
    }
    if column.cluster:
        return "cluster: the same for customers who belong together"
    return known.get(
        column.name,
        "merged field" if column.updatable else "alternate key: primary key of the winner",
    )


def corrupt(entity: str) -> Table:
    """Return the table of the records of an entity that are corrupt or set aside."""
    return table_of(
        f"{entity}_corrupt",
        f"Records of {entity} with values that cannot be typed, rows that lost to another of "
        "their key, and what was set aside.",
        ("CorruptionDetails", "VARCHAR", "reason per field"),
        ("PrimaryKey", "VARCHAR", "primary key as text; null when the line has none"),
        (
            "IsKept",
            "BOOLEAN",
            "true: read with null for each corrupt value; false: set aside, or lost to its key",
        ),
        ("FileName", "VARCHAR", "file within the project"),
        (
            "LineNumber",
            "BIGINT",
            "line of the file, from 1, where known: of what is set aside and of JSON lines",
        ),
        (
            "Record",
            "VARCHAR",
            "the record: JSON of its texts (its values, where all could be read), or the line",
        ),
        people=(("PrimaryKey",), ("Record",)),
    )


EVENT = (
    ("EventId", "VARCHAR", "UUIDv7 given at acceptance"),
    ("Position", "BIGINT", "position in the event log"),
)

TARGET = (
    (
        "CustomerId",
        "VARCHAR",
        "target as posted: an id, current or previous; null when posted by record",
    ),
    (
        "EntityName",
        "VARCHAR",
        "target as posted: entity of a source record; null when posted by id",
    ),
    ("PrimaryKey", "VARCHAR", "target as posted: key of a source record; null when posted by id"),
)

VALID_FROM = ("ValidFrom", "TIMESTAMPTZ", "instant from which it holds")
VALID_UNTIL = ("ValidUntil", "TIMESTAMPTZ", "instant at which it ends, exclusive")
ACCEPTED_AT = ("AcceptedAt", "TIMESTAMPTZ", "instant at which the event became durable")
CALLER = ("Caller", "VARCHAR", "who sent it, as told by the sender")

UPDATES = table_of(
    "updates",
    "Real-time updates: one row per event and field.",
    *EVENT,
    *TARGET,
    ("Field", "VARCHAR", "column of Customer that it overrides"),
    ("Value", "VARCHAR", "canonical JSON text of the value; null overrides with null"),
    VALID_FROM,
    VALID_UNTIL,
    ACCEPTED_AT,
    CALLER,
    key=("EventId", "Field"),
    people=(BY_ID, BY_RECORD),
    kept=Kept.VALIDITY,
)

WITHDRAWALS = table_of(
    "withdrawals",
    "Withdrawals: each ends the earlier updates of its target.",
    *EVENT,
    *TARGET,
    ("Field", "VARCHAR", "field whose updates it ends; null for all"),
    VALID_FROM,
    ACCEPTED_AT,
    CALLER,
    key=("EventId",),
    people=(BY_ID, BY_RECORD),
    kept=Kept.EVER,
)

REALTIME_ACTIVITIES = table_of(
    "realtime_activities",
    "Real-time activities; the target is an id, or the related entity and foreign key.",
    *EVENT,
    *TARGET,
    *ACTIVITY_COLUMNS,
    VALID_FROM,
    VALID_UNTIL,
    ACCEPTED_AT,
    CALLER,
    key=("EventId",),
    people=(BY_ID, BY_RECORD),
    kept=Kept.VALIDITY,
)

REALTIME_QUARANTINE = table_of(
    "realtime_quarantine",
    "Events that could not be decoded or no longer fit the profile's metadata.",
    *EVENT,
    ACCEPTED_AT,
    ("Kind", "VARCHAR", "update, withdrawal or activity"),
    ("Code", "VARCHAR", "stable code of the reason"),
    ("Field", "VARCHAR", "field that does not fit; null when the whole event does not"),
    ("Value", "VARCHAR", "its value as JSON text, or the body that could not be read"),
    ("Reason", "VARCHAR", "what was wrong, in a sentence"),
    people=(("EventId",),),
    kept=Kept.VALIDITY,
)

STREAM_COMMITS = table_of(
    "stream_commits",
    "Recent commits of the stream, each written in the same transaction as its rows.",
    ("LogPartition", "INTEGER", "always 0: the event log is one sequence of positions"),
    ("FromPosition", "BIGINT", "first position of the range"),
    ("ToPosition", "BIGINT", "one past the last position: the committed position"),
    ("AcceptedAt", "TIMESTAMPTZ", "acceptance of the last event of the range"),
    key=("LogPartition", "FromPosition"),
    kept=Kept.STREAM,
)

PROFILE_FIELDS = table_of(
    "profile_fields",
    "Columns of Customer since a run, one row each; written when they change.",
    ("Run", "INTEGER", "first run with these columns"),
    ("Name", "VARCHAR", "name of the column"),
    ("Type", "VARCHAR", "attribute type, such as string or decimal(12,2)"),
    ("IsUpdatable", "BOOLEAN", "whether updates may override it"),
    key=("Run", "Name"),
    kept=Kept.EVER,
)

SERVING_META = table_of(
    "serving_meta",
    "What the serving generation knows beside customers, so that reads go on where it is lost.",
    ("Key", "VARCHAR", "what it is about: instance, profile, entities, activities or real_time"),
    ("Value", "VARCHAR", "the JSON document"),
    key=("Key",),
)

LAKE_HELP = table_of(
    "lake_help",
    "What the lake offers: tables, views and macros with their signatures.",
    ("Name", "VARCHAR", "name in the lake"),
    ("Kind", "VARCHAR", "table, view or macro"),
    ("Signature", "VARCHAR", "how it is called"),
    ("Description", "VARCHAR", "what it gives"),
    key=("Name", "Kind"),
)

VERSIONED = (
    UNIFIED_ACTIVITY,
    ALTERNATE_KEY,
    VANISHED_KEY,
    RELATED_KEY,
    IDENTITY_ALIAS,
    HIDDEN_ACTIVITY,
)
"""Base tables, beside Customer, that have a history."""

OVERLAY = (UPDATES, WITHDRAWALS, REALTIME_ACTIVITIES, REALTIME_QUARANTINE, STREAM_COMMITS)
"""Tables that the stream writes."""
