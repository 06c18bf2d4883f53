"""The error codes of reads."""

from overtide.schemas.error_codes.explained import Explained

CODES = {
    "before_first_publish": Explained(
        "read",
        "Nothing was published yet at the earlier of the two instants.",
        "Ask for a later instant; the table `runs` lists the publishes.",
        (404,),
    ),
    "before_history": Explained(
        "read",
        "The instant lies before the history that is kept.",
        "Ask for a later instant, or raise `lake.history_days`.",
    ),
    "customer_not_found": Explained(
        "read",
        "No published profile has this CustomerId or source record (400 for a row of `post`).",
        "Check the id or the key; a record counts once a refresh has unified it.",
        (400, 404),
    ),
    "invalid_sql": Explained(
        "read",
        "The query cannot be understood, names what does not exist, reads a file, or meets a value "
        "that does not fit.",
        "Correct it; `SELECT * FROM lake_help` lists what there is.",
    ),
    "nothing_published": Explained(
        "read", "There is no base yet.", "Run `overtide refresh` first.", (404,)
    ),
    "sql_failed": Explained(
        "read",
        "The query was understood but failed while it ran.",
        "Read the message, which is DuckDB's.",
        (500,),
    ),
    "sql_not_read_only": Explained(
        "read",
        "The statement would change something.",
        "`overtide open` prints how to attach the lake to a DuckDB of your own.",
    ),
}
