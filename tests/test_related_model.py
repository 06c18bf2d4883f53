"""Ways from activities to customers, against a plain-Python model of them.

By any field of a customer, an attribute of one entity, keys of several attributes, over hops.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from tests.small_project import Project

NONE_WORDS = ("none", "-")
"""Null words of one part of a key."""
DESKS = ("A", "A|", r"A\|", "B|1", "ä", "NONE", " - ", "")
STRINGS = {"type": "string"}
DESK = {"type": "string", "null_words": [*NONE_WORDS]}
ENTITIES: dict[str, dict[str, Any]] = {
    "contacts": {"primary_key": "Id", "attributes": {"Id": "integer", "Mail": "string"}},
    "accounts": {
        "primary_key": "Id",
        "attributes": {"Id": "string", "Contact": "integer", "Mail": "string", "Card": "string"},
    },
    "tickets": {
        "primary_key": ["Desk", "Nr"],
        "attributes": {"Desk": DESK, "Nr": "integer", "Contact": "integer"},
    },
    "calls": {
        "primary_key": "Id",
        "attributes": {"Id": "string", "Desk": DESK, "Nr": "integer"},
    },
    "visits": {"primary_key": "Id", "attributes": {"Id": "string", "Mail": "string"}},
    "swipes": {"primary_key": "Id", "attributes": {"Id": "string", "Card": "string"}},
    "notes": {
        "primary_key": "Id",
        "attributes": {"Id": "string", "Desk": DESK, "Nr": "integer"},
    },
    "bills": {"primary_key": "Id", "attributes": {"Id": "string", "Call": "string"}},
}
ACTIVITIES = ("visits", "swipes", "notes", "bills")
WAYS = (
    {"entity": "S_visits", "foreign_key": "Mail", "to": "Customer", "field": "Mail"},
    {"entity": "S_swipes", "foreign_key": "Card", "to": "S_accounts", "field": "Card"},
    {"entity": "S_notes", "foreign_key": ["Desk", "Nr"], "to": "S_tickets"},
    {"entity": "S_bills", "foreign_key": "Call", "to": "S_calls"},
    {"entity": "S_calls", "foreign_key": ["Desk", "Nr"], "to": "S_tickets"},
    {"entity": "S_tickets", "foreign_key": "Contact", "to": "S_contacts"},
)
Row = dict[str, str]
Customer = frozenset[tuple[str, str]]
"""The records of a customer: entity and key."""


def document() -> dict[str, Any]:
    sources: dict[str, Any] = {}
    for name, one in ENTITIES.items():
        more = {"At": "date"} if name in ACTIVITIES else {}
        attributes = one["attributes"] | more
        sources[name] = one | {
            "path": f"{name}.csv",
            "attributes": attributes,
            "max_set_aside_percent": 100,
        }
    return {
        "instance": {"name": "R", "id": "6f2c1f0e-5f0b-4b8c-9d2e-3a1b2c3d4e5f"},
        "sources": {"S": sources},
        "unification": {
            "entities": [{"entity": "S_contacts"}, {"entity": "S_accounts"}],
            "match": [
                {
                    "entity": "S_accounts",
                    "to": "S_contacts",
                    "rules": [
                        {
                            "name": "Id",
                            "conditions": [
                                {"fields": {"S_accounts": "Contact", "S_contacts": "Id"}}
                            ],
                        }
                    ],
                }
            ],
            "merge": {"fields": [{"name": "Mail", "from": ["S_contacts.Mail", "S_accounts.Mail"]}]},
        },
        "relationships": [
            one
            | {"name": str(one["entity"])}
            | ({"normalize": ["lower", "whitespace"]} if "field" in one else {})
            for one in WAYS
        ],
        "activities": [
            {"entity": f"S_{name}", "name": name, "relationship": f"S_{name}"}
            | {"timestamp": "At", "title": "Id"}
            for name in ACTIVITIES
        ],
    }


def people(random: Random) -> dict[str, list[Row]]:
    """Return rows of all entities, of few values, so that they meet."""

    def mail() -> str:
        name = f"{random.choice('abcdefghij')}{random.randrange(3)}@x"
        return random.choice([name, name, name.upper(), f" {name}", "", "n/a"])

    def card() -> str:
        return random.choice([f"C {random.randrange(25)}", f"c{random.randrange(25)}", ""])

    def ticket() -> Row:
        number = random.choice(["1", "01", "2", "3", "4", "x", ""])
        return {"Desk": random.choice(DESKS), "Nr": number}

    def contact() -> str:
        return str(random.randrange(30)) if random.random() < 0.9 else ""

    tickets = {}
    for _ in range(40):
        one = ticket() | {"Contact": contact()}
        tickets.setdefault(key_of(one) or str(len(tickets)), one)
    ids = [f"k{n}" for n in range(60)]
    return {
        "contacts": [{"Id": str(n), "Mail": mail()} for n in random.sample(range(30), 22)],
        "accounts": [
            {"Id": f"a{n}", "Contact": contact(), "Mail": mail(), "Card": card()} for n in range(25)
        ],
        "tickets": [*tickets.values()],
        "calls": [{"Id": f"p{n}"} | ticket() for n in range(30)],
        "visits": [{"Id": one, "Mail": mail()} for one in ids],
        "swipes": [{"Id": one, "Card": card()} for one in ids],
        "notes": [{"Id": one} | ticket() for one in ids],
        "bills": [
            {"Id": one, "Call": random.choice([f"p{random.randrange(34)}", ""])} for one in ids
        ],
    }


def plain(value: str, ignored: Iterable[str] = ("n/a",)) -> str | None:
    """Return a value as it is looked up."""
    text = "".join(value.lower().split())
    return text if text and text not in ignored else None


def key_of(row: Row) -> str | None:
    """Return the key of a ticket that a row names: two parts, of which one may be none."""
    desk, number = row["Desk"], row["Nr"]
    if not desk or desk.strip().lower() in NONE_WORDS or not number.isdigit():
        return None
    return f"{escaped(desk)}|{int(number)}"


def escaped(part: str) -> str:
    return part.replace("\\", "\\\\").replace("|", "\\|")


@dataclass(frozen=True)
class Model:
    """Who is meant by what, by hand."""

    rows: Mapping[str, list[Row]]

    @property
    def customers(self) -> dict[tuple[str, str], Customer]:
        """The customer of each record: a contact with all accounts that name it."""
        found = {}
        for contact in self.rows["contacts"]:
            own = [one for one in self.rows["accounts"] if one["Contact"] == contact["Id"]]
            records = [("contacts", contact["Id"]), *(("accounts", one["Id"]) for one in own)]
            found |= dict.fromkeys(records, frozenset(records))
        for one in self.rows["accounts"]:
            found.setdefault(("accounts", one["Id"]), frozenset([("accounts", one["Id"])]))
        return found

    def meant(self, named: Iterable[tuple[str, str]]) -> dict[str, set[Customer]]:
        """Return which customers have each value: of entities and their attributes."""
        found: dict[str, set[Customer]] = defaultdict(set)
        for entity, attribute in named:
            for row in self.rows[entity]:
                value = plain(row[attribute])
                if value is not None:
                    found[value].add(self.customers[entity, row["Id"]])
        return found

    def of_tickets(self) -> dict[str, Customer | None]:
        """Return the customer of each ticket, None of one that leads to nobody."""
        return {
            key: self.customers.get(("contacts", row["Contact"]))
            for row in self.rows["tickets"]
            if (key := key_of(row)) is not None
        }

    def ways(self) -> dict[str, Callable[[Row], Customer | str]]:
        """Return how a row of each activity finds its customer, or why it does not."""
        mails = self.meant([("contacts", "Mail"), ("accounts", "Mail")])
        cards, tickets = self.meant([("accounts", "Card")]), self.of_tickets()
        calls = {row["Id"]: row for row in self.rows["calls"]}

        def by(known: Mapping[str, set[Customer]], value: str) -> Customer | str:
            if not value:
                return "no_foreign_key"
            some = known.get(plain(value) or "", set())
            if len(some) == 1:
                return next(iter(some))
            return "several_customers" if some else "unknown_record"

        def note(row: Row) -> Customer | str:
            key = key_of(row)
            if key is None:
                return "no_foreign_key"
            return (tickets[key] or "no_customer") if key in tickets else "unknown_record"

        def bill(row: Row) -> Customer | str:
            if not row["Call"]:
                return "no_foreign_key"
            if row["Call"] not in calls:
                return "unknown_record"
            found = note(calls[row["Call"]])
            return "no_customer" if isinstance(found, str) else found

        return {
            "visits": lambda row: by(mails, row["Mail"]),
            "swipes": lambda row: by(cards, row["Card"]),
            "notes": note,
            "bills": bill,
        }


def text(rows: list[Row], dated: bool) -> str:
    names = [*rows[0]]
    lines = [",".join(f'"{row[name]}"' for name in names) for row in rows]
    more, day = (",At", ",2026-01-01") if dated else ("", "")
    return "\n".join([",".join(names) + more, *(f"{line}{day}" for line in lines), ""])


@pytest.mark.parametrize("seed", range(2))
def test_activities_find_the_customers_that_the_model_finds(tmp_path, seed):
    rows = people(Random(seed))
    made = Project(tmp_path, document())
    made.write(**{name: text(some, name in ACTIVITIES) for name, some in rows.items()})
    manifest = made.refresh().manifest
    records: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for entity, key, customer in made.rows(
        "SELECT EntityName, PrimaryKey, CustomerId FROM lake.AlternateKey"
    ):
        records[customer].add((entity.removeprefix("S_"), key))
    found = {
        (entity.removeprefix("S_"), title): frozenset(records[customer])
        for entity, title, customer in made.rows(
            "SELECT SourceEntityName, Title, CustomerId FROM lake.UnifiedActivity"
        )
    }
    told = {
        (name, row["Id"]): way(row)
        for name, way in Model(rows).ways().items()
        for row in rows[name]
    }
    assert found == {one: who for one, who in told.items() if not isinstance(who, str)}
    for name in ACTIVITIES:
        reasons = Counter(
            who for (of, _), who in told.items() if of == name and isinstance(who, str)
        )
        counted = manifest["entities"][f"S_{name}"]["of_nobody"]
        assert {why: number for why, number in counted.items() if number} == reasons
    ends = Counter(who if isinstance(who, str) else "found" for who in told.values())
    assert len(ends) == 5
    assert min(ends.values()) > 3
