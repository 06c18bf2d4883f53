"""The Python API: what it takes for times, names and records, and what it refuses."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest

import overtide
from overtide.project import Project
from overtide.schemas.errors import OvertideError
from overtide.schemas.instants import HOUR, LATEST
from overtide.serving.fields import Target
from overtide.targets import end_text, given_instant, instant_text, target_of
from tests.shop import CONTACTS, ORDERS

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOON_US = 1_795_521_600_000_000
ANN = f"{CONTACTS}=1"


@pytest.mark.parametrize("when", [NOON, NOON.astimezone(), "2026-11-24T13:00:00+01:00", NOON_US])
def test_an_instant_is_a_datetime_a_text_or_microseconds(when):
    assert given_instant(when, "asOf") == NOON_US


@pytest.mark.parametrize(
    "when",
    [
        datetime(2026, 11, 24),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=5))),
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=5))),
        1.5,
        True,
        LATEST + 1,
        10**30,
        [],
        "yesterday",
    ],
)
def test_what_is_no_instant_is_refused(when):
    for read in (given_instant, instant_text):
        if not (read is instant_text and isinstance(when, str)):  # the acceptance reads texts
            with pytest.raises(OvertideError) as refused:
                read(when, "asOf")
            assert (refused.value.code, refused.value.target) == ("invalid_instant", "asOf")


@pytest.mark.parametrize(
    ("end", "text"),
    [
        (None, None),
        ("4h", "4h"),
        (NOON, "2026-11-24T12:00:00.000000Z"),
        (NOON_US, "2026-11-24T12:00:00.000000Z"),
        (timedelta(hours=1), "3600s"),
    ],
)
def test_an_end_is_an_instant_or_a_duration(end, text):
    assert end_text(end) == text


@pytest.mark.parametrize("end", [timedelta(milliseconds=1), timedelta(hours=-1)])
def test_a_duration_is_of_whole_seconds(end):
    with pytest.raises(OvertideError, match="is not a duration"):
        end_text(end)


@pytest.mark.parametrize(
    ("key", "target"),
    [
        (("E", "1"), Target(None, "E", "1")),
        ("E=a=b", Target(None, "E", "a=b")),
        (("E", 1), Target(None, "E", "1")),
    ],
)
def test_a_record_is_named_by_a_pair_or_a_text(key, target):
    assert target_of(None, key) == target


@pytest.mark.parametrize(
    ("customer", "key"),
    [
        (None, None),
        ("a", "E=1"),
        (5, None),
        ("\udcff", None),
        ("\0", None),
        (None, ("E",)),
        (None, 5),
        (None, "E"),
        (None, "=1"),
        (None, "E="),
        (None, ("E", "\udcff")),
        (None, (5, "1")),
        (None, ("E", "")),
        (None, ("E", None)),
        (None, ("E", b"1")),
        (None, ("E", [])),
        (None, ("E", True)),
        (None, b"E=1"),
        (None, ["E=1"]),
        (None, {"E=": "1"}),
        (None, ("E", 1.0)),
    ],
)
def test_what_names_no_customer_is_refused(customer, key):
    with pytest.raises(OvertideError) as refused:
        target_of(customer, key)
    assert refused.value.code == "invalid_target"


def test_changes_take_the_same_times_and_refuse_other_types(project_folder):
    with Project(project_folder) as project:
        answer = project.update(
            key=ANN,
            fields={"Points": 9},
            event_time=datetime.now(UTC) - timedelta(hours=1),
            valid_until=timedelta(hours=2),
            caller="desk",
        )
        assert answer.event.valid_until - answer.event.accepted_at == 2 * HOUR
        assert 0 <= answer.event.accepted_at - HOUR - answer.event.valid_from < HOUR
        for call, code in (
            (lambda: project.update(key=ANN, fields={"Points": 9}, caller=5), "invalid_parameter"),
            (lambda: project.update(key=ANN, fields={5: "x"}), "unknown_field"),
            (lambda: project.withdraw(key=ANN, field=5), "invalid_parameter"),
            (lambda: project.post(ORDERS, None), "invalid_parameter"),
            (lambda: project.post(ORDERS, '{"OrderId": "1"}'), "invalid_parameter"),
            (lambda: project.post(ORDERS, {"OrderId": "1"}), "invalid_parameter"),
        ):
            with pytest.raises(OvertideError) as refused:
                call()
            assert refused.value.code == code


def within_itself() -> list[object]:
    """Return a list that holds itself."""
    made: list[object] = []
    made.append(made)
    return made


class Zoneless(tzinfo):
    """A time zone that says no offset."""

    def utcoffset(self, _when):
        return None


WRONG_TYPES = {
    "path": [
        lambda _: overtide.open(5),
        lambda _: overtide.open(None),
        lambda _: overtide.open(b"shop"),
        lambda _: overtide.open(""),
        lambda _: overtide.open("\0"),
        lambda _: overtide.open("\ud800"),
    ],
    "base": [
        lambda project: project.get(key=ANN, base="no"),
        lambda project: project.timeline(key=ANN, base=1),
    ],
    "query": [
        lambda project: project.sql(5),
        lambda project: project.sql(None),
        lambda project: project.sql("SELECT '\ud800'"),
    ],
    "parameters": [
        lambda project: project.sql("SELECT ?", 5),
        lambda project: project.sql("SELECT ?", "a"),
        lambda project: project.sql("SELECT ?", ["\ud800"]),
        lambda project: project.sql("SELECT ?", [["\ud800"]]),
        lambda project: project.sql("SELECT ?", [{"a": ("\ud800",)}]),
        lambda project: project.sql("SELECT ?", [{"\ud800": 1}]),
        lambda project: project.sql("SELECT ?", [within_itself()]),
        lambda project: project.sql("SELECT $a", {"a": 1}),
    ],
    "fields": [
        lambda project: project.update(key=ANN, fields=["Points"]),
        lambda project: project.update(key=ANN, fields="Points=1"),
    ],
    "field": [lambda project: project.withdraw(key=ANN, field=["Points"])],
    "entity": [lambda project: project.post(5, []), lambda project: project.post(None, [{}])],
    "records": [lambda project: project.post(ORDERS, 5)],
    "atomic": [lambda project: project.post(ORDERS, [], atomic="yes")],
    "runner": [lambda project: project.refresh(5), lambda project: project.refresh(None)],
    "report": [lambda project: project.refresh(report=5)],
    "until_caught_up": [lambda project: project.stream("yes")],
    "accept_log": [lambda project: project.stream(True, accept_log="no")],
    "stop": [lambda project: project.stream(stop=5)],
    "watch": [lambda project: project.stream(watch=5)],
}


@pytest.mark.parametrize(
    ("name", "call"), [(name, call) for name, calls in WRONG_TYPES.items() for call in calls]
)
def test_arguments_of_wrong_types_are_refused_by_name(refreshed_shop, name, call):
    with Project(str(refreshed_shop)) as project, pytest.raises(OvertideError) as refused:
        call(project)
    assert (refused.value.code, refused.value.target) == ("invalid_parameter", name)
    assert str(refused.value).endswith(" expected.") or name == "records"


def test_a_card_says_of_a_time_before_the_first_publish_that_nothing_was_published(refreshed_shop):
    with Project(refreshed_shop) as project, pytest.raises(OvertideError) as refused:
        project.get(key=ANN, as_of="1990-01-01T00:00:00Z")
    assert refused.value.code == "before_first_publish"


def test_a_parameter_of_a_query_that_is_no_instant_in_utc_is_refused(refreshed_shop):
    early = datetime.min.replace(tzinfo=timezone(timedelta(hours=5)))
    none = datetime(2026, 11, 24, tzinfo=Zoneless())
    with Project(refreshed_shop) as project:
        for parameter in (early, none, [early], {"a": early}):
            with pytest.raises(OvertideError) as refused:
                project.sql("SELECT ?", [parameter])
            assert refused.value.code == "invalid_instant"
        with pytest.raises(OvertideError) as refused:
            project.get(key=ANN, as_of=none)
        assert refused.value.code == "invalid_instant"


def test_a_parameter_that_duckdb_cannot_take_is_refused(refreshed_shop):
    with Project(refreshed_shop) as project, pytest.raises(OvertideError) as refused:
        project.sql("SELECT ?", [10**5000])
    assert (refused.value.code, refused.value.target) == ("invalid_parameter", "parameters")


def test_a_record_whose_names_are_no_texts_is_refused(refreshed_shop):
    with Project(refreshed_shop) as project:
        (answer,) = project.post(ORDERS, [{1: 2}])
    assert answer.refusal.code == "invalid_json"
