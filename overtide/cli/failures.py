"""What a user reads when files, memory, the lake or our own code fail unexpectedly."""

import errno

from overtide.schemas.errors import FailedError, OvertideError, UnavailableError

HINTS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "Free space on that disk, then run it again."),
    **dict.fromkeys(
        (errno.EACCES, errno.EPERM, errno.EROFS),
        "Check the permissions of the file and of its folder.",
    ),
    **dict.fromkeys(
        (errno.EMFILE, errno.ENFILE), "Allow more open files (`ulimit -n`), then run it again."
    ),
}
"""What to do about an error of the system."""


def explained(error: BaseException) -> OvertideError:
    """Return any error as one that a user can understand; an `OvertideError` is one already."""
    if isinstance(error, OvertideError):
        return error
    if isinstance(error, OSError):
        return unusable(error)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryException":  # DuckDB's
        return UnavailableError(
            "out_of_memory",
            "There is not enough memory for this.",
            None,
            "Close other programs, or use a machine with more memory.",
        )
    if type(error).__module__ in ("duckdb", "_duckdb"):
        from overtide.lake.catalog import unreadable

        return unreadable(error)
    reason = " ".join(str(error).split())[:300]
    return FailedError(
        "internal_error",
        f"Something went wrong inside: {type(error).__name__}{': ' + reason if reason else ''}.",
        None,
        "Run it again with -v before the command to see where.",
    )


def unusable(error: OSError) -> OvertideError:
    """Return the error of a file, a folder or a stream that the system refuses."""
    reason = error.strerror or str(error)
    if error.filename is None:
        return UnavailableError(
            "file_unusable",
            f"Input or output failed: {reason}.",
            None,
            HINTS.get(error.errno or 0),
        )
    name = (
        error.filename.decode(errors="replace")
        if isinstance(error.filename, bytes)
        else str(error.filename)
    )
    return UnavailableError(
        "file_unusable", f"{name} cannot be used: {reason}.", name, HINTS.get(error.errno or 0)
    )
