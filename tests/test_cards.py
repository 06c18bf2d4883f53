"""Cards and timelines of a real project.

Now, as of earlier bases, in the lake's history, and while things change.
"""

import contextlib
import threading
from pathlib import Path

import pytest

from overtide.lake.catalog import connect
from overtide.lake.maintenance import Upkeep
from overtide.lake.sealed import open_generation
from overtide.lake.standing import committing
from overtide.project import Project
from overtide.schemas.instants import DAY, HOUR, SECOND, format_instant
from tests import shop
from tests.engine import opened
from tests.published_people import ANN, BEN, T0, carry, code_of, own, people, publish, published

__all__ = ["own", "published"]


def test_a_card_of_now_shows_the_published_profile(published):
    card = published.get(key=ANN)
    assert (
        card.run,
        card["FullName"],
        card["Points"],
        card["Spent"],
        card["Member"],
        card["Score"],
    ) == (4, "Ann A", 3, "12.50", True, 1.5)
    assert not any(view.live for view in card.fields.values())
    assert {(entity, key) for entity, key, _ in card.records} == {
        ANN,
        (shop.ACCOUNTS, "1"),
        (shop.ACCOUNTS, "2"),
        (shop.VISITORS, "1"),
    }


def test_every_source_record_finds_its_customer_losers_too(published):
    ids = {
        published.get(key=f"{entity}={key}").customer_id
        for entity, key in (ANN, (shop.ACCOUNTS, "1"), (shop.ACCOUNTS, "2"), (shop.VISITORS, "1"))
    }
    assert ids == {published.get(key=ANN).customer_id}


def test_earlier_instants_show_the_base_in_force_then(published):
    found = [
        published.get(key=ANN, as_of=at)
        for at in (T0, T0 + HOUR - 1, T0 + HOUR, T0 + 2 * HOUR, T0 + 3 * HOUR)
    ]
    assert [(card.run, card["Points"]) for card in found] == [
        (1, 1),
        (1, 1),
        (2, 2),
        (3, 3),
        (4, 3),
    ]


def test_a_base_in_the_lakes_history_has_its_own_identities(published):
    ann = published.get(key=ANN).customer_id
    then = T0 + HOUR
    assert not list(published.paths.serving.glob("run000002*"))
    assert (
        published.get(key=(shop.ACCOUNTS, "2"), as_of=then).customer_id
        == published.get(key=BEN).customer_id
    )
    assert [record[:2] for record in published.get(ann, as_of=then).records] == [
        ANN,
        (shop.ACCOUNTS, "1"),
        (shop.VISITORS, "1"),
    ]
    assert [entry["Title"] for entry in published.timeline(ann, as_of=then).entries] == ["Cup"]
    assert [entry["Title"] for entry in published.timeline(ann).entries] == ["Pot", "Cup"]


def test_history_gives_the_same_card_as_the_generation_that_was_removed(published):
    now, then = (published.get(key=ANN, as_of=at).as_json() for at in (T0 + 2 * HOUR, T0))
    differing = {name for name in now["fields"] if now["fields"][name] != then["fields"][name]}
    assert differing == {"Points"}
    assert (now["customerId"], now["records"], now["previous"]) == (
        then["customerId"],
        then["records"],
        then["previous"],
    )


def test_what_was_known_decides_the_base_as_well(published):
    assert published.get(key=ANN, as_of=T0 + 3 * HOUR, known_at=T0 + HOUR).run == 2
    assert published.get(key=ANN, as_of=T0, known_at=T0 + 3 * HOUR).run == 1


@pytest.mark.parametrize("read", ["get", "timeline"])
def test_who_is_unknown_is_said_clearly(published, read):
    call = getattr(published, read)
    assert code_of(call, "f" * 32) == "customer_not_found"
    assert code_of(call, key=(shop.CONTACTS, "99")) == "customer_not_found"
    assert code_of(call, key=BEN, as_of=T0) == "customer_not_found"
    assert code_of(call, key="Crm_Contact=1") == "unknown_entity"
    assert code_of(call, key=ANN, as_of=T0 - 1) == "before_first_publish"
    assert code_of(call, key=ANN, known_at=T0 - 1) == "before_first_publish"
    assert code_of(call, key=ANN, as_of=T0 - 400 * DAY) == "before_first_publish"
    assert (
        code_of(call)
        == code_of(call, "f" * 32, key=ANN)
        == code_of(call, key="no-key")
        == "invalid_target"
    )
    assert code_of(call, key=ANN, as_of="yesterday") == "invalid_instant"


def test_upkeep_leaves_what_may_still_be_asked_for_after_the_last_publish(own):
    ann = own.get(key=ANN).customer_id
    own.update(ann, {"Points": 9}, valid_until="1h")
    own.post(
        shop.ORDERS,
        [{"OrderId": "7", "AccountId": "1", "PlacedAt": "2026-01-03T00:00:00Z"}],
        valid_until="1h",
    )

    def answers():
        then = T0 + 4 * HOUR + SECOND
        instant = f"TIMESTAMPTZ '{format_instant(then)}'"
        return (
            own.get(ann, as_of=then)["Points"],
            len(own.timeline(ann, as_of=then).entries),
            own.sql(
                f"SELECT Points FROM customer_as_of({instant}, {instant}) WHERE CustomerId = ?",
                [ann],
            ),
            own.sql(f"SELECT * FROM timeline_as_of(?, {instant}, {instant})", [ann]).num_rows,
        )

    carry(own, Upkeep(commits=100))
    own.clock.now += 500 * DAY
    before = answers()
    assert (before[0], before[1], before[3]) == (9, 3, 3)
    own.update(ann, {"Points": 10}, valid_until="1h")
    carry(own, Upkeep(commits=1))
    assert answers() == before
    publish(own, own.clock.now, people(3, same=False))
    own.clock.now += HOUR
    own.update(ann, {"Points": 10}, valid_until="1h")
    carry(own, Upkeep(commits=1))
    assert [event.position for event in own.log.read(0, 9)] == [2, 3]
    assert own.sql("FROM realtime_activities").num_rows == 0


def test_how_far_history_reaches_back_is_said_by_the_last_publish_for_all_readers_alike(own):
    configuration = own.folder / "overtide.yaml"
    configuration.write_text(configuration.read_text() + "lake: {history_days: 1}\n")
    own.clock.now += 5 * DAY
    with Project(own.folder, own.clock) as again:
        assert again.get(key=ANN, as_of=T0)["Points"] == 1
        macro = (
            "SELECT function_name FROM duckdb_functions() WHERE macro_definition LIKE "
            "'%reaches back {} days%'"
        )
        assert again.sql(macro.format(400)).num_rows == 2
        again.refresh()
        assert code_of(again.get, key=ANN, as_of=T0 + 4 * HOUR) == "before_history"
        assert again.get(key=ANN, as_of=own.clock.now - DAY)["Points"] == 3
        assert again.sql(macro.format(1)).num_rows == 2


def test_keeping_more_history_brings_back_nothing_that_was_forgotten(own):
    configuration = own.folder / "overtide.yaml"
    text = configuration.read_text()

    def refreshed(history_days: int) -> None:
        own.clock.now += DAY
        configuration.write_text(f"{text}lake: {{history_days: {history_days}}}\n")
        with Project(own.folder, own.clock) as again:
            again.refresh()

    own.clock.now += 5 * DAY
    refreshed(1)
    forgotten = own.clock.now
    refreshed(400)
    for _ in range(2):
        begins = format_instant(forgotten)
        with Project(own.folder, own.clock) as again:
            assert again.get(key=ANN, as_of=forgotten)["Points"] == 3
            assert code_of(again.get, key=ANN, as_of=forgotten - 1) == "before_history"
            assert again.sql(f"FROM customer_as_of('{begins}', '{begins}')").num_rows
            old = format_instant(forgotten - 1)
            assert code_of(again.sql, f"FROM customer_as_of('{old}', '{old}')") == "before_history"
        refreshed(400)


def test_what_is_known_in_the_future_is_what_is_known_now(own):
    card = own.get(key=ANN, as_of=own.clock.now + HOUR, known_at=own.clock.now + DAY)
    assert (card.as_of, card.known_at, card.run) == (own.clock.now + HOUR, own.clock.now - 1, 4)


def test_the_lake_stands_in_for_a_damaged_generation(own):
    whole, path = own.get(key=ANN), own.paths.generation(own.reader.published().generation)
    assert own.status()["published"]["servedFrom"] == "generation"
    for damage in (path.unlink, lambda: path.write_bytes(b"no database" * 100)):
        damage()
        assert own.get(key=ANN) == whole
        assert own.status()["published"]["servedFrom"] == "lake"


@pytest.mark.parametrize("without", ["DELETE FROM", "DROP TABLE"])
def test_a_damaged_generation_that_an_earlier_version_published_is_said_clearly(own, without):
    with committing(own.paths), opened(connect(own.paths, read_only=False)) as connection:
        connection.execute(f"{without} lake.serving_meta")
    own.paths.generation(own.reader.published().generation).unlink()
    assert code_of(own.get, key=ANN) == "generation_missing"
    assert own.status()["published"]["servedFrom"] == "nothing"


def test_closing_closes_the_bases_that_were_asked_for_too(own):
    def files_open():
        files = [file.resolve() for file in Path("/proc/self/fd").iterdir()]
        return {file.name.partition("-")[0] for file in files if file.parent == own.paths.serving}

    reader = threading.Thread(target=own.get, kwargs={"key": ANN})
    reader.start()
    assert [own.get(key=ANN, as_of=at).run for at in (T0, T0 + 2 * HOUR)] == [1, 3]
    reader.join()
    assert files_open() == {"run000003", "run000004"}
    own.close()
    assert files_open() == set()


def test_threads_that_read_at_once_open_one_generation(own, monkeypatch):
    """Of two, closing would find one: the other's file would stay open for a while."""
    opened, another = [], threading.Barrier(2)

    def together(*arguments):
        with contextlib.suppress(threading.BrokenBarrierError):
            another.wait(2)
        opened.append(open_generation(*arguments))
        return opened[-1]

    monkeypatch.setattr("overtide.serving.reader.open_generation", together)
    threads = [threading.Thread(target=own.get, kwargs={"key": ANN}) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1


def test_reads_from_many_threads_agree(own):
    own.update(key=ANN, fields={"Points": 9})
    found: list[object] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(
                (own.get(key=ANN)["Points"], len(own.timeline(key=ANN).entries))
            )
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(9, 2)] * 8


def test_instants_are_numbers_texts_or_aware_datetimes(published):
    from datetime import UTC, datetime

    aware = datetime.fromtimestamp((T0 + HOUR) / SECOND, UTC)
    runs = [
        published.get(key=ANN, as_of=at).run for at in (T0 + HOUR, format_instant(T0 + HOUR), aware)
    ]
    assert runs == [2, 2, 2]
    assert code_of(published.get, key=ANN, as_of=aware.replace(tzinfo=None)) == "invalid_instant"


def test_the_merged_view_in_sql_agrees(own):
    own.update(key=ANN, fields={"Points": 9})
    own.stream()
    rows = own.sql(
        "SELECT Points, FullName FROM Customer_live WHERE CustomerId = ?",
        [own.get(key=ANN).customer_id],
    )
    assert rows.to_pylist() == [{"Points": 9, "FullName": "Ann A"}]


def test_history_ends_where_questions_end(own):
    ann = own.get(key=ANN).customer_id
    publish(own, T0 + 401 * DAY, people(7, same=False))
    assert own.sql("SELECT DISTINCT ReplacedRun FROM Customer_history").to_pylist() == [
        {"ReplacedRun": 5}
    ]
    assert [own.get(ann, as_of=at)["Points"] for at in (T0 + 401 * DAY - 1, T0 + 401 * DAY)] == [
        3,
        7,
    ]
    assert code_of(own.get, ann, as_of=T0 + HOUR) == "before_history"
    old = f"make_timestamptz({T0 + HOUR})"
    assert code_of(own.sql, f"FROM customer_as_of({old}, {old})") == "before_history"
    assert code_of(own.get, ann, as_of=T0 - 1000 * DAY) == "before_first_publish"
    assert own.sql("FROM customer_as_of('2020-01-01', now())").num_rows == 0
