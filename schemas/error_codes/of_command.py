"""The error codes of the command line."""

from overtide.schemas.error_codes.explained import LISTED, USAGE, Explained

CODES = {
    "clock_behind": Explained(
        "command",
        "Warning, in `warnings` of every document and on standard error: the machine's clock is "
        "more than a second behind the last event or publish.",
        "Set the clock right; nothing is lost meanwhile (docs/concepts.md, Now).",
        *LISTED,
    ),
    "demo_failed": Explained(
        "command",
        "A step of the demo failed.",
        "Run `overtide -v demo` to see where, and report it.",
        (500,),
    ),
    "folder_not_empty": Explained(
        "command",
        "The folder for the new project is not empty.",
        "Name a new or an empty one.",
        exit_codes=USAGE,
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
    "invalid_runner": Explained(
        "command",
        "A runner's file is not as it should be.",
        "See [runners.md](runners.md).",
        exit_codes=USAGE,
    ),
    "no_configuration": Explained(
        "command",
        "The folder has no readable `overtide.yaml`.",
        "Go to a project's folder, name one with `-C`, or make one with `overtide init`.",
        exit_codes=USAGE,
    ),
    "no_usable_file": Explained(
        "command",
        "None of the files from which a project is to be proposed can be used.",
        "Name CSV, JSON lines or Parquet files with at least one row.",
        exit_codes=USAGE,
    ),
    "not_a_folder": Explained(
        "command",
        "The folder for the new project is a file.",
        "Name a new or an empty folder.",
        exit_codes=USAGE,
    ),
    "project_exists": Explained(
        "command",
        "The folder for the proposed project has an `overtide.yaml` already.",
        "Name another folder, or move the file away: it is never written over.",
        exit_codes=USAGE,
    ),
    "record_not_found": Explained(
        "command",
        "There is no record with this key among those of an entity.",
        "Name the primary key of a record that its files hold now.",
        (404,),
    ),
    "same_record": Explained(
        "command",
        "Two records were to be compared, and one was named twice.",
        "Name two records.",
        exit_codes=USAGE,
    ),
    "unknown_command": Explained(
        "command", "There is no such command.", "`overtide --help` lists them.", exit_codes=USAGE
    ),
    "unknown_example": Explained(
        "command",
        "There is no such example.",
        "There are `contoso`, `retail` and `blank`.",
        exit_codes=USAGE,
    ),
    "unknown_runner": Explained(
        "command", "There is no such runner.", "See [runners.md](runners.md).", exit_codes=USAGE
    ),
    "usage": Explained(
        "command",
        "The command line is not as the command needs it.",
        "`overtide COMMAND --help` shows how it is.",
        exit_codes=USAGE,
    ),
}
