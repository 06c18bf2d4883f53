"""Whatever the rules and records, the pairs are those of plain Python."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.schemas.configuration import Configuration
from tests.plain_pairs import NAMES, A, B, Record, expected, matched
from tests.small_plan import configuration

FIELDS = st.sampled_from(
    [
        "First",
        "Last",
        "Mail",
        ["First", "Last"],
        {A: "First", B: "Last"},
        {A: ["Last", "First"], B: "First"},
    ]
)
EXACT = st.builds(
    lambda fields, steps, order: {"fields": fields, "normalize": steps, "ignore_word_order": order},
    FIELDS,
    st.sampled_from([[], ["lower"]]),
    st.booleans(),
)
FUZZY = st.builds(
    lambda condition, precision: condition | {"precision": precision},
    EXACT,
    st.sampled_from(["low", "medium", "high", 1, 50, 67, 75, 99]),
)
RULES = st.lists(
    st.builds(
        lambda exact, fuzzy: {"name": "r", "conditions": fuzzy + exact},
        st.lists(EXACT, min_size=1, max_size=2),
        st.lists(FUZZY, max_size=2),
    ),
    min_size=1,
    max_size=3,
)
VALUES = (
    st.none()
    | st.text("aAbé😀 ", min_size=1, max_size=4)
    | st.sampled_from(["anna", "Anne", "ann a"])
)


def records(draw: st.DrawFn) -> list[Record]:
    values = draw(
        st.lists(st.tuples(VALUES, VALUES, st.none() | st.sampled_from("xyz")), max_size=8)
    )
    return [
        {"Id": str(number)} | dict(zip(NAMES, row, strict=True))
        for number, row in enumerate(values)
    ]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Configuration, dict[str, list[Record]]]:
    of_one = RULES.filter(
        lambda rules: (
            not any(
                isinstance(condition["fields"], dict)
                for rule in rules
                for condition in rule["conditions"]
            )
        )
    )
    rules, within = draw(RULES), draw(of_one)
    attributes = dict.fromkeys(("Id", *NAMES), "string")
    document = configuration(
        {A: attributes, B: attributes},
        [{"entity": B, "to": A, "rules": rules}],
        unified={A: {"deduplicate": {"rules": within}}},
        limits={"block_size": draw(st.integers(2, 8))},
    )
    return document, {A: records(draw), B: records(draw)}


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds(), buckets=st.sampled_from([1, 2, 7, 50]), files=st.integers(1, 3))
def test_pairs_are_those_of_plain_python_whatever_the_buckets(tmp_path, world, buckets, files):
    document, rows = world
    found = matched(tmp_path, document, rows, buckets, files)
    (match,) = document.unification.match
    order = [record for number in range(files) for record in rows[A][number::files]]
    assert found.get((B, A), (set(), set())) == expected(document, B, A, match.rules, rows)
    rules = document.unification.entities[0].deduplicate.rules
    assert found.get((A, A), (set(), set())) == expected(document, A, A, rules, rows | {A: order})
