"""A large file with faulty rows costs what changed, too, and the result is that of all rows.

Lines that are no rows, rows without a key, of one key, or with values that cannot be read.

Runs on Beam's embedded runner.
"""

from collections.abc import Sequence
from random import Random
from unittest.mock import patch

import pytest

from overtide.pipelines import computing, differences, kept_rows
from overtide.schemas.errors import SourceError
from overtide.transforms import row_hashes
from tests.files_in_place import (
    FORMATS,
    PEOPLE,
    PERSONS,
    Line,
    Row,
    TwinsOf,
    known,
    person,
    refreshed_once,
    twins_from,
    written,
)
from tests.small_project import Project

NO_ROW = {
    "csv": "7,Too,many,columns,2024-01-01,and,more",
    "jsonl": '{"Id": ',
    "parquet": "left out",
}
"""A line of each format that is no row."""
KEYLESS: Row = (None, "No Key", "nk@x.com", "Rome", "2024-01-01")
DOUBLE, REPEATED, WRONG = person(4, "Eve"), PERSONS[8], person(12, seen="never")


@pytest.fixture(autouse=True)
def _few_are_enough(monkeypatch):
    monkeypatch.setattr(differences, "LEAST", 0)
    monkeypatch.setattr(row_hashes, "LEAST", 0)
    monkeypatch.setattr(row_hashes, "MOST", 2)


def faulty(kind: str, rows: Sequence[Row | Line] = PERSONS) -> list[Row | Line]:
    """Return the rows with some of each fault among them."""
    before, behind = rows[:3], [WRONG if row == PERSONS[12] else row for row in rows[3:]]
    return [*before, NO_ROW[kind], KEYLESS, *behind[:9], DOUBLE, *behind[9:], REPEATED]


def stay(kind: str) -> int:
    """Return how many of the faulty rows are known when nothing of them changed."""
    return PEOPLE - 2 - (kind == "jsonl")


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory) -> dict[str, Project]:
    """Projects that were refreshed once, by the format of S_a; to be copied, not changed."""
    found = {}
    for kind in FORMATS:
        folder = tmp_path_factory.mktemp("faulty")
        found |= refreshed_once(folder, faulty(kind), [kind])
    return found


@pytest.fixture
def twins_of(refreshed, tmp_path) -> TwinsOf:
    """Two copies of one of them: for users' refreshes, and for those in full."""
    return twins_from(refreshed, tmp_path)


@pytest.mark.parametrize("kind", FORMATS)
def test_rows_that_are_others_are_read_with_the_faulty_ones_alone(twins_of, kind):
    twins = twins_of(kind)
    rows = [person(50), *faulty(kind)]  # every line has another number
    assert known(twins, kind, rows) == stay(kind)
    rows[-3] = person(PEOPLE - 2, "Bob")
    assert known(twins, kind, [*rows, NO_ROW[kind], KEYLESS]) == stay(kind) - 1
    listed = {line for (line,) in twins[0].table("S_a_corrupt", "LineNumber")}
    first = 2 if kind == "csv" else 1  # behind the header
    assert kind == "parquet" or {4 + first, 5 + first, len(rows) + first} <= listed


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_of_the_few_that_come_most_may_be_set_aside(twins_of, kind):
    twins = twins_of(kind)
    rows = [person(0, "Eve"), *PERSONS[1:], *[NO_ROW[kind]] * 6]
    assert known(twins, kind, rows) == PEOPLE - 4  # three rows were faulty when all was read


@pytest.mark.parametrize("kind", FORMATS)
def test_rows_are_mended_and_become_faulty(twins_of, kind):
    twins = twins_of(kind)
    wrong = person(20, seen="soon")
    rows = [wrong if row == PERSONS[20] else row for row in faulty(kind)]
    assert known(twins, kind, rows) == stay(kind) - 1
    mended = [*PERSONS[:20], wrong, *PERSONS[21:]]
    assert known(twins, kind, mended) > 0
    assert known(twins, kind, faulty(kind)) == stay(kind)


def test_a_key_that_a_known_row_has_too_has_all_read_once(twins_of):
    twins = twins_of()
    rows = [*faulty("csv"), person(22, "Zoe")]
    assert known(twins, "csv", rows) == 0
    more = [person(0, "Eve"), *rows[1:]]
    assert (
        known(twins, "csv", more) == stay("csv") - 2
    )  # the two of this key are not known any more
    assert known(twins, "csv", [*more[:-1], person(60)]) == stay("csv") - 2
    assert known(twins, "csv", [*more[:-1], person(22, "Yan")]) == stay("csv") - 2


def test_an_open_quote_has_all_read(twins_of):
    twins = twins_of()
    rows = [*faulty("csv"), '40,"Open,m40@x.com,Oslo,']
    assert known(twins, "csv", rows) == 0
    assert known(twins, "csv", [person(0, "Eve"), *rows[1:]]) == 0
    assert known(twins, "csv", faulty("csv")) == 0  # hashed anew
    quoted = [f'"{person(0, "Bob")[0]}","Bo""b","m0@x.com","Rome",', *faulty("csv")[1:]]
    assert known(twins, "csv", [*quoted, '41,"Too","few"']) == stay("csv") - 1


def test_too_many_that_are_set_aside_are_told_as_ever(twins_of):
    twins = twins_of()
    few = PEOPLE // 4
    told = []
    for project, full in zip(twins, (False, True), strict=True):
        project.document["sources"]["S"]["a"]["max_set_aside_percent"] = 20
        project.refresh()
        written(project, "csv", [*faulty("csv"), *[KEYLESS] * few, NO_ROW["csv"]])
        with pytest.raises(SourceError) as caught:
            project.refresh(full=full)
        told.append((caught.value.code, caught.value.message, caught.value.details))
    assert told[0][0] == "too_many_set_aside"
    assert told[0] == told[1]


def test_where_a_fifth_is_faulty_all_is_read(twins_of, monkeypatch):
    monkeypatch.setattr(row_hashes, "MOST", 5)
    twins = twins_of("jsonl")
    rows = [person(n, seen="never") if n < 8 else row for n, row in enumerate(PERSONS)]
    assert known(twins, "jsonl", rows) == 0
    assert known(twins, "jsonl", [*rows[:-1], person(29, "Eve")]) == 0


def test_what_failed_to_be_published_or_changed_too_often_counts_not(twins_of, monkeypatch):
    twins = twins_of()
    mine, _ = twins
    written(mine, "csv", [person(50), *faulty("csv")])
    failed = SourceError("rows_lost", "It fails.")
    with patch.object(computing, "publish_base", side_effect=failed), pytest.raises(SourceError):
        mine.refresh()
    assert known(twins, "csv", [NO_ROW["csv"], *faulty("csv")[:-1]]) == 0  # of no published run
    assert known(twins, "csv", [KEYLESS, *faulty("csv")[:-1]]) > 0
    monkeypatch.setattr(kept_rows, "MOST_CHANGES", 1)
    assert known(twins, "csv", [*faulty("csv"), KEYLESS]) == 0
    assert known(twins, "csv", faulty("csv")) == stay("csv")


def _edited(rows: list[Row | Line], edit: str, kind: str, chance: Random) -> list[Row | Line]:
    """Return rows with something changed."""
    found, place = list(rows), chance.randrange(len(rows))
    good = [number for number, row in enumerate(found) if isinstance(row, tuple) and row[0]]
    at = chance.choice(good)
    key = str(found[at][0])
    if edit == "change":
        found[at] = person(key, chance.choice(["Ann", "Eve", "Bob"]), "Oslo")
    elif edit == "add":
        found.insert(place, person(chance.randint(0, 40), "Zoe"))
    elif edit == "remove" and len(good) > PEOPLE // 2:
        found.pop(place)
    elif edit == "move":
        found.append(found.pop(place))
    elif edit == "repeat":
        found.insert(place, found[at])
    elif edit == "double":
        found.insert(place, person(key, chance.choice(["Eve", "Bob"]), seen="never"))
    elif edit == "spoil":
        wrong: list[Row | Line] = [NO_ROW[kind], KEYLESS, person(key, seen=chance.choice("xy"))]
        found[at] = chance.choice(wrong)
    elif edit == "mend":
        wrong = [one for one in found if one not in PERSONS]
        if wrong:
            found[found.index(chance.choice(wrong))] = person(chance.randint(0, 40))
    return found


EDITS = ("change", "change", "add", "remove", "move", "repeat", "double", "spoil", "spoil", "mend")


def tell_nights(twins: Sequence[Project], kind: str, seed: int, nights: int) -> int:
    """Edit rows night by night; return in how many of them some were known."""
    chance, rows, some = Random(seed), faulty(kind), 0
    for _ in range(nights):
        for _ in range(chance.randint(1, 2)):
            rows = _edited(rows, chance.choice(EDITS), kind, chance)
        some += known(twins, kind, rows) > 0
    return some


@pytest.mark.parametrize(("kind", "seed"), [("csv", 1), ("jsonl", 2), ("parquet", 3)])
def test_any_edits_give_what_a_full_refresh_gives(twins_of, kind, seed):
    assert tell_nights(twins_of(kind), kind, seed, 4) > 0


@pytest.mark.long
@pytest.mark.parametrize("kind", FORMATS)
def test_many_edits_give_what_a_full_refresh_gives(twins_of, kind):
    assert sum(tell_nights(twins_of(kind), kind, seed, 6) for seed in range(100, 106)) > 12
