"""Where messages are sent, signed how, and what is done for a receiver that is slow or none."""

import socket
import threading
import time

import pytest
from standardwebhooks import Webhook as Independent

from overtide.schemas.errors import OvertideError
from overtide.serving.webhooks.destinations import Destinations
from overtide.serving.webhooks.sending import DeliveryError, posted
from overtide.serving.webhooks.signatures import checked_secret, secret_of, signed_headers
from tests.certificates import write_certificate
from tests.receiver import receiving
from tests.test_webhooks import HERE, SECRET, URL


def test_signatures_are_those_of_the_standard():
    headers = signed_headers(SECRET, "m1", int(time.time()), b'{"a":"\xc3\xa9"}')
    assert Independent(SECRET).verify('{"a":"é"}', headers) == {"a": "é"}


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_!!", secret_of(b"x" * 23), SECRET[6:]])
def test_a_secret_that_is_too_short_or_none_is_refused(text):
    with pytest.raises(OvertideError) as refused:
        checked_secret(text)
    assert refused.value.code == "invalid_parameter"


# Destinations

REFUSED = [
    "http://flows.example.com/",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://localhost/",
    "https://10.0.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::ffff:10.0.0.1]/",
    "https://[fd00::1]/",
    "https://[64:ff9b::a00:1]/",
    "https://[2002:a00:1::]/",
    "https://100.64.0.1/",
    "https://224.0.0.1/",
    "https://user:pass@flows.example.com/",
    "https://flows.example.com/#x",
    "https://flows.example.com:0/",
    "https://flows.example.com:99999/",
    "https://flows.example.com/a b",
    "https://flöws.example.com/",
    "https://flows.example.com/\r\nX: y",
    "ftp://flows.example.com/",
    "https:///x",
    "https://[x",
    "x" * 3000,
]


@pytest.mark.parametrize("url", REFUSED)
def test_an_address_that_may_not_be_sent_to_is_refused(url):
    with pytest.raises(OvertideError) as refused:
        Destinations().place(url)
    assert refused.value.code == "webhook_url_refused"


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "10.1.2.3", "fe80::1%eth0", "::ffff:127.0.0.1"]
)
def test_a_name_that_leads_within_is_found_out_when_it_is_resolved(address):
    for destinations in (Destinations(), HERE):
        with pytest.raises(DeliveryError, match="no public address"):
            posted(URL, b"{}", {}, destinations, lambda *_: [address])


def test_what_is_allowed_leads_anywhere_and_by_http():
    allowed = Destinations(frozenset({"10.0.0.7", "flows.internal"}))
    assert allowed.place("http://10.0.0.7:81/x?y").named == "10.0.0.7:81"
    assert allowed.address(allowed.place("http://flows.internal/"), lambda *_: ["10.9.9.9"])
    mixed = Destinations().place("https://flows.example.com:444/")
    assert Destinations().address(mixed, lambda *_: ["10.0.0.1", "8.8.8.8"]) == "8.8.8.8"
    assert Destinations().place("https://[2606:4700::1111]/").named == "[2606:4700::1111]"


# Sending


def test_a_message_is_sent_as_it_is_and_no_redirect_is_followed():
    with receiving([200, 302]) as receiver:
        assert posted(receiver.url, b"{}", {"webhook-id": "m"}, HERE) == 200
        assert posted(receiver.url, b"{}", {}, HERE) == 302
    first, second = receiver.got
    assert (first.path, first.headers["webhook-id"]) == ("/hook?sig=s3cret", "m")
    assert second.path == first.path
    with pytest.raises(DeliveryError, match="cannot be reached: Connection refused"):
        posted(receiver.url, b"{}", {}, HERE)


def test_tls_is_verified(tmp_path, monkeypatch):
    certificate = write_certificate(tmp_path)
    with receiving(certificate=certificate) as receiver:
        with pytest.raises(DeliveryError, match="cannot be reached"):
            posted(receiver.url, b"{}", {}, HERE)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        assert posted(receiver.url, b"{}", {}, HERE) == 200
        other = receiver.url.replace("localhost", "other.example")
        with pytest.raises(DeliveryError, match="cannot be reached"):
            posted(other, b"{}", {}, Destinations(frozenset({"other.example"})), _here)


def _here(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def test_a_receiver_has_a_time_however_it_spends_it():
    with receiving([0]) as receiver, pytest.raises(DeliveryError, match=r"within 0\.2 seconds"):
        posted(receiver.url, b"{}", {}, HERE, seconds=0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_drip, args=(listener,), daemon=True).start()
        began = time.monotonic()
        with pytest.raises(DeliveryError, match=r"within 0\.5 seconds"):
            posted(f"http://localhost:{listener.getsockname()[1]}/", b"{}", {}, HERE, seconds=0.5)
    assert time.monotonic() - began < 5


def _drip(listener: socket.socket) -> None:
    """Answer a byte now and then."""
    connection, _ = listener.accept()
    with connection:
        for _ in range(100):
            try:
                connection.sendall(b"H")
            except OSError:
                return
            time.sleep(0.05)
