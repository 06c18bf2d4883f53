"""A job of the service as a process of its own."""

import subprocess
import sys
from pathlib import Path


def job_process(folder: Path, job_id: str) -> subprocess.Popen[bytes]:
    """Begin `overtide jobs run` of a job; it writes down its own end, also where it outlives us."""
    command = [sys.executable, "-m", "overtide", "-C", str(folder), "-q", "--json"]
    return subprocess.Popen(
        [*command, "jobs", "run", job_id], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
