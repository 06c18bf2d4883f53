"""Commands beside a server: processes of their own, started again when they end."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from overtide.cli.signals import ENDS_WITH_STDIN
from overtide.schemas.errors import LOCKED

PAUSES = (1.0, 2.0, 5.0, 10.0)
"""Seconds before a process that ended is started again; the last one from then on."""
ENDING_SECONDS = 8
"""How long it may take to end what it is doing, as the stream its last tick."""
LISTENER, RATES = "OVERTIDE_LISTENER", "OVERTIDE_RATES"
"""Where the environment of a process says what it has from whoever started it.

It is the descriptor of a socket that it takes requests from, and of memory that it counts in.
"""


class ChildProcess:
    """Runs a command of a project until stopped, whatever becomes of it.

    Where another process holds its lock, that one does the work, and this one waits for its end.
    `inherited` are descriptors that it has from us, by names in its environment. A process of
    greater `niceness` leaves the cores to others.
    """

    def __init__(
        self,
        folder: Path,
        words: Sequence[str],
        inherited: Mapping[str, int] | None = None,
        niceness: int = 0,
    ) -> None:
        self._command = [sys.executable, "-m", "overtide", "-C", str(folder), "-q", *words]
        self._inherited, self._niceness = dict(inherited or {}), niceness
        self._over, self._until = threading.Event(), 0.0
        self._running: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name=words[0])

    def start(self) -> None:
        """Start it."""
        self._thread.start()

    def ask(self) -> None:
        """Let it end what it is doing and then itself, without waiting for that."""
        if self._over.is_set():
            return
        self._until = time.monotonic() + ENDING_SECONDS
        self._over.set()
        if self._running is not None:
            self._running.terminate()

    def stop(self) -> None:
        """Let it end what it is doing, and end it."""
        self.ask()
        self._thread.join(max(0.0, self._until - time.monotonic()))
        if self._running is not None and self._running.poll() is None:
            self._running.kill()
            self._running.wait()

    def _told(self) -> dict[str, str]:
        return {name: str(descriptor) for name, descriptor in self._inherited.items()}

    def _yield_cores(self, process: int) -> None:
        """Set the niceness of a process, before it makes threads; it works without that, too."""
        if self._niceness:
            with suppress(OSError):
                own = os.getpriority(os.PRIO_PROCESS, 0)
                os.setpriority(os.PRIO_PROCESS, process, own + self._niceness)

    def _run(self) -> None:
        failures = 0
        while not self._over.is_set():
            self._running = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                env={**os.environ, ENDS_WITH_STDIN: "1", **self._told()},
                pass_fds=tuple(self._inherited.values()),
            )
            self._yield_cores(self._running.pid)
            if self._over.is_set():  # it was stopped while this one started
                self._running.terminate()
            code = self._running.wait()
            failures = 0 if code == LOCKED else failures + 1
            self._over.wait(PAUSES[min(failures, len(PAUSES) - 1)])
