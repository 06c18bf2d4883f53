"""What a browser may do with the service: under which names, and from which pages.

A page of another site is answered nothing unless its origin is configured (CORS), and no page
reaches this machine's service by a name of its own that leads here (DNS rebinding).
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Send

from overtide.schemas.errors import ForbiddenError
from overtide.serving.access.subscription_keys import HEADER
from overtide.serving.operations.contract import Reply

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::[0-9]*)?")
LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
SENT = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    HEADER,
    "OData-MaxVersion",
    "OData-Version",
    "Prefer",
    "X-Request-ID",
)
"""The headers that a page may send."""
SHOWN = (
    "ETag",
    "Location",
    "OData-Version",
    "Overtide-Accepted-At",
    "Overtide-As-Of",
    "Overtide-Event-Id",
    "Overtide-Known-At",
    "Overtide-Repeated",
    "Overtide-Run",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-ID",
)
"""The headers that a page may read, besides those that it always may."""
PREFLIGHT_SECONDS = "600"
PROBES = ("/health/live", "/health/ready")
"""Asked by address, whatever the service is called; they tell nothing."""


@dataclass(frozen=True, slots=True)
class Browsers:
    """What is configured: exact origins, and the names of the service, None for any name."""

    origins: Collection[str] = ()
    hosts: Collection[str] | None = None

    def expect_host(self, headers: Headers, path: str) -> None:
        """Raise `unknown_host` for a request to a name that is none of the service's."""
        if self.hosts is None or path in PROBES:
            return
        given = headers.getlist("host")
        if len(given) != 1 or _name_of(given[0]) not in self.hosts:
            raise ForbiddenError(
                "unknown_host",
                f"The service is not called {', '.join(given)!r}.",
                "Host",
                "Call it by its own name, or add the name to `service.hosts` of overtide.yaml.",
            )

    def preflight(self, method: str, headers: Headers) -> Reply | None:
        """Return the answer to a browser that asks what a page may do; None for other requests."""
        asked = headers.get("access-control-request-method")
        if method != "OPTIONS" or asked is None or headers.get("origin") not in self.origins:
            return None
        allowed = {
            "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
            "Access-Control-Allow-Headers": ", ".join(SENT),
            "Access-Control-Max-Age": PREFLIGHT_SECONDS,
        }
        return Reply(204, headers=allowed)

    def telling(self, request: Headers, send: Send) -> Send:
        """Return a `send` that adds to every answer which page may read it."""
        added = self._added(request.get("origin"))

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, text in added.items():
                    headers.append(name, text)
            await send(message)

        return told if added else send

    def _added(self, origin: str | None) -> Mapping[str, str]:
        if not self.origins:
            return {}
        if origin is None or origin not in self.origins:
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": ", ".join(SHOWN),
        }


@lru_cache(maxsize=64)
def _name_of(host: str) -> str | None:
    """Return the name that a `Host` says, without its port, None where it says none."""
    found = HOST.fullmatch(host.lower())
    return None if found is None else found[1]


def names_of(configured: Collection[str], local: bool) -> Collection[str] | None:
    """Return the names of a service, which has those of this machine where it is there alone."""
    names = {*configured, *(LOCAL_NAMES if local else ())}
    return names or None
