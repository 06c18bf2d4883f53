"""What may happen in a history: requests, edits, refreshes.

A step is a small tuple of numbers that are read against what there is by then, so that Hypothesis
can leave out any step and what remains is still a history.
"""

from typing import Any

from hypothesis import strategies as st

from overtide.schemas.instants import format_instant
from tests.oracle import DAY, HOUR, MINUTE
from tests.shop import ACCOUNTS, CONTACTS, ORDERS, VISITORS

START = 4_102_444_800_000_000
"""Histories begin in 2100, later than any clock that runs them, so that SQL's `now` is theirs."""
Step = tuple[str, dict[str, Any]]
# ---- strategies

TEXTS = st.sampled_from(["", "Ann", "O'Brien", 'a "b" \\ {c}', "ñandú 🦤", "null", "x\ty\nz", "1"])
MAILS = st.sampled_from([None, "a@x", "b@x", "c@x", "\uff41@x", "N/A"])
VALUES = {
    "EMail": MAILS,
    "FullName": TEXTS,
    "Points": st.sampled_from([0, -7, 2**53, 5]),
    "Since": st.sampled_from(["0001-01-01", "2024-02-29", "9999-12-31"]),
    "Spent": st.sampled_from(["0.00", "-0.01", "9999999.99"]),
    "Member": st.booleans(),
    "Score": st.sampled_from([0.1, -1e300, 5e-324, 2.0]),
}
PICK = st.integers(0, 1000)
KEYS = st.sampled_from(["1", "2", "3"])
STARTS = st.one_of(
    st.none(),
    st.none(),
    st.tuples(
        st.just("clock"), st.sampled_from([-3 * DAY, -HOUR, -1, 0, 1, 5 * MINUTE, 5 * MINUTE + 1])
    ),
    st.tuples(st.just("again"), PICK),
)
ENDS = st.one_of(
    st.none(),
    st.tuples(st.just("clock"), st.sampled_from([0, 1, 2, HOUR, 30 * DAY + 5 * MINUTE + 1])),
    st.tuples(st.just("ttl"), st.sampled_from([0, 1_000_000, HOUR, 30 * DAY + 5 * MINUTE])),
    st.tuples(st.just("again"), PICK),
)
TERMS = {
    "start": STARTS,
    "end": ENDS,
    "caller": st.sampled_from([None, "crm"]),
    "key": st.sampled_from([None, None, None, "k1", "k2"]),
}
WHEN = st.one_of(
    st.none(),
    st.none(),
    st.tuples(st.just("clock"), st.sampled_from([-HOUR, -1, 0, 1, HOUR])),
    st.tuples(st.just("again"), PICK),
)
CHANGES = st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3, unique=True).flatmap(
    lambda names: st.fixed_dictionaries(
        {name: st.one_of(VALUES[name], st.none()) for name in names}
    )
)


def _record(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            name: VALUES[name] if name == "EMail" else st.one_of(VALUES[name], st.none())
            for name in names
        }
    )


EDITS = st.one_of(
    st.tuples(
        st.just(CONTACTS),
        KEYS,
        st.one_of(st.none(), _record("EMail", "FullName", "Points", "Since")),
    ),
    st.tuples(
        st.just(ACCOUNTS),
        KEYS,
        st.one_of(st.none(), _record("EMail", "FullName", "Spent", "Member")),
    ),
    st.tuples(st.just(VISITORS), KEYS, st.one_of(st.none(), _record("EMail", "Score"))),
    st.tuples(
        st.just(ORDERS),
        KEYS,
        st.one_of(
            st.none(),
            st.fixed_dictionaries(
                {
                    "AccountId": KEYS,
                    "PlacedAt": st.sampled_from(
                        [None, format_instant(START), format_instant(START - 1)]
                    ),
                    "Item": TEXTS,
                }
            ),
        ),
    ),
)


def _step(name: str, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(name), st.fixed_dictionaries(arguments))


TALK = [
    _step("update", target=PICK, changes=CHANGES, **TERMS),
    _step("update", target=PICK, changes=CHANGES, **TERMS),
    _step(
        "withdraw", target=PICK, only=st.one_of(st.none(), st.sampled_from(sorted(VALUES))), **TERMS
    ),
    _step("post", order=KEYS, account=KEYS, item=st.sampled_from(["Pen", "Ink"]), **TERMS),
    _step(
        "post_unified",
        target=PICK,
        named=st.sampled_from(["event", "id", "source", "order"]),
        order=KEYS,
        **TERMS,
    ),
    _step("repeat", request=PICK, changed=st.booleans()),
    _step("wait", time=st.sampled_from([0, 1, 1, 1_000_000, HOUR, DAY])),
    _step("wait", time=st.sampled_from([-1, -1, -1_000_000, -HOUR, -DAY, -20 * DAY])),
    _step("meet", instant=PICK, offset=st.sampled_from([-1, 0, 1])),
    _step("ask", target=PICK, t=WHEN, k=WHEN),
    _step("ask", target=PICK, t=WHEN, k=WHEN),
    _step("stream", batch=st.integers(1, 5), ticks=st.integers(1, 3)),
    _step("restart"),
]
REFRESHES = [_step("refresh", edits=st.lists(EDITS, max_size=4))]


@st.composite
def histories(draw: st.DrawFn, refreshes: int = 3, talk: int = 9) -> list[Step]:
    """Return a first refresh, then talk, and further refreshes between."""
    steps = [("refresh", {"edits": draw(st.lists(EDITS, min_size=3, max_size=8))})]
    for _ in range(draw(st.integers(1, refreshes))):
        steps += draw(st.lists(st.one_of(TALK), max_size=talk))
        steps.append(draw(st.one_of(REFRESHES)))
    return steps + draw(st.lists(st.one_of(TALK), max_size=talk))
