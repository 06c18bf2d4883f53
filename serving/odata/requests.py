"""What a request of `/data/{path}` says: the path, and the options beside it or within it."""

from collections.abc import Iterable, Mapping

from overtide.schemas.errors import InvalidRequestError, UsageError
from overtide.schemas.suggestions import did_you_mean


def path_and_options(
    path: str, query: Mapping[str, str], known: Iterable[str]
) -> tuple[str, dict[str, str]]:
    """Return the path and all options; a query may also stand, encoded, within the path.

    There its names may lack the `$`, as in the product's `Customer%3Ffilter%3D…`. Raise
    `unknown_parameter` for others, and `invalid_parameter` for one that is given twice.
    """
    names, options = list(known), dict(query)
    path, *within = _parts(path, "?", most=1)
    for pair in filter(None, _parts("".join(within), "&")):
        name, _, text = pair.partition("=")
        full = name if name in names else f"${name}"
        if full not in names:
            raise InvalidRequestError(
                "unknown_parameter",
                f"There is no query option {name!r}.",
                name,
                did_you_mean(name, names) or "Leave it out.",
            )
        if full in options:
            raise UsageError("invalid_parameter", "It is given twice.", full, "Give it once.")
        options[full] = text
    return path, options


def _parts(text: str, mark: str, most: int = -1) -> list[str]:
    """Split a text at each mark, or the first so many, that stands outside of quotes."""
    found: list[str] = []
    quoted, begin = False, 0
    for place, letter in enumerate(text):
        if letter == "'":
            quoted = not quoted
        elif letter == mark and not quoted and len(found) != most:
            found.append(text[begin:place])
            begin = place + 1
    return [*found, text[begin:]]
