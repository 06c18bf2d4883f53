"""The error that a step leaves for the process that runs the refresh.

Runners keep only the text of an exception.
"""

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from overtide.schemas import errors
from overtide.schemas.errors import OvertideError


def leave_error(scratch: Path, error: OvertideError) -> None:
    """Leave an error where the process that runs the refresh finds it.

    It is found there whatever the runner makes of exceptions.

    The first one stays. Where none can be left (scratch is gone, the disk is full) the runner's
    text has to do.
    """
    with suppress(OSError):
        descriptor, draft = tempfile.mkstemp(prefix="error-", dir=scratch)
        try:
            with os.fdopen(descriptor, "w") as file:
                json.dump(_document_of(error), file)
            if not _left(scratch).exists():
                Path(draft).replace(_left(scratch))
        finally:
            Path(draft).unlink(missing_ok=True)


def left_error(scratch: Path) -> OvertideError | None:
    """Return the error that a step left, or None."""
    return _error_of(json.loads(_left(scratch).read_text())) if _left(scratch).exists() else None


def _left(scratch: Path) -> Path:
    return scratch / "error.json"


def _document_of(error: OvertideError) -> dict[str, Any]:
    return {
        "family": type(error).__name__,
        "code": error.code,
        "message": error.message,
        "target": error.target,
        "hint": error.hint,
        "details": [_document_of(detail) for detail in error.details],
    }


def _error_of(document: dict[str, Any]) -> OvertideError:
    family: type[OvertideError] = getattr(errors, document.pop("family"))
    details = tuple(map(_error_of, document.pop("details")))
    return family(**document, details=details)
