"""A posted source record becomes the same activity as when it stands in a file.

It is the very activity that a refresh makes of it then.
"""

import csv
import io
import json
from datetime import UTC

import pytest

from overtide.eventlog.sqlite import SqliteEventLog
from overtide.lake.catalog import connect
from overtide.lake.generation import Generation
from overtide.lake.standing import current_publish
from overtide.pipelines.refresh import refresh
from overtide.runner_configs import load
from overtide.schemas.activities import COLUMNS
from overtide.schemas.configuration import Configuration
from overtide.schemas.events import event_id
from overtide.schemas.instants import format_instant, microseconds
from overtide.schemas.paths import Paths
from overtide.serving.acceptance import Acceptance

NOW = 1_795_514_400_000_000
CONTACTS = "Id,Name\n1,Ann\n002,Bob\n"
PURCHASES = """PurchaseId,Buyer,Day,Total,Weight,Paid,Note,Link
7,1,7/1/2024,12.5,0.25,yes,"great, ""really"" great ✓",
008, 2 ,10/27/2024,-0.005,100,0,,https://example.com/?a=1&b=/2
9,01,3/31/2024,,1e-05,T, blanks ,\\n
9007199254740993,1,12/31/1969,1000,1e22,,"two
lines",x
"""
REVIEWS = """ReviewId,Buyer,At,Text
r 1,1,1969-12-31 23:59:59.5,"\u2028 é / \\ <b>"
r2,2,2024-03-31T02:30:00,
r3,1,2024-10-27 02:30:00.123456,ẞ
R3,1,2024-10-27T02:30:00Z," "
r5,2,2024-07-01T00:00:00+05:30,"it's"
"""
SHOP = {
    "Contacts": {
        "path": "contacts.csv",
        "primary_key": "Id",
        "attributes": {"Id": "integer", "Name": "string"},
    },
    "Purchases": {
        "path": "purchases.csv",
        "primary_key": "PurchaseId",
        "time_zone": "Europe/Berlin",
        "max_set_aside_percent": 100,
        "attributes": {
            "PurchaseId": "integer",
            "Buyer": "integer",
            "Day": {"type": "date", "format": "%m/%d/%Y"},
            "Total": "decimal(10,2)",
            "Weight": "double",
            "Paid": "boolean",
            "Note": "string",
            "Link": "string",
        },
    },
    "Reviews": {
        "path": "reviews.csv",
        "primary_key": "ReviewId",
        "time_zone": "Europe/Berlin",
        "attributes": {
            "ReviewId": "string",
            "Buyer": "integer",
            "At": "datetime",
            "Text": "string",
        },
    },
}
CONFIGURATION = {
    "instance": {"name": "test", "id": "5d0f0f3c-1e1b-4f8e-9c53-3f6f0a6b9f10"},
    "sources": {"Shop": SHOP},
    "unification": {
        "entities": [{"entity": "Shop_Contacts"}],
        "merge": {"fields": [{"name": "Name", "from": ["Shop_Contacts.Name"]}]},
    },
    "relationships": [
        {"name": entity, "entity": f"Shop_{entity}", "foreign_key": "Buyer", "to": "Shop_Contacts"}
        for entity in ("Purchases", "Reviews")
    ],
    "activities": [
        {
            "entity": "Shop_Purchases",
            "name": "Purchases",
            "relationship": "Purchases",
            "type": "SalesOrder",
            "timestamp": "Day",
            "title": "Total",
            "description": "Note",
            "url": "Link",
            "icon": "Weight",
            "semantic": {
                name: name for name in ("Total", "Paid", "Note", "Weight", "PurchaseId", "Day")
            },
        },
        {
            "entity": "Shop_Reviews",
            "name": "Reviews",
            "relationship": "Reviews",
            "timestamp": "At",
            "title": "Text",
            "type_display": "Website review",
        },
    ],
}
FILES = {"Contacts": CONTACTS, "Purchases": PURCHASES, "Reviews": REVIEWS}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    for name, text in FILES.items():
        (folder / SHOP[name]["path"]).write_text(text, encoding="utf-8")
    paths = Paths.of(folder)
    refresh(Configuration.model_validate(CONFIGURATION), paths, load("embedded"), lambda: NOW)
    return paths


@pytest.fixture(scope="module")
def base(project):
    """Every activity of the base as canonical values, by ActivityId."""
    with connect(project) as connection:
        found = connection.execute(
            f"SELECT {', '.join(COLUMNS)} FROM lake.UnifiedActivity"
        ).fetchall()
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in found]
    for row in rows:
        time = row["ActivityTime"].astimezone(UTC).replace(tzinfo=None)
        row["ActivityTime"] = format_instant(microseconds(time))
    return {row["ActivityId"]: row for row in rows}


@pytest.mark.parametrize("entity", ["Purchases", "Reviews"])
def test_a_posted_record_is_the_activity_that_the_refresh_made_of_it(
    project, base, tmp_path, entity
):
    generation = Generation(project.generation(current_publish(project).generation))
    log = SqliteEventLog(
        tmp_path / "events.sqlite", lambda: NOW, lambda accepted_at: event_id(accepted_at, 0)
    )
    records = list(csv.DictReader(io.StringIO(FILES[entity])))
    answers = Acceptance(log, lambda: generation).post(f"Shop_{entity}", records)
    assert [(answer.status, answer.refusal) for answer in answers] == [(201, None)] * len(records)
    for answer in answers:
        assert json.loads(answer.event.body) == base[answer.event.activity_id]
