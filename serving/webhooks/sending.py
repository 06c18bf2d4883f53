"""Send one message to one receiver, within a time, to an address that was checked."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from overtide.schemas.errors import InvalidRequestError
from overtide.serving.webhooks.destinations import (
    Destinations,
    Place,
    RefusedAddressError,
    Resolve,
    resolved,
)

SECONDS = 10.0
"""How long a receiver may take, from its name to the head of its answer."""


class DeliveryError(Exception):
    """Something was not delivered; the text says why, without what was sent."""


def posted(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    destinations: Destinations,
    resolve: Resolve = resolved,
    seconds: float = SECONDS,
) -> int:
    """Send a message and return the status of the answer; raise `DeliveryError`.

    Nothing is followed, and of the answer no more than its head is read.
    """
    end = time.monotonic() + seconds
    try:
        place = destinations.place(url)
        address = destinations.address(place, resolve)
        with _connected(place, address, end) as connection:
            connection.request("POST", place.path, body, {"Host": place.named, **headers})
            return connection.getresponse().status
    except (InvalidRequestError, RefusedAddressError) as error:
        raise DeliveryError(f"it may not be sent there: {error}") from None
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        if time.monotonic() >= end:
            raise DeliveryError(f"there was no answer within {seconds:g} seconds") from None
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise DeliveryError(f"it cannot be reached: {reason}") from None


@contextmanager
def _connected(place: Place, address: str, end: float) -> Iterator[http.client.HTTPConnection]:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    with socket.create_connection((address, place.port), timeout=left) as plain:
        connection = http.client.HTTPConnection(place.host, place.port)
        with plain.dup() as same:
            # A receiver that sends a byte now and then gets the socket's own time for each.
            cutting = threading.Timer(end - time.monotonic(), _cut, (same,))
            cutting.start()
            try:
                connection.sock = _encrypted(plain, place.host) if place.secure else plain
                yield connection
            finally:
                cutting.cancel()
                connection.close()


def _cut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _encrypted(plain: socket.socket, host: str) -> ssl.SSLSocket:
    return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
