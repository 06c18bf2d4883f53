"""Who lives together and who has one name: what keeps them apart, and how right anyone could be.

Of a record whose given name is missing or replaced, and without a date of birth or a tax number,
nothing says which of a household it is. So matching is compared with what the best decision could
reach, too: a decider that knows everyone's true values and who each record is, but may not join one
that is as much like another one of the household in everything that tells them apart, or like
nobody at all.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from random import Random

from rapidfuzz.distance import OSA

from benchmarks.accuracy import Accuracy
from benchmarks.make_people import Kind, Person, household_of, people, records

STRONG = ("DateOfBirth", "TaxNumber")
HALF = 0.5
"""What is less alike is another value."""


@dataclass(frozen=True)
class Apart:
    """Pairs of records of two people: how many there are of each kind, and how many are joined."""

    household: int
    household_joined: int
    namesakes: int
    namesakes_joined: int
    others_joined: int

    def __str__(self) -> str:
        return (
            f"{self.household_joined} of {self.household:,}, "
            f"{self.namesakes_joined} of {self.namesakes:,}, {self.others_joined}"
        )


def apart(cluster: Mapping[str, str], truth: Path) -> Apart:
    """Return how well people of one household, and namesakes elsewhere, were kept apart."""
    with truth.open() as file:
        known = {row["RecordId"]: row for row in csv.DictReader(file)}
    counted: Counter[str] = Counter()
    for name, column in (("household", "HouseholdId"), ("namesakes", "Names")):
        for pair in _pairs(known, {key: row[column] for key, row in known.items()}):
            counted[name] += _kind(known, pair) == name
    for pair in _pairs(known, cluster):
        counted[f"{_kind(known, pair)} joined"] += 1
    return Apart(
        counted["household"],
        counted["household joined"],
        counted["namesakes"],
        counted["namesakes joined"],
        counted["others joined"],
    )


def _kind(known: Mapping[str, Person], pair: tuple[str, str]) -> str:
    one, other = (known[key] for key in pair)
    if one["HouseholdId"] == other["HouseholdId"]:
        return "household"
    return "namesakes" if one["Names"] == other["Names"] else "others"


def _pairs(known: Mapping[str, Person], together: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Give the pairs of records of two people that have something in common."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for key in known:
        groups[together[key]].append(key)
    for group in groups.values():
        for pair in combinations(group, 2):
            if known[pair[0]]["PersonId"] != known[pair[1]]["PersonId"]:
                yield pair


def best_possible(count: int, kind: Kind, seed: int, strong: bool) -> Accuracy:
    """Return what the best decision reaches on such a set: it joins nobody wrongly."""
    everyone = people(count, kind, Random(seed))
    homes: defaultdict[int, list[int]] = defaultdict(list)
    for number, home in enumerate(household_of(everyone)):
        homes[home].append(number)
    own = {number: home for home, several in homes.items() for number in several}
    all_records, told = Counter[int](), Counter[int]()
    for record in records(count, kind, seed):
        number = int(record["PersonId"][1:])
        others = [everyone[one] for one in homes[own[number]] if one != number]
        all_records[number] += 1
        told[number] += is_told(record, everyone[number], others, strong)
    true, right = (
        sum(size * (size - 1) // 2 for size in counted.values()) for counted in (all_records, told)
    )
    return Accuracy(true, right, right)


def is_told(record: Person, person: Person, others: Sequence[Person], strong: bool) -> bool:
    """Say whether what is seen of a record tells its person from the others of the household.

    Nothing does where another one is as much like it in everything, or nobody is like it at all.
    """
    own = likeness(record, person, strong)
    equal = (
        all(theirs >= ours for theirs, ours in zip(likeness(record, one, strong), own, strict=True))
        for one in others
    )
    seen = any(record[column] for column in ("GivenName", *(STRONG if strong else ())))
    return not any(equal) and (not seen or max(own) >= HALF)


def likeness(record: Person, person: Person, strong: bool) -> list[float]:
    """Return how much alike what tells people of a household apart is, names crosswise, too."""
    names = [alike(record[column], person["GivenName"]) for column in ("GivenName", "Surname")]
    columns = STRONG if strong else ()
    return [max(names), *(alike(record[column], person[column]) for column in columns)]


def alike(one: str, other: str) -> float:
    """Return how much alike two texts are, from 0 to 1; nothing is like nothing."""
    longer = max(len(one), len(other))
    return (longer - OSA.distance(one, other)) / longer if one and other else 0.0
