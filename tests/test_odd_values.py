"""What odd values do to a whole project.

The first day of the calendar, keys that are floating-point numbers, NaN.
"""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.command_line import Answer, call

INSTANCE = "instance: {name: T, id: 6f1c0c5e-2f4f-4a57-9c7e-0d2a5b7e1a10}\n"
DAYS = (
    INSTANCE
    + """
sources:
  S:
    C: {path: c.csv, primary_key: Id, attributes: {Id: string, Name: string, Since: date},
        time_zone: Asia/Tokyo}
    O: {path: o.csv, primary_key: Oid, time_zone: ZONE,
        attributes: {Oid: string, Cid: string, Day: date}}
unification:
  entities: [{entity: S_C}]
  merge:
    fields: [{name: Name, from: [S_C.Name], policy: most_recent, by: {S_C: Since}},
             {name: Since, from: [S_C.Since]}]
relationships: [{name: R, entity: S_O, foreign_key: Cid, to: S_C}]
activities: [{entity: S_O, name: Order, relationship: R, timestamp: Day, title: Oid,
              semantic: {Day: Day}}]
"""
)
NUMBERS = (
    INSTANCE
    + """
sources:
  S:
    C: {path: c.csv, primary_key: Id, attributes: {Id: KEY, Name: string}}
    L: {path: l.parquet, format: parquet, primary_key: "No",
        attributes: {"No": string, Cid: KEY, Phone: string}}
    O: {path: o.parquet, format: parquet, primary_key: Oid,
        attributes: {Oid: integer, Cid: KEY, "On": datetime}}
unification:
  entities: [{entity: S_C},
             {entity: S_L, deduplicate: {rules: [{name: P, conditions: [{fields: Phone}]}]}}]
  match: [{entity: S_L, to: S_C, rules: [{name: id, conditions: [{fields: {S_L: Cid, S_C: Id}}]}]}]
  merge: {fields: [{name: Name, from: [S_C.Name]}, {name: Phone, from: [S_L.Phone]}]}
relationships: [{name: R, entity: S_O, foreign_key: Cid, to: S_C}]
activities: [{entity: S_O, name: Order, relationship: R, timestamp: "On", title: Oid}]
"""
)


def project(folder, text: str, **files: str | bytes):
    (folder / "overtide.yaml").write_text(text)
    for name, content in files.items():
        path = folder / name.replace("_", ".")
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    assert ok(folder, "refresh").code == 0
    return folder


def ok(folder, *words: object, given: str = "") -> Answer:
    answer = call("-C", folder, "--json", *words, given=given)
    assert answer.code == 0, answer.out + answer.err
    return answer


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [
        ("Europe/Amsterdam", "0001-01-01T00:00:00.000000Z", "9999-12-30T23:00:00.000000Z"),
        ("Asia/Tokyo", "0001-01-01T00:00:00.000000Z", "9999-12-30T15:00:00.000000Z"),
        ("UTC", "0001-01-01T00:00:00.000000Z", "9999-12-31T00:00:00.000000Z"),
        ("America/Los_Angeles", "0001-01-01T07:52:58.000000Z", "9999-12-31T08:00:00.000000Z"),
    ],
)
def test_the_ends_of_the_calendar_break_no_timeline(tmp_path, zone, first, last):
    folder = project(
        tmp_path,
        DAYS.replace("ZONE", zone),
        c_csv="Id,Name,Since\nA,Ann,0001-01-01\n",
        o_csv="Oid,Cid,Day\n1,A,0001-01-01\n2,A,9999-12-31\n",
    )
    posted = (
        '{"Oid": "3", "Cid": "A", "Day": "0001-01-01"} {"Oid": "4", "Cid": "A", "Day": '
        '"9999-12-31"}'
    )
    ok(folder, "post", "S_O", given=posted.replace("} {", "}\n{"))
    ok(folder, "update", "--key", "S_C=A", "Since=9999-12-31")
    shown = {
        one["SourceActivityId"]: (one["ActivityTime"], json.loads(one["SemanticData"])["Day"])
        for one in ok(folder, "timeline", "--key", "S_C=A").document["activities"]
    }
    assert shown == {
        number: value
        for value, numbers in (((first, "0001-01-01"), "13"), ((last, "9999-12-31"), "24"))
        for number in numbers
    }
    ok(folder, "stream", "--until-caught-up")
    rows = ok(
        folder, "sql", "SELECT SourceActivityId, ActivityTime FROM UnifiedActivity_live"
    ).document["rows"]
    assert {
        one["SourceActivityId"]: (one["ActivityTime"], shown[one["SourceActivityId"]][1])
        for one in rows
    } == shown
    card = ok(folder, "get", "--key", "S_C=A").document["fields"]["Since"]
    assert (card["value"], card["baseValue"]) == ("9999-12-31", "0001-01-01")
    ok(folder, "refresh")
    assert len(ok(folder, "timeline", "--key", "S_C=A").document["activities"]) == 4


def parquet(**columns: pa.Array) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


@pytest.mark.parametrize("key", ["string", "integer"])
def test_floating_point_keys_find_what_they_name_and_nan_finds_nothing(tmp_path, key):
    nan, cell = float("nan"), pa.array([1001.0, 1002.0, float("nan"), float("nan")])
    folder = project(
        tmp_path,
        NUMBERS.replace("KEY", key),
        c_csv="Id,Name\n1001,Ann\n1002,Bob\n",
        l_parquet=parquet(
            No=pa.array([1, 2, 3, 4]), Cid=cell, Phone=pa.array([5551234567.0, nan, nan, nan])
        ),
        o_parquet=parquet(
            Oid=pa.array([1.0, 2.0]), Cid=pa.array([1001.0, nan]), On=pa.array(["2024-05-01"] * 2)
        ),
    )
    groups = ok(
        folder,
        "sql",
        "SELECT string_agg(EntityName || '=' || PrimaryKey, ' ' ORDER BY ALL) AS records "
        "FROM AlternateKey GROUP BY CustomerId ORDER BY 1",
    ).document["rows"]
    assert {frozenset(one["records"].split()) for one in groups} == {
        frozenset({"S_C=1001", "S_L=1"}),
        frozenset({"S_C=1002", "S_L=2"}),
        frozenset({"S_L=3"}),
        frozenset({"S_L=4"}),
    }
    assert ok(folder, "get", "--key", "S_L=1").document["fields"]["Phone"]["value"] == "5551234567"
    ok(folder, "post", "S_O", given='{"Oid": 3.0, "Cid": 1001.0, "On": "2024-05-02"}')
    timeline = ok(folder, "timeline", "--key", "S_C=1001").document["activities"]
    assert [one["SourceActivityId"] for one in timeline] == ["3", "1"]
    assert ok(folder, "sql", "FROM S_L_corrupt UNION ALL FROM S_O_corrupt").document["rows"] == []
