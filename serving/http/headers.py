"""Headers of requests and answers, made for looking them up and writing them out many times."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from starlette.datastructures import Headers


class RequestHeaders(Headers):
    """The headers of a request; each look-up is one of a dictionary, not of all headers."""

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        """Take headers as ASGI gives them, the names in lower case."""
        super().__init__(raw=list(raw))
        self._texts: dict[str, list[str]] = {}
        for name, value in self._list:
            self._texts.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))

    def getlist(self, key: str) -> list[str]:
        """Return all values of a header, in order."""
        return self._texts.get(key.lower(), [])

    def __getitem__(self, key: str) -> str:
        return self._texts[key.lower()][0]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.lower() in self._texts


def written(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return headers as ASGI sends them."""
    return [(_name(name), text.encode("latin-1")) for name, text in headers.items()]


@lru_cache(maxsize=512)
def _name(name: str) -> bytes:
    return name.lower().encode("latin-1")
