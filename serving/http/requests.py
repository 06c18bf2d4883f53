"""What a request says, checked: who sends it, its parameters, its body."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, unquote_plus

from starlette.datastructures import Address

from overtide.schemas.errors import (
    InvalidRequestError,
    MediaTypeError,
    UsageError,
)
from overtide.schemas.suggestions import did_you_mean
from overtide.serving.access.subscription_keys import QUERY
from overtide.serving.operations.contract import Body, Operation, Parameter

MOST_PARAMETERS = 100
CALLER = re.compile(rb"(?:^|&)caller=([^&]+)")
JSON_TYPES = ("application/json", "text/json", "application/json-patch+json")
LINES_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl")


def caller_of(query: bytes) -> str:
    """Return the caller that a query names, before it is checked; nothing where it names none."""
    found = CALLER.search(query)
    return "" if found is None else unquote_plus(found[1].decode("ascii", "replace"))


def is_local(client: Address | None) -> bool:
    """Say whether a request comes from this machine."""
    try:
        return client is not None and ipaddress.ip_address(client.host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Declared:
    """The parameters that an operation declares, made ready for every request of it."""

    operation: Operation
    of_query: Mapping[str, Parameter]
    required: tuple[Parameter, ...]
    of_headers: tuple[str, ...]

    @classmethod
    def of(cls, operation: Operation) -> "Declared":
        """Read the declarations of an operation."""
        known = {one.name: one for one in operation.parameters if one.place == "query"}
        named = tuple(one.name for one in operation.parameters if one.place == "header")
        return cls(operation, known, tuple(one for one in known.values() if one.required), named)

    def headers(self, sent: Mapping[str, str]) -> dict[str, str]:
        """Return the declared headers of a request, under their declared names."""
        return {name: sent[name] for name in self.of_headers if name in sent}

    def query(self, query: bytes) -> dict[str, str]:
        """Return the parameters of a query; raise for what is unknown, doubled or missing."""
        found: dict[str, str] = {}
        for name, text in _pairs(query) if query else ():
            if name == QUERY:
                continue  # the key is no operation's own
            if name not in self.of_query:
                raise InvalidRequestError(
                    "unknown_parameter",
                    f"{self.operation.name} has no parameter {name!r}.",
                    name,
                    did_you_mean(name, self.of_query) or "Leave it out.",
                )
            if name in found:
                raise UsageError("invalid_parameter", "It is given twice.", name, "Give it once.")
            found[name] = text
        for one in self.required:
            if not found.get(one.name):
                raise UsageError(
                    "invalid_parameter", "It is missing.", one.name, f"Give it: {one.text}"
                )
        return found


def _pairs(query: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_PARAMETERS,
        )
    except ValueError:
        raise UsageError(
            "invalid_parameter",
            "The query cannot be read.",
            None,
            f"Encode it as UTF-8, then with %; at most {MOST_PARAMETERS} parameters are taken.",
        ) from None


def expect_json(headers: Mapping[str, str], body: Body) -> None:
    """Raise `unsupported_media_type` where a body is not JSON, or lines of it, in UTF-8."""
    usual = LINES_TYPES[0] if body.lines else JSON_TYPES[0]
    if not _is_read(headers.get("content-type", usual).lower(), body.lines):
        raise MediaTypeError(
            "unsupported_media_type",
            f"A body of {headers.get('content-type')!r} is not read.",
            "Content-Type",
            f"Send {'a JSON object a line' if body.lines else 'JSON'} in UTF-8 as {usual}.",
        )
    coding = headers.get("content-encoding", "identity").lower()
    if coding != "identity":
        raise MediaTypeError(
            "unsupported_media_type",
            f"A body in {coding!r} is not read.",
            "Content-Encoding",
            "Send it as it is.",
        )


@lru_cache(maxsize=256)
def _is_read(content_type: str, lines: bool) -> bool:
    """Say whether a body of this type, in lower case, is JSON in UTF-8, or lines of it."""
    kind, *parameters = content_type.split(";")
    kind = kind.strip()
    charsets = [one.partition("=")[2].strip(' "') for one in parameters if "charset" in one]
    fits = kind in LINES_TYPES if lines else _is_json(kind)
    return fits and all(one in ("utf-8", "utf8") for one in charsets)


def _is_json(kind: str) -> bool:
    return kind in JSON_TYPES or (kind.startswith("application/") and kind.endswith("+json"))
