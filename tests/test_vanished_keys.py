"""Records that vanish from their source.

Their keys go on leading to the customer that their id leads to.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.command_line import call
from tests.test_mistaken_merges import PEOPLE, command, day

ORDERS: dict[str, Any] = {
    "path": "o.csv",
    "primary_key": "Id",
    "attributes": {"Id": "string", "Person": "string", "At": "datetime"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A and B are one customer, C another; an update and an order were posted by the key of B."""
    document = PEOPLE | {
        "sources": {"S": PEOPLE["sources"]["S"] | {"O": ORDERS}},
        "relationships": [{"name": "r", "entity": "S_O", "foreign_key": "Person", "to": "S_C"}],
        "activities": [
            {
                "entity": "S_O",
                "name": "Orders",
                "relationship": "r",
                "timestamp": "At",
                "title": "Id",
            }
        ],
    }
    (tmp_path / "overtide.yaml").write_text(yaml.safe_dump(document))
    (tmp_path / "o.csv").write_text("Id,Person,At\nold,C,2025-01-01\n")
    day(tmp_path, A="a", B="a", C="c")
    command(tmp_path, "update", "--key", "S_C=B", "Tier=gold", "--valid-until", "1d")
    order(tmp_path, "by B", "B")
    return tmp_path


def order(folder: Path, key: str, person: str) -> int:
    record = {"Id": key, "Person": person, "At": "2026-01-02T10:00:00Z"}
    status: int = command(folder, "post", "S_O", given=json.dumps(record))["rows"][0]["status"]
    return status


def seen(folder: Path, who: str) -> tuple[str, str, list[str]]:
    """Return a customer's id, tier and titles, on which reads and SQL must agree."""
    card = command(folder, "get", *who.split())
    titles = [one["Title"] for one in command(folder, "timeline", *who.split())["activities"]]
    command(folder, "stream", "--until-caught-up")
    one, tier = card["customerId"], card["fields"]["Tier"]["value"]
    for asked in ("Customer_live", "customer_as_of(now(), now())"):
        rows = command(folder, "sql", f"SELECT Tier FROM {asked} WHERE CustomerId = '{one}'")[
            "rows"
        ]
        assert rows == [{"Tier": tier}], asked
    for asked in (
        f"UnifiedActivity_live WHERE CustomerId = '{one}'",
        f"timeline_as_of('{one}', now(), now())",
    ):
        rows = command(
            folder, "sql", f"SELECT Title FROM {asked} ORDER BY ActivityTime DESC, ActivityId"
        )["rows"]
        assert [row["Title"] for row in rows] == titles, asked
    return one, tier, titles


def test_what_was_said_by_the_key_of_a_record_that_vanished_stays_with_its_customer(folder):
    before = seen(folder, "--key S_C=A")
    assert before[1:] == ("gold", ["by B"])
    day(folder, A="a", C="c")
    assert (
        seen(folder, "--key S_C=A")
        == seen(folder, "--key S_C=B")
        == seen(folder, before[0])
        == before
    )
    assert order(folder, "later by B", "B") == 201
    command(folder, "update", "--key", "S_C=B", "Tier=platinum", "--valid-until", "1d")
    assert seen(folder, "--key S_C=A") == (before[0], "platinum", ["later by B", "by B"])
    status = command(folder, "status")
    assert (status["held"], status["live"]["activities"]) == (0, 2)
    day(folder, A="a", B="other", C="c")
    parted = seen(folder, "--key S_C=B")
    assert parted[0] != before[0]
    assert parted[1:] == ("platinum", ["later by B", "by B"])
    assert seen(folder, "--key S_C=A") == (before[0], "low", [])


def test_the_lake_knows_them_too_where_the_serving_generation_is_lost(folder):
    day(folder, A="a", C="c")
    before = seen(folder, "--key S_C=B")
    for generation in (folder / "lake" / "catalog.sqlite.files").rglob("run*.sqlite"):
        generation.unlink()
    assert command(folder, "status")["published"]["servedFrom"] == "lake"
    assert seen(folder, "--key S_C=B") == before


def test_a_customer_that_is_gone_with_all_its_records_is_found_by_none_of_them(folder):
    day(folder, "--allow-shrink", C="c")
    assert call("-C", folder, "get", "--key", "S_C=B").code == 1
    assert order(folder, "held", "B") == 202
    command(folder, "stream", "--until-caught-up")
    assert command(folder, "status")["held"] == 3
    day(folder, B="a", C="c")
    assert seen(folder, "--key S_C=A")[1:] == ("gold", ["by B", "held"])


def test_the_source_s_own_rows_of_a_record_that_vanished_are_told_as_nobody_s(folder):
    (folder / "o.csv").write_text("Id,Person,At\nold,C,2025-01-01\nnew,B,2025-01-02\n")
    day(folder, A="a", C="c")
    loss = command(folder, "status")["loss"]
    assert "S_O" in json.dumps(loss)


def test_an_instant_before_it_vanished_is_answered_as_it_was(folder):
    instant = command(folder, "get", "--key", "S_C=B")["asOf"]
    day(folder, A="a", C="c")
    then = command(folder, "get", "--key", "S_C=B", "--as-of", instant, "--known-at", instant)
    assert then["fields"]["Tier"]["value"] == "gold"
    assert "B" in [one["key"] for one in then["records"]]
    assert "B" not in [one["key"] for one in command(folder, "get", "--key", "S_C=B")["records"]]


@pytest.mark.parametrize("still_a_source", [True, False])
def test_the_key_of_an_entity_that_is_no_longer_unified_leads_on(tmp_path, still_a_source):
    """Also where the entity is no source any more; one that never was is still refused."""
    two = {**PEOPLE["sources"]["S"], "L": {**PEOPLE["sources"]["S"]["C"], "path": "l.csv"}}
    unification = PEOPLE["unification"]
    both = {
        **unification,
        "entities": [*unification["entities"], {"entity": "S_L"}],
        "match": [
            {
                "entity": "S_L",
                "to": "S_C",
                "rules": [{"name": "same", "conditions": [{"fields": "EMail"}]}],
            }
        ],
    }
    (tmp_path / "l.csv").write_text("Id,Name,EMail,Tier\nL1,,a,\n")
    (tmp_path / "overtide.yaml").write_text(
        yaml.safe_dump(PEOPLE | {"sources": {"S": two}, "unification": both})
    )
    day(tmp_path, A="a")
    command(tmp_path, "update", "--key", "S_L=L1", "Tier=gold", "--valid-until", "1d")
    left = {"S": two} if still_a_source else PEOPLE["sources"]
    (tmp_path / "overtide.yaml").write_text(yaml.safe_dump(PEOPLE | {"sources": left}))
    day(tmp_path, A="a")
    card = command(tmp_path, "get", "--key", "S_L=L1")
    assert card == {
        **command(tmp_path, "get", "--key", "S_C=A"),
        "asOf": card["asOf"],
        "knownAt": card["knownAt"],
    }
    assert card["fields"]["Tier"]["value"] == "gold"
    command(tmp_path, "withdraw", "--key", "S_L=L1", "Tier")
    assert command(tmp_path, "get", "--key", "S_C=A")["fields"]["Tier"]["value"] is None
    wrong = call("-C", tmp_path, "--json", "get", "--key", "S_X=L1").document["error"]
    assert wrong["code"] == "unknown_entity"
