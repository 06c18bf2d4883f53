"""Which operation a request means, by its method and its path.

Segments are split before they are decoded, so that an id may hold a slash (`%2F`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from overtide.schemas.errors import InvalidRequestError, MethodError, NotFoundError, OvertideError
from overtide.serving.operations.contract import Operation

PREFIXES = ("v1", "api")
"""What every path begins with: both mean the same."""
THIRD = 2
NAME = re.compile(r"\{([A-Za-z]+)\}")


@dataclass(frozen=True)
class Route:
    """An operation and its path's segments: as they are, or as patterns.

    `in_quotes` are the parameters that stand in quotes, in which two quotes are one.
    """

    operation: Operation
    segments: tuple[str | re.Pattern[str], ...]
    in_quotes: tuple[str, ...]

    @classmethod
    def of(cls, operation: Operation) -> "Route":
        """Read the template of a path."""
        path = operation.path
        in_quotes = tuple(name for name in NAME.findall(path) if f"'{{{name}}}'" in path)
        return cls(operation, tuple(map(_pattern, path.strip("/").split("/"))), in_quotes)

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """Return the parameters of a path, None where it is another one."""
        found: dict[str, str] = {}
        for expected, segment in zip(self.segments, segments, strict=True):
            if isinstance(expected, str):
                if expected != segment:
                    return None
                continue
            matched = expected.fullmatch(segment)
            if matched is None:
                return None
            found.update(matched.groupdict())
        for name in self.in_quotes:
            found[name] = found[name].replace("''", "'")
        return found


def _pattern(template: str) -> str | re.Pattern[str]:
    """Return the pattern of one segment; within quotes two quotes are one, as OData writes them."""
    parts = NAME.split(template)
    if len(parts) == 1:
        return template
    texts = [
        f"(?P<{part}>.+)" if number % 2 else re.escape(part) for number, part in enumerate(parts)
    ]
    return re.compile("".join(texts), re.DOTALL)


class Routes:
    """All routes of the service."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        # What has fewer parameters is meant where several match: data/Customer('x') is no entity.
        ordered = sorted(operations, key=lambda one: one.path.count("{"))
        self._routes: dict[tuple[int, str], list[Route]] = {}
        for route in map(Route.of, ordered):
            self._routes.setdefault(_shape(route.segments), []).append(route)

    def find(self, method: str, raw_path: bytes) -> tuple[Operation, Mapping[str, str]]:
        """Return the operation and the path's parameters.

        Raise `unknown_path`, or `wrong_method` where the path is there with other methods.
        """
        segments = _segments(raw_path)
        if segments and segments[0] in PREFIXES:
            del segments[0]
            routes = self._routes.get(_shape(segments), ())
            sought = "GET" if method == "HEAD" else method
            for route in routes:
                if route.operation.method == sought:
                    found = route.match(segments)
                    if found is not None:
                        return route.operation, found
            known = {one.operation.method for one in routes if one.match(segments) is not None}
            if known:
                raise _wrong_method(method, known)
            segments = _segments(raw_path)
        raise NotFoundError(
            "unknown_path",
            f"There is nothing at {'/' + '/'.join(segments)!r}.",
            None,
            "Paths begin with /v1/instances; /openapi.json lists them all.",
        )


def _shape(segments: Sequence[str | re.Pattern[str]]) -> tuple[int, str]:
    """Return what all paths of a route have in common: how many segments, and the third one.

    It is a word wherever there is one: `/instances/{instanceId}/data`.
    """
    third = segments[THIRD] if len(segments) > THIRD else ""
    return len(segments), third if isinstance(third, str) else ""


def _segments(raw_path: bytes) -> list[str]:
    try:
        parts = raw_path.decode("ascii").strip("/").split("/")
        return [unquote(part, errors="strict") for part in parts] if b"%" in raw_path else parts
    except UnicodeDecodeError:
        raise InvalidRequestError(
            "invalid_path", "The path is not UTF-8.", None, "Encode it as UTF-8, then with %."
        ) from None


def _wrong_method(method: str, known: set[str]) -> OvertideError:
    return MethodError(
        "wrong_method",
        f"{method} is no method of this path.",
        None,
        f"It takes {', '.join(sorted(known))}.",
    )
