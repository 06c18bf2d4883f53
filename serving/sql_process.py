"""Statements of clients, each in a process of its own, which can be ended whatever it does."""

import json
import os
import signal
import subprocess
import sys

from overtide.lake.session import spill_folder
from overtide.schemas import errors
from overtide.schemas.errors import FailedError, OvertideError
from overtide.serving.sql_child import REFUSED, Request, no_memory
from overtide.serving.sql_results import too_slow

STARTING_SECONDS = 30.0
"""How long a process may take beside its statement before it is ended from outside."""


def answered(request: Request) -> bytes:
    """Run a statement and return its result: a JSON document, or a file of CSV or Parquet.

    Raises what `overtide sql` raises, and `query_too_slow`, `result_too_large`.
    """
    with spill_folder() as folder:
        # What a process that is ended leaves behind lies in this folder, and goes with it.
        environment = {**os.environ, "TMPDIR": folder} if folder else None
        code, content = _run(request, environment)
    if code == 0:
        return content
    if code == REFUSED:
        raise _error(content)
    if code == -signal.SIGALRM:
        raise too_slow(request.seconds)
    if code < 0:  # libraries that are given no memory abort, or touch what is not there
        raise no_memory()
    raise FailedError("sql_failed", "The process that runs the statement ended early.")


def _run(request: Request, environment: dict[str, str] | None) -> tuple[int, bytes]:
    command = [sys.executable, "-m", "overtide.serving.sql_child"]
    try:
        done = subprocess.run(
            command,
            input=request.written(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            timeout=request.seconds + STARTING_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise too_slow(request.seconds) from None
    return done.returncode, done.stdout


def _error(content: bytes) -> OvertideError:
    """Return the error that the process raised, of the same family."""
    told = json.loads(content)
    family: type[OvertideError] = getattr(errors, told.pop("family"))
    return family(**told)
