"""The error codes of the refresh."""

from overtide.schemas.error_codes.explained import BOTH, LISTED, USAGE, Explained

CODES = {
    "connection_missing": Explained(
        "refresh",
        "The environment variable that holds the connection to a database is not set.",
        "Set it where `overtide` runs; `connection_variable` of the database names it.",
    ),
    "database_lost": Explained(
        "refresh",
        "The connection to a database was lost while its rows were read.",
        "Refresh again; the old base is still served.",
    ),
    "database_refused": Explained(
        "refresh",
        "A database refuses the user or the password.",
        "Correct the connection in the environment variable of the database.",
    ),
    "database_unreachable": Explained(
        "refresh",
        "A database cannot be reached, or its file cannot be read.",
        "Check that it runs, and its connection or `path`.",
    ),
    "decisions_wrong": Explained(
        "refresh",
        "The file of pairs that are always or never one customer is missing or wrong.",
        "Correct the line that is named; [matching](matching.md#decided-pairs) shows the columns.",
        exit_codes=BOTH,
    ),
    "duplicate_column": Explained(
        "refresh",
        "A source file has two columns of one name.",
        "Give every column of the file its own name.",
        exit_codes=BOTH,
    ),
    "empty_file": Explained(
        "refresh",
        "A source file has no columns: it is empty.",
        "Correct the file or remove it.",
        exit_codes=BOTH,
    ),
    "list_wrong": Explained(
        "refresh",
        "A file of aliases or of ignored values is missing or wrong.",
        "Correct the line that is named; [matching](matching.md#lists-of-your-own) shows the "
        "columns.",
        exit_codes=BOTH,
    ),
    "hour_not_ended": Explained(
        "refresh",
        "Note: an entity of full data and changes has files of hours that have not ended; a "
        "refresh reads them once they have.",
        "Nothing, or correct the folder if its hour (UTC) is meant to be over.",
        *LISTED,
    ),
    "misplaced_file": Explained(
        "refresh",
        "A file lies in no folder of full data or changes, so its rows would be missed.",
        "Move it to `FullData` or `IncrementalData/yyyy/mm/dd/hh/Upserts` or `…/Deletes`, or "
        "remove it; `details` names more of them.",
        exit_codes=BOTH,
    ),
    "missing_column": Explained(
        "refresh",
        "A source file lacks a configured column.",
        "Correct the name, or mark the attribute `optional: true`.",
        exit_codes=BOTH,
    ),
    "missing_key": Explained(
        "refresh",
        "Rows that `validate` sampled have no primary key: a mistake where a refresh would refuse "
        "so many, else a note.",
        "Correct the file, or name another primary key.",
        exit_codes=USAGE,
    ),
    "missing_table": Explained(
        "refresh",
        "A database lacks an entity's table, or its user may not read it.",
        "Correct `table`, as the database writes it.",
    ),
    "missing_value": Explained(
        "refresh",
        "No row that `validate` sampled has a value at an attribute's `path`.",
        "Correct the path, or mark the attribute `optional: true`.",
        exit_codes=USAGE,
    ),
    "nested_value": Explained(
        "refresh",
        "Values that `validate` sampled are lists or objects: a mistake where most of a column "
        "are, else a note.",
        "Name their parts by `path`.",
        exit_codes=USAGE,
    ),
    "new_column": Explained(
        "refresh",
        "Note: a source file has a column that is not configured; it is not read.",
        "Add it to `attributes` if you want it.",
        *LISTED,
    ),
    "no_files": Explained(
        "refresh",
        "No file matches an entity's `path`.",
        "Correct the path; it is relative to the project's folder.",
        exit_codes=BOTH,
    ),
    "no_profiles": Explained(
        "refresh",
        "The refresh would publish no customer at all.",
        "Check `include_all` and the match rules.",
    ),
    "no_rows": Explained(
        "refresh", "An entity has no rows.", "Check its files; an empty entity is never published."
    ),
    "passed_over": Explained(
        "refresh",
        "Note: files lie beside the deliveries of an entity of full data and changes, or have a "
        "name that begins with `.` or `_`; they are not read.",
        "Nothing, or move to a delivery what is meant to be read.",
        *LISTED,
    ),
    "pipeline_failed": Explained(
        "refresh",
        "The pipeline or its runner failed; the old base is still served.",
        "Run `overtide -v refresh` to see more.",
        (500,),
    ),
    "query_failed": Explained(
        "refresh",
        "A database cannot give the rows of an entity: its `query` has a mistake, does more than "
        "read, or may not read what it names.",
        "Correct the `query`, or the rights of the database's user.",
    ),
    "repeated_key": Explained(
        "refresh",
        (
            "Note: rows that `validate` sampled have one key and other values; one row of a key is "
            "kept."
        ),
        "Say with `prefer` which, or name another primary key.",
        *LISTED,
    ),
    "trimmed_keys": Explained(
        "refresh",
        "Note: keys that `validate` sampled have blanks around them, which are taken away.",
        "Nothing; or `trim: false` of the attribute, if keys differ by them.",
        *LISTED,
    ),
    "row_set_aside": Explained(
        "refresh",
        "In the details of `too_many_set_aside`: one of the first rows that could not be read or "
        "have no primary key, with its file, its line and what is wrong.",
        "Correct that row.",
    ),
    "rows_lost": Explained(
        "refresh",
        "The rows read are not those kept, set aside, repeated or lost to another of their key, or "
        "published rows that go are not there: a fault of Overtide.",
        "The old base is still served; report it with the file. Try `overtide refresh --full`.",
    ),
    "source_shrank": Explained(
        "refresh",
        "A source has lost more than `max_shrink_percent` of the rows that were published last; "
        "`details` lists several of them. The old base is still served.",
        "Check its files; `overtide refresh --allow-shrink` publishes them all the same.",
    ),
    "sources_wrong": Explained(
        "refresh",
        "Several entities cannot be read; `details` has one error for each.",
        "Correct them all.",
    ),
    "store_refused": Explained(
        "refresh",
        "An object store refuses the credentials, or does not let them read.",
        "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what they allow.",
    ),
    "store_unreachable": Explained(
        "refresh",
        "An object store cannot be reached, or does not give an object.",
        "Check AWS_ENDPOINT_URL and AWS_REGION, and that the store can be reached.",
    ),
    "too_many_set_aside": Explained(
        "refresh",
        "More rows of an entity than allowed cannot be read or have no primary key.",
        "Correct the file or its format, or raise `max_set_aside_percent`.",
    ),
    "unreadable_file": Explained(
        "refresh",
        "A file cannot be read, or is not in its encoding or format.",
        "Check the file, its permissions, and `encoding` and `format` of the entity.",
        exit_codes=BOTH,
    ),
    "unreadable_line": Explained(
        "refresh",
        "Lines that `validate` sampled are no rows: a mistake where a refresh would refuse so "
        "many, else a note.",
        "Correct the file, or its `delimiter`, `encoding` or `format`.",
        exit_codes=USAGE,
    ),
    "values_do_not_fit": Explained(
        "refresh",
        "Values that `validate` sampled are not of their type: a mistake where most of a column "
        "are not, or where another format fits all of them, else a note. A refresh makes such "
        "values null and lists their records.",
        "Correct the type, the `format` or the `decimal_mark` of the attribute, or the file.",
        exit_codes=USAGE,
    ),
    "wrong_delimiter": Explained(
        "refresh",
        "The columns of a CSV file are separated by another character than `delimiter`.",
        "Correct `delimiter` of the entity.",
        exit_codes=BOTH,
    ),
}
