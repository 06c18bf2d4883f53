"""A process that appends events until it is killed.

It prints key, position and acceptance of each acknowledged one.
"""

import sys
import time
from itertools import count
from pathlib import Path
from secrets import randbits

from overtide.eventlog.sqlite import SqliteEventLog
from overtide.schemas.events import Draft, id_source
from overtide.schemas.instants import HOUR


def main(path: str, name: str, batch: int, limit: int) -> None:
    """Append at most `limit` batches of `batch` events; acknowledge them on standard output."""
    log = SqliteEventLog(
        Path(path), lambda: time.time_ns() // 1000, id_source(lambda: randbits(62))
    )
    for number in count():
        if number == limit:
            break
        keys = [f"{name}-{number}-{index}" for index in range(batch)]
        drafts = [
            Draft(
                "update",
                "c",
                None,
                None,
                "{}",
                ttl=HOUR,
                caller=name,
                idempotency_key=key,
                request_hash="h",
            )
            for key in keys
        ]
        events = [answer.event for answer in log.append(drafts)]
        lines = (
            f"{key} {event.position} {event.accepted_at} {event.event_id}\n"
            for key, event in zip(keys, events, strict=True)
            if event
        )
        sys.stdout.write("".join(lines))
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
