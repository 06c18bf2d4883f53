"""An acceptance over a base of two customers, with a clock that tests set."""

import json
from itertools import count

import pytest

from overtide.eventlog.sqlite import SqliteEventLog
from overtide.lake.generation import Generation, Profile
from overtide.schemas.configuration.activities import Activity
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import OvertideError
from overtide.schemas.events import event_id
from overtide.serving.acceptance import Acceptance
from tests.generations import write_generation

NOW = 1_795_514_400_000_000
ANN, BOB, OLD = "a" * 32, "b" * 32, "0" * 32
PROFILE = [
    ("CustomerId", "string", False),
    ("FullName", "string", True),
    ("Points", "integer", True),
    ("Income", "decimal(12,2)", True),
    ("Score", "double", True),
    ("Member", "boolean", True),
    ("Birthday", "date", True),
    ("SeenAt", "datetime", True),
    ("Shop_Contacts_Id", "string", False),
    ("PreviousCustomerId", "string", False),
]
PURCHASES = Entity(
    path="p.csv",
    primary_key="PurchaseId",
    time_zone="Europe/Berlin",
    attributes={
        "PurchaseId": "integer",
        "Buyer": "integer",
        "Day": {"type": "date", "format": "%m/%d/%Y"},
        "Total": "decimal(10,2)",
        "Weight": "double",
        "Paid": "boolean",
        "Note": "string",
        "Link": "string",
    },
)
PURCHASE = Activity(
    entity="Shop_Purchases",
    name="Purchases",
    relationship="buys",
    type="SalesOrder",
    timestamp="Day",
    title="Total",
    description="Note",
    url="Link",
    icon=None,
    semantic={
        "Total": "Total",
        "Paid": "Paid",
        "Note": "Note",
        "Weight": "Weight",
        "Order": "PurchaseId",
    },
)
REVIEWS = Entity(
    path="r.csv",
    primary_key="ReviewId",
    attributes={"ReviewId": "string", "Buyer": "integer", "At": "datetime", "Text": "string"},
)
REVIEW = Activity(
    entity="Shop_Reviews",
    name="Reviews",
    relationship="writes",
    timestamp="At",
    title="Text",
    type_display="Website review",
)
RECORD = {
    "PurchaseId": 7,
    "Buyer": "1",
    "Day": "7/1/2024",
    "Total": "12.5",
    "Weight": 0.25,
    "Paid": True,
    "Note": "great, 'really' great ✓",
    "Link": "",
}

UNIFIED = {"CustomerId": ANN, "ActivityType": "Call", "ActivityTime": "2026-11-24T11:00:00+01:00"}


def entity_document(entity):
    attributes = {
        name: entity.attribute(name).model_dump(include={"type", "format", "decimal_mark"})
        for name in entity.attributes
    }
    return {
        "attributes": attributes,
        "time_zone": entity.time_zone,
        "primary_key": entity.primary_key,
    }


CONTACTS = Entity(path="c.csv", primary_key="Id", attributes={"Id": "integer", "Name": "string"})
META = {
    "run": 1,
    "instance": "5d0f0f3c-1e1b-4f8e-9c53-3f6f0a6b9f10",
    "profile": [
        {"name": name, "type": kind, "updatable": updatable} for name, kind, updatable in PROFILE
    ],
    "entities": {
        "Shop_Contacts": entity_document(CONTACTS),
        "Shop_Purchases": entity_document(PURCHASES),
        "Shop_Reviews": entity_document(REVIEWS),
    },
    "activities": {
        activity.entity: {**activity.model_dump(), "foreign_key": "Buyer", "to": "Shop_Contacts"}
        for activity in (PURCHASE, REVIEW)
    },
    "real_time": {"update_ttl": "4h", "activity_ttl": "30d"},
}


@pytest.fixture
def clock():
    return [NOW]


@pytest.fixture
def log(tmp_path, clock):
    random_bits = count()
    log = SqliteEventLog(
        tmp_path / "events.sqlite", lambda: clock[0], lambda at: event_id(at, next(random_bits))
    )
    yield log
    log.close()


@pytest.fixture
def base(tmp_path):
    path = tmp_path / "g.sqlite"
    write_generation(
        path,
        META,
        [Profile(ANN, {}), Profile(BOB, {})],
        [("Shop_Contacts", "1", ANN), ("Shop_Contacts", "2", BOB)],
        [(OLD, ANN)],
    )
    return [Generation(path)]


@pytest.fixture
def acceptance(log, base):
    return Acceptance(log, lambda: base[0])


def refusal(call, *arguments):
    with pytest.raises(OvertideError) as error:
        call(*arguments)
    return error.value


def body(answer):
    return json.loads(answer.event.body)
