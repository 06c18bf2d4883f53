"""What every error code means and what to do about it.

The codes are stable for ever and part of the contract.

`docs/errors.md` is written from this table, and a test compares it with the code that raises them.
"""

from dataclasses import dataclass
from typing import Literal

Area = Literal["command", "configuration", "refresh", "change", "read", "storage"]


@dataclass(frozen=True, slots=True)
class Explained:
    """One code: where it occurs, what it means, what to do, and how it is answered.

    It comes with HTTP statuses and exit codes.

    No exit code: it is only listed, as a note of `validate` or in the stream's quarantine.
    """

    area: Area
    meaning: str
    remedy: str
    statuses: tuple[int, ...] = (400,)
    exit_codes: tuple[int, ...] = (1,)


USAGE, BOTH = (2,), (1, 2)
LISTED: tuple[tuple[int, ...], tuple[int, ...]] = (), ()

CODES = {
    "activity_conflict": Explained(
        "change",
        "The same activity was posted before with another content.",
        "Activities never change: post another one with an identity of its own.",
        (409,),
    ),
    "batch_refused": Explained(
        "change",
        "The row was in order, but another row of the same all-or-none request was refused.",
        "Correct that row, or send the rows without `--atomic`.",
    ),
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
    "clock_behind": Explained(
        "command",
        "Warning, in `warnings` of every document and on standard error: the machine's clock is "
        "more than a "
        "second behind the last event or publish.",
        "Set the clock right; nothing is lost meanwhile (docs/concepts.md, Now).",
        *LISTED,
    ),
    "customer_not_found": Explained(
        "read",
        "No published profile has this CustomerId or source record (400 for a row of `post`).",
        "Check the id or the key; a record counts once a refresh has unified it.",
        (400, 404),
    ),
    "demo_failed": Explained(
        "command",
        "A step of the demo failed.",
        "Run `overtide -v demo` to see where, and report it.",
        (500,),
    ),
    "duplicate_column": Explained(
        "refresh",
        "A source file has two columns of one name.",
        "Give every column of the file its own name.",
        exit_codes=BOTH,
    ),
    "duplicate_key": Explained(
        "configuration",
        "A setting stands twice in one section.",
        "Remove one of them.",
        exit_codes=USAGE,
    ),
    "duplicate_name": Explained(
        "configuration",
        "Two things have one name, or names that differ in case only.",
        "Rename one of them.",
        exit_codes=USAGE,
    ),
    "empty": Explained(
        "configuration",
        "`overtide.yaml` is empty.",
        "Begin with `overtide init`.",
        exit_codes=USAGE,
    ),
    "empty_file": Explained(
        "refresh",
        "A source file has no columns: it is empty.",
        "Correct the file or remove it.",
        exit_codes=BOTH,
    ),
    "empty_input": Explained(
        "change",
        "The file or standard input holds nothing to post.",
        "Give JSON or JSON lines; an empty list, `[]`, posts nothing and is no mistake.",
        exit_codes=USAGE,
    ),
    "empty_merge": Explained(
        "configuration",
        "Note: Customer has no columns but its keys.",
        "Name columns in `unification.merge`.",
        *LISTED,
    ),
    "empty_update": Explained(
        "change", "The update names no field.", "Name at least one.", exit_codes=USAGE
    ),
    "ends_before_start": Explained(
        "change",
        "The event would end at or before its event time.",
        "Choose an end after the event time.",
    ),
    "entity_not_unified": Explained(
        "change",
        "The entity is not unified, so its records make up no customers.",
        "Name the customer by a record of a unified entity, or by a CustomerId.",
        (404,),
    ),
    "event_time_in_future": Explained(
        "change",
        "The event time lies more than five minutes in the future.",
        "Correct the sender's clock.",
    ),
    "expired": Explained(
        "change", "The event would end at or before its acceptance.", "Choose an end in the future."
    ),
    "extension_missing": Explained(
        "storage",
        "A DuckDB extension is not installed.",
        "Install the Python package that the message names.",
    ),
    "field_not_updatable": Explained(
        "change",
        "CustomerId, PreviousCustomerId and alternate keys identify the customer.",
        "Leave the field out of the update.",
    ),
    "file_unusable": Explained(
        "storage",
        "The system refuses a file, a folder or a stream; the message has its reason.",
        "Check permissions and free space.",
        (503,),
    ),
    "folder_not_empty": Explained(
        "command",
        "The folder for the new project is not empty.",
        "Name a new or an empty one.",
        exit_codes=USAGE,
    ),
    "foreign_data": Explained(
        "storage",
        "The data folder is that of another lake, whose files this one would remove.",
        "Give each lake a `lake.data` of its own; where a catalog was lost, restore it.",
        (500,),
    ),
    "generation_corrupt": Explained(
        "storage",
        "The serving generation is not what was built, or cannot be read.",
        (
            "Reads and changes go on from the lake, more slowly; run `overtide refresh`, which "
            "builds a new one."
        ),
        (503,),
    ),
    "generation_missing": Explained(
        "storage",
        "The serving generation of the published run is missing or damaged, and the lake cannot "
        "stand in, "
        "since an earlier version published it.",
        "Run `overtide refresh`, which builds a new one.",
        (503,),
    ),
    "idempotency_conflict": Explained(
        "change",
        "The idempotency key was used before for another request of the same caller.",
        "Use a new key for a new request.",
        (409,),
    ),
    "internal_error": Explained(
        "command",
        "Something that nobody thought of went wrong.",
        "Run the command again with `-v` before it, and report what it shows.",
        (500,),
    ),
    "interrupted": Explained(
        "command",
        (
            "The command was stopped before it was done, by ctrl-C (exit 130) or by SIGTERM (exit "
            "143)."
        ),
        "Run it again; what was published before is still served.",
        (503,),
        (130, 143),
    ),
    "invalid_configuration": Explained(
        "configuration",
        "`overtide.yaml` has mistakes; `details` lists every one of them.",
        "Correct them; `overtide validate` shows them too.",
        exit_codes=USAGE,
    ),
    "invalid_duration": Explained(
        "change",
        "A duration is not written as days, hours, minutes and seconds.",
        "Write `30d`, `4h`, `90m`, `45s` or `1h30m`; in `real_time`, at most 30 days.",
        exit_codes=BOTH,
    ),
    "invalid_fields": Explained(
        "change",
        "Several fields were refused; `details` has one error for each.",
        "Correct them all.",
    ),
    "invalid_format": Explained(
        "configuration",
        "A `format` is no strptime format, or has no year.",
        "Write one such as `%d-%m-%Y %H:%M:%S`.",
        exit_codes=USAGE,
    ),
    "invalid_instant": Explained(
        "change",
        (
            "An instant is not RFC 3339 with an offset; in SQL: an argument of a macro is null or "
            "no instant."
        ),
        "Write `2026-11-24T10:00:00Z` or `2026-11-24T11:00:00+01:00`.",
        exit_codes=BOTH,
    ),
    "invalid_json": Explained(
        "change",
        "The text is no JSON object, has a key twice, or holds NaN or Infinity.",
        "Send one JSON object per record.",
    ),
    "invalid_name": Explained(
        "configuration",
        "The name cannot be that of a table or column.",
        "Begin with a letter; go on with letters, digits and underscores, 80 at most.",
        exit_codes=USAGE,
    ),
    "invalid_parameter": Explained(
        "change",
        "A parameter is empty, too long, of another type, or does not belong to this request.",
        "Give what the message names, or leave it out.",
        exit_codes=USAGE,
    ),
    "invalid_runner": Explained(
        "command",
        "A runner's file is not as it should be.",
        "See [runners.md](runners.md).",
        exit_codes=USAGE,
    ),
    "invalid_sql": Explained(
        "read",
        "The query cannot be understood, or names what does not exist.",
        "Correct it; `SELECT * FROM lake_help` lists what there is.",
    ),
    "invalid_target": Explained(
        "change",
        "The customer is named in no way or in two, or the key is not `ENTITY=KEY`.",
        "Give a CustomerId, or a key such as `Shop_Contacts=4711`.",
        exit_codes=USAGE,
    ),
    "invalid_value": Explained(
        "change",
        "A value is not of its field's or its setting's type.",
        "Send or write one that is.",
        exit_codes=BOTH,
    ),
    "invalid_variable": Explained(
        "configuration",
        "`${…}` names no environment variable.",
        "Write `${NAME}`, or `$${` for a literal `${`.",
        exit_codes=USAGE,
    ),
    "invalid_yaml": Explained(
        "configuration",
        "The file is not UTF-8 or not YAML.",
        "Correct the line that is named.",
        exit_codes=USAGE,
    ),
    "lake_unreadable": Explained(
        "storage",
        "The lake cannot be read or written, or its catalog is lost.",
        "Check that the catalog and its data folder are whole, may be written to, and that the "
        "disk is not full; "
        "[restore](operations.md#backups) a catalog that is lost.",
        (503,),
    ),
    "locked": Explained(
        "storage",
        "Another command holds the lock; the message says which, and since when.",
        "Try again when it has finished.",
        (423,),
        (75,),
    ),
    "log_busy": Explained(
        "storage",
        "Another program keeps the event log locked.",
        "Close it and try again.",
        (503,),
        (75,),
    ),
    "log_corrupt": Explained(
        "storage",
        "The event log is damaged, the file is no event log, or an event is not as it was "
        "written: the "
        "message says which. In `realtime_quarantine`: such an event, which SQL does not show.",
        "[Restore](operations.md#when-the-event-log-is-lost) the newest backup of the log; until "
        "then `--base` reads "
        "without real-time changes.",
        (500,),
    ),
    "log_replaced": Explained(
        "storage",
        "The event log lacks events that were accepted, carried into the lake or published from: "
        "it was "
        "lost, cut, or comes from an older backup.",
        "Restore the newest backup of the log. Where there is none, "
        "`overtide stream --accept-log` [begins anew](operations.md#when-the-event-log-is-lost) "
        "with the log that is "
        "there.",
        (500,),
    ),
    "log_unwritable": Explained(
        "storage",
        (
            "The event log cannot be opened, written or extended, or the thread that wrote it was "
            "interrupted."
        ),
        "Check the free space and the permissions of the file and its folder.",
        (503,),
    ),
    "log_version": Explained(
        "storage",
        "The event log was written by a version with another layout.",
        "Use the version of Overtide that wrote it.",
        (500,),
    ),
    "missing_column": Explained(
        "refresh",
        "A source file lacks a configured column.",
        "Correct the name, or mark the attribute `optional: true`.",
        exit_codes=BOTH,
    ),
    "missing_field": Explained(
        "change", "A posted record lacks a field that it needs.", "Give the field a value."
    ),
    "missing_key": Explained(
        "refresh",
        "Rows that `validate` sampled have no primary key: a mistake where a refresh would refuse "
        "so many, "
        "else a note.",
        "Correct the file, or name another primary key.",
        exit_codes=USAGE,
    ),
    "missing_setting": Explained(
        "configuration", "A setting that is needed is missing.", "Add it.", exit_codes=USAGE
    ),
    "missing_variable": Explained(
        "configuration",
        "An environment variable that is named as `${NAME}` is not set.",
        "Set it before you start overtide.",
        exit_codes=USAGE,
    ),
    "nested_value": Explained(
        "refresh",
        "Values that `validate` sampled are lists or objects: a mistake where most of a column "
        "are, else a "
        "note.",
        "Write their parts as columns of their own.",
        exit_codes=USAGE,
    ),
    "new_column": Explained(
        "refresh",
        "Note: a source file has a column that is not configured; it is not read.",
        "Add it to `attributes` if you want it.",
        *LISTED,
    ),
    "no_activity_configuration": Explained(
        "change",
        "The entity is not set up as an activity, so its records cannot be posted.",
        "Add it to `activities` and refresh, or post to an entity that the message names.",
    ),
    "no_configuration": Explained(
        "command",
        "The folder has no readable `overtide.yaml`.",
        "Go to a project's folder, name one with `-C`, or make one with `overtide init`.",
        exit_codes=USAGE,
    ),
    "no_exact_condition": Explained(
        "configuration",
        "A rule has fuzzy conditions only, so no blocks could be formed.",
        "Give it one condition with precision `exact`.",
        exit_codes=USAGE,
    ),
    "no_files": Explained(
        "refresh",
        "No file matches an entity's `path`.",
        "Correct the path; it is relative to the project's folder.",
        exit_codes=BOTH,
    ),
    "no_lake": Explained(
        "storage", "There is no lake yet.", "Run `overtide refresh` first.", (404,)
    ),
    "no_profiles": Explained(
        "refresh",
        "The refresh would publish no customer at all.",
        "Check `include_all` and the match rules.",
    ),
    "no_rows": Explained(
        "refresh", "An entity has no rows.", "Check its files; an empty entity is never published."
    ),
    "not_a_folder": Explained(
        "command",
        "The folder for the new project is a file.",
        "Name a new or an empty folder.",
        exit_codes=USAGE,
    ),
    "nothing_published": Explained(
        "read", "There is no base yet.", "Run `overtide refresh` first.", (404,)
    ),
    "optional_key": Explained(
        "configuration",
        "A primary key is marked optional.",
        "Every record needs its key: remove the mark.",
        exit_codes=USAGE,
    ),
    "out_of_memory": Explained(
        "storage",
        "There is not enough memory, or a query or a step of a refresh needs more than its limit.",
        "Of a query: allow it more (`sql --memory-limit`), or ask for less at once. Of a refresh: "
        "raise `memory_limit` "
        "in the [runner's file](runners.md), with fewer `threads` where the machine has no more "
        "memory. Else close "
        "other programs, or use a machine with more memory.",
        (503,),
    ),
    "pipeline_failed": Explained(
        "refresh",
        "The pipeline or its runner failed; the old base is still served.",
        "Run `overtide -v refresh` to see more.",
        (500,),
    ),
    "position_moved": Explained(
        "storage",
        "Another stream has committed the same range of the log.",
        "Start the stream again: it goes on at the committed position.",
        (409,),
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
    "reserved_name": Explained(
        "configuration",
        "The name is one that Overtide needs itself.",
        "Choose another one.",
        exit_codes=USAGE,
    ),
    "row_set_aside": Explained(
        "refresh",
        "In the details of `too_many_set_aside`: one of the first rows that could not be read or "
        "have no "
        "primary key, with its file, its line and what is wrong.",
        "Correct that row.",
    ),
    "rows_lost": Explained(
        "refresh",
        "The rows read are not those kept, set aside, repeated or lost to another of their key: a "
        "fault of "
        "Overtide.",
        "The old base is still served; report it with the file.",
    ),
    "source_shrank": Explained(
        "refresh",
        "A source has lost more than `max_shrink_percent` of the rows that were published last; "
        "`details` "
        "lists several of them. The old base is still served.",
        "Check its files; `overtide refresh --allow-shrink` publishes them all the same.",
    ),
    "sources_wrong": Explained(
        "refresh",
        "Several entities cannot be read; `details` has one error for each.",
        "Correct them all.",
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
    "too_far": Explained(
        "change",
        "The event would end more than 30 days (and five minutes) after its acceptance.",
        "End it within 30 days and send it again then.",
    ),
    "too_large": Explained(
        "change", "The document of one event is larger than 1 MiB.", "Send less at once.", (413,)
    ),
    "too_many_set_aside": Explained(
        "refresh",
        "More rows of an entity than allowed cannot be read or have no primary key.",
        "Correct the file or its format, or raise `max_set_aside_percent`.",
    ),
    "undecodable": Explained(
        "change",
        "In `realtime_quarantine`: the event's body does not say what its kind must say.",
        "The stream has set it aside and goes on; look at `Reason`.",
        *LISTED,
    ),
    "unknown_command": Explained(
        "command", "There is no such command.", "`overtide --help` lists them.", exit_codes=USAGE
    ),
    "unknown_encoding": Explained(
        "configuration",
        "There is no such character encoding.",
        "Write one such as `utf-8` or `windows-1252`.",
        exit_codes=USAGE,
    ),
    "unknown_entity": Explained(
        "change",
        "There is no entity of this name.",
        "Write its full name, `{DataSource}_{Entity}`; it counts once a refresh has read it.",
        (404,),
    ),
    "unknown_example": Explained(
        "command",
        "There is no such example.",
        "There are `contoso`, `retail` and `blank`.",
        exit_codes=USAGE,
    ),
    "unknown_field": Explained(
        "change",
        "The profile or the entity has no field of this name.",
        "Correct the name, or leave it out.",
    ),
    "unknown_name": Explained(
        "configuration",
        "A name refers to nothing that is declared.",
        "Correct it; a close one is suggested.",
        exit_codes=USAGE,
    ),
    "unknown_runner": Explained(
        "command", "There is no such runner.", "See [runners.md](runners.md).", exit_codes=USAGE
    ),
    "unknown_setting": Explained(
        "configuration",
        "There is no such setting here.",
        "Correct it; a close one is suggested.",
        exit_codes=USAGE,
    ),
    "unknown_time_zone": Explained(
        "configuration",
        "There is no such time zone.",
        "Write one such as `Europe/Amsterdam`.",
        exit_codes=USAGE,
    ),
    "unmatched_entity": Explained(
        "configuration",
        "Note: a unified entity has no match rules: its records are customers of their own.",
        "Add a pair to `unification.match` if that is not meant.",
        *LISTED,
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
        "many, else a "
        "note.",
        "Correct the file, or its `delimiter`, `encoding` or `format`.",
        exit_codes=USAGE,
    ),
    "unused_entity": Explained(
        "configuration",
        "Note: an entity is neither unified nor an activity: it is only kept as a table.",
        "Nothing, if that is meant.",
        *LISTED,
    ),
    "unused_setting": Explained(
        "configuration",
        "A setting has no effect beside another one.",
        "Remove it, or change the policy.",
        exit_codes=USAGE,
    ),
    "usage": Explained(
        "command",
        "The command line is not as the command needs it.",
        "`overtide COMMAND --help` shows how it is.",
        exit_codes=USAGE,
    ),
    "values_do_not_fit": Explained(
        "refresh",
        "Values that `validate` sampled are not of their type: a mistake where most of a column "
        "are not, or "
        "where another format fits all of them, else a note. A refresh makes such values null and "
        "lists their records.",
        "Correct the type, the `format` or the `decimal_mark` of the attribute, or the file.",
        exit_codes=USAGE,
    ),
    "wrong_delimiter": Explained(
        "refresh",
        "The columns of a CSV file are separated by another character than `delimiter`.",
        "Correct `delimiter` of the entity.",
        exit_codes=BOTH,
    ),
    "wrong_order": Explained(
        "configuration",
        "A match pair does not lead from a later entity to an earlier one.",
        "Exchange `entity` and `to`.",
        exit_codes=USAGE,
    ),
    "wrong_relationship": Explained(
        "configuration",
        "An activity's relationship begins at another entity.",
        "Name one of its own entity.",
        exit_codes=USAGE,
    ),
    "wrong_type": Explained(
        "configuration",
        "An attribute's type does not fit what it is used for.",
        "Use another attribute or type.",
        exit_codes=USAGE,
    ),
}
