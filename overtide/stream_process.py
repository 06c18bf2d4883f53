"""The stream beside a server: a process of its own, started again when it ends."""

import subprocess
import sys
import threading
from pathlib import Path

from overtide.schemas.errors import LOCKED

PAUSES = (1.0, 2.0, 5.0, 10.0)
"""Seconds before a stream that ended is started again; the last one from then on."""
ENDING_SECONDS = 8
"""How long the stream may take to commit its last tick."""


class StreamProcess:
    """Runs `overtide stream` of a project until stopped, whatever becomes of it.

    Where another process streams already, that one does the work, and this one waits for its end.
    """

    def __init__(self, folder: Path) -> None:
        self._command = [sys.executable, "-m", "overtide", "-C", str(folder), "-q", "stream"]
        self._over = threading.Event()
        self._running: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="stream")

    def start(self) -> None:
        """Start it."""
        self._thread.start()

    def stop(self) -> None:
        """Let it commit what it has, and end it."""
        self._over.set()
        if self._running is not None:
            self._running.terminate()
        self._thread.join(ENDING_SECONDS)
        if self._running is not None and self._running.poll() is None:
            self._running.kill()

    def _run(self) -> None:
        failures = 0
        while not self._over.is_set():
            self._running = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
            if self._over.is_set():  # it was stopped while this one started
                self._running.terminate()
            code = self._running.wait()
            failures = 0 if code == LOCKED else failures + 1
            self._over.wait(PAUSES[min(failures, len(PAUSES) - 1)])
