"""A CRM's export, a shop's nested JSON lines and a ticket system's Parquet, by the YAML alone."""

import json
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import overtide
from tests.command_line import call

YAML = r"""
instance: {name: Three, id: 6f2c1f0e-5f0b-4b8c-9d2e-3a1b2c3d4e5f}
null_words: [k.A.]
sources:
  Crm:
    Accounts:
      path: crm.csv
      delimiter: ";"
      encoding: latin-1
      time_zone: Europe/Berlin
      primary_key: Nr
      filter: coalesce(Status, '') <> 'gelöscht'
      attributes:
        Nr: {column: KD-NR, type: integer, decimal_mark: ",", thousands_separator: "."}
        Name: {expression: "concat_ws(' ', trim(Vorname), trim(Nachname))"}
        EMail: {column: E-Mail}
        Revenue: {column: Umsatz, type: "decimal(12, 2)", decimal_mark: ",",
                  thousands_separator: "."}
        Since: {column: Kunde seit, type: date, format: ["%d.%m.%y", "%d.%m.%Y", ISO]}
        News: {column: Newsletter, type: boolean, true_words: [ja], false_words: [nein]}
        Note: {column: Notiz}
  Shop:
    Lines:
      path: shop.jsonl
      format: jsonl
      primary_key: [Order, Place]
      attributes:
        Order: {path: order.id}
        Place: {path: order.place, type: integer}
        Customer: {path: 'order.customer.ids[0]', type: integer}
        At: {path: order.at, type: datetime}
        Title: {expression: "order.item.name || ' (' || upper(order.item.code) || ')'"}
        Price: {expression: "cast(order.item.price AS decimal(9, 2)) * 1.19",
                type: "decimal(9, 2)"}
  Help:
    Tickets:
      path: tickets.parquet
      format: parquet
      primary_key: Id
      attributes:
        Id: {path: ticket.id}
        Account: {path: ticket.account, type: integer}
        Opened: {column: opened, type: datetime}
        Title: {expression: "replace_values(ticket.kind, 'q', 'Question', 'c', 'Complaint')"}
unification:
  entities: [{entity: Crm_Accounts}]
  merge:
    fields:
      - {name: Name, from: [Crm_Accounts.Name]}
      - {name: Revenue, from: [Crm_Accounts.Revenue]}
      - {name: Since, from: [Crm_Accounts.Since]}
      - {name: News, from: [Crm_Accounts.News]}
      - {name: Note, from: [Crm_Accounts.Note]}
relationships:
  - {name: Lines, entity: Shop_Lines, foreign_key: Customer, to: Crm_Accounts}
  - {name: Tickets, entity: Help_Tickets, foreign_key: Account, to: Crm_Accounts}
activities:
  - {entity: Shop_Lines, name: Line, relationship: Lines, timestamp: At, title: Title,
     semantic: {Price: Price}}
  - {entity: Help_Tickets, name: Ticket, relationship: Tickets, timestamp: Opened, title: Title}
"""
CRM = (
    "KD-NR;Vorname;Nachname;E-Mail;Umsatz;Kunde seit;Newsletter;Notiz;Status\r\n"
    '1.001; Jörg;Groß ;J@x.de;1.234,50;31.1.24;ja;"Zeile 1\r\nZeile; 2";\r\n'
    '1002;;Weiß;k.A.;1,5;2024-02-01;NEIN;"sagt ""nein""";aktiv\r\n'
    "1003;Weg;Weg;;;;;;gelöscht\r\n"
)


def line(order: str, place: int, **item: object) -> dict[str, object]:
    customer = {"ids": [1001, 7]}
    when = "2026-01-31T10:00:00Z"
    return {"order": {"id": order, "place": place, "customer": customer, "at": when, "item": item}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("three")
    (folder / "overtide.yaml").write_text(YAML, encoding="utf-8")
    (folder / "crm.csv").write_bytes(CRM.encode("latin-1"))
    lines = [line("A", 1, name="Cup", code="c1", price=10), line("A", 2, name="Pot", code="p")]
    (folder / "shop.jsonl").write_text("\n".join(map(json.dumps, lines)))
    opened = [datetime(2026, 2, 1, 12)]
    ticket = [{"id": "T1", "account": 1002, "kind": "c"}]
    pq.write_table(pa.table({"ticket": ticket, "opened": opened}), folder / "tickets.parquet")
    done = call("-C", folder, "refresh")
    assert done.code == 0, done.err
    return folder


def test_validate_finds_nothing_wrong(folder):
    found = call("-C", folder, "--json", "validate").document["mistakes"]
    assert [one for one in found if one["severity"] == "mistake"] == []


def test_they_become_customers(folder):
    found = call("-C", folder, "--json", "sql", "FROM Customer ORDER BY Name").document["rows"]
    chosen = ("Name", "Revenue", "Since", "News", "Note")
    assert [tuple(row[name] for name in chosen) for row in found] == [
        ("Jörg Groß", "1234.50", "2024-01-31", True, "Zeile 1\r\nZeile; 2"),
        ("Weiß", "1.50", "2024-02-01", False, 'sagt "nein"'),
    ]


def timeline(folder, key: int) -> dict[str, dict[str, object]]:
    found = call("-C", folder, "--json", "timeline", "--key", f"Crm_Accounts={key}").document
    return {one["SourceActivityId"]: one for one in found["activities"]}


def test_an_activity_posted_is_that_of_the_file(folder):
    before = timeline(folder, 1001)
    assert {key: (one["Title"], one["SemanticData"]) for key, one in before.items()} == {
        "A|1": ("Cup (C1)", '{"Price":"11.90"}'),
        "A|2": ("Pot (P)", '{"Price":null}'),
    }
    assert timeline(folder, 1002)["T1"]["Title"] == "Complaint"
    with overtide.open(folder) as project:
        sent = line("A", 1, name="Cup", code="c1", price=10)
        fresh = line("B", 1, name="Mug", code="m", price="2.50")
        answers = project.post("Shop_Lines", [sent, fresh, {"order": {"id": "C"}}])
        assert [one.refusal and one.refusal.code for one in answers] == [
            None,
            None,
            "invalid_fields",
        ]
        body = json.loads(answers[0].event.body)
    shown = before["A|1"]
    assert {name: body[name] for name in body} == {name: shown.get(name) for name in body}
    after = timeline(folder, 1001)
    assert after["B|1"]["Title"] == "Mug (M)"
    assert set(after) == {"A|1", "A|2", "B|1"}
