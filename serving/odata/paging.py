"""Where a page begins: the token of a next link.

It holds the moment that the first page showed and the last row's place, so the pages are those of
one answer, whatever changes meanwhile. Nothing in it is secret or trusted: the check sum finds
what was cut or changed by mistake, and every part is checked as it is read.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from overtide.schemas.errors import InvalidRequestError, OvertideError
from overtide.serving.odata.relations import Shown
from overtide.serving.odata.sql import Sql, joined, written

CHECK = 12
_TYPE = re.compile(r"[A-Z]+(\(\d+,\d+\))?( WITH TIME ZONE)?")
"""SQL types of what rows are ordered by."""


@dataclass(frozen=True, slots=True)
class Term:
    """Something that rows are ordered by; nulls are the least."""

    sql: Sql
    descending: bool = False

    def ordered(self) -> Sql:
        """Return what ORDER BY takes."""
        words = "DESC NULLS LAST" if self.descending else "ASC NULLS FIRST"
        return Sql(f"{self.sql.text} {words}", self.sql.parameters)

    def equals(self, value: Sql | None) -> Sql:
        """Return the condition that a row has a value here."""
        if value is None:
            return written("{} IS NULL", self.sql)
        return written("{} = {}", self.sql, value)

    def beyond(self, value: Sql | None) -> Sql:
        """Return the condition that a row comes after a value here."""
        if value is None:
            return Sql("false") if self.descending else written("{} IS NOT NULL", self.sql)
        if self.descending:
            return written("({} < {} OR {} IS NULL)", self.sql, value, self.sql)
        return written("{} > {}", self.sql, value)


@dataclass(frozen=True, slots=True)
class Token:
    """Where the next page begins: what is shown, the last row's place, and what is left.

    `place` are the last row's values by the terms of the order, each as text with its SQL type.
    """

    shown: Shown
    place: tuple[tuple[str, str | None], ...]
    left: int | None
    count: int | None
    query: str


def after(terms: Sequence[Term], place: Sequence[tuple[str, str | None]]) -> Sql:
    """Return the condition that a row comes after a place in the order of the terms."""
    values = [None if text is None else Sql(f"CAST(? AS {kind})", (text,)) for kind, text in place]
    pairs = list(zip(terms, values, strict=True))
    ways = []
    for number, (term, value) in enumerate(pairs):
        same = [earlier.equals(known) for earlier, known in pairs[:number]]
        ways.append(written("({})", joined(" AND ", [*same, term.beyond(value)])))
    return written("({})", joined(" OR ", ways))


def digest(texts: Mapping[str, str], path: str) -> str:
    """Return what tells queries apart, so that no token is taken for another query's."""
    document = json.dumps([path, sorted(texts.items())], ensure_ascii=True)
    return hashlib.sha256(document.encode()).hexdigest()[:16]


def encoded(token: Token) -> str:
    """Return the text of a token."""
    shown = token.shown
    document = [
        1,
        [shown.as_of, shown.known_at, shown.run, shown.base],
        [list(one) for one in token.place],
        token.left,
        token.count,
        token.query,
    ]
    content = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(_check(content) + content).decode().rstrip("=")


def decoded(text: str, query: str, terms: int) -> Token:
    """Read a token of a query that has so many terms; raise `invalid_skiptoken`."""
    try:
        whole = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        content = whole[CHECK:]
        if whole[:CHECK] != _check(content):
            raise ValueError
        version, (as_of, known_at, run, base), place, left, count, asked = json.loads(content)
        found = Token(
            Shown(int(as_of), int(known_at), int(run), bool(base)),
            tuple((str(kind), None if one is None else str(one)) for kind, one in place),
            None if left is None else int(left),
            None if count is None else int(count),
            str(asked),
        )
        fits = version == 1 and len(found.place) == terms and asked == query
        if not fits or any(not _TYPE.fullmatch(kind) for kind, _ in found.place):
            raise ValueError
    except (ValueError, TypeError, RecursionError):
        raise _invalid() from None
    return found


def _check(content: bytes) -> bytes:
    return hashlib.sha256(b"overtide skiptoken\0" + content).digest()[:CHECK]


def _invalid() -> OvertideError:
    return InvalidRequestError(
        "invalid_skiptoken",
        "The $skiptoken is none of this query's.",
        "$skiptoken",
        "Follow an @odata.nextLink as it is, or begin without $skiptoken.",
    )
