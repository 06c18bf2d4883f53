"""What comes over a connection and is no request that can be answered: too large, late, or no HTTP.

Each is refused as every other request is, and the service goes on.
"""

import json
import re
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from overtide.serving.http.application import HEADERS
from overtide.serving.http.protocol import HEAD_SECONDS, MOST_HEAD
from tests import shop
from tests.served import Served, serving

BEGIN = b"GET /v1/instances HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    """A fresh project."""
    folder = tmp_path_factory.mktemp("protocol")
    (folder / "overtide.yaml").write_text(json.dumps(shop.configuration()))
    with serving(folder, shop.INSTANCE, "--only", "api") as found:
        yield found


def connected(served: Served) -> socket.socket:
    url = httpx.URL(served.url)
    found = socket.create_connection((url.host, url.port))
    found.settimeout(60)
    return found


def answered(connection: socket.socket) -> tuple[int, dict[str, str], dict[str, object]]:
    """Return status, headers and document of an answer, behind which the connection ends."""
    text = b""
    while part := connection.recv(65_536):
        text += part
    head, _, body = text.partition(b"\r\n\r\n")
    line, *lines = head.decode().split("\r\n")
    headers = dict(one.split(": ", 1) for one in lines)
    return int(line.split(" ")[1]), headers, json.loads(body)


def refusal(served: Served, *sent: bytes) -> tuple[int, object]:
    """Send bytes; hold that the answer is whole and has the headers of every answer."""
    with connected(served) as connection:
        for part in sent:
            connection.sendall(part)
        status, headers, document = answered(connection)
    assert {name: headers.get(name) for name in HEADERS} == HEADERS
    assert headers["Content-Type"] == "application/problem+json"
    assert document["instance"] == f"urn:request:{headers['X-Request-ID']}"
    assert document["status"] == status
    return status, document["errorCode"]


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /v1/instances HTTP/9.9\r\n\r\n",
        BEGIN + b"Authorization : Bearer x\r\n\r\n",
        BEGIN + b"Authorization: Bearer\r\n x\r\n\r\n",
        BEGIN + b"Authorization: Bearer a\0b\r\n\r\n",
        BEGIN + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        BEGIN + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        BEGIN + b"Content-Length: -1\r\n\r\n",
    ],
    ids=range(9),
)
def test_what_is_no_http_or_may_be_read_in_two_ways_is_refused(served, sent):
    assert refusal(served, sent) == (400, "invalid_http")


@pytest.mark.parametrize(
    "sent",
    [
        BEGIN + b"X-A: " + b"a" * (MOST_HEAD + 1) + b"\r\n\r\n",
        BEGIN + b"".join(b"X-%d: a\r\n" % number for number in range(10_000)) + b"\r\n",
        b"GET /v1/instances?a=" + b"a" * MOST_HEAD + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=["a header", "many headers", "an address"],
)
def test_a_head_that_is_too_large_is_refused(served, sent):
    assert refusal(served, sent) == (431, "head_too_large")


def test_a_head_without_an_end_is_refused_while_it_still_comes(served):
    endless = BEGIN + b"X-A: " + b"a" * 5_000_000
    assert refusal(served, endless) == (431, "head_too_large")
    assert httpx.get(f"{served.url}/health/live").status_code == 200


def test_a_head_of_the_greatest_size_is_read_also_in_pieces(served):
    with connected(served) as connection:
        connection.sendall(BEGIN + b"Connection: close\r\nX-A: ")
        for _ in range(60):
            connection.sendall(b"a" * 1000)
        connection.sendall(b"\r\n\r\n")
        status, _, document = answered(connection)
    assert (status, document["errorCode"]) == (401, "unauthorized")


def test_several_requests_of_one_connection_are_counted_each(served):
    with httpx.Client() as client:
        for _ in range(5):
            headers = {"X-A": "a" * 50_000}
            assert client.get(f"{served.url}/health/live", headers=headers).status_code == 200


def test_a_head_that_does_not_come_is_not_waited_for(served):
    """Of several connections that say nothing, or little by little: all end in the same time."""
    before = time.monotonic()
    silent, begun, second, slow = (connected(served) for _ in range(4))
    begun.sendall(BEGIN)
    second.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n" + BEGIN)
    for number in range(20):
        slow.sendall(BEGIN[number : number + 1])
        time.sleep(0.1)
    assert silent.recv(1) == b""
    assert answered(begun)[0] == 408
    assert b"".join(iter(lambda: second.recv(65_536), b"")).startswith(b"HTTP/1.1 200")
    assert answered(slow)[2]["errorCode"] == "request_late"
    assert HEAD_SECONDS - 1 < time.monotonic() - before < HEAD_SECONDS + 20
    for connection in (silent, begun, second, slow):
        connection.close()


GOOD = BEGIN + b"Authorization: Bearer %s\r\n\r\n"


@pytest.mark.parametrize(
    "wrong",
    [
        b"hello\r\n\r\n",
        BEGIN + b"Content-Length: -1\r\n\r\n",
        BEGIN + b"X-Long: " + b"x" * MOST_HEAD + b"\r\n\r\n",
        b"POST /v1/instances HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n",
    ],
    ids=range(4),
)
def test_what_is_wrong_behind_requests_takes_no_answer_from_them(served, wrong):
    """Else the refusal would be taken for the answer to the first one."""
    good = GOOD % (served.token or "").encode()
    with connected(served) as connection:
        connection.sendall(good + good + wrong)
        text = b""
        while part := connection.recv(65_536):
            text += part
    assert re.findall(rb"HTTP/1.1 (\d+)", text) == [b"200"] * 2


def test_a_body_that_cannot_be_read_is_refused_where_nothing_was_answered(served):
    head = BEGIN.replace(b"GET", b"POST") + b"Transfer-Encoding: chunked\r\n\r\n"
    assert refusal(served, head + b"5\r\nhello\r\n" + b"no length\r\n") == (400, "invalid_http")
