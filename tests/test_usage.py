"""Calls are counted by the minute, under bounded names, in a file that several write at once."""

import sqlite3
import threading
from pathlib import Path

import pytest

from overtide.schemas.errors import OvertideError, UnavailableError
from overtide.schemas.instants import DAY, HISTORY_DAYS, MINUTE
from overtide.serving.access.principals import Principal
from overtide.serving.access.roles import Role
from overtide.serving.telemetry import usage as counting
from overtide.serving.telemetry.audit import Audit, Change
from overtide.serving.telemetry.files import reading
from overtide.serving.telemetry.observed import GONE, OTHER, UNKNOWN, Observed, entity_of
from overtide.serving.telemetry.usage import Usage
from overtide.serving.telemetry.usage_file import UsageFile
from overtide.serving.telemetry.usage_report import groups_of, usage_report

NOW = 1_795_000_000_000_000 // MINUTE * MINUTE
ANN = Principal("0123456789ab", "crm", Role.VIEWER)


def counted(path: Path, now: int = NOW) -> Usage:
    return Usage(UsageFile(path), lambda: now, lambda: {"Customer", "Shop_Orders"})


def call(**known: object) -> Observed:
    return Observed(**{"method": "GET", "request_id": "r", "operation": "Read", **known})


def rows(usage: Usage, *by: str) -> list[dict]:
    return usage_report(usage.file, NOW - DAY, NOW + DAY, by)["rows"]


def test_calls_of_a_minute_are_one_row_with_their_sums(tmp_path):
    usage = counted(tmp_path / "telemetry" / "usage.sqlite")
    for seconds, size in ((0.001, 10), (0.5, 20), (2.0, 30)):
        usage.add(
            call(principal=ANN, status=200, response_bytes=size, seconds=seconds, entity="Customer")
        )
    usage.flush()
    assert rows(usage, "operation", "entity", "principal", "result") == [
        {
            "operation": "Read",
            "entity": "Customer",
            "principal": "crm",
            "result": "Success",
            "calls": 3,
            "errors": 0,
            "requestBytes": 0,
            "responseBytes": 60,
            "averageMilliseconds": 833.667,
            "longestMilliseconds": 2000.0,
        }
    ]
    with reading(usage.file.path) as connection:
        bins = connection.execute(
            "SELECT up_to_5ms, up_to_25ms, up_to_100ms, up_to_1s, longer FROM usage"
        ).fetchall()
    assert bins == [(1, 0, 0, 1, 1)]


def test_what_is_flushed_later_or_elsewhere_is_added(tmp_path):
    one, other = counted(tmp_path / "u.sqlite"), counted(tmp_path / "u.sqlite")
    for usage, seconds in ((one, 1.0), (other, 3.0), (one, 2.0)):
        usage.add(call(status=200, seconds=seconds))
        usage.flush()
    assert [(row["calls"], row["longestMilliseconds"]) for row in rows(one, "operation")] == [
        (3, 3000.0)
    ]


def test_threads_and_processes_lose_no_call(tmp_path):
    files = [counted(tmp_path / "u.sqlite") for _ in range(2)]

    def work(usage: Usage) -> None:
        for number in range(400):
            usage.add(call(status=200))
            if number % 40 == 0:
                usage.flush()

    threads = [threading.Thread(target=work, args=(usage,)) for usage in files * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for usage in files:
        usage.flush()
    assert [row["calls"] for row in rows(files[0], "operation")] == [1600]


def test_names_that_are_no_entities_and_callers_beyond_the_first_count_as_one(tmp_path):
    usage = counted(tmp_path / "u.sqlite")
    for number in range(counting.MOST_CALLERS + 50):
        usage.add(call(status=404, entity=f"Nobody{number}", caller=f"caller{number}"))
    usage.flush()
    assert [row["entity"] for row in rows(usage, "entity")] == [UNKNOWN]
    callers = {row["caller"]: row["calls"] for row in rows(usage, "caller")}
    assert (len(callers), callers[OTHER]) == (counting.MOST_CALLERS + 1, 50)


def test_half_a_letter_in_a_name_stops_nothing(tmp_path):
    odd = Principal("0123456789ab", "half \ud83d", Role.VIEWER)
    usage, audit = counted(tmp_path / "u.sqlite"), Audit(tmp_path / "a.sqlite", lambda: NOW)
    usage.add(call(status=200, principal=odd))
    usage.flush()
    audit.sent("e1", odd, "r1")
    audit.flush()
    audit.record(Change("rename", principal=odd))
    assert [row["principal"] for row in rows(usage, "principal")] == ["half ?"]


def test_rows_in_memory_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(counting, "MOST_ROWS", 10)
    usage = counted(tmp_path / "u.sqlite")
    for number in range(100):
        usage.add(call(status=200, caller=f"caller{number}"))
    assert len(usage._rows) == 11
    usage.flush()
    assert rows(usage, "operation")[0]["calls"] == 100


def test_thirty_days_are_kept(tmp_path):
    path = tmp_path / "u.sqlite"
    for days in (31, 29):
        usage = counted(path, NOW - days * DAY)
        usage.add(call(status=200))
        usage.flush()
    usage = counted(path)
    usage.flush()
    found = usage_report(usage.file, NOW - 40 * DAY, NOW, ("day",))["rows"]
    assert len(found) == 1


def test_what_a_disk_does_not_take_is_kept_for_the_next_time(tmp_path):
    path = tmp_path / "u.sqlite"
    path.mkdir()
    usage = counted(path)
    usage.add(call(status=200))
    with pytest.raises(UnavailableError, match=r"u\.sqlite cannot be used"):
        usage.flush()
    usage.add(call(status=200))
    path.rmdir()
    usage.flush()
    assert rows(usage, "operation")[0]["calls"] == 2


def test_before_the_first_call_there_is_nothing(tmp_path):
    usage = counted(tmp_path / "u.sqlite")
    usage.flush()
    report = usage_report(usage.file, NOW - DAY, NOW, ("operation",))
    assert (report["rows"], report["total"]["calls"]) == ([], 0)
    usage.file.path.touch()
    assert usage_report(usage.file, NOW - DAY, NOW, ())["total"]["calls"] == 0
    assert not list(tmp_path.glob("*-wal"))


def test_groups_are_named_in_any_spelling():
    assert groups_of("errorCode, error_code,Error-Code,day") == ("errorCode", "day")
    with pytest.raises(OvertideError, match="not grouped by 'colour'"):
        groups_of("colour")


@pytest.mark.parametrize(
    ("template", "path", "entity"),
    [
        ("/instances/{instanceId}/data/{entityName}", {"entityName": "Shop_Orders"}, "Shop_Orders"),
        ("/instances/{instanceId}/data/{relativePath}", {"relativePath": "A?$top=1"}, "A"),
        ("/instances/{instanceId}/data/{relativePath}", {"relativePath": "$metadata"}, UNKNOWN),
        ("/instances/{instanceId}/data/{entityName}", {"entityName": "x" * 300}, UNKNOWN),
        ("/instances/{instanceId}/data/Customer('{entityId}')", {"entityId": "1"}, "Customer"),
        (
            "/instances/{instanceId}/data/Customer('{entityId}')/UnifiedActivity",
            {},
            "UnifiedActivity",
        ),
        ("/instances/{instanceId}", {}, ""),
    ],
)
def test_the_entity_of_a_call_is_what_its_path_names(template, path, entity):
    assert entity_of(template, path) == entity


def test_a_call_that_nobody_waited_for_is_a_client_s_error():
    assert (call().status, call().result) == (GONE, "ClientError")
    assert [call(status=one).result for one in (204, 304, 404, 503)] == [
        "Success",
        "Success",
        "ClientError",
        "Failure",
    ]


def test_the_audit_is_only_added_to(tmp_path):
    audit = Audit(tmp_path / "audit" / "audit.sqlite", lambda: NOW)
    audit.record(Change("rename", "shop", "a", {"name": "é"}, ANN, "desk", "r1"))
    audit.record(Change("token create", "1"))
    with reading(audit.path) as connection:
        found = connection.execute("SELECT * FROM change ORDER BY id").fetchall()
    assert found[0][1:] == (
        NOW, ANN.id, "crm", "desk", "rename", "shop", '"a"', '{"name": "é"}', "r1",
    )  # fmt: skip
    assert found[1][2] == ""
    with sqlite3.connect(audit.path) as connection:
        for statement in ("DELETE FROM change", "UPDATE change SET action = ''"):
            with pytest.raises(sqlite3.IntegrityError, match="only added to"):
                connection.execute(statement)


def test_who_sent_an_event_is_written_with_the_next_flush(tmp_path):
    audit = Audit(tmp_path / "a.sqlite", lambda: NOW)
    for _ in range(2):
        audit.sent("e1", ANN, "r1")
    assert not audit.path.exists()
    audit.flush()
    audit.flush()
    with reading(audit.path) as connection:
        assert connection.execute("SELECT * FROM sender").fetchall() == [
            ("e1", NOW, ANN.id, "crm", "r1")
        ]


def test_senders_of_many_events_are_written_and_forgotten_once_a_day(tmp_path):
    days = iter([0] * 1204 + [HISTORY_DAYS] * 2 + [HISTORY_DAYS + 1] * 2)
    audit = Audit(tmp_path / "a.sqlite", lambda: NOW + next(days) * DAY)
    for number in range(1203):
        audit.sent(f"e{number}", ANN, "r")
    for left in (1203, 1204, 1):
        audit.flush()
        with reading(audit.path) as connection:
            assert connection.execute("SELECT count(*) FROM sender").fetchone() == (left,)
        if left == 1203:
            audit.sent("later", ANN, "r")
