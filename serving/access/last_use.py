"""When each token was last used, to the minute: noted in passing, written in the background."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from overtide.schemas.errors import UnavailableError
from overtide.schemas.instants import MINUTE, Clock, Instant
from overtide.serving.access.database import AccessDatabase

LOG = logging.getLogger("overtide.access")
SECONDS = 60.0
"""How long what was noted may wait to be written."""


class LastUse:
    """Takes a note of each request, and writes at most once a minute for each token."""

    def __init__(self, database: AccessDatabase, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._noted: dict[str, Instant] = {}
        self._written: dict[str, Instant] = {}

    def note(self, token_id: str) -> None:
        """Remember that a token is used now."""
        self._noted[token_id] = self._clock() // MINUTE * MINUTE

    def write(self) -> None:
        """Write what is new since the last time."""
        new = {
            token_id: instant
            for token_id, instant in list(self._noted.items())
            if self._written.get(token_id) != instant
        }
        if not new:
            return
        with self._database.writing() as connection:
            connection.executemany(
                "UPDATE token SET last_used_at = ?1 WHERE id = ?2 "
                "AND ?1 > coalesce(last_used_at, 0)",
                [(instant, token_id) for token_id, instant in new.items()],
            )
        self._written |= new

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write every minute while the block runs, and at its end."""
        ended = threading.Event()
        thread = threading.Thread(target=self._write_until, args=(ended,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _write_until(self, ended: threading.Event) -> None:
        while not ended.wait(SECONDS):
            self._attempt()
        self._attempt()

    def _attempt(self) -> None:
        """Write; what a disk refuses is worth no more than a line of the log."""
        try:
            self.write()
        except (UnavailableError, OSError) as error:
            LOG.warning("when tokens were last used could not be written: %s", error)
