"""What becomes of a call that was answered: counted, logged, audited; and the thread for files."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import Any, Self, TextIO

from overtide.lake.coordination import Lock, coordination
from overtide.lake.generation import Generation
from overtide.lake.views import documented_tables
from overtide.schemas.errors import OvertideError, UnavailableError
from overtide.schemas.instants import Clock
from overtide.schemas.paths import Paths
from overtide.serving.telemetry.audit import Audit, Change
from overtide.serving.telemetry.observed import Observed
from overtide.serving.telemetry.request_log import JsonFormatter, RequestLog
from overtide.serving.telemetry.totals import Totals
from overtide.serving.telemetry.usage import Usage
from overtide.serving.telemetry.usage_file import UsageFile

LOG = logging.getLogger("overtide.telemetry")
FLUSH_SECONDS = 5.0
"""How often counts are carried into their file: so much of them a kill -9 may lose."""
EVENT_ID = "Overtide-Event-Id"
"""The header in which an answer names the event that it made."""


class Telemetry:
    """All that a process of the service tells of itself.

    Within a `with` block a thread carries it into files, the last of it at the end.
    """

    def __init__(
        self,
        paths: Paths,
        clock: Clock,
        generation: Callable[[], Generation | None],
        status: Callable[[], Mapping[str, Any]],
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.timer, self.status, self.clock, self._paths = timer, status, clock, paths
        self.totals = Totals()
        self.usage = Usage(UsageFile(paths.usage), clock, lambda: entity_names(generation))
        self.audit = Audit(paths.audit, clock)
        self.log: RequestLog | None = None
        self._complained: set[Usage | Audit] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._flush_often, name="telemetry", daemon=True)

    def log_requests(self, stream: TextIO) -> None:
        """Write a line of JSON for each call from now on, and one for whatever else is logged."""
        self.log = RequestLog(stream, self.clock)
        handler = logging.StreamHandler(stream)
        handler.setFormatter(JsonFormatter(self.clock))
        logging.getLogger().handlers = [handler]  # nothing but JSON goes there

    def record(self, call: Observed) -> None:
        """Count and log a call that was answered."""
        self.totals.add(call)
        if not call.of_person:
            self.usage.add(call)
        if self.log is not None:
            self.log.add(call)

    async def note_change(
        self,
        call: Observed,
        path: Mapping[str, str],
        headers: Mapping[str, str],
        changed: tuple[object, object],
    ) -> None:
        """Audit a change before it is answered; it is done whatever becomes of the audit."""
        if call.principal is None:
            return
        event = headers.get(EVENT_ID)
        if event is not None:
            self.audit.sent(event, call.principal, call.request_id)
            return
        target = "/".join(text for name, text in path.items() if name != "instanceId")
        change = Change(
            call.operation,
            target or None,
            *changed,
            principal=call.principal,
            caller=call.caller,
            request_id=call.request_id,
        )
        try:
            await asyncio.to_thread(self.audit.record, change)
        except UnavailableError as error:
            LOG.error("request %s is not in the audit: %s", call.request_id, error)

    def stream_state(self) -> str:
        """Say whether a stream carries events into SQL; microseconds."""
        held = coordination(self._paths).holder(Lock.STREAM)
        return "stopped" if held is None else "running"

    def flush(self) -> None:
        """Carry into the files what is counted."""
        for part in (self.usage, self.audit):
            try:
                part.flush()
                self._complained.discard(part)
            except UnavailableError as error:
                if part not in self._complained:
                    LOG.error("%s", error)
                self._complained.add(part)

    def _flush_often(self) -> None:
        while not self._stop.wait(FLUSH_SECONDS):
            self.flush()

    def __enter__(self) -> Self:
        if self.log is not None:
            self.log.start()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self.flush()
        if self.log is not None:
            self.log.close()


def entity_names(generation: Callable[[], Generation | None]) -> Collection[str]:
    """Return the names under which calls are counted: of entities, and of what the lake shows."""
    try:
        found = generation()
    except OvertideError:
        found = None
    entities = () if found is None else found.metadata.entities
    return {
        "Customer",
        "UnifiedActivity",
        *(table.name for table in documented_tables(())),
        *(f"{kind}{name}" for name in entities for kind in ("", "Deduplication_")),
        *(f"{name}_corrupt" for name in entities),
    }
