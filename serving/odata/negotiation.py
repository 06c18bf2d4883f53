"""What a client takes: the form of the answer, and the version of OData."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from overtide.schemas.errors import NotAcceptableError, OvertideError
from overtide.serving.odata.refusals import invalid_query

V4, V401 = "4.0", "4.01"
JSON, XML, TEXT, CSV = "application/json", "application/xml", "text/plain", "text/csv"
SHORT = {"json": JSON, "xml": XML}
"""What `$format` may say in a word."""
PARAMETERS = {"odata.metadata", "metadata", "odata.streaming", "streaming", "ieee754compatible"}
PARAMETERS |= {"charset", "q", "exponentialdecimals", "odata", "odata-version"}


class Numbers(Enum):
    """How decimals and whole numbers are written in JSON."""

    CANONICAL = "decimals as texts, as in all of Overtide"
    PLAIN = "all as numbers, as OData has it"
    TEXT = "all as texts, for who knows doubles alone (IEEE754Compatible)"


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a JSON answer."""

    metadata: str
    numbers: Numbers
    version: str

    @property
    def content_type(self) -> str:
        """The media type, with its parameters."""
        text = f"{JSON};odata.metadata={self.metadata};odata.streaming=true"
        return f"{text};IEEE754Compatible=true" if self.numbers is Numbers.TEXT else text


def version(headers: Mapping[str, str]) -> str:
    """Return the version of the answer; raise `invalid_query` where there is none that fits."""
    given, most = headers.get("OData-Version", V401), headers.get("OData-MaxVersion", V401)
    for name, text in (("OData-Version", given), ("OData-MaxVersion", most)):
        if not text.strip().replace(".", "", 1).isdigit() or float(text) < 4:
            raise invalid_query(f"{text!r} is no version that is served: 4.0 and 4.01 are.", name)
    if float(given) > 4.01:
        raise invalid_query(f"OData {given} is not served: 4.0 and 4.01 are.", "OData-Version")
    return V4 if float(most) < 4.01 else V401


def form(headers: Mapping[str, str], query: Mapping[str, str]) -> Form:
    """Return the form of a JSON answer; raise `not_acceptable` where none fits."""
    found = dict(_accepted(headers, query, (JSON,))[1])
    level = found.get("odata.metadata") or found.get("metadata") or "minimal"
    if level not in ("minimal", "full", "none"):
        raise _not_acceptable(f"odata.metadata={level}", (JSON,))
    told = (
        "ieee754compatible" in found or "odata.metadata" in found or "OData-MaxVersion" in headers
    )
    numbers = Numbers.PLAIN if told else Numbers.CANONICAL
    if found.get("ieee754compatible") == "true":
        numbers = Numbers.TEXT
    return Form(level, numbers, version(headers))


def media_type(headers: Mapping[str, str], query: Mapping[str, str], made: tuple[str, ...]) -> str:
    """Return which of the types that can be made a client takes; the first where it takes any."""
    return _accepted(headers, query, made)[0]


def _accepted(
    headers: Mapping[str, str], query: Mapping[str, str], made: tuple[str, ...]
) -> tuple[str, Mapping[str, str]]:
    text = query.get("$format") or headers.get("Accept") or "*/*"
    ranges = sorted(_ranges(SHORT.get(text, text)), key=lambda one: -one[0])
    for weight, wanted, parameters in ranges:
        for one in made:
            fits = wanted in ("*/*", one, one.partition("/")[0] + "/*")
            if weight > 0 and fits and set(parameters) <= PARAMETERS:
                return one, parameters
    raise _not_acceptable(text, made)


def _ranges(text: str) -> Iterator[tuple[float, str, dict[str, str]]]:
    """Give the media ranges of an Accept header with their weights."""
    for part in text.split(","):
        kind, *words = (word.strip() for word in part.split(";"))
        pairs = (word.partition("=") for word in words if word)
        found = {name.strip().lower(): value.strip(' "').lower() for name, _, value in pairs}
        try:
            weight = float(found.get("q", "1"))
        except ValueError:
            weight = 0.0
        yield weight, kind.lower(), found


def _not_acceptable(text: str, made: tuple[str, ...]) -> OvertideError:
    return NotAcceptableError(
        "not_acceptable",
        f"{text[:200]!r} cannot be made of it.",
        "Accept",
        f"Take {' or '.join(made)}.",
    )


def preferred_size(headers: Mapping[str, str]) -> int | None:
    """Return the rows of a page that a client prefers, None where it says nothing."""
    for part in headers.get("Prefer", "").split(","):
        name, _, value = part.partition("=")
        if name.strip().lower() in ("odata.maxpagesize", "maxpagesize"):
            text = value.strip(' "')
            if text.isascii() and text.isdigit() and int(text[:9]) > 0:
                return int(text[:9])
    return None
