"""The tables of matching, made anew by every refresh: pairs, duplicates, what was told of them."""

from overtide.schemas.table import BY_RECORD, Table, table_of

CONFLATION_MATCH_PAIRS = table_of(
    "ConflationMatchPairs",
    "Pairs of records of different entities that a match rule joined.",
    ("EntityName", "VARCHAR", "entity of the earlier record"),
    ("PrimaryKey", "VARCHAR", "its primary key"),
    ("MatchedEntityName", "VARCHAR", "entity of the record that was matched to it"),
    ("MatchedPrimaryKey", "VARCHAR", "its primary key"),
    ("Rule", "VARCHAR", "name of the rule"),
    ("Score", "INTEGER", "least score of the rule's conditions, percent, rounded down"),
    key=("EntityName", "PrimaryKey", "MatchedEntityName", "MatchedPrimaryKey"),
    people=(BY_RECORD, ("MatchedEntityName", "MatchedPrimaryKey")),
)

DEDUPLICATION_PAIRS = table_of(
    "DeduplicationPairs",
    "Pairs of duplicates by which their groups hang together: of each group those of the best "
    "scores, one fewer than it has records.",
    ("EntityName", "VARCHAR", "entity of both records"),
    ("PrimaryKey", "VARCHAR", "primary key of one, as text"),
    ("MatchedPrimaryKey", "VARCHAR", "primary key of the other, as text"),
    ("Rule", "VARCHAR", "name of the rule"),
    ("Score", "INTEGER", "score of the pair, percent, rounded down"),
    key=("EntityName", "PrimaryKey", "MatchedPrimaryKey"),
    people=(BY_RECORD, ("EntityName", "MatchedPrimaryKey")),
)

CLUSTER_PAIRS = table_of(
    "ClusterPairs",
    "Pairs of customers by which clusters, such as households, hang together: of each cluster "
    "those of the best scores, one fewer than it has customers.",
    ("Cluster", "VARCHAR", "column of Customer that has the clusters' ids"),
    ("ClusterId", "VARCHAR", "id of the cluster"),
    ("CustomerId", "VARCHAR", "one customer"),
    ("MatchedCustomerId", "VARCHAR", "the other one"),
    ("Rule", "VARCHAR", "name of the rule"),
    ("Score", "INTEGER", "score of the pair, percent, rounded down"),
    key=("Cluster", "CustomerId", "MatchedCustomerId"),
    people=(("CustomerId",), ("MatchedCustomerId",)),
)

OVERSIZED_BLOCKS = table_of(
    "oversized_blocks",
    "Blocks and customers that are larger than configured, and what became of them.",
    (
        "Kind",
        "VARCHAR",
        "block: not compared; cluster: not merged; large block and customer: unified, and told",
    ),
    ("EntityName", "VARCHAR", "entity whose records share the block; null for a customer"),
    ("MatchedEntityName", "VARCHAR", "the other entity of a match rule; null within one entity"),
    ("Rule", "VARCHAR", "name of the rule; of a customer the one with most of its pairs"),
    (
        "Value",
        "VARCHAR",
        "value that the records share, the smallest record of the cluster, or the CustomerId",
    ),
    ("Records", "BIGINT", "number of records"),
    people=(("Value",),),
)

IGNORED_VALUES = table_of(
    "ignored_values",
    "Values that stand for none: they were compared as null.",
    ("EntityName", "VARCHAR", "entity whose records hold the value"),
    ("Attributes", "VARCHAR", "what was compared: attributes, joined by a comma and a blank"),
    ("Value", "VARCHAR", "the value after normalisation"),
    (
        "Reason",
        "VARCHAR",
        "listed: built in or configured; shared: more records than `shared_by` hold it",
    ),
    ("Records", "BIGINT", "number of records"),
    people=(("Value",),),
)

MATCH_BLOCK = table_of(
    "MatchBlock",
    "The blocks in which records are compared, by which a refresh finds whom a change may concern.",
    ("Record", "BIGINT", "a hash of the entity and the primary key of a record"),
    ("Block", "BIGINT", "a hash of a rule and of the values that the record shares by it"),
    key=("Record", "Block"),
)

MATCH_VALUE = table_of(
    "MatchValue",
    "The values of which rules count how many records have them (`shared_by`, `known_by`), by "
    "which a refresh finds whom a change may concern.",
    ("Record", "BIGINT", "a hash of the entity and the primary key of a record"),
    ("Value", "BIGINT", "a hash of what is compared and of the value that the record has"),
    key=("Record", "Value"),
)

DECIDED_PAIRS = table_of(
    "DecidedPairs",
    "Pairs that people decided, and links that are left out since they would bring into one "
    "customer what is kept apart.",
    (
        "Decision",
        "VARCHAR",
        "always and never: by people, of records that are there; left out: a link of any rule",
    ),
    ("EntityName", "VARCHAR", "entity of one record, that of the smaller reference"),
    ("PrimaryKey", "VARCHAR", "its primary key, as text"),
    ("MatchedEntityName", "VARCHAR", "entity of the other record"),
    ("MatchedPrimaryKey", "VARCHAR", "its primary key, as text"),
    ("Rule", "VARCHAR", "name of the rule of a link that is left out"),
    ("Score", "INTEGER", "score of such a link, percent, rounded down"),
    key=("Decision", "EntityName", "PrimaryKey", "MatchedEntityName", "MatchedPrimaryKey"),
    people=(BY_RECORD, ("MatchedEntityName", "MatchedPrimaryKey")),
)

MATCHED = (
    CONFLATION_MATCH_PAIRS,
    DEDUPLICATION_PAIRS,
    CLUSTER_PAIRS,
    OVERSIZED_BLOCKS,
    IGNORED_VALUES,
)
"""The tables of matching, but for those of the duplicates of each entity."""


def deduplication(entity: str, primary_key_type: str = "VARCHAR") -> Table:
    """Return the table of the groups of duplicates within one entity."""
    return table_of(
        f"Deduplication_{entity}",
        f"Groups of duplicate records within {entity}.",
        ("PrimaryKey", primary_key_type, "primary key of the record"),
        ("Deduplication_GroupId", "VARCHAR", "least primary key of its group"),
        ("Deduplication_WinnerId", "VARCHAR", "primary key of the group's winner"),
        ("Rule", "VARCHAR", "the first rule that joined it to another record"),
        (
            "Score",
            "INTEGER",
            "its best score by that rule: the least of the conditions, percent, rounded down",
        ),
        key=("PrimaryKey",),
        people=(("PrimaryKey",),),
    )
