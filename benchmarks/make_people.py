"""Make people whose records are as wrong as those of FEBRL's generator, and say who is who.

`python -m benchmarks.make_people --people N --out DIR [--kind KIND] [--placeholder N] [--seed N]`
writes `People.csv` and `truth.csv` (RecordId, PersonId, HouseholdId, and Names, the true ones). The
kinds of error are those of FEBRL's `generate.py`: typing errors, transposed letters, letters that
sound alike, missing values, replaced names, names and lines of an address that are swapped.
Besides, some people live in one household (surname, address and telephone) and some are namesakes
that live elsewhere.
"""

import argparse
import csv
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.make_customers import words

Person = dict[str, str]
WORDS = words()
NAMES = ["GivenName", "Surname"]
HOME = ["StreetNumber", "Street", "AddressLine2", "Suburb", "Postcode", "State", "Telephone"]
COLUMNS = [*NAMES, *HOME, "DateOfBirth", "TaxNumber"]
SHARED = ["Surname", *HOME]
"""What the people of a household have in common."""
KNOWN = ["PersonId", "HouseholdId", "Names"]
"""What is true of a record, and stands in none."""
PLACEHOLDER = "0299990000"
"""A telephone number that stands for none and is on no list."""
KEYS = ["qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890"]
SOUNDS = (("ph", "f"), ("ck", "k"), ("ie", "y"), ("ei", "ai"), ("z", "s"), ("th", "t"), ("c", "k"))
BUILDINGS = ["Rosewood", "Hillview", "Parkside", "Glenfield", "Oaklands", "Fairmont", "Westgate"]
MISSING = 0.06
"""Share of the values of an original that are missing, but names and postcode."""


@dataclass(frozen=True)
class Kind:
    """How a set of people is made."""

    most_duplicates: int
    """The most further records that a person has."""
    duplicated: float
    """Share of the people that have further records."""
    most_errors: int
    """The most errors in a record, of which at least one is there."""
    household: float = 0
    """Share of the people that live with the one before."""
    namesake: float = 0.02
    """Share of the people that have the names of another one."""


KINDS = {
    "one error": Kind(1, 1.0, 1),
    "several records": Kind(5, 0.4, 2),
    "many errors": Kind(3, 0.6, 4),
    "households": Kind(2, 0.5, 3, household=0.45, namesake=0.08),
}


def people(count: int, kind: Kind, chance: random.Random) -> list[Person]:
    """Return what is true of so many people."""
    found: list[Person] = []
    for _ in range(count):
        person = _person(chance)
        if found and chance.random() < kind.household:
            home = found[-1]
            person |= {column: home[column] for column in SHARED}
            others = {one["GivenName"] for one in found[-8:] if one["Street"] == home["Street"]}
            while person["GivenName"] in others:
                person["GivenName"] = _given_name(chance)
        elif found and chance.random() < kind.namesake:
            other = chance.choice(found)
            person |= {column: other[column] for column in ("GivenName", "Surname")}
        found.append(person)
    return found


def household_of(everyone: Sequence[Person]) -> list[int]:
    """Return of each person the place of the first one who lives there, too."""
    found: list[int] = []
    for place, person in enumerate(everyone):
        before = everyone[place - 1] if place else {}
        together = all(person[column] == before.get(column) for column in SHARED)
        found.append(found[-1] if together else place)
    return found


def _given_name(chance: random.Random) -> str:
    names = WORDS[chance.choice(["female_names", "male_names"])]
    return names[int(len(names) * chance.random() ** 1.6)].lower()


def _surname(chance: random.Random) -> str:
    return "".join(chance.choice(WORDS[part]) for part in ("starts", "middles", "ends")).lower()


def _digits(chance: random.Random, length: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(length))


def _person(chance: random.Random) -> Person:
    place = chance.randrange(len(WORDS["cities"]))
    suburb = WORDS["cities"][place] + chance.choice(["", "", " North", " South", " East", " West"])
    born = (chance.randint(1930, 2004), chance.randint(1, 12), chance.randint(1, 28))
    return {
        "GivenName": _given_name(chance),
        "Surname": _surname(chance),
        "StreetNumber": str(int(1 + 300 * chance.random() ** 2)),
        "Street": f"{_surname(chance)} {chance.choice(WORDS['street_kinds']).lower()}",
        "AddressLine2": _line(chance),
        "Suburb": suburb.lower(),
        "Postcode": str(2000 + 31 * place + chance.randrange(31)),
        "State": WORDS["states"][place].lower(),
        "Telephone": "02" + _digits(chance, 8),
        "DateOfBirth": "{:04}-{:02}-{:02}".format(*born),
        "TaxNumber": _digits(chance, 9),
    }


def _line(chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.4:
        return ""
    if kind < 0.7:
        return f"{chance.choice(['flat', 'unit', 'suite'])} {chance.randint(1, 60)}"
    return f"{chance.choice(BUILDINGS)} {chance.choice(['house', 'court', 'estate'])}".lower()


def _inserted(text: str, place: int, letter: str) -> str:
    return text[:place] + letter + text[place:]


def _removed(text: str, place: int, _letter: str) -> str:
    return text[:place] + text[place + 1 :]


def _substituted(text: str, place: int, letter: str) -> str:
    return text[:place] + letter + text[place + 1 :]


def _transposed(text: str, place: int, _letter: str) -> str:
    return text[:place] + text[place : place + 2][::-1] + text[place + 2 :]


TYPING: tuple[Callable[[str, int, str], str], ...] = (
    _inserted,
    _removed,
    _substituted,
    _transposed,
)


def mistyped(text: str, chance: random.Random) -> str:
    """Return a text with one typing error, by a neighbour of a key where there is one."""
    place = chance.randrange(len(text))
    row = next((keys for keys in KEYS if text[place] in keys), KEYS[0])
    at = max(0, row.find(text[place]))
    near = row[max(0, at - 1)] if chance.random() < 0.5 else row[min(len(row) - 1, at + 1)]
    return chance.choice(TYPING)(text, place, near)


def misheard(text: str, chance: random.Random) -> str:
    """Return a text in which letters are others that sound alike, mistyped where none do."""
    found = [sounds for sounds in SOUNDS if sounds[0] in text]
    return text.replace(*chance.choice(found), 1) if found else mistyped(text, chance)


def _swap(record: Person, one: str, other: str) -> None:
    record[one], record[other] = record[other], record[one]


def spoil(record: Person, chance: random.Random) -> None:
    """Put one error into a record."""
    kind, column = chance.random(), chance.choice(COLUMNS)
    if kind < 0.08:
        _swap(record, "GivenName", "Surname")
    elif kind < 0.12:
        _swap(record, "Street", "AddressLine2")
    elif kind < 0.14:
        name = chance.choice(["GivenName", "Surname"])
        record[name] = (_given_name if name == "GivenName" else _surname)(chance)
    elif kind < 0.3:
        record[column] = ""
    elif record[column]:
        letters = not record[column][0].isdigit()
        change = misheard if letters and chance.random() < 0.15 else mistyped
        record[column] = change(record[column], chance)


def records(count: int, kind: Kind, seed: int, placeholder: int = 0) -> Iterator[Person]:
    """Give the records of so many people in an order of chance, with RecordId and what is true.

    So many of them have the `placeholder` for their telephone number.
    """
    chance, found = random.Random(seed), []
    everyone = people(count, kind, chance)
    homes = household_of(everyone)
    for number, person in enumerate(everyone):
        known = {
            "PersonId": f"P{number}",
            "HouseholdId": f"H{homes[number]}",
            "Names": f"{person['GivenName']} {person['Surname']}",
        }
        for column in ("AddressLine2", "Telephone", "DateOfBirth", "TaxNumber", "Suburb"):
            if chance.random() < MISSING:
                person[column] = ""
        original = person | known
        found.append(original)
        more = chance.randint(1, kind.most_duplicates) if chance.random() < kind.duplicated else 0
        for _ in range(more):
            record = dict(original)
            for _ in range(chance.randint(1, kind.most_errors)):
                spoil(record, chance)
            found.append(record)
    chance.shuffle(found)
    for number, record in enumerate(found):
        lost = {"Telephone": PLACEHOLDER} if number < placeholder else {}
        yield {"RecordId": f"R{number}"} | record | lost


def make(
    count: int, folder: Path, kind: Kind, seed: int = 1, placeholder: int = 0
) -> tuple[int, Path, Path]:
    """Write People.csv and truth.csv; return the number of records and both files."""
    folder.mkdir(parents=True, exist_ok=True)
    people_file, truth = folder / "People.csv", folder / "truth.csv"
    rows = 0
    with people_file.open("w", newline="") as one, truth.open("w", newline="") as other:
        written = csv.DictWriter(one, ["RecordId", *COLUMNS], extrasaction="ignore")
        known = csv.DictWriter(other, ["RecordId", *KNOWN], extrasaction="ignore")
        written.writeheader()
        known.writeheader()
        for record in records(count, kind, seed, placeholder):
            written.writerow(record)
            known.writerow(record)
            rows += 1
    return rows, people_file, truth


def main() -> None:
    """Make the files that the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, default=10_000, metavar="N")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--kind", choices=KINDS, default="several records")
    parser.add_argument("--placeholder", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    rows, *_ = make(asked.people, asked.out, KINDS[asked.kind], asked.seed, asked.placeholder)
    print(f"{rows:,} records of {asked.people:,} people")


if __name__ == "__main__":
    main()
