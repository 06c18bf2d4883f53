"""Who reads nothing of what is streamed is cut off; everybody else is answered meanwhile."""

import json
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from overtide.project import Project
from tests import shop
from tests.deaf_clients import deaf, is_cut
from tests.served import Served, publish_shop, serving

ORDER = {"AccountId": "1", "PlacedAt": "2024-03-01T10:00:00Z", "Item": "Cup"}
LONG = 600_000
"""Letters of a value: more than the system and the server keep for one connection."""
ROWS = 4000
MIB = 2**20


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    """A service of one customer, which waits a second for who reads nothing."""
    folder: Path = tmp_path_factory.mktemp("slow")
    records = [
        (shop.CONTACTS, "1", {"EMail": "ann@x", "FullName": "Ann", "Points": 7}),
        (shop.ACCOUNTS, "1", {"EMail": "ann@x", "Spent": "12.50", "Member": True}),
        (shop.ORDERS, "1", {**ORDER, "OrderId": "1"}),
    ]
    publish_shop(folder, *records, service={"slow_readers": "1s"})
    with serving(folder, shop.INSTANCE, "--only", "api") as found:
        yield found


def memory(served: Served) -> float:
    """Return the MiB that the service has in memory."""
    return psutil.Process(served.process.pid).memory_info().rss / MIB


def customer(served: Served) -> str:
    """Return the customer's id."""
    with Project(served.folder) as project:
        return str(project.sql("SELECT CustomerId FROM Customer")["CustomerId"][0])


def test_who_watches_a_customer_and_reads_nothing_is_cut_off(served):
    ann, before = customer(served), memory(served)
    with (
        deaf(served, "GET", f"/data/Customer('{ann}')/live") as watching,
        served.client() as client,
    ):
        for letter in "abc":
            changed = client.patch(f"/data/Customer/{ann}", json={"FullName": letter * LONG})
            assert changed.status_code == 204
        assert is_cut(watching)
        shown = client.get(f"/data/Customer('{ann}')").json()
        assert shown["FullName"] == "c" * LONG
    assert memory(served) - before < 100


def test_who_sends_a_batch_and_reads_nothing_is_cut_off_and_all_is_accepted(served):
    rows = [json.dumps({**ORDER, "OrderId": f"slow{number}"}) for number in range(ROWS)]
    body = "\n".join(rows).encode()
    headers = f"Content-Type: application/x-ndjson\r\nContent-Length: {len(body)}\r\n"
    with deaf(served, "POST", f"/data/{shop.ORDERS}/batch", headers) as sending:
        sending.sendall(body)
        assert is_cut(sending)
    with Project(served.folder) as project:
        accepted = [event.body for event in project.log.read(0, 10_000)]
    assert sum('"SourceActivityId":"slow' in body for body in accepted) == ROWS
    with served.client() as client:
        assert client.get(f"/data/Customer('{customer(served)}')").status_code == 200
