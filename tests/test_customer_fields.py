"""What pages make of the documents of operations, as functions: no browser, no service."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from overtide.schemas.errors import UsageError
from overtide.serving.pages.card_live import sent_event, told
from overtide.serving.pages.customer_fields import (
    Described,
    FieldShown,
    link_of,
    name_of,
    sent_value,
    shown_fields,
    web_address,
)
from overtide.serving.pages.customers import Search, search_of
from overtide.serving.pages.moments import day_begins, instant_of, local_time, with_moments
from overtide.serving.pages.preferences import Preferences
from overtide.serving.pages.timeline import entries

EMAIL, PHONE = "IdentityServiceEmail", "IdentityServicePhone"
AMSTERDAM = Preferences("nl", ZoneInfo("Europe/Amsterdam"))
TYPES = {"City": "Edm.String", "Income": "Edm.Double", "Since": "Edm.Date", "Member": "Edm.Boolean"}


@pytest.mark.parametrize(
    ("meaning", "value", "expected"),
    [
        (PHONE, "+31 (0)20 123-45", "tel:+3102012345"),
        (PHONE, "javascript:alert(1)", None),
        (PHONE, "call me", None),
        (EMAIL, "ann@example.com", "mailto:ann@example.com"),
        (EMAIL, "ann@example.com?bcc=all@example.com", None),
        (EMAIL, '"><script>@x', None),
        (None, "https://example.com/a?b=c", "https://example.com/a?b=c"),
        (None, "javascript:alert(1)", None),
        (None, " data:text/html,x", None),
        (None, 7, None),
        (PHONE, None, None),
    ],
)
def test_only_what_is_safe_becomes_a_link(meaning, value, expected):
    assert link_of(meaning, value) == expected


@pytest.mark.parametrize("text", ["ftp://x", "//x", "https://", "https://a b", "http://x\n", "x"])
def test_only_http_leads_to_the_web(text):
    assert web_address(text) is None


def test_fields_are_grouped_and_pictured_by_what_they_mean():
    described = [
        Described("Key", "Key", "Edm.String", None, None),
        Described("Home", "Home", "Edm.String", "LocationCity", {}),
        Described("Mail", "Mail", "Edm.String", EMAIL, {}),
        Described("Born", "Born", "Edm.Date", "PersonBirthDate", {}),
        Described("Points", "Points", "Edm.Int64", None, {}),
    ]
    customer = {"Mail": "a@b", "Mail@overtide.override": {"baseValue": None}}
    found = shown_fields(described, customer)
    assert {group: [one.described.name for one in fields] for group, fields in found.items()} == {
        "person": ["Born"],
        "contact": ["Mail"],
        "address": ["Home"],
        "more": ["Points"],
        "keys": ["Key"],
    }
    assert list(found) == ["person", "contact", "address", "more", "keys"]
    assert [one.place[1] for one in described] == ["id-card", "map-pin", "mail", "cake", "hash"]
    assert found["contact"] == [FieldShown(described[2], "a@b", {"baseValue": None})]


def test_a_customer_is_called_by_the_best_name_there_is():
    meanings = ("PersonFullName", "PersonFirstName", "PersonLastName", "OrganizationName")
    described = [Described(one, one, "Edm.String", one, {}) for one in meanings]
    everything = dict(zip(meanings, ("Ann Lee", "Ann", "Lee", "Lee & Co"), strict=True))
    assert name_of(described, everything) == "Ann Lee"
    assert name_of(described, everything | {"PersonFullName": " "}) == "Ann Lee"
    assert name_of(described, {"PersonLastName": "Lee"}) == "Lee"
    assert name_of(described, {"OrganizationName": "Lee & Co"}) == "Lee & Co"
    assert name_of(described, {"PersonFullName": 7}) is None


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("Edm.Boolean", "true", True),
        ("Edm.Int64", " 12 ", 12),
        ("Edm.Int64", "99999999999999999999", "99999999999999999999"),
        ("Edm.Int64", "1.5", "1.5"),
        ("Edm.Double", "1e3", 1000.0),
        ("Edm.Double", "", ""),
        ("Edm.Decimal", " 12.50", "12.50"),
        ("Edm.String", " as it is ", " as it is "),
    ],
)
def test_what_is_written_becomes_a_value_of_its_type(kind, text, expected):
    assert sent_value(kind, text, empty=False) == expected
    assert sent_value(kind, text, empty=True) is None


def test_a_search_keeps_everything_in_its_address():
    search = Search.of([("q", " ann "), ("facet", "City:Ro:me"), ("page", "3"), ("x", "y")])
    assert (search.words, search.page) == ("ann", 3)
    assert search.address == "/?q=ann&facet=City%3ARo%3Ame&page=3"
    other = search.toggled("facet", "City", "Paris")
    assert other.chosen == (("facet", "City:Paris"),)
    assert other.toggled("facet", "City", "Paris").address == "/?q=ann"
    assert other.has("facet", "City", "Paris")
    assert not other.has("facet", "City", "Rome")
    assert Search.of([("page", "²")]).page == 1
    assert Search().address == "/"


def test_a_search_becomes_a_query_in_which_nothing_is_code():
    chosen = (("facet", "City:O'Hare: a"), ("range", "Income:10..20.5"), ("facet", "Member:true"))
    assert Search('say "hi" \\ OR (', chosen).asked(TYPES) == {
        "$search": '"say" AND "hi" AND "OR" AND "("',
        "$filter": "City eq 'O''Hare: a' and Income ge 10 and Income lt 20.5 and Member eq true",
    }
    assert search_of(' "" ') == ""
    assert search_of("(983) 566-0706") == '("(983)" AND "566-0706") OR "9835660706"'
    assert search_of("9835660706") == '"9835660706"'
    assert search_of("12 Main St") == '"12" AND "Main" AND "St"'
    assert search_of("983 566") == '"983" AND "566"'
    for wrong in ("Nope:1", "Income:1 or true", "Since:2020-01-01 or 1 eq 1", "Member:1", "Income"):
        with pytest.raises(UsageError):
            Search("", (("facet", wrong),)).asked(TYPES)
    with pytest.raises(UsageError):
        Search("", (("range", "Income:1"),)).asked(TYPES)
    with pytest.raises(UsageError):
        Search("x" * 301).asked(TYPES)


def test_times_are_those_of_the_person_s_clock():
    assert instant_of(AMSTERDAM, "2026-07-01T10:00", "at") == "2026-07-01T08:00:00.000000Z"
    assert instant_of(AMSTERDAM, "2026-07-01T10:00Z", "at") == "2026-07-01T10:00:00.000000Z"
    assert local_time(AMSTERDAM, "2026-07-01T08:00:00.000000Z") == "2026-07-01T10:00:00"
    assert day_begins(AMSTERDAM, "2026-03-29", "to", 1) == "2026-03-29T22:00:00.000000Z"
    for wrong in ("", "soon", "9999-12-31T23:59:59-12:00", "2026-13-01T00:00"):
        with pytest.raises(UsageError):
            instant_of(AMSTERDAM, wrong, "at")
    with pytest.raises(UsageError):
        day_begins(AMSTERDAM, "9999-12-31", "to", 1)


def test_an_address_keeps_instants_whatever_their_offset():
    moments = {"asOf": "2026-07-01T10:00:00+02:00"}
    assert with_moments("/customers/1", moments) == (
        "/customers/1?asOf=2026-07-01T10:00:00%2B02:00"
    )
    assert with_moments("/customers/1", {}) == "/customers/1"


def test_months_begin_where_they_do_for_the_person():
    times = ("2026-02-28T23:30:00.000000Z", "2026-02-28T22:30:00.000000Z", None)
    found = [
        one.month for one in entries(AMSTERDAM, [{"ActivityTime": one} for one in times], None)
    ]
    assert found == ["2026-03", "2026-02", ""]
    again = entries(AMSTERDAM, [{"ActivityTime": times[1]}], "2026-02")
    assert [one.month for one in again] == [None]
    assert dt.datetime.fromisoformat(times[0]).month == 2


def test_semantic_data_that_is_none_is_left_out():
    for text in (None, "", "no", "[1]"):
        (entry,) = entries(AMSTERDAM, [{"SemanticData": text, "URL": "javascript:x"}], None)
        assert (entry.semantic, entry.link, entry.live) == ({}, None, None)


def test_events_of_the_stream_are_read_and_written():
    sent = b'event: card\nid: "a"\ndata: {"x":1}\n\nevent: activities\ndata: {"tag":"t"}\n\n'
    assert list(told(sent)) == [("card", '"a"', '{"x":1}'), ("activities", "", '{"tag":"t"}')]
    assert list(told(b":\n\n")) == []
    assert sent_event("card", "t", "<p>\n</p>") == b"event: card\nid: t\ndata: <p>\ndata: </p>\n\n"
