"""Generated filters of OData: each with its text and a plain Python function of a row.

The functions are the specification (docs/odata.md): a value may be None, a comparison never is.
"""

import datetime as dt
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

Row = Mapping[str, Any]
LETTERS = "aB%_'\\ é🙂"
TEXTS = st.text(LETTERS, max_size=4)
INTEGERS = st.integers(-20, 20)
DECIMALS = st.integers(-2000, 2000).map(lambda cents: Decimal(cents) / 100)
DOUBLES = st.integers(-40, 40).map(lambda quarters: quarters / 4)
DATES = st.dates(dt.date(2019, 12, 28), dt.date(2020, 3, 3))
INSTANTS = st.datetimes(dt.datetime(2019, 12, 31, 20), dt.datetime(2020, 1, 1, 4)).map(
    lambda time: time.replace(tzinfo=dt.UTC)
)
COLUMNS: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
    "Text": ("string", TEXTS),
    "Other": ("string", TEXTS),
    "Number": ("integer", INTEGERS),
    "Second": ("integer", INTEGERS),
    "Price": ("decimal(9,2)", DECIMALS),
    "Score": ("double", DOUBLES),
    "Flag": ("boolean", st.booleans()),
    "Day": ("date", DATES),
    "At": ("datetime", INSTANTS),
}
"""The columns of the table: their attribute types and values."""
ROWS = st.fixed_dictionaries({name: st.none() | values for name, (_, values) in COLUMNS.items()})


@dataclass(frozen=True)
class Term:
    """An expression: how OData writes it, and its value in a row."""

    text: str
    value: Callable[[Row], Any]


def column(name: str) -> Term:
    return Term(name, lambda row: row[name])


def constant(text: str, value: Any) -> Term:
    return Term(text, lambda _row: value)


def strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is None of None."""
    return lambda *values: None if None in values else function(*values)


def applied(text: str, function: Callable[..., Any], *terms: Term) -> Term:
    """Write a call or an operation, which is None of None."""
    whole = strict(function)
    return Term(
        text.format(*(term.text for term in terms)),
        lambda row: whole(*(term.value(row) for term in terms)),
    )


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def instant_text(value: dt.datetime) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def comparable(left: Any, right: Any) -> tuple[Any, Any]:
    """Promote numbers as OData does: a double makes both doubles."""
    if isinstance(left, float) or isinstance(right, float):
        return float(left), float(right)
    return left, right


def compared(name: str, left: Any, right: Any) -> bool:
    """Compare: null equals null alone, and is neither greater nor less than anything."""
    if left is None or right is None:
        same = left is None and right is None
        return {"eq": same, "ne": not same}.get(name, False)
    return bool(getattr(operator, name)(*comparable(left, right)))


def both(left: bool | None, right: bool | None) -> bool | None:
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def either(left: bool | None, right: bool | None) -> bool | None:
    if left is True or right is True:
        return True
    return None if left is None or right is None else False


def quotient(left: int, right: int) -> int | None:
    return None if right == 0 else int(math.copysign(1, left * right)) * (abs(left) // abs(right))


def remainder(left: int, right: int) -> int | None:
    return None if right == 0 else int(math.fmod(left, right))


texts = st.recursive(
    st.sampled_from([column("Text"), column("Other")])
    | TEXTS.map(lambda text: constant(quoted(text), text)),
    lambda inner: st.one_of(
        st.builds(lambda a, b: applied("concat({},{})", lambda x, y: x + y, a, b), inner, inner),
        st.builds(
            lambda a, n: applied(f"substring({{}},{n})", lambda x: x[max(n, 0) :], a),
            inner,
            st.integers(-1, 3),
        ),
        st.builds(
            lambda a, n, m: applied(
                f"substring({{}},{n},{m})", lambda x: x[max(n, 0) : max(n, 0) + m], a
            ),
            inner,
            st.integers(-1, 3),
            st.integers(0, 3),
        ),
        st.builds(lambda a: applied("tolower({})", str.lower, a), inner),
        st.builds(lambda a: applied("toupper({})", str.upper, a), inner),
        st.builds(lambda a: applied("trim({})", str.strip, a), inner),
    ),
    max_leaves=3,
)
days = st.sampled_from([column("Day"), applied("date({})", lambda at: at.date(), column("At"))]) | (
    DATES.map(lambda day: constant(day.isoformat(), day))
)
instants = st.just(column("At")) | INSTANTS.map(lambda at: constant(instant_text(at), at))
later = st.builds(
    lambda at, hours: applied(
        f"({{}} add duration'PT{hours}H')", lambda x: x + dt.timedelta(hours=hours), at
    ),
    instants,
    st.integers(0, 30),
)
integers = st.recursive(
    st.sampled_from([column("Number"), column("Second")])
    | INTEGERS.map(lambda number: constant(str(number), number)),
    lambda inner: st.one_of(
        st.builds(lambda a: applied("length({})", len, a), texts),
        st.builds(lambda a, b: applied("indexof({},{})", str.find, a, b), texts, texts),
        st.builds(lambda a: applied("year({})", lambda day: day.year, a), days),
        st.builds(lambda a: applied("hour({})", lambda at: at.hour, a), instants),
        st.builds(lambda a: applied("minute({})", lambda at: at.minute, a), instants),
        st.builds(lambda a, b: applied("({} add {})", operator.add, a, b), inner, inner),
        st.builds(lambda a, b: applied("({} sub {})", operator.sub, a, b), inner, inner),
        st.builds(lambda a, b: applied("({} mul {})", operator.mul, a, b), inner, inner),
        st.builds(lambda a, b: applied("({} div {})", quotient, a, b), inner, inner),
        st.builds(lambda a, b: applied("({} mod {})", remainder, a, b), inner, inner),
        st.builds(lambda a: applied("(-{})", operator.neg, a), st.just(column("Number"))),
    ),
    max_leaves=3,
)
numbers = st.one_of(
    integers,
    st.just(column("Price")),
    st.just(column("Score")),
    DECIMALS.map(lambda value: constant(f"{value:f}", value)),
    DOUBLES.map(lambda value: constant(f"{value}e0", value)),
    st.just(applied("floor({})", math.floor, column("Price"))),
    st.just(applied("ceiling({})", math.ceil, column("Score"))),
)
COMPARISONS = st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le"])


def comparison(name: str, left: Term, right: Term) -> Term:
    return Term(
        f"{left.text} {name} {right.text}",
        lambda row: compared(name, left.value(row), right.value(row)),
    )


def membership(item: Term, values: list[Term]) -> Term:
    return Term(
        f"{item.text} in ({','.join(value.text for value in values)})",
        lambda row: any(compared("eq", item.value(row), value.value(row)) for value in values),
    )


NULL = constant("null", None)
TEXT_LITERALS = TEXTS.map(lambda text: constant(quoted(text), text))
simple = st.one_of(
    *(
        st.builds(comparison, COMPARISONS, kind, kind | st.just(NULL))
        for kind in (texts, numbers, days, instants | later)
    ),
    st.builds(membership, texts, st.lists(TEXT_LITERALS, min_size=1, max_size=3)),
    st.builds(
        membership,
        st.just(column("Number")),
        st.lists(INTEGERS.map(lambda n: constant(str(n), n)) | st.just(NULL), min_size=1),
    ),
    st.builds(lambda a, b: applied("contains({},{})", operator.contains, a, b), texts, texts),
    st.builds(lambda a, b: applied("startswith({},{})", str.startswith, a, b), texts, texts),
    st.builds(lambda a, b: applied("endswith({},{})", str.endswith, a, b), texts, texts),
    st.just(column("Flag")),
    st.builds(comparison, st.sampled_from(["eq", "ne"]), st.just(column("Flag")), st.just(NULL)),
)


def negated(term: Term) -> Term:
    return applied("not ({})", operator.not_, term)


def combined(name: str, left: Term, right: Term) -> Term:
    join = {"and": both, "or": either}[name]
    return Term(
        f"({left.text}) {name} ({right.text})",
        lambda row: join(left.value(row), right.value(row)),
    )


filters = st.recursive(
    simple,
    lambda inner: (
        st.builds(negated, inner)
        | st.builds(combined, st.sampled_from(["and", "or"]), inner, inner)
    ),
    max_leaves=5,
)
