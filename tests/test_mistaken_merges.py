"""Merges that were wrong and are put right.

Ids, previous ids, updates and activities are as they were.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from tests.command_line import call
from tests.engine import Engine
from tests.histories import Story
from tests.oracle import DAY, UNIFIED_ACTIVITY, Request
from tests.shop import ACCOUNTS, CONTACTS, ORDERS

PEOPLE: dict[str, Any] = {
    "instance": {"name": "T", "id": "6f1c0c5e-2f4f-4a57-9c7e-0d2a5b7e1a10"},
    "sources": {
        "S": {
            "C": {
                "path": "c.csv",
                "primary_key": "Id",
                "attributes": {
                    "Id": "string",
                    "Name": "string",
                    "EMail": "string",
                    "Tier": "string",
                },
            }
        }
    },
    "unification": {
        "entities": [
            {
                "entity": "S_C",
                "deduplicate": {
                    "rules": [
                        {"name": "E", "conditions": [{"fields": "EMail", "normalize": ["email"]}]}
                    ]
                },
            }
        ],
        "merge": {
            "fields": [
                {"name": "Name", "from": ["S_C.Name"]},
                {"name": "Tier", "from": ["S_C.Tier"]},
            ]
        },
    },
}
CALL = {"ActivityType": "Call", "ActivityTime": "2026-01-02T10:00:00Z", "Title": "Asked"}


def command(folder: Path, *words: object, given: str = "") -> Any:
    answer = call("-q", "-C", folder, "--json", *words, given=given)
    assert answer.code == 0, answer
    return answer.document


def day(folder: Path, *options: str, **mails: str) -> None:
    """Refresh from people with these e-mails."""
    rows = [f"{key},{key},{mail}@x.example,low" for key, mail in mails.items()]
    (folder / "c.csv").write_text("\n".join(["Id,Name,EMail,Tier", *rows]) + "\n")
    command(folder, "refresh", *options)


def shown(folder: Path, *who: str) -> list[Any]:
    """Return the cards and timelines of some customers, without the instants of reading."""
    found = []
    for one in who:
        card = command(folder, "get", *one.split())
        activities = command(folder, "timeline", *one.split())["activities"]
        fields = {
            name: card["fields"][name] for name in ("Name", "Tier", "PreviousCustomerId", "S_C_Id")
        }
        found.append((card["customerId"], fields, [activity["Title"] for activity in activities]))
    return found


def test_nobody_is_shown_under_the_id_of_another_when_a_merge_is_undone(tmp_path):
    (tmp_path / "overtide.yaml").write_text(yaml.safe_dump(PEOPLE))
    day(tmp_path, A="a", B="b", C="c")
    ids = {key: command(tmp_path, "get", "--key", f"S_C={key}")["customerId"] for key in "ABC"}
    for key, one in ids.items():
        command(tmp_path, "update", one, f"Tier=meant-for-{key}", "--valid-until", "1d")
        command(
            tmp_path, "update", "--key", f"S_C={key}", f"Name=called-{key}", "--valid-until", "1d"
        )
        command(
            tmp_path,
            "post",
            UNIFIED_ACTIVITY,
            given=json.dumps(CALL | {"CustomerId": one, "Title": f"Asked by {key}"}),
        )
    everyone = [*ids.values(), *(f"--key S_C={key}" for key in ids)]
    before = shown(tmp_path, *everyone)
    assert [fields["Tier"]["value"] for _, fields, _ in before] == [
        "meant-for-A",
        "meant-for-B",
        "meant-for-C",
    ] * 2
    for mails in (
        {"A": "a", "B": "a", "C": "c"},
        {"A": "b", "B": "b", "C": "b"},
        {"A": "c", "B": "b", "C": "c"},
    ):
        day(tmp_path, **mails)
        merged = shown(tmp_path, *everyone)
        assert len({one for one, *_ in merged}) == len(set(mails.values()))
        assert {title for *_, titles in merged for title in titles} == {
            f"Asked by {key}" for key in ids
        }
    day(tmp_path, A="a", B="b", C="c")
    assert shown(tmp_path, *everyone) == before


PEOPLE_OF_SHOP = {
    (CONTACTS, "1"): 1,
    (ACCOUNTS, "1"): 1,
    (CONTACTS, "2"): 2,
    (ACCOUNTS, "2"): 2,
    (CONTACTS, "3"): 2,
    (ACCOUNTS, "3"): 3,
}
"""Records of the shop and the customers that they really are."""


def test_customers_are_as_they_were_whatever_was_wrongly_merged_in_between(tmp_path):
    story = Story.begin(Engine, tmp_path)
    orders = [(ORDERS, key, {"AccountId": key, "Item": f"Item {key}"}) for key in "123"]
    story.refresh([*records({(CONTACTS, "1"): 1, (CONTACTS, "2"): 2}), *orders])
    story.refresh(
        records({(ACCOUNTS, "1"): 4, (ACCOUNTS, "2"): 2, (CONTACTS, "3"): 3, (ACCOUNTS, "3"): 3})
    )
    story.refresh(records(PEOPLE_OF_SHOP))
    speak(story)
    before = answers(story)
    assert (
        sum(fields["PreviousCustomerId"] is not None for (_, fields), _ in before[0].values()) > 1
    )
    story.refresh(records(PEOPLE_OF_SHOP, {2: 1}))
    story.refresh([*records(PEOPLE_OF_SHOP, {2: 1, 3: 1}), (CONTACTS, "2", None)])
    assert answers(story) != before
    story.refresh([*records(PEOPLE_OF_SHOP, {3: 2}), (ACCOUNTS, "1", None)])
    story.refresh(records(PEOPLE_OF_SHOP))
    assert answers(story) == before
    story.engine.close()


def records(
    people: dict[tuple[str, str], int], mistaken: Mapping[int, int] = MappingProxyType({})
) -> list[Any]:
    """Return records with the e-mails of their customers, some mistaken for others.

    It is customers that are mistaken: their records have another customer's e-mail.
    """
    return [
        (*record, {"EMail": f"{mistaken.get(person, person)}@x", "FullName": "".join(record)})
        for record, person in people.items()
    ]


def speak(story: Story) -> None:
    """Send an update and an activity for every id, and an update and an order by every record."""
    until = story.clock.now + DAY
    for number, target in enumerate(story.targets()[:-2]):
        story.send(Request("update", target, fields={"Points": number}, until=until))
        if isinstance(target, str):
            story.send(Request("update", target, fields={"Score": float(number)}, until=until))
            story.send(
                Request(
                    "activity",
                    entity=UNIFIED_ACTIVITY,
                    until=until,
                    record={
                        "CustomerId": target,
                        "ActivityType": "Call",
                        "ActivityTime": "2026-01-02T10:00:00.000000Z",
                    },
                )
            )
        elif target[0] == ACCOUNTS:
            story.post(
                f"new {target[1]}", target[1], "Pen", start=None, end=None, caller=None, key=None
            )


def answers(story: Story) -> Any:
    """Return every card and timeline, as it is read and as SQL shows it."""
    story.engine.stream(100)
    targets = [target for target in story.targets()[:-2] if story.base.resolve(target)]
    with story.engine.sql() as sql:
        return (
            {
                target: (
                    story.engine.card(target, None, None),
                    story.engine.timeline(target, None, None),
                )
                for target in targets
            },
            sql.customers_now(),
            sql.activities_now(),
        )
