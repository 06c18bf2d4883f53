"""The error codes of the lake, the log and their files."""

from overtide.schemas.error_codes.explained import Explained

CODES = {
    "extension_missing": Explained(
        "storage",
        "A DuckDB extension is not installed.",
        "Install the Python package that the message names.",
    ),
    "file_unusable": Explained(
        "storage",
        "The system refuses a file, a folder or a stream; the message has its reason.",
        "Check permissions and free space.",
        (503,),
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
        "stand in, since an earlier version published it.",
        "Run `overtide refresh`, which builds a new one.",
        (503,),
    ),
    "lake_damaged": Explained(
        "storage",
        "Files of the lake are missing or not as they were written.",
        "Of most tables a refresh makes them anew; the registry of ids comes from a "
        "[backup](operations.md#damaged-files-of-the-lake) alone.",
        (503,),
    ),
    "lake_unreadable": Explained(
        "storage",
        "The lake cannot be read or written, or its catalog is lost.",
        "Check that the catalog and its data folder are whole, may be written to, and that the "
        "disk is not full; [restore](operations.md#backups) a catalog that is lost. "
        "`overtide refresh --full` reads all files, and makes "
        "[damaged ones](operations.md#damaged-files-of-the-lake) anew.",
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
        "The event log is damaged, the file is no event log, or an event is not as it was written: "
        "the message says which. In `realtime_quarantine`: such an event, which SQL does not show. "
        "In the `warnings` of `status`: events that were changed.",
        "[Restore](operations.md#when-the-event-log-is-lost) the newest backup of the log; until "
        "then `--base` reads without real-time changes.",
        (500,),
    ),
    "log_replaced": Explained(
        "storage",
        "The event log lacks events that were accepted, carried into the lake or published from: "
        "it was lost, cut, or comes from an older backup.",
        "Restore the newest backup of the log. Where there is none, `overtide stream --accept-log` "
        "[begins anew](operations.md#when-the-event-log-is-lost) with the log that is there.",
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
    "no_lake": Explained(
        "storage", "There is no lake yet.", "Run `overtide refresh` first.", (404,)
    ),
    "out_of_memory": Explained(
        "storage",
        "There is not enough memory, or a query or a step of a refresh needs more than its limit.",
        "Of a query: allow it more (`sql --memory-limit`), or ask for less at once. Of a refresh: "
        "raise `memory_limit` in the [runner's file](runners.md), with fewer `threads` where the "
        "machine has no more memory. Else close other programs, or use a machine with more memory.",
        (503,),
    ),
    "position_moved": Explained(
        "storage",
        "Another stream has committed the same range of the log.",
        "Start the stream again: it goes on at the committed position.",
        (409,),
    ),
}
