"""The keys of an identity provider: how often it is asked, what holds while it is down, and how."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from overtide.schemas.errors import OvertideError
from overtide.serving.access import provider_documents
from overtide.serving.access.provider_documents import ProviderError, fetched, published_keys
from overtide.serving.access.provider_keys import FRESH, PAUSE, RETRY, ProviderKeys
from tests.signed_tokens import EC_KEY, ISSUER, OTHER_RSA_KEY, RSA_KEY, Provider, jwk


class Looking:
    """The keys of a provider, with a clock that is set by hand."""

    def __init__(self) -> None:
        self.provider, self.seconds = Provider(), 0.0
        self.keys = ProviderKeys(ISSUER, None, self.provider.fetch, lambda: self.seconds)

    def finds(self, key_id: str | None) -> bool:
        """Say whether a key is found."""
        return bool(self.keys.find(key_id, "RS256"))

    def refusal(self, key_id: str) -> str:
        """Return the code with which a key is not looked for."""
        with pytest.raises(OvertideError) as refused:
            self.keys.find(key_id, "RS256")
        return refused.value.code


@pytest.fixture
def looking() -> Looking:
    return Looking()


def test_the_provider_is_asked_when_a_key_is_needed_and_then_when_it_is_time(looking):
    assert looking.provider.asked == 0
    assert [looking.finds("one") for _ in range(5)] == [True] * 5
    assert looking.provider.asked == 1
    looking.seconds = FRESH - 1
    assert not looking.keys.are_due()
    looking.seconds = FRESH
    assert looking.keys.are_due()
    assert looking.finds("one")
    assert looking.provider.asked == 2


def test_a_new_key_is_found_by_one_look(looking):
    assert looking.finds("one")
    looking.provider.keys.append(jwk(OTHER_RSA_KEY, "two"))
    looking.seconds = PAUSE
    assert looking.finds("two")
    assert looking.provider.asked == 2


def test_names_of_strangers_do_not_make_it_hammer_the_provider(looking):
    """Ten thousand tokens in a minute, each with a key of its own."""
    for number in range(10_000):
        looking.seconds = number * 60 / 10_000
        assert not looking.finds(f"stranger-{number}")
    assert looking.provider.asked <= 60 / PAUSE + 1
    assert looking.finds("one")


def test_while_the_provider_is_down_known_keys_hold(looking):
    assert looking.finds("one")
    looking.provider.down = True
    for hours in range(1, 48):
        looking.seconds = hours * 3600.0
        assert looking.finds("one")
    assert looking.refusal("two") == "issuer_unavailable"
    looking.provider.down = False
    looking.provider.keys.append(jwk(OTHER_RSA_KEY, "two"))
    looking.seconds += PAUSE
    assert looking.finds("two")


def test_without_any_key_nothing_can_be_said_until_it_answers(looking):
    looking.provider.down = True
    assert [looking.refusal("one") for _ in range(3)] == ["issuer_unavailable"] * 3
    looking.provider.down = False
    looking.seconds += RETRY
    assert looking.finds("one")


def test_a_provider_without_keys_has_none(looking):
    looking.provider.keys = []
    assert not looking.finds("one")


def test_many_at_once_wait_for_one_look(looking):
    """A key is new to all of them: each finds it, and the provider is asked once more."""
    assert looking.finds("one")
    looking.provider.keys.append(jwk(OTHER_RSA_KEY, "two"))
    looking.seconds = PAUSE
    answer = looking.provider.fetch

    def slow(address: str) -> bytes:
        time.sleep(0.05)
        return answer(address)

    looking.keys._fetch = slow
    found: list[bool] = []
    threads = [
        threading.Thread(target=lambda: found.append(looking.finds("two"))) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, looking.provider.asked) == ([True] * 16, 2)


def test_nobody_waits_for_keys_that_are_renewed(looking):
    assert looking.finds("one")
    begun, go_on = threading.Event(), threading.Event()
    answer = looking.provider.fetch

    def hanging(address: str) -> bytes:
        begun.set()
        assert go_on.wait(120)
        return answer(address)

    looking.keys._fetch = hanging
    looking.seconds = FRESH
    renewing = threading.Thread(target=lambda: looking.finds("one"))
    renewing.start()
    assert begun.wait(120)
    assert looking.finds("one")  # from another thread, at once
    go_on.set()
    renewing.join()


def test_only_a_key_that_went_makes_what_was_verified_doubtful(looking):
    assert looking.finds("one")
    generation = looking.keys.generation
    looking.provider.keys.append(jwk(EC_KEY, "ec"))
    looking.seconds = FRESH
    assert looking.finds("one")
    assert looking.keys.generation == generation
    looking.provider.keys = looking.provider.keys[1:]
    looking.seconds += FRESH
    assert not looking.finds("one")
    assert looking.keys.generation == generation + 1


# What a provider publishes


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": f"{ISSUER}/", "jwks_uri": f"{ISSUER}/keys"},
        {"jwks_uri": f"{ISSUER}/keys"},
        {"issuer": ISSUER},
        {"issuer": ISSUER, "jwks_uri": "http://login.example.com/keys"},
        {"issuer": ISSUER, "jwks_uri": "file:///etc/keys"},
        {"issuer": ISSUER, "jwks_uri": 5},
    ],
)
def test_a_document_of_someone_else_or_without_a_safe_address_is_not_followed(document):
    provider = Provider(document=document)
    with pytest.raises(ProviderError):
        published_keys(ISSUER, None, provider.fetch)
    assert provider.asked == 0
    assert len(published_keys(ISSUER, f"{ISSUER}/keys", provider.fetch)) == 1


@pytest.mark.parametrize("text", [b"", b"<html>", b"[]", b"{}", b'{"keys": 5}', b"[" * 100_000])
def test_what_is_no_list_of_keys_is_none(text):
    with pytest.raises(ProviderError):
        published_keys(ISSUER, f"{ISSUER}/keys", lambda _: text)


def test_keys_that_cannot_be_read_are_left_out():
    keys = [5, None, {}, {"kty": "RSA"}, {"kty": []}, {**jwk(RSA_KEY, "one"), "kid": 5}]
    text = json.dumps({"keys": [*keys, jwk(RSA_KEY, "one")]}).encode()
    found = published_keys(ISSUER, f"{ISSUER}/keys", lambda _: text)
    assert [one.get("kid") for one in found] == ["one"]


# How it is asked


Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def site() -> Iterator[tuple[str, dict[str, Answer]]]:
    """An address at which answers by path can be put."""
    answers: dict[str, Answer] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers[self.path](self)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", answers
    server.shutdown()
    server.server_close()


def sending(status: int, body: bytes, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, text in headers.items():
            request.send_header(name, text)
        request.end_headers()
        request.wfile.write(body)

    return answer


def trickling(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    try:
        for _ in range(200):
            request.wfile.write(b" ")
            time.sleep(0.05)
    except OSError:  # the client has had enough
        return


def test_what_is_published_is_read(site):
    url, answers = site
    answers["/keys"] = sending(200, b"{}")
    assert fetched(f"{url}/keys") == b"{}"


def test_neither_redirects_nor_failures_nor_endless_answers_are_taken(site, monkeypatch):
    url, answers = site
    monkeypatch.setattr(provider_documents, "SECONDS", 0.5)
    monkeypatch.setattr(provider_documents, "MOST_BYTES", 1000)
    answers["/there"] = sending(200, b"{}")
    answers["/moved"] = sending(302, b"", Location=f"{url}/there")
    answers["/file"] = sending(301, b"", Location="file:///etc/passwd")
    answers["/broken"] = sending(500, b"{}")
    answers["/large"] = sending(200, b" " * 1_000_000)
    answers["/slow"] = trickling
    for path in ("moved", "file", "broken", "large", "slow"):
        before = time.monotonic()
        with pytest.raises(ProviderError):
            fetched(f"{url}/{path}")
        assert time.monotonic() - before < 5
    with pytest.raises(ProviderError):
        fetched("http://127.0.0.1:1/keys")
