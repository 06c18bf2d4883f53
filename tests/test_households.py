"""What the benchmark of matching says of households: who is apart, and the best decision."""

import csv
from pathlib import Path
from random import Random

import pytest

from benchmarks.household_rules import strong_rules
from benchmarks.households import Apart, apart, best_possible, is_told
from benchmarks.make_people import (
    COLUMNS,
    KINDS,
    NAMES,
    Person,
    household_of,
    make,
    people,
    records,
)
from benchmarks.matching import matched, rules_of, score_rule

NOBODY = dict.fromkeys(("GivenName", "Surname", "DateOfBirth", "TaxNumber"), "")
ANN = NOBODY | {"GivenName": "ann", "Surname": "lee", "DateOfBirth": "1980-01-01"}
BOB = NOBODY | {"GivenName": "bob", "Surname": "lee", "DateOfBirth": "1970-05-05"}


@pytest.mark.parametrize(
    ("record", "others", "strong", "told"),
    [
        ({"GivenName": "ann"}, [BOB], False, True),
        ({"GivenName": "anne"}, [BOB], False, True),
        ({"GivenName": "lee", "Surname": "ann"}, [BOB], False, True),  # swapped
        ({"GivenName": ""}, [BOB], False, False),  # either of both
        ({"GivenName": ""}, [], False, True),  # nobody else lives there
        ({"GivenName": "zoe"}, [], False, False),  # who is to know that it is no one else
        ({"GivenName": "", "DateOfBirth": "1980-01-01"}, [BOB], True, True),
        ({"GivenName": "", "DateOfBirth": "1980-01-01"}, [BOB], False, False),
        ({"GivenName": "ann"}, [BOB, ANN | {"DateOfBirth": "1990-01-01"}], True, False),
    ],
)
def test_a_record_is_told_where_something_is_more_like_its_own_person(record, others, strong, told):
    assert is_told(NOBODY | {"Surname": "lee"} | record, ANN, others, strong) is told


def test_pairs_of_two_people_are_counted_by_what_they_have_in_common(tmp_path):
    truth = tmp_path / "truth.csv"
    rows = [
        ("1", "P1", "H1", "ann lee"),
        ("2", "P1", "H1", "ann lee"),
        ("3", "P2", "H1", "bob lee"),
        ("4", "P3", "H3", "ann lee"),
        ("5", "P4", "H4", "zoe day"),
    ]
    with truth.open("w", newline="") as file:
        csv.writer(file).writerows([("RecordId", "PersonId", "HouseholdId", "Names"), *rows])
    alone = {row[0]: row[0] for row in rows}
    assert apart(alone, truth) == Apart(2, 0, 2, 0, 0)
    assert apart(alone | {"2": "1", "3": "1"}, truth) == Apart(2, 2, 2, 0, 0)
    assert apart(dict.fromkeys(alone, "1"), truth) == Apart(2, 2, 2, 2, 5)


def test_the_truth_says_who_lives_together(tmp_path):
    kind = KINDS["households"]
    _, _, truth = make(60, tmp_path, kind, seed=3)
    with truth.open() as file:
        known = {row["PersonId"]: row for row in csv.DictReader(file)}
    everyone: list[Person] = people(60, kind, Random(3))
    homes = household_of(everyone)
    assert len(set(homes)) < 60
    for number, person in enumerate(everyone):
        row = known[f"P{number}"]
        assert row["HouseholdId"] == f"H{homes[number]}"
        assert row["Names"] == f"{person['GivenName']} {person['Surname']}"
        assert person["Telephone"] == everyone[homes[number]]["Telephone"]


def test_strong_identifiers_tell_more_people_apart():
    kind = KINDS["households"]
    without, with_them = (best_possible(300, kind, 3, strong) for strong in (False, True))
    assert without.true_pairs == with_them.true_pairs
    assert without.right_pairs < with_them.right_pairs <= with_them.true_pairs
    assert len(list(records(300, kind, 3))) > 300


BORN, NUMBER = "1983-04-25", "238842745"


HOME = dict(
    zip(COLUMNS[2:9], ("7", "low road", "flat 3", "york", "2705", "ohio", "0236"), strict=True)
)


TEN_NAMES = ["andrew", "andrea"] * 5


def written(folder: Path, *people: Person) -> Path:
    """Write people, numbered from 1, as the benchmark does."""
    file = folder / "People.csv"
    with file.open("w", newline="") as opened:
        rows = csv.DictWriter(opened, ["RecordId", *COLUMNS])
        rows.writeheader()
        rows.writerows({"RecordId": str(key)} | one for key, one in enumerate(people, 1))
    return file


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (("carl", "lee", "1998-12-17", ""), ("carol", "lee", "1973-12-14", NUMBER), False),
        (("lee", "ann", "", ""), ("lee", "bob", "", ""), False),  # two members, both swapped
        (("joshua", "lee", "", ""), ("joshua", "", "", ""), True),
        (("", "lee", "1948-30-13", ""), ("joshua", "lee", "1948-03-13", ""), True),
        (("lee", "ann", "1940-03-19", ""), ("lee", "bob", "1940-05-09", ""), False),
        (("eva", "lee", "813-04-52", NUMBER), ("eva", "lee", BORN, NUMBER), True),
        (("eva", "lee", BORN, "42014857"), ("eva", "lee", BORN, "240019457"), True),
    ],
)
def test_rules_of_who_knows_households_tell_members_apart(one, other, together, tmp_path):
    """What a home has in common both have, and besides only what is said here."""
    both = [dict(zip(NOBODY, told, strict=True)) | HOME for told in (one, other)]
    cluster = matched(written(tmp_path, *both), strong_rules(score_rule(strong=True))).cluster
    assert (cluster["1"] == cluster["2"]) is together


@pytest.mark.parametrize("strong", [True, False])
@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (("andrew", "lee"), ("andrea", "lee"), False),
        (("andrew", "lee"), ("ndrew", "lee"), True),
        (("andrew", "leeson"), ("anrdew", "leesn"), True),
        (("andrew", "pemminger"), ("andrew", "craineler"), True),
    ],
)
def test_two_names_that_many_have_are_two_people(one, other, together, strong, tmp_path):
    """Five others have each of both names, each in a home of their own."""
    everyone = [dict(zip(NAMES, names, strict=True)) | HOME for names in (one, other)]
    others = people(10, KINDS["one error"], Random(3))
    everyone += [one | {"GivenName": name} for one, name in zip(others, TEN_NAMES, strict=True)]
    rules = rules_of(strong, households=True)
    cluster = matched(written(tmp_path, *everyone), rules).cluster
    assert (cluster["1"] == cluster["2"]) is together
    assert len(set(cluster.values())) == 12 - together
