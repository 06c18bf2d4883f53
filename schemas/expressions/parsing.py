"""Read an expression by its grammar, a subset of SQL's.

From the weakest to the strongest: OR; AND; NOT; comparisons, IS, IN, LIKE and BETWEEN; ||; + and -;
*, / and %; a sign; values, functions, CASE, CAST and what stands in brackets.
"""

import re
from collections.abc import Iterator

from overtide.schemas.expressions.lexing import Word, words_of
from overtide.schemas.expressions.mistake import ExpressionError
from overtide.schemas.expressions.nodes import Call, Case, Cast, Column, Literal, Node
from overtide.schemas.source_paths import Path, Step
from overtide.schemas.suggestions import closest
from overtide.schemas.types import EXAMPLES, MEANT, PATTERN

DEEPEST = 50
"""Values within values."""
NEVER_FAILING = frozenset(
    [
        *("and", "or", "not", "is null", "in", "between", "like", "ilike", "||"),
        *("=", "<>", "<", "<=", ">", ">=", "coalesce", "nullif", "concat", "concat_ws"),
        *("lower", "upper", "trim", "ltrim", "rtrim", "length", "replace", "replace_values"),
        *("starts_with", "ends_with", "contains", "split_part"),
        *("regexp_extract", "regexp_replace", "regexp_matches"),
    ]
)
"""Operators and functions that give a value whatever texts they take."""
COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
LEVELS = (("||",), ("+", "-"), ("*", "/", "%"))
"""Operators between values, from the weakest to the strongest."""


def parse(text: str) -> Node:
    """Return an expression that was read; raise `ExpressionError`."""
    reader = _Reader(words_of(text))
    node = reader.disjunction()
    word = reader.word
    if word.kind != "end":
        raise ExpressionError(
            f"`{word.text}` was not expected", word.place, "an operator or the end"
        )
    _expect_shallow(node)
    return node


def _expect_shallow(node: Node) -> None:
    level: list[Node] = [node]
    for _ in range(2 * DEEPEST):
        level = [part for one in level for part in parts_of(one)]
        if not level:
            return
    raise ExpressionError("It is nested too deeply", level[0].place)


def may_fail(node: Node) -> bool:
    """Say whether an expression cannot be computed for some rows."""
    fails = (isinstance(node, Cast) and not node.may_fail) or (
        isinstance(node, Call) and node.name not in NEVER_FAILING
    )
    return fails or any(map(may_fail, parts_of(node)))


def columns_of(node: Node) -> Iterator[Column]:
    """Give the columns that an expression names, as they come."""
    if isinstance(node, Column):
        yield node
    for part in parts_of(node):
        yield from columns_of(part)


def parts_of(node: Node) -> tuple[Node, ...]:
    """Return the parts of which a part is made."""
    match node:
        case Call(parts=parts):
            return parts
        case Cast(value=value):
            return (value,)
        case Case(whens=whens, other=other):
            return (*(part for when in whens for part in when), *((other,) if other else ()))
        case _:
            return ()


class _Reader:
    """A place in the words of an expression, and how deep it stands."""

    def __init__(self, words: list[Word]) -> None:
        self.words, self.at, self.depth = words, 0, 0

    @property
    def word(self) -> Word:
        return self.words[self.at]

    def takes(self, *texts: str) -> Word | None:
        """Go on behind one of some signs or keywords, if one stands here."""
        word = self.word
        if word.kind not in ("sign", "keyword") or word.text not in texts:
            return None
        self.at += 1
        return word

    def needs(self, text: str) -> Word:
        word = self.takes(text)
        if word is None:
            found = f"`{self.word.text}`" if self.word.kind != "end" else "the end"
            raise ExpressionError(
                f"`{text.upper()}` is missing before {found}", self.word.place, text.upper()
            )
        return word

    def disjunction(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ExpressionError("It is nested too deeply", self.word.place)
        node = self.conjunction()
        while word := self.takes("or"):
            node = Call("or", (node, self.conjunction()), word.place)
        self.depth -= 1
        return node

    def conjunction(self) -> Node:
        node = self.negation()
        while word := self.takes("and"):
            node = Call("and", (node, self.negation()), word.place)
        return node

    def negation(self) -> Node:
        negations = []
        while word := self.takes("not"):
            negations.append(word)
        node = self.comparison()
        if len(negations) > DEEPEST:
            raise ExpressionError("It is nested too deeply", negations[DEEPEST].place)
        for word in negations:
            node = Call("not", (node,), word.place)
        return node

    def comparison(self) -> Node:
        node = self.operation()
        while True:
            if word := self.takes(*COMPARISONS):
                node = Call(word.text, (node, self.operation()), word.place)
            elif word := self.takes("is"):
                node = self._is(node, word)
            else:
                before = self.at
                negated = self.takes("not")
                word = self.takes("in", "like", "ilike", "between")
                if word is None:
                    self.at = before
                    return node
                node = self._among(node, word)
                node = Call("not", (node,), word.place) if negated else node

    def _is(self, node: Node, word: Word) -> Node:
        negated = self.takes("not")
        self.needs("null")
        found = Call("is null", (node,), word.place)
        return Call("not", (found,), word.place) if negated else found

    def _among(self, node: Node, word: Word) -> Node:
        if word.text == "between":
            low = self.operation()
            self.needs("and")
            return Call("between", (node, low, self.operation()), word.place)
        if word.text == "in":
            self.needs("(")
            return Call("in", (node, *self._listed()), word.place)
        return Call(word.text, (node, self.operation()), word.place)

    def operation(self, level: int = 0) -> Node:
        if level == len(LEVELS):
            return self.signed()
        node = self.operation(level + 1)
        while word := self.takes(*LEVELS[level]):
            node = Call(word.text, (node, self.operation(level + 1)), word.place)
        return node

    def signed(self) -> Node:
        if word := self.takes("-"):
            return Call("negative", (self.value(),), word.place)
        return self.value()

    def value(self) -> Node:
        word = self.word
        if self.takes("("):
            node = self.disjunction()
            self.needs(")")
            return node
        if self.takes("case"):
            return self._case(word)
        if self.takes("cast", "try_cast"):
            return self._cast(word)
        if self.takes("true", "false", "null"):
            return Literal(word.text, word.text, word.place)
        if word.kind in ("number", "text"):
            self.at += 1
            return Literal(word.kind, word.text, word.place)
        if word.kind == "name":
            self.at += 1
            return self._named(word)
        found = f"`{word.text}`" if word.text else "the end"
        raise ExpressionError(f"A value is missing before {found}", word.place, "a value")

    def _named(self, word: Word) -> Node:
        if self.takes("("):
            return Call(word.text.lower(), () if self.takes(")") else self._listed(), word.place)
        return Column(self._path(word), word.place)

    def _path(self, word: Word) -> Path:
        steps: list[Step] = [word.text]
        while sign := self.takes(".", "["):
            step = self.word
            if step.kind != ("name" if sign.text == "." else "number") or "." in step.text * (
                sign.text == "["
            ):
                raise ExpressionError(
                    f"A {'name' if sign.text == '.' else 'number'} is missing", step.place
                )
            self.at += 1
            steps.append(step.text if sign.text == "." else int(step.text))
            if sign.text == "[":
                self.needs("]")
        return tuple(steps)

    def _listed(self) -> tuple[Node, ...]:
        parts = [self.disjunction()]
        while self.takes(","):
            parts.append(self.disjunction())
        self.needs(")")
        return tuple(parts)

    def _case(self, word: Word) -> Node:
        subject = None if self.word.text == "when" else self.disjunction()
        whens = []
        while when := self.takes("when"):
            condition = self.disjunction()
            if subject is not None:
                condition = Call("=", (subject, condition), when.place)
            self.needs("then")
            whens.append((condition, self.disjunction()))
        if not whens:
            self.needs("when")
        other = self.disjunction() if self.takes("else") else None
        self.needs("end")
        return Case(tuple(whens), other, word.place)

    def _cast(self, word: Word) -> Node:
        self.needs("(")
        value = self.disjunction()
        self.needs("as")
        name = self._type()
        self.needs(")")
        return Cast(value, name, word.text == "try_cast", word.place)

    def _type(self) -> str:
        word = self.word
        self.at += word.kind == "name"
        text = word.text.lower()
        if self.takes("("):
            digits = self.word.text
            self.at += 1
            self.needs(",")
            text += f"({digits},{self.word.text})"
            self.at += 1
            self.needs(")")
        text = text if re.match(PATTERN, text) else MEANT.get(text, text)
        if word.kind != "name" or not re.match(PATTERN, text):
            raise ExpressionError(
                f"`{text}` is no type",
                word.place,
                f"one of {', '.join(EXAMPLES)}",
                closest(text, EXAMPLES),
            )
        return text
