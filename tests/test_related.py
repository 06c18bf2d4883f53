"""Activities reach customers by any unified field, by keys of several attributes, over hops.

In files and posted alike; what several customers could be meant by is shown to none of them.
"""

import json
from pathlib import Path
from typing import Any

import pytest

import overtide
from tests.command_line import call

CONTACTS = "ContactId,EMail,Name\n1,ann@x.de,Ann\n2,bob@x.de,Bob\n3,both@x.de,Cay\n4,n/a,Dot\n"
ACCOUNTS = "AccountId,ContactId,Mail\nA,1,Ann.Old@x.de\nD,4,both@x.de\n"
VISITS = (
    "VisitId,Mail,At\nv1, ANN@x.de,2026-01-01\nv2,ann.old@x.de,2026-01-02\n"
    "v3,both@x.de,2026-01-03\n"
    "v4,new@x.de,2026-01-04\nv5,,2026-01-05\nv6,n/a,2026-01-06\n"
)
TICKETS = "Desk,Nr,Contact\nA|,1,2\nA,1,1\nB,2,9\n"
NOTES = (
    "NoteId,Desk,Nr,At\nn1,A|,1,2026-01-01\nn2,A,1,2026-02-02\n"
    "n3,B,2,2026-01-03\nn4,C,,2026-01-04\n"
)
CLICKS = "ClickId,Contact,At\nc1,1,2026-01-07\n"
FILES = {
    "clicks": CLICKS,
    "contacts": CONTACTS,
    "accounts": ACCOUNTS,
    "visits": VISITS,
    "tickets": TICKETS,
    "notes": NOTES,
}
YAML = """
instance: {name: Related, id: 6f2c1f0e-5f0b-4b8c-9d2e-3a1b2c3d4e5f}
sources:
  Shop:
    Contacts: {path: contacts.csv, primary_key: ContactId,
      attributes: {ContactId: integer, EMail: string, Name: string}}
    Accounts: {path: accounts.csv, primary_key: AccountId,
      attributes: {AccountId: string, ContactId: integer, Mail: string}}
  Web:
    Visits: {path: visits.csv, primary_key: VisitId,
      attributes: {VisitId: string, Mail: string, At: datetime}}
    Clicks: {path: clicks.csv, primary_key: ClickId,
      attributes: {ClickId: string, Contact: integer, At: datetime}}
  Desk:
    Tickets: {path: tickets.csv, primary_key: [Desk, Nr],
      attributes: {Desk: string, Nr: integer, Contact: integer}}
    Notes: {path: notes.csv, primary_key: NoteId,
      attributes: {NoteId: string, Desk: string, Nr: integer, At: datetime}}
unification:
  entities: [{entity: Shop_Contacts}, {entity: Shop_Accounts}]
  match:
    - {entity: Shop_Accounts, to: Shop_Contacts,
       rules: [{name: Id, conditions: [{fields: ContactId}]}]}
  merge:
    fields:
      - {name: Name, from: [Shop_Contacts.Name]}
      - {name: EMail, from: [Shop_Contacts.EMail, Shop_Accounts.Mail]}
relationships:
  - {name: Visits, entity: Web_Visits, foreign_key: Mail, to: Customer, field: EMail,
     normalize: [lower, whitespace]}
  - {name: Notes, entity: Desk_Notes, foreign_key: [Desk, Nr], to: Desk_Tickets}
  - {name: Tickets, entity: Desk_Tickets, foreign_key: Contact, to: Shop_Contacts}
  - {name: Clicks, entity: Web_Clicks, foreign_key: Contact, to: Shop_Contacts}
lake: {keep_generations: 1}
activities:
  - {entity: Web_Clicks, name: Click, relationship: Clicks, timestamp: At, title: ClickId,
     show_in_timeline: false}
  - {entity: Web_Visits, name: Visit, relationship: Visits, timestamp: At, title: VisitId}
  - {entity: Desk_Notes, name: Note, relationship: Notes, timestamp: At, title: NoteId}
"""


def project(folder: Path, text: str = YAML, **files: str) -> None:
    (folder / "overtide.yaml").write_text(text)
    for name, rows in (FILES | files).items():
        (folder / f"{name}.csv").write_text(rows)


def command(folder: Path, *words: object, given: str = "") -> Any:
    answer = call("-C", folder, "--json", *words, given=given)
    assert answer.code in (0, 3), answer.err
    return answer.document


def titles(folder: Path) -> list[list[str]]:
    """Return the titles of all timelines, on which reads and SQL must agree."""
    command(folder, "stream", "--until-caught-up")
    with overtide.open(folder) as opened:
        found = [opened.timeline(key=("Shop_Contacts", str(one))) for one in (1, 2, 3, 4)]
        shown = [[entry["Title"] for entry in one.entries] for one in found]
        rows = opened.sql(
            """SELECT c.Shop_Contacts_ContactId AS Id, list(t.Title) AS Titles FROM Customer_live c,
            timeline_as_of(c.CustomerId, now(), now()) t GROUP BY ALL"""
        ).to_pylist()
    told = {row["Id"]: sorted(row["Titles"]) for row in rows}
    assert told == {str(one): sorted(some) for one, some in enumerate(shown, 1) if some}
    return shown


def post(folder: Path, entity: str, *records: dict[str, Any]) -> list[int]:
    given = "\n".join(map(json.dumps, records))
    return [one["status"] for one in command(folder, "post", entity, given=given)["rows"]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project(tmp_path)
    return tmp_path


def test_files_and_posted_records_reach_customers_alike(folder):
    told = call("-C", folder, "refresh")
    assert told.code == 0, told.err
    text = told.out + told.err
    assert "Web_Visits: 4 of 6 activities belong to no customer" in text
    assert "1 that several customers could be meant by" in text
    manifest = json.loads(
        command(folder, "sql", "SELECT Manifest FROM runs")["rows"][0]["Manifest"]
    )
    assert manifest["related"] == {
        "Customer.EMail (lower, whitespace)": {
            "values": 4,
            "several_customers": 1,
            "no_customer": 0,
        },
        "Desk_Tickets.Desk_Nr": {"values": 3, "several_customers": 0, "no_customer": 1},
    }
    assert manifest["entities"]["Web_Visits"]["of_nobody"] == {
        "no_foreign_key": 1,
        "unknown_record": 2,
        "no_customer": 0,
        "several_customers": 1,
    }
    assert manifest["entities"]["Desk_Notes"]["of_nobody"] == {
        "no_foreign_key": 1,
        "unknown_record": 0,
        "no_customer": 1,
        "several_customers": 0,
    }
    assert titles(folder) == [["n2", "v2", "v1"], ["n1"], [], []]
    # Posted: an e-mail of any spelling, over a ticket, of several customers, of one to come.
    mails = {"p1": "Ann@X.DE ", "p2": "ann.old@x.de", "p3": "both@x.de", "p4": "New@x.de"}
    visits = [
        {"VisitId": key, "Mail": mail, "At": f"2027-01-01T10:00:0{key[1]}Z"}
        for key, mail in mails.items()
    ]
    assert post(folder, "Web_Visits", *visits) == [201, 201, 202, 202]
    click = {"ClickId": "c2", "Contact": 1, "At": "2027-03-01"}
    assert post(folder, "Web_Clicks", click, click | {"ClickId": "c3", "Contact": 7}) == [201, 202]
    asked = "SELECT CustomerId FROM Customer WHERE Name = 'Ann'"
    ann = command(folder, "sql", asked)["rows"][0]["CustomerId"]
    unified = {"CustomerId": ann, "ActivityType": "Other", "ActivityTime": "2027-03-02T00:00:00Z"}
    unified |= {"SourceEntityName": "Web_Clicks", "SourceActivityId": "c4", "Title": "c4"}
    assert post(folder, "UnifiedActivity", unified) == [201]
    note = {"NoteId": "q1", "Desk": "A|", "Nr": "01", "At": "2027-02-01"}
    later = note | {"NoteId": "q2", "Desk": "Z"}
    assert post(folder, "Desk_Notes", note, later) == [201, 202]
    assert titles(folder) == [
        ["p2", "p1", "n2", "v2", "v1"],
        ["q1", "n1"],
        [],
        [],
    ]
    clicks = "SELECT list(Title ORDER BY Title) AS t FROM UnifiedActivity_live WHERE Title ^@ 'c'"
    assert command(folder, "sql", clicks)["rows"] == [{"t": ["c1", "c2", "c4"]}]
    assert command(folder, "status")["held"] == 4
    instant = command(folder, "sql", "SELECT max(AcceptedAt) AS now FROM realtime_activities")[
        "rows"
    ][0]["now"]
    # One of those who share an address goes elsewhere, and a contact and a ticket come.
    project(
        folder,
        YAML.replace("show_in_timeline: false", "show_in_timeline: true"),
        accounts=ACCOUNTS.replace("both@", "new@"),
        tickets=f"{TICKETS}Z,1,3\n",
    )
    assert call("-C", folder, "refresh").code == 0
    assert titles(folder) == [
        ["c4", "c2", "p2", "p1", "n2", "c1", "v2", "v1"],
        ["q1", "n1"],
        ["q2", "p3", "v3"],
        ["p4", "v4"],
    ]
    assert command(folder, "status")["held"] == 1
    # What was seen before is seen as it was.
    for contact, expected in ((1, ["p2", "p1", "n2", "v2", "v1"]), (3, [])):
        key = f"Shop_Contacts={contact}"
        then = command(folder, "timeline", "--key", key, "--as-of", instant)
        assert [one["Title"] for one in then["activities"]] == expected
        of = f"FROM timeline_as_of('{then['customerId']}', '{instant}', '{instant}')"
        assert [one["Title"] for one in command(folder, "sql", of)["rows"]] == expected


def test_rules_are_tried_and_explained_where_activities_find_customers_by_a_field(folder):
    home = "  clusters:\n    - {name: Home, rules: [{name: Mail, conditions: [{fields: EMail}]}]}\n"
    own = "AccountId,ContactId,Mail\nD,9,both@x.de\n"
    project(folder, YAML.replace("  match:\n", f"{home}  match:\n"), accounts=own)
    assert command(folder, "match", "try")["clusters"] == [
        {"name": "Home", "clusters": 4, "ofSeveral": 1, "largest": 2}
    ]
    told = command(folder, "match", "explain", "Shop_Contacts=3", "Shop_Accounts=D")
    assert [(one["name"], one["together"]) for one in told["clusters"]] == [("Home", True)]
