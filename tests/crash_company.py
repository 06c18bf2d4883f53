"""What the company of a crash story holds and what its clients send, made from a seed.

Every contact and account is there at every attempt to refresh, with another e-mail each time, so
identities merge and split and yet every id and key that a client may name is known: no request is
ever refused.
"""

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from overtide.schemas.instants import format_instant
from tests import shop
from tests.crash_processes import Batch
from tests.oracle import HOUR, UNIFIED_ACTIVITY, Request
from tests.oracle_base import Sources, Target
from tests.shop import ACCOUNTS, CONTACTS, ORDERS, VISITORS

KEYS = ("1", "2", "3", "4")
LATECOMER = "9"
"""An account that only some attempts have: its orders are held until it is there."""
MAILS = ("a@x", "b@x", "c@x", "d@x", None)
THREADS, BATCHES = 2, 150
BEGAN = 1_700_000_000_000_000
"""An instant in the past, at which late events begin."""


def sources_of(seed: int | str, attempt: int) -> Sources:
    """Return what the files hold at an attempt to refresh.

    The lonely contact 0 says which one it is.
    """
    chance = Random(f"{seed}/{attempt}")
    records = [(CONTACTS, "0", {"Points": attempt})]
    records += [
        (
            CONTACTS,
            key,
            {
                "EMail": chance.choice(MAILS),
                "FullName": f"Ann {chance.randint(1, 3)}",
                "Points": chance.randint(0, 9),
                "Since": "2024-02-29",
            },
        )
        for key in KEYS
    ]
    records += [
        (
            ACCOUNTS,
            key,
            {
                "EMail": chance.choice(MAILS),
                "FullName": chance.choice(("Ann", "Bob", None)),
                "Spent": "1.50",
                "Member": chance.random() < 0.5,
            },
        )
        for key in (*KEYS, *([LATECOMER] if chance.random() < 0.5 else []))
    ]
    records += [
        (VISITORS, key, {"EMail": chance.choice(MAILS), "Score": chance.random()})
        for key in KEYS[:2]
    ]
    records += [
        (
            ORDERS,
            key,
            {
                "AccountId": chance.choice(KEYS),
                "Item": chance.choice(("Pen", "Ink")),
                "PlacedAt": format_instant(BEGAN),
            },
        )
        for key in KEYS
    ]
    return shop.sources(*records)


def sent(seed: int, writer: int, ids: Iterable[str]) -> list[list[Batch]]:
    """Return what each thread of a writer sends, in order.

    `ids` are CustomerIds that are known from the start.
    """
    chance = Random(f"{seed}/writer{writer}")
    targets: list[Target] = [
        *((entity, key) for entity in (CONTACTS, ACCOUNTS) for key in KEYS),
        *ids,
    ]
    return [
        [_batch(chance, f"{writer}.{thread}.{number}", targets) for number in range(BATCHES)]
        for thread in range(THREADS)
    ]


def _batch(chance: Random, name: str, targets: list[Target]) -> Batch:
    kind = chance.choice(("update", "update", "update", "withdrawal", "order", "orders", "call"))
    if kind == "orders":
        return [_order(chance, f"{name}.{place}") for place in range(chance.randint(2, 4))]
    request = (
        {"update": _update, "withdrawal": _withdrawal}.get(kind, _call)(chance, targets)
        if kind != "order"
        else _order(chance, name)
    )
    late = BEGAN + chance.randint(0, HOUR) if chance.random() < 0.2 and kind != "order" else None
    return [
        replace(request, event_time=late, caller=chance.choice((None, "crm")), idempotency_key=name)
    ]


def _update(chance: Random, targets: list[Target]) -> Request:
    values = {
        "FullName": chance.choice(("Cleo", "", None, 'a "b" \\ ñ')),
        "Points": chance.choice((0, 2**53, None)),
        "Spent": chance.choice(("0.00", "9999999.99")),
        "Member": chance.random() < 0.5,
        "Score": 0.1,
        "Since": "0001-01-01",
    }
    names = chance.sample(sorted(values), chance.randint(1, 3))
    return Request("update", chance.choice(targets), fields={name: values[name] for name in names})


def _withdrawal(chance: Random, targets: list[Target]) -> Request:
    return Request(
        "withdrawal", chance.choice(targets), only=chance.choice((None, "FullName", "Points"))
    )


def _order(chance: Random, key: str) -> Request:
    record = {
        "OrderId": key,
        "AccountId": chance.choice((*KEYS, LATECOMER)),
        "Item": "Pen",
        "PlacedAt": format_instant(BEGAN + chance.randint(0, 5)),
    }
    return Request("activity", entity=ORDERS, record=record)


def _call(chance: Random, targets: list[Target]) -> Request:
    customer = chance.choice([one for one in targets if isinstance(one, str)] or [""])
    if not customer:
        return _update(chance, targets)
    record = {
        "CustomerId": customer,
        "ActivityType": "Call",
        "Title": "Hello",
        "ActivityTime": format_instant(BEGAN),
    }
    return Request("activity", entity=UNIFIED_ACTIVITY, record=record)
