"""A job of the service as a process of its own."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

NICENESS = 10
"""How far a job gives way to the service beside it: about a tenth of its share, where both want it.

Without it a refresh under load made one answer in a hundred three times as slow; with more of it,
beside what never pauses, a refresh would not end (docs/decisions/how-jobs-give-way.md).
"""


def job_process(folder: Path, job_id: str) -> subprocess.Popen[bytes]:
    """Begin `overtide jobs run` of a job; it writes down its own end, also where it outlives us."""
    command = [sys.executable, "-m", "overtide", "-C", str(folder), "-q", "--json"]
    process = subprocess.Popen(
        [*command, "jobs", "run", job_id], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    with suppress(OSError):  # it may have ended already
        os.setpriority(os.PRIO_PROCESS, process.pid, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
    return process
