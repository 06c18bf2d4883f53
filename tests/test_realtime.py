"""What an event becomes in the stream: rows of the overlay, grouped by the end of its validity."""

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms.window import GlobalWindows

from overtide.lake.decide.updates import Overlay
from overtide.lake.overlay import Span
from overtide.pipelines.realtime import run_pipeline
from overtide.schemas.events import Event
from overtide.schemas.instants import DAY
from overtide.schemas.table import ProfileField
from overtide.schemas.values import canonical
from overtide.transforms.realtime import SCHEMAS, overlay_rows, to_batch
from overtide.transforms.realtime_steps import read_batches
from overtide.transforms.windows import (
    NEVER,
    ValidityCoder,
    ValidityWindows,
    at_its_start,
    day_of_expiry,
    is_late,
    validity,
)

NOW = 1_800_000_000_000_000
UPDATE = Event(
    3,
    "e3",
    NOW,
    "update",
    "c1",
    None,
    None,
    NOW - 5,
    NOW + 7,
    "me",
    '{"fields":{"City":"Oslo","Points":null}}',
)
FIELDS = {"City": "string", "Points": "integer"}


def of(rows, table):
    return [values for name, values in rows if name == table]


def test_an_update_is_one_row_per_field():
    assert overlay_rows(UPDATE, FIELDS) == [
        ("updates", ("e3", 3, "c1", None, None, field, value, NOW - 5, NOW + 7, NOW, "me"))
        for field, value in (("City", '"Oslo"'), ("Points", "null"))
    ]


def test_a_withdrawal_keeps_its_target_as_posted():
    event = UPDATE._replace(
        kind="withdrawal",
        customer_id=None,
        entity="crm_people",
        key="a",
        valid_until=None,
        body='{"field":null}',
    )
    assert overlay_rows(event, FIELDS) == [
        ("withdrawals", ("e3", 3, None, "crm_people", "a", None, NOW - 5, NOW, "me"))
    ]


def test_an_activity_has_all_its_columns():
    body = canonical(
        {"ActivityId": "x", "ActivityTime": "2027-01-15T08:00:00.000001Z", "Title": "Bought"}
    )
    [(table, values)] = overlay_rows(
        UPDATE._replace(kind="activity", body=body, activity_id="x"), FIELDS
    )
    row = to_batch(table, [values]).to_pylist()[0]
    assert (row["ActivityId"], row["Title"], row["URL"], row["ActivityTime"].microsecond) == (
        "x",
        "Bought",
        None,
        1,
    )


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("Gone", "x", "unknown_field"),
        ("Points", "x", "invalid_value"),
        ("Points", "12", "invalid_value"),
        ("City", 1, "invalid_value"),
    ],
)
def test_what_no_longer_fits_is_stored_and_quarantined(field, value, code):
    event = UPDATE._replace(
        body=canonical(
            {"fields": {field: value, "City": "Oslo"} if field != "City" else {field: value}}
        ),
    )
    rows = overlay_rows(event, FIELDS)
    assert [(row[4], row[5], row[6]) for row in of(rows, "realtime_quarantine")] == [
        (code, field, canonical(value))
    ]
    assert (field, canonical(value)) in [(row[5], row[6]) for row in of(rows, "updates")]
    assert of(overlay_rows(event, None), "realtime_quarantine") == []


@pytest.mark.parametrize(
    "kind", ["string", "integer", "double", "decimal(4,2)", "boolean", "date", "datetime", "guid"]
)
def test_a_value_is_quarantined_just_where_no_reader_shows_it(kind):
    for value in (
        None,
        True,
        1,
        5,
        5.0,
        "5",
        "5.00",
        "x",
        "2026-01-02",
        "2026-01-02T00:00:00.000000Z",
        str(2**53 + 1),
        "0123456789abcdef0123456789abcdef",
        "01234567-89ab-cdef-0123-456789abcdef",
    ):
        event = UPDATE._replace(body=canonical({"fields": {"City": value}}))
        shown = Overlay([event], {"City": ProfileField("City", kind, True)}, NOW).winners(NOW)
        refused = of(overlay_rows(event, {"City": kind}), "realtime_quarantine")
        assert bool(shown) != bool(refused), value


@pytest.mark.parametrize(
    "change",
    [
        {"body": "{"},
        {"body": "[]"},
        {"body": "{}"},
        {"body": '{"fields":3}'},
        {"valid_until": None},
        {"kind": "rumour"},
        {"kind": "withdrawal"},
        {"kind": "withdrawal", "body": '{"field":3}'},
        {"kind": "activity"},
        {"kind": "activity", "body": '{"Title":1}', "activity_id": "x"},
        {"kind": "activity", "body": '{"ActivityTime":"noon"}', "activity_id": "x"},
    ],
)
def test_what_cannot_be_decoded_is_quarantined_whole(change):
    rows = overlay_rows(UPDATE._replace(**change), FIELDS)
    assert [(table, values[4], values[5]) for table, values in rows] == [
        ("realtime_quarantine", "undecodable", None)
    ]
    assert rows[0][1][7].startswith("The event cannot be decoded: ")


def test_a_batch_is_in_order_of_position():
    rows = [("e", position, *[None] * 7) for position in (2, 0, 1)]
    batch = to_batch("withdrawals", rows)
    assert batch.schema == SCHEMAS["withdrawals"]
    assert batch["Position"].to_pylist() == [0, 1, 2]
    assert to_batch("updates", []).num_rows == 0


def test_the_window_is_the_validity():
    window = validity(UPDATE)
    assert (window.start.micros, window.end.micros) == (NOW - 5, NOW + 7)
    assert validity(UPDATE._replace(valid_until=None)).end == NEVER
    coder = ValidityCoder()
    assert coder.decode(coder.encode(window)) == window


def test_events_are_grouped_among_those_of_one_validity_to_the_microsecond():
    events = [UPDATE, UPDATE._replace(position=4), UPDATE._replace(position=5, valid_until=NOW + 8)]
    with beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions([])) as pipeline:
        groups = (
            pipeline
            | beam.Create(events)
            | "Stamp" >> beam.Map(at_its_start)
            | beam.WindowInto(ValidityWindows())
            | beam.Map(lambda event: (event.customer_id, event.position))
            | beam.GroupByKey()
            | "Show"
            >> beam.Map(
                lambda group, window=beam.DoFn.WindowParam: (sorted(group[1]), window.end.micros)
            )
            | "Forget windows" >> beam.WindowInto(GlobalWindows())
        )
        assert_that(groups, equal_to([([3, 4], NOW + 7), ([5], NOW + 8)]))


@pytest.mark.parametrize(
    ("until", "days"),
    [(1, 0), (DAY - 1, 0), (DAY, 1), (DAY + 1, 1), (None, NEVER.micros // DAY)],
)
def test_what_closes_on_one_day_is_grouped(until, days):
    window = day_of_expiry(validity(UPDATE._replace(valid_from=0, valid_until=until)))
    assert (window.start.micros, window.end.micros) == (days * DAY, (days + 1) * DAY)


def test_an_event_is_late_once_its_window_has_closed():
    window = validity(UPDATE)
    assert [is_late(window, at) for at in (NOW + 6, NOW + 7)] == [False, True]
    assert not is_late(validity(UPDATE._replace(valid_until=None)), NOW * 4)


def written(events, at, folder):
    """Return what the stream's pipeline writes of events at an instant."""
    run_pipeline(
        lambda position, limit: events[position : position + limit],
        Span(0, len(events)),
        None,
        at,
        folder,
        FnApiRunner(),
        PipelineOptions([]),
    )
    return read_batches(folder)


def ending(*ends):
    """Return updates in order of position, each with its end."""
    return [
        UPDATE._replace(position=position, valid_from=NOW + position, valid_until=until)
        for position, until in enumerate(ends)
    ]


MIDNIGHT = NOW // DAY * DAY + DAY
"""The next one after NOW."""


def test_what_the_pipeline_writes_is_grouped_by_the_day_of_expiry(tmp_path):
    events = ending(MIDNIGHT, MIDNIGHT - 1, MIDNIGHT + 5, MIDNIGHT - 7, MIDNIGHT + DAY)
    events += [
        UPDATE._replace(
            position=position, kind="withdrawal", valid_until=None, body='{"field":null}'
        )
        for position in (5, 6)
    ]
    groups = written(events, NOW, tmp_path).groups
    assert {
        table: [group["Position"].unique().to_pylist() for group in of_table]
        for table, of_table in groups.items()
    } == {"updates": [[1, 3], [0, 2], [4]], "withdrawals": [[5, 6]]}


def test_events_that_come_when_their_window_has_closed_are_counted_and_written(tmp_path):
    events = ending(NOW + 10, NOW + 11, NOW + 12)
    found = written(events, NOW + 11, tmp_path)
    positions = [group["Position"].unique().to_pylist() for group in found.groups["updates"]]
    assert (found.late, sorted(positions)) == (2, [[0, 1], [2]])
