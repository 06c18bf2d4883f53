"""An event log whose clock and ids tests set, and drafts for it."""

from itertools import count

import pytest

from overtide.eventlog.sqlite import SqliteEventLog
from overtide.schemas.events import Draft, Outcome, event_id
from overtide.schemas.instants import HOUR

NOW = 1_795_514_400_000_000


def update(customer_id="c", **changes):
    return Draft(
        **{
            "kind": "update",
            "customer_id": customer_id,
            "entity": None,
            "key": None,
            "body": "{}",
            "ttl": HOUR,
            "outcome": Outcome.CHANGED,
            **changes,
        }
    )


def activity(activity_id="a1", body_hash="h", **changes):
    return update(
        None,
        **{
            "kind": "activity",
            "entity": "Shop_Contacts",
            "key": "1",
            "activity_id": activity_id,
            "body_hash": body_hash,
            "outcome": Outcome.CREATED,
            **changes,
        },
    )


@pytest.fixture
def clock():
    return [NOW]


@pytest.fixture
def log(tmp_path, clock):
    random_bits = count()
    log = SqliteEventLog(
        tmp_path / "log" / "events.sqlite",
        lambda: clock[0],
        lambda accepted_at: event_id(accepted_at, next(random_bits)),
    )
    yield log
    log.close()


def again(log, clock):
    return SqliteEventLog(log.path, lambda: clock[0], lambda accepted_at: event_id(accepted_at, 0))
