"""Where webhooks may lead: https to public addresses, to this machine from itself, as configured.

A name is resolved when something is sent, and what is connected to is the address that was checked.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from overtide.schemas.addresses import LOCAL
from overtide.schemas.errors import InvalidRequestError

LONGEST = 2048
"""Characters of an address."""
NAT64 = ipaddress.ip_network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Iterable[str]]


class RefusedAddressError(Exception):
    """A name leads to no address that may be sent to."""


def resolved(host: str, port: int) -> list[str]:
    """Return the addresses of a name, in the order in which to try them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is sent: what a URL says of it."""

    secure: bool
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, parts: SplitResult) -> "Place":
        """Read a URL that was checked."""
        secure = parts.scheme == "https"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(secure, parts.hostname or "", parts.port or (443 if secure else 80), path)

    @property
    def named(self) -> str:
        """The host as the header of that name has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Destinations:
    """What is allowed: `hosts` whatever they are, and this machine where only it is `local`."""

    hosts: frozenset[str] = frozenset()
    local: bool = False

    def place(self, url: str) -> Place:
        """Return where a URL leads; raise `webhook_url_refused`."""
        parts = _parts(url)
        if parts is None:
            raise _refused("It is no address of a receiver.")
        place = Place.of(parts)
        if place.host in self.hosts:
            return place
        if place.host in LOCAL and not self.local:
            raise _refused(f"{place.host} is the service's own machine, and it has other callers.")
        if not place.secure and place.host not in LOCAL:
            raise _refused("Without TLS anybody on the way could read it.")
        if _is_address(place.host) and not self._allows(place.host, place.host):
            raise _refused(f"{place.host} is no public address.")
        return place

    def address(self, place: Place, resolve: Resolve = resolved) -> str:
        """Return the address to connect to; raise `RefusedAddressError` or OSError."""
        for address in resolve(place.host, place.port):
            if self._allows(place.host, address):
                return address
        raise RefusedAddressError("its name leads to no public address")

    def _allows(self, host: str, text: str) -> bool:
        if host in self.hosts:
            return True
        address = ipaddress.ip_address(text.partition("%")[0])
        if host in LOCAL:
            return self.local and address.is_loopback
        return _is_public(address)


def _parts(url: str) -> SplitResult | None:
    """Return what a URL says, None where it is none that something can be sent to."""
    if len(url) > LONGEST or not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    plain = parts.username is None and not parts.fragment and port != 0
    whole = parts.scheme in ("http", "https") and parts.hostname
    return parts if plain and whole else None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_public(address: Address) -> bool:
    """Say whether an address is one of the internet, also where one is written within another."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in NAT64:
            return _is_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
        within = address.ipv4_mapped or address.sixtofour
        if within is not None:
            return _is_public(within)
        if address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _refused(why: str) -> InvalidRequestError:
    return InvalidRequestError(
        "webhook_url_refused",
        why,
        "url",
        "Give a public https address, or add its host to `service.webhooks.allowed_hosts`.",
    )
