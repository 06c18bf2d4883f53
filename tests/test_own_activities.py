"""Pages of a customer's activities: of those that were loaded, and of those in files."""

import json
import random
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from overtide.lake import activity_build
from overtide.lake.activity_build import Over, build_activities, remove_activities
from overtide.lake.activity_files import ABOUT, BATCH, EARLIER, is_whole, open_activities, over_of
from overtide.lake.cards_and_timelines import TimelineEntry
from overtide.lake.own_activities import EVERYTHING, UNTIMED, LoadedActivities, Merged, Page, Wanted
from overtide.schemas.activities import COLUMNS
from overtide.schemas.errors import GenerationError
from overtide.schemas.events import activity_id
from overtide.schemas.instants import SECOND, format_instant, parse_instant
from overtide.schemas.paths import Paths
from overtide.schemas.values import Value

TYPES = {"Shop_Orders": "SalesOrder", "Shop_Returns": "SalesOrder", "Site_Visits": "WebPageView"}
Row = dict[str, Value]


def activity(source: str, key: int, at: int | None, **more: Value) -> Row:
    known: Row = dict.fromkeys(COLUMNS)
    return known | {
        "ActivityId": activity_id(source, str(key)),
        "ActivityType": TYPES[source],
        "ActivityTypeDisplay": TYPES[source],
        "ActivityName": source.partition("_")[2],
        "ActivityTime": None if at is None else format_instant(at),
        "SourceEntityName": source,
        "SourceActivityId": str(key),
        "RangeIndex": None if at is None else str(at // SECOND),
        **more,
    }


def activities(random_: random.Random, number: int) -> list[Row]:
    """Return activities of which many happen at once, some before 1970 and some at no time."""
    return [
        activity(
            random_.choice(list(TYPES)),
            key,
            random_.choice([None, *(one * SECOND // 2 for one in range(-9, 30))]),
            Title=random_.choice([None, "", "Pot", 'a "b"\n']),
        )
        for key in range(number)
    ]


def customer(number: int) -> str:
    return f"{number:02x}" * 16


def written(
    folder: Path,
    timelines: dict[str, list[Row]],
    order: str = "CustomerId",
    content: str = "c0de" * 16,
    over: Over | None = None,
) -> str:
    """Write the activities of some customers in files and return their name."""
    rows = [{"CustomerId": one, **row} for one, own in timelines.items() for row in own]
    schema = pa.schema([(name, pa.string()) for name in ("CustomerId", *COLUMNS)])
    table = pa.Table.from_pylist(rows, schema)
    Paths.of(folder).serving.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("given", table)
        timed = f"""SELECT * REPLACE (ActivityTime::TIMESTAMPTZ AS ActivityTime)
            FROM given ORDER BY {order}"""
        return build_activities(
            connection, Paths.of(folder), content, lambda join: f"FROM ({timed}){join}", over
        )


def newest_first(rows: list[Row]) -> list[Row]:
    by_id = sorted(rows, key=lambda row: str(row["ActivityId"]))
    return sorted(by_id, key=lambda row: str(row["ActivityTime"] or ""), reverse=True)


def is_wanted(row: Row, wanted: Wanted) -> bool:
    time = row["ActivityTime"] and parse_instant(str(row["ActivityTime"]))
    if wanted.type is not None and row["ActivityType"] != wanted.type:
        return False
    if time is None:
        return wanted.since is None and wanted.before is None
    return (wanted.since is None or int(time) >= wanted.since) and (
        wanted.before is None or int(time) < wanted.before
    )


@pytest.mark.parametrize("seed", range(4))
def test_a_page_is_a_part_of_the_whole_timeline_wherever_the_activities_are(tmp_path, seed):
    random_ = random.Random(seed)
    own = activities(random_, random_.choice([0, 1, 40, 3 * BATCH]))
    live = [TimelineEntry(one, True, 9, "e", "c") for one in activities(random_, 5000)[-20:]]
    others = {customer(1): activities(random_, 700), customer(9): activities(random_, 3)}
    name = written(tmp_path, {customer(1): others[customer(1)], customer(5): own} | others)
    files = open_activities(Paths.of(tmp_path), name)
    shown = newest_first(own + [dict(one.activity) for one in live])
    for _ in range(25):
        wanted = Wanted(
            random_.choice([None, "SalesOrder", "WebPageView", "Nothing"]),
            random_.choice([None, -SECOND, 0, 3 * SECOND]),
            random_.choice([None, 0, 7 * SECOND]),
        )
        page = Page(wanted, random_.choice([0, 1, 20, 5000]), random_.choice([None, 0, 1, 50]))
        fitting = [row for row in shown if is_wanted(row, wanted)]
        end = None if page.top is None else page.skip + page.top
        for held in (LoadedActivities(own), files.of(customer(5))):
            entries, number = Merged(held, live).page(page)
            assert number == len(fitting)
            assert [dict(one.activity) for one in entries] == fitting[page.skip : end]
            assert all(one.live == (one in live) for one in entries)
            counts = Merged(held, live).counts(wanted)
            kinds = [str(row["ActivityType"]) for row in fitting]
            assert counts == {kind: kinds.count(kind) for kind in set(kinds)}
            told = Merged(held, live).times_and_types(wanted)
            assert sorted(told, key=repr) == sorted(map(time_and_type, fitting), key=repr)
            # Behind an activity, wanted or not, there or not any more, lies what follows it.
            gone = [activity("Shop_Orders", 10**6, random_.choice([None, SECOND]))]
            passed = random_.choice(gone + shown)
            after = time_and_type(passed)[0], str(passed["ActivityId"])
            begin = UNTIMED if after[0] is None else after[0], after[1]
            behind, number = Merged(held, live).page(Page(wanted, page.skip, page.top, begin))
            rest = newest_first([*fitting, passed])
            rest = [row for row in rest[rest.index(passed) + 1 :] if row != passed]
            assert number == len(fitting)
            assert [dict(one.activity) for one in behind] == rest[page.skip : end]


def time_and_type(row: Row) -> tuple[int | None, str]:
    time = row["ActivityTime"]
    return parse_instant(str(time)) if time else None, str(row["ActivityType"])


@pytest.mark.parametrize("order", ["CustomerId", "md5(ActivityId)"])
def test_every_customer_finds_its_own_and_every_id_is_known(tmp_path, order):
    random_ = random.Random(7)
    timelines = {customer(one): activities(random_, one) for one in range(2, 250, 3)}
    for rows in timelines.values():
        for row in rows:  # keys are told apart by the customer
            row["SourceActivityId"] = f"{len(rows)}-{row['SourceActivityId']}"
            row["ActivityId"] = activity_id(str(row["SourceEntityName"]), row["SourceActivityId"])
    files = open_activities(Paths.of(tmp_path), written(tmp_path, timelines, order))
    for one in range(256):
        entries, _ = Merged(files.of(customer(one)), []).page(EVERYTHING)
        own = timelines.get(customer(one), [])
        assert [dict(entry.activity) for entry in entries] == newest_first(own)
    ids = [str(row["ActivityId"]) for rows in timelines.values() for row in rows]
    strange = [activity_id("Shop_Orders", "none"), ids[0][:-1] + "x", "", "no id"]
    assert files.having(ids + strange) == set(ids)


def told_apart(timelines: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Let the keys of activities tell customers apart."""
    for one, rows in timelines.items():
        for row in rows:
            row["SourceActivityId"] = f"{one[:2]}-{row['SourceActivityId']}"
            row["ActivityId"] = activity_id(str(row["SourceEntityName"]), row["SourceActivityId"])
    return timelines


@pytest.mark.parametrize("seed", range(3))
def test_activities_of_some_customers_are_laid_over_those_of_others(tmp_path, seed):
    random_, paths = random.Random(seed), Paths.of(tmp_path)
    now = told_apart({customer(one): activities(random_, one) for one in range(2, 99, 3)})
    base, touched = written(tmp_path, now), frozenset[str]()
    for step in range(3):
        some = {customer(random_.randrange(100)) for _ in range(9)}
        touched |= some
        moved = [row for one in sorted(some) for row in now.get(one, [])]
        random_.shuffle(moved)
        gone = {str(row["ActivityId"]) for row in moved[:5]}
        now |= {one: [] for one in some} | {min(some): moved[5:]}
        name = written(tmp_path, now, content=f"{step}abc" * 16, over=Over(base, touched))
        assert (over_of(paths, name), is_whole(paths, name)) == (base, True)
        files = open_activities(paths, name)
        for one in range(256):
            entries, _ = Merged(files.of(customer(one)), []).page(EVERYTHING)
            own = now.get(customer(one), [])
            assert [dict(entry.activity) for entry in entries] == newest_first(own)
        ids = {str(row["ActivityId"]) for rows in now.values() for row in rows}
        assert files.having([*ids, *gone, "no id"]) == ids
    remove_activities(paths.serving, {name})
    assert not is_whole(paths, name)
    with pytest.raises(GenerationError):
        open_activities(paths, name)


def test_kinds_are_told_apart_by_all_that_they_say(tmp_path):
    texts = (None, "Order", "Return")
    own = [
        activity("Shop_Orders", key, key * SECOND, ActivityTypeDisplay=texts[key % 3])
        | {"ActivityName": f"of {key % 2}"}
        for key in range(60)
    ]
    files = open_activities(Paths.of(tmp_path), written(tmp_path, {customer(7): own}))
    entries, _ = Merged(files.of(customer(7)), []).page(EVERYTHING)
    assert [dict(entry.activity) for entry in entries] == newest_first(own)
    assert len(files.kinds) == 6


def test_activities_of_an_earlier_version_are_read(tmp_path, monkeypatch):
    about = activity_build._Index.about

    def without_batch(index, over):
        told = json.loads(about(index, over)[ABOUT])
        return {
            ABOUT: json.dumps({name: told[name] for name in ("rows", "kinds", "over")}).encode()
        }

    monkeypatch.setattr(activity_build, "BATCH", EARLIER)
    monkeypatch.setattr(activity_build._Index, "about", without_batch)
    random_ = random.Random(5)
    timelines = told_apart({customer(one): activities(random_, 7 * one) for one in range(40)})
    files = open_activities(Paths.of(tmp_path), written(tmp_path, timelines))
    for one, own in timelines.items():
        entries, _ = Merged(files.of(one), []).page(EVERYTHING)
        assert [dict(entry.activity) for entry in entries] == newest_first(own)
    ids = {str(row["ActivityId"]) for rows in timelines.values() for row in rows}
    assert files.having(ids) == ids


def test_activities_are_named_after_what_is_in_them_and_damage_is_found(tmp_path):
    paths = Paths.of(tmp_path)
    name = written(tmp_path, {customer(3): activities(random.Random(3), 600)})
    rows = paths.serving / name / "rows.arrow"
    before = rows.stat().st_mtime_ns
    assert written(tmp_path, {}) == name  # the same content is there already
    assert rows.stat().st_mtime_ns == before
    opened = open_activities(paths, name)
    content = bytearray(rows.read_bytes())
    content[len(content) // 2] ^= 1
    rows.write_bytes(content)
    with pytest.raises(GenerationError) as raised:
        open_activities(paths, name)
    assert raised.value.code == "generation_corrupt"
    assert remove_activities(paths.serving, set()) == [name]
    with pytest.raises(GenerationError) as raised:
        open_activities(paths, name)
    assert raised.value.code == "generation_missing"
    assert opened.having([]) == set()


def test_a_base_without_activities_has_none(tmp_path):
    files = open_activities(Paths.of(tmp_path), written(tmp_path, {}))
    assert Merged(files.of(customer(1)), []).page(EVERYTHING) == ((), 0)
    assert files.having([activity_id("Shop_Orders", "1")]) == set()
