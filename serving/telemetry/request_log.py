"""A line of JSON per request, for whoever collects logs; nothing in it is about a person."""

import json
import logging
import queue
import threading
from typing import TextIO

from overtide.schemas.instants import Clock, format_instant
from overtide.serving.telemetry.observed import Observed

WAITING = 10_000
"""Lines that wait for a slow reader; what comes beyond them is counted and left out."""


class RequestLog:
    """Writes lines in a thread of its own, so that no request waits for who reads them."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream, self._clock = stream, clock
        self._lines: queue.Queue[str | None] = queue.Queue(WAITING)
        self._left_out = 0
        self._thread = threading.Thread(target=self._write_all, name="request log", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def add(self, call: Observed) -> None:
        """Log a call."""
        document = {
            "time": format_instant(self._clock()),
            "requestId": call.request_id,
            "operation": call.operation,
            "method": call.method,
            "status": call.status,
            "errorCode": call.error_code or None,
            "milliseconds": round(call.seconds * 1000, 3),
            "requestBytes": call.request_bytes,
            "responseBytes": call.response_bytes,
            "principalId": None if call.principal is None else call.principal.id,
        }
        if self._left_out:
            document["leftOut"] = self._left_out
        try:
            self._lines.put_nowait(json.dumps(document))
            self._left_out = 0
        except queue.Full:
            self._left_out += 1

    def close(self, seconds: float = 2.0) -> None:
        """Write what waits, unless nobody reads it."""
        if self._thread.is_alive():
            try:
                self._lines.put(None, timeout=seconds)
            except queue.Full:
                return
            self._thread.join(seconds)

    def _write_all(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                print(line, file=self._stream, flush=True)
            except OSError:
                return


class JsonFormatter(logging.Formatter):
    """Writes what the server itself logs, such as failures, as lines of JSON too."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        document = {
            "time": format_instant(self._clock()),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            document["trace"] = self.formatException(record.exc_info)
        return json.dumps(document)
