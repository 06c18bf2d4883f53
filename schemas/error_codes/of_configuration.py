"""The error codes of configurations."""

from overtide.schemas.error_codes.explained import LISTED, USAGE, Explained

CODES = {
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
    "empty_merge": Explained(
        "configuration",
        "Note: Customer has no columns but its keys.",
        "Name columns in `unification.merge`.",
        *LISTED,
    ),
    "invalid_configuration": Explained(
        "configuration",
        "`overtide.yaml` has mistakes; `details` lists every one of them.",
        "Correct them; `overtide validate` shows them too.",
        exit_codes=USAGE,
    ),
    "invalid_expression": Explained(
        "configuration",
        "An `expression` or a `filter` cannot be read, or names what is not offered.",
        "Write it in the subset of SQL that docs/expressions.md describes.",
        exit_codes=USAGE,
    ),
    "invalid_format": Explained(
        "configuration",
        "A `format` is no strptime format, or has no year.",
        "Write one such as `%d-%m-%Y %H:%M:%S`.",
        exit_codes=USAGE,
    ),
    "invalid_name": Explained(
        "configuration",
        "The name cannot be that of a table or column.",
        "Begin with a letter; go on with letters, digits and underscores, 80 at most.",
        exit_codes=USAGE,
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
    "missing_setting": Explained(
        "configuration", "A setting that is needed is missing.", "Add it.", exit_codes=USAGE
    ),
    "missing_variable": Explained(
        "configuration",
        "An environment variable that is named as `${NAME}` is not set.",
        "Set it before you start overtide.",
        exit_codes=USAGE,
    ),
    "no_decisions_file": Explained(
        "configuration",
        "Decisions are to be taken, and the project names no file of them.",
        "Write `decisions: data/decisions.csv` below `unification`.",
        exit_codes=USAGE,
    ),
    "no_exact_condition": Explained(
        "configuration",
        "A rule has fuzzy conditions only, so no blocks could be formed.",
        "Give it one condition with precision `exact`.",
        exit_codes=USAGE,
    ),
    "no_score_rule": Explained(
        "configuration",
        "Weights are to be learnt, and the project has no rule with a score.",
        "Write one with its fields and blocks ([matching](matching.md#two-kinds-of-rule)).",
        exit_codes=USAGE,
    ),
    "number_not_written": Explained(
        "configuration",
        "What was learnt cannot be written into `overtide.yaml` without changing more.",
        "Write the number yourself; it may come from an anchor or the environment.",
        exit_codes=USAGE,
    ),
    "optional_key": Explained(
        "configuration",
        "A primary key is marked optional.",
        "Every record needs its key: remove the mark.",
        exit_codes=USAGE,
    ),
    "reserved_name": Explained(
        "configuration",
        "The name is one that Overtide needs itself.",
        "Choose another one.",
        exit_codes=USAGE,
    ),
    "unknown_encoding": Explained(
        "configuration",
        "There is no such character encoding.",
        "Write one such as `utf-8` or `windows-1252`.",
        exit_codes=USAGE,
    ),
    "unknown_name": Explained(
        "configuration",
        "A name refers to nothing that is declared.",
        "Correct it; a close one is suggested.",
        exit_codes=USAGE,
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
        "Write one such as `Europe/Amsterdam`; a schedule takes names of Windows, too.",
        exit_codes=USAGE,
    ),
    "unmatched_entity": Explained(
        "configuration",
        "Note: a unified entity has no match rules: its records are customers of their own.",
        "Add a pair to `unification.match` if that is not meant.",
        *LISTED,
    ),
    "unused_aliases": Explained(
        "configuration",
        "Note: no rule compares with a list of aliases.",
        "Name it in `aliases` of what a rule compares, or remove it.",
        *LISTED,
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
        "Remove it, or change the other one.",
        exit_codes=USAGE,
    ),
    "wrong_order": Explained(
        "configuration",
        "A match pair does not lead from a later entity to an earlier one.",
        "Exchange `entity` and `to`.",
        exit_codes=USAGE,
    ),
    "wrong_relationship": Explained(
        "configuration",
        "An activity's relationship begins at another entity, or leads to no customer.",
        "Name one of its own entity, whose way ends at a unified entity.",
        exit_codes=USAGE,
    ),
    "wrong_type": Explained(
        "configuration",
        "An attribute's type does not fit what it is used for.",
        "Use another attribute or type.",
        exit_codes=USAGE,
    ),
}
