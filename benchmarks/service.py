"""The HTTP service under load: reads, changes and batches, with the load on the same machine.

The load comes from wrk where it is installed; rows that need it are left out where it is not.
"""

import http.client
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import yaml

from benchmarks.live import customer_ids
from benchmarks.measure import Row
from benchmarks.project import CONTACT
from overtide.lake.catalog import connect
from overtide.schemas.paths import Paths

SECONDS, IDS, BATCH_ROWS, PAIRS, CLIENTS, WORKERS = 10, 20_000, 100_000, 20_000, 4, 2
LATENCY = re.compile(r"99%\s+([0-9.]+)(us|ms|s|m)")
RATE = re.compile(r"Requests/sec:\s+([0-9.]+)")
REFUSED = re.compile(r"Non-2xx or 3xx responses: ([0-9]+)")
PURCHASES = "eCommerce_OnlinePurchases"
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
"""Milliseconds."""
SCRIPT = """local ids, body, next = {}, %s, 0
for line in io.lines(%s) do ids[#ids + 1] = line end
function setup(thread) thread:set("offset", math.random(#ids)) end
function init(args) next = offset or 0 end
function request()
  next = next %% #ids + 1
  return wrk.format(%s, string.format(%s, ids[next]), wrk.headers, body)
end
"""


@dataclass(frozen=True)
class Served:
    """A service that listens, and its owner's token."""

    url: str
    token: str
    ready: float
    process: psutil.Process

    @property
    def headers(self) -> dict[str, str]:
        """What every request says."""
        return {"Authorization": f"Bearer {self.token}"}

    def connection(self) -> http.client.HTTPConnection:
        """Return a connection of one's own."""
        return http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)


@contextmanager
def serving(project: Path) -> Iterator[Served]:
    """Serve a project with its stream for the block; ready is when it can answer."""
    words = [sys.executable, "-m", "overtide", "-C", str(project), "--json"]
    made = subprocess.run(
        [*words, "token", "create", "--role", "owner", "--name", "bench"],
        stdout=subprocess.PIPE,
        check=True,
    )
    token = json.loads(made.stdout)["token"]
    instance = yaml.safe_load((project / "overtide.yaml").read_text())["instance"]["id"]
    began = time.perf_counter()
    with subprocess.Popen(
        [*words, "serve", "--port", "0", "--workers", str(WORKERS)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            url = json.loads(line)["url"]
            _wait_until_ready(url)
            ready = time.perf_counter() - began
            _wait_until_streaming(url)
            base = f"{url}/v1/instances/{instance}"
            yield Served(base, token, ready, psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait(30)


def _wait_until_ready(url: str) -> None:
    while True:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        connection.request("GET", "/health/ready")
        if connection.getresponse().status == 200:
            return
        time.sleep(0.02)


def _wait_until_streaming(url: str) -> None:
    """Wait for the stream beside, whose start takes a core for some seconds."""
    for _ in range(100):
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        connection.request("GET", "/health/ready")
        if json.loads(connection.getresponse().read()).get("stream") != "stopped":
            return
        time.sleep(0.2)


def processor_seconds(served: Served) -> float:
    """Return the processor time of the processes that answer requests, without the stream."""
    seconds = 0.0
    for one in (served.process, *served.process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            if "stream" not in one.cmdline():
                times = one.cpu_times()
                seconds += times.user + times.system
    return seconds


@dataclass(frozen=True)
class Load:
    """Requests of one kind: a path in which an id stands, and a body where there is one."""

    path: str
    method: str = "GET"
    body: str | None = None
    connections: int = 10


@dataclass(frozen=True)
class Loaded:
    """What a load found: requests a second, the 99th percentile of their milliseconds.

    `processor` is the processor time of a request, in microseconds: it says how much work there is
    also where something else keeps the machine busy.
    """

    rate: float
    p99: float
    processor: float


def wrk(served: Served, load: Load, ids: Path, folder: Path) -> Loaded:
    """Put a load on the service."""
    base = urlsplit(served.url).path
    script = folder / "load.lua"
    script.write_text(
        SCRIPT
        % (
            "nil" if load.body is None else json.dumps(load.body),
            json.dumps(str(ids)),
            json.dumps(load.method),
            json.dumps(base + load.path),
        )
    )
    words = ["wrk", "--latency", "-t1", f"-c{load.connections}", f"-d{SECONDS}s", "-s", str(script)]
    for name, value in (served.headers | {"Content-Type": "application/json"}).items():
        words += ["-H", f"{name}: {value}"]
    before = processor_seconds(served)
    done = subprocess.run([*words, served.url], capture_output=True, text=True, check=True)
    used = processor_seconds(served) - before
    refused = REFUSED.search(done.stdout)
    if refused:
        raise RuntimeError(f"{refused[1]} requests of {load} were refused")
    rate, latency = RATE.search(done.stdout), LATENCY.search(done.stdout)
    if rate is None or latency is None:
        raise RuntimeError(done.stdout)
    p99 = float(latency[1]) * UNITS[latency[2]]
    return Loaded(float(rate[1]), p99, used / (float(rate[1]) * SECONDS) * 1e6)


def records(project: Path, number: int) -> list[dict[str, object]]:
    """Return so many purchases of customers that are there."""
    with connect(Paths.of(project)) as connection:
        keys = connection.execute(
            f"""SELECT PrimaryKey FROM lake.AlternateKey WHERE EntityName = '{CONTACT}'
            ORDER BY md5(PrimaryKey) LIMIT 10000"""
        ).fetchall()
    stamp = time.time_ns()
    return [
        {
            "PurchaseId": f"bench-{stamp}-{one}",
            "ContactId": keys[one % len(keys)][0],
            "PurchasedOn": "11/28/2026",
            "TotalPrice": 9.5,
            "ProductId": "ProdID_1007",
        }
        for one in range(number)
    ]


def batch_rate(served: Served, entity: str, records: Sequence[Mapping[str, object]]) -> float:
    """Return how many activities of a batch were accepted per second."""
    body = b"".join(json.dumps(one).encode() + b"\n" for one in records)
    connection = served.connection()
    began = time.perf_counter()
    connection.request(
        "POST",
        urlsplit(served.url).path + f"/data/{entity}/batch",
        body,
        served.headers | {"Content-Type": "application/x-ndjson"},
    )
    answers = connection.getresponse().read().splitlines()
    seconds = time.perf_counter() - began
    accepted = sum(b'"status":201' in answer for answer in answers)
    if accepted != len(records):
        raise RuntimeError(f"{accepted} of {len(records)} accepted: {answers[0].decode()}")
    return len(records) / seconds


def stale_pairs(served: Served, ids: Sequence[str], pairs: int) -> int:
    """Write and read at once on different connections; return how many reads were stale."""
    stale, numbers = [0] * CLIENTS, count()

    def one(client: int) -> None:
        writing, reading = served.connection(), served.connection()
        base = urlsplit(served.url).path
        for number in range(pairs // CLIENTS):
            customer, value = ids[client * 1000 + number % 1000], f"City {next(numbers)}"
            body = json.dumps({"City": value})
            headers = served.headers | {"Content-Type": "application/json"}
            writing.request("PATCH", f"{base}/data/Customer/{customer}", body, headers)
            writing.getresponse().read()
            reading.request("GET", f"{base}/data/Customer('{customer}')", headers=served.headers)
            stale[client] += json.loads(reading.getresponse().read())["City"] != value

    clients = [threading.Thread(target=one, args=(client,)) for client in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return sum(stale)


def measure(project: Path) -> list[Row]:
    """Measure a service over a project with live overrides."""
    ids = customer_ids(project, IDS)
    with tempfile.TemporaryDirectory() as temporary, serving(project) as served:
        file = Path(temporary) / "ids"
        file.write_text("\n".join(ids) + "\n")
        purchases = records(project, BATCH_ROWS)
        keys = Path(temporary) / "keys"
        keys.write_text("".join(f"{one['ContactId']}\n" for one in purchases[:IDS]))
        rows = [Row("service: ready after start", served.ready, "s", at_most=3)]
        if shutil.which("wrk"):
            rows += _under_load(served, file, keys, Path(temporary))
        before = processor_seconds(served)
        accepted = batch_rate(served, PURCHASES, purchases)
        used = (processor_seconds(served) - before) / BATCH_ROWS * 1000
        rows += [
            Row("service: activities in a batch", accepted, "/s", at_least=20_000),
            Row("service: an activity of a batch, processor time", used, "ms"),
            Row(
                "service: stale reads after writes", stale_pairs(served, ids, PAIRS), "", at_most=0
            ),
            Row(
                "service: peak memory",
                served.process.memory_info().rss / 2**20,
                "MiB",
            ),
        ]
    return rows


def _under_load(served: Served, ids: Path, keys: Path, folder: Path) -> list[Row]:
    customer = "/data/Customer('%s')"
    reads = wrk(served, Load(customer), ids, folder)
    change = json.dumps({"City": "Aurora"})
    writes = wrk(served, Load("/data/Customer/%s", "PATCH", change, 50), ids, folder)
    path = f"/data/Customer?$filter={CONTACT}_ContactId%%20eq%%20'%s'"
    filtered = wrk(served, Load(path), keys, folder)
    timeline = wrk(served, Load(f"{customer}/UnifiedActivity?$top=50"), ids, folder)
    return [
        Row("service: GET of a customer, 10 connections", reads.rate, "/s", at_least=4000),
        Row("service: GET of a customer, p99", reads.p99, "ms", at_most=5),
        Row("service: GET of a customer, processor time", reads.processor / 1000, "ms"),
        Row("service: PATCH of a customer, 50 connections", writes.rate, "/s", at_least=2500),
        Row("service: PATCH of a customer, p99", writes.p99, "ms", at_most=25),
        Row("service: PATCH of a customer, processor time", writes.processor / 1000, "ms"),
        Row("service: filter on an alternate key, p99", filtered.p99, "ms", at_most=10),
        Row("service: filter on an alternate key, processor time", filtered.processor / 1000, "ms"),
        Row("service: newest 50 activities, p99", timeline.p99, "ms", at_most=25),
    ]
