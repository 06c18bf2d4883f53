"""The columns of an activity, without its customer: name, SQL type and meaning."""

ACTIVITY_COLUMNS = (
    ("ActivityId", "VARCHAR", "stable hash of SourceEntityName and SourceActivityId"),
    ("ActivityType", "VARCHAR", "type of the activity, such as SalesOrder"),
    ("ActivityTypeDisplay", "VARCHAR", "text shown for the type"),
    ("ActivityName", "VARCHAR", "name of the activity's configuration"),
    ("ActivityTime", "TIMESTAMPTZ", "when it happened"),
    ("Title", "VARCHAR", "title in the timeline"),
    ("Description", "VARCHAR", "detail in the timeline"),
    ("URL", "VARCHAR", "link to more"),
    ("Icon", "VARCHAR", "icon in the timeline"),
    ("SourceEntityName", "VARCHAR", "entity {DataSource}_{Entity} that it comes from"),
    ("SourceActivityId", "VARCHAR", "primary key in that entity"),
    ("SemanticData", "VARCHAR", "canonical JSON of the semantic fields"),
    ("RangeIndex", "VARCHAR", "unix seconds of ActivityTime, as text"),
)
