"""One call of the service as telemetry sees it: filled in while the call is answered."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from overtide.schemas.spans import Span, watched
from overtide.serving.access.principals import Principal

UNKNOWN = "(unknown)"
"""What stands for whatever a stranger may make up: paths, methods, names of entities."""
OTHER = "(other)"
"""What stands for callers and entities beyond those that are told apart."""
GONE = 499
"""The status of a call whose client did not wait for the answer (as nginx has it)."""
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
PLACES = ("entityName", "qualifiedEntityName", "relativePath")
"""Parameters of paths that name an entity."""
LONGEST = 256
"""Characters of a name that is told of a call."""
LITERAL = re.compile(r"/([A-Z]\w*)")


@dataclass(slots=True)
class Observed:
    """What is known of one call; no token, no value and no id of a customer."""

    method: str
    request_id: str
    operation: str = UNKNOWN
    entity: str = ""
    caller: str = ""
    principal: Principal | None = None
    status: int = GONE
    error_code: str = ""
    request_bytes: int = 0
    response_bytes: int = 0
    seconds: float = 0.0
    streamed: bool = False
    """Whether its body may come as it is made, with pauses."""
    of_person: bool = False
    """Whether it is for a page: that is no use of the API, and is counted by metrics alone."""
    headers: dict[str, str] = field(default_factory=dict)
    """Headers of the answer, whatever it is: what is left of a limit."""

    @property
    def result(self) -> str:
        """How it ended, in the product's words."""
        return result_of(self.status)


def tell(span: Span, call: Observed) -> None:
    """Name the span of a call, and say what became of it; where nobody collects it, do nothing.

    Entities are told of those alone who are let in: anybody else may make them up.
    """
    if not watched():
        return
    span.named(call.operation)
    span.tell(
        {
            "http.request.method": call.method,
            "http.response.status_code": call.status,
            "http.request.body.size": call.request_bytes,
            "http.response.body.size": call.response_bytes,
            "overtide.entity": call.entity if call.principal or not call.entity else UNKNOWN,
            "overtide.request_id": call.request_id,
        },
        call.error_code if call.status >= 500 else "",
    )


def result_of(status: int) -> str:
    """Return how a call with this status ended."""
    return "Success" if status < 400 else "ClientError" if status < 500 else "Failure"


def method_of(method: str) -> str:
    """Return a method under which a call may be counted."""
    return method if method in METHODS else UNKNOWN


def entity_of(template: str, path: Mapping[str, str]) -> str:
    """Return the entity that a call is about, by its operation's path and what stands in it."""
    for place in PLACES:
        if place in path:
            found = re.match(r"\w+", path[place])
            return found.group() if found and len(found.group()) <= LONGEST else UNKNOWN
    return _literal(template)


@lru_cache(maxsize=1024)
def _literal(template: str) -> str:
    """Return the entity that a path names by itself, such as Customer."""
    found = LITERAL.findall(template)
    return found[-1] if found else ""
