"""Why records are one customer and how the rules fare, as the operations tell it from the lake."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from overtide.pipelines.matching.explaining import explained
from overtide.project import Project
from overtide.schemas.errors import NotFoundError, OvertideError
from overtide.serving.access.principals import Principal
from overtide.serving.joining_links import pairs_sql, steps_of
from overtide.serving.operations import matching
from overtide.serving.operations.contract import Call
from overtide.serving.pages.joined import words_of
from overtide.serving.pages.preferences import Preferences
from overtide.serving.pages.rendering import Rendering
from overtide.serving.pages.static_files import StaticFiles
from overtide.serving.pages.texts import Texts
from overtide.serving.service import Service
from tests import small_project, tried
from tests.test_match_explain import document as rules_of_two

HOSTILE = "<script>alert(1)</script>{{7*7}}"
HEADER = "Id,First,Last,Mail,Phone,Born\n"
CONTACTS = f"""1,Ann,Lee,ann@x,111,1980-01-01
2,Anna,Lee,ann@x,112,1980-01-01
3,William,Trusso,will@x,222,1970-05-05
4,Bob,Ray,bob@x,333,1990-01-01
5,{HOSTILE},Day,cor@x,444,1960-01-01
6,Cor,Day,cor@y,445,1961-01-01
10,Big,One,big@x,,
"""
MEMBERS = f"""7,Trusso,William,wil@x,222,1970-05-05
8,Rob,Ray,n/a,,1990-01-01
9,Ann,Lee,ann@x,999,1980-01-01
11,{HOSTILE},Day,cor@x,,
"""
MANY, TOO_MANY = 30, 40
DECISIONS = """Decision,Entity1,Entity1Key,Entity2,Entity2Key
always,S_m,8,S_c,4
never,S_c,5,S_c,6
never,S_m,9,S_c,gone
"""


def document() -> dict[str, Any]:
    """Return contacts and members, deduplicated and matched by mail or by a score."""
    found = rules_of_two()
    found["unification"] |= {"limits": {"block_size": 35}, "decisions": "decisions.csv"}
    return found


@dataclass
class Served:
    """The project, and what answers for it in this process."""

    project: small_project.Project
    service: Service

    def call(self, path: dict[str, str], **query: str) -> Call:
        given = {f"${name}": value for name, value in query.items()}
        return Call(self.service, cast("Principal", None), path, given)

    def id_of(self, entity: str, key: str) -> str:
        query = 'SELECT "CustomerId" FROM lake."AlternateKey" WHERE "EntityName" = $1 AND $2 = '
        return str(self.service.rows(query + '"PrimaryKey"', (entity, key))[0][0])

    def joined(self, customer: str, **query: str) -> Any:
        return matching.joined(self.call({"entityId": customer}, **query)).document

    def of(self, key: str, entity: str = "S_c", **query: str) -> Any:
        return self.joined(self.id_of(entity, key), **query)


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("joined")
    big = "".join(f"b{number},Big,One,big@x,,\n" for number in range(MANY))
    common = "".join(f"c{number},N{number},Z{number},info@x,,\n" for number in range(TOO_MANY))
    made = small_project.Project(folder, document()).write(
        c=HEADER + CONTACTS + common, m=HEADER + MEMBERS + big, decisions=DECISIONS
    )
    (folder / "overtide.yaml").write_text(yaml.safe_dump(made.document, sort_keys=False))
    with Project(folder) as project:
        with pytest.raises(NotFoundError) as refused:
            matching.matching(Call(project.service(), cast("Principal", None)))
        assert refused.value.code == "nothing_published"
        project.refresh()
        yield Served(made, project.service())


def chain(found: dict[str, Any]) -> dict[str, tuple[str | None, str | None, int | None]]:
    """Return of each record the key that it was joined to, by which rule and score."""
    return {
        one["key"]: (None, None, None)
        if one["joinedTo"] is None
        else tuple(one["joinedTo"][name] for name in ("key", "rule", "score"))
        for one in found["records"]
    }


def test_every_record_but_the_first_tells_what_joined_it_by_the_surest_pairs(served):
    found = served.of("1")
    assert chain(found) == {
        "2": (None, None, None),
        "9": ("2", "Mail", 75),
        "1": ("9", "Mail", 100),
    }
    assert (found["recordCount"], found["configurationChanged"]) == (3, False)
    assert [one["winner"] for one in found["records"]] == [True, True, False]
    assert found["records"][0]["values"]["Mail"] == "ann@x"
    swapped = served.of("3")["records"][1]["joinedTo"]
    assert (swapped["threshold"], swapped["blocks"]) == (
        80,
        [
            {
                "block": "Phone",
                "parts": [{"attributes": "Phone", "letters": None}],
                "values": ["222"],
            }
        ],
    )
    assert (
        served.of("5")["records"][1]["joinedTo"]["comparisons"][0]["before"]
        == [{"Mail": "cor@x"}] * 2
    )


def test_what_was_compared_is_what_match_explain_tells_of_the_same_two(served):
    pairs = [
        ("m", "9", "c", "2"),
        ("c", "1", "m", "9"),
        ("m", "7", "c", "3"),
        ("m", "11", "c", "5"),
    ]
    told = {
        (one["entity"], one["key"]): one["joinedTo"]
        for key in ("1", "3", "5")
        for one in served.of(key)["records"]
    }
    with tried.opened(served.project) as found:
        for entity, key, other, other_key in pairs:
            link = told[f"S_{entity}", key]
            assert (link["entity"], link["key"]) == (f"S_{other}", other_key)
            truth = explained(found, (f"S_{entity}", key), (f"S_{other}", other_key))
            (rule,) = (one for one in truth["rules"] if one["outcome"] == "joined")
            if truth["records"][0]["key"] != key:
                for one in rule["comparisons"]:
                    one |= {name: one[name][::-1] for name in ("before", "after", "ignored")}
            assert link["comparisons"] == rule["comparisons"]
            assert (link["rule"], link["threshold"]) == (rule["rule"], rule["threshold"])
            shared = [one for one in rule["blocks"] if one["shared"]]
            assert [one["block"] for one in link["blocks"]] == [one["block"] for one in shared]


def test_what_people_decided_is_told_with_whose_the_others_are(served):
    found = served.of("4")
    (joined,) = (one["joinedTo"] for one in found["records"] if one["joinedTo"])
    assert (joined["decided"], joined["rule"], joined["comparisons"]) == (
        True,
        "Always match",
        None,
    )
    assert served.of("5")["never"]["pairs"] == [
        {
            "entity": "S_c",
            "key": "5",
            "otherEntity": "S_c",
            "otherKey": "6",
            "otherCustomerId": served.id_of("S_c", "6"),
        }
    ]
    assert served.of("6")["never"]["pairs"][0]["otherKey"] == "5"
    (gone,) = served.of("1")["never"]["pairs"]
    assert (gone["otherKey"], gone["otherCustomerId"]) == ("gone", None)


def test_a_customer_of_one_record_tells_which_block_was_too_large(served):
    found = served.of("c7")
    assert chain(found) == {"c7": (None, None, None)}
    assert found["records"][0]["tooLarge"] == [
        {"kind": "block", "rule": rule, "values": ["info@x"], "records": TOO_MANY}
        for rule in ("Mail", "Score")
    ]


def test_a_large_customer_comes_in_parts_that_make_the_whole(served):
    whole = served.of("10", top="200")
    assert len(whole["records"]) == whole["recordCount"] == MANY + 1
    assert chain(whole)["10"] == (None, None, None)
    assert {one[0] for key, one in chain(whole).items() if key != "10"} == {"10"}
    parts = [served.of("10", top="7", skip=str(start)) for start in range(0, 35, 7)]
    assert [one for part in parts for one in part["records"]] == whole["records"]
    assert served.of("10", top="0")["records"] == served.of("10", skip="500")["records"] == []


@pytest.mark.parametrize(
    ("customer", "query", "code"),
    [
        ("nobody", {}, "customer_not_found"),
        ("", {}, "customer_not_found"),
        (None, {"top": "201"}, "invalid_parameter"),
        (None, {"skip": "-1"}, "invalid_parameter"),
        (None, {"top": "many"}, "invalid_parameter"),
    ],
)
def test_what_is_asked_wrongly_is_refused(served, customer, query, code):
    with pytest.raises(OvertideError) as refused:
        served.joined(served.id_of("S_c", "1") if customer is None else customer, **query)
    assert refused.value.code == code


def test_rules_that_were_changed_since_are_told_to_be_others(served):
    file = served.project.paths.project / "overtide.yaml"
    text = file.read_text()
    changed = yaml.safe_load(text)
    del changed["unification"]["match"][0]["rules"][0]
    changed["unification"]["decisions"] = "gone.csv"
    try:
        file.write_text(yaml.safe_dump(changed, sort_keys=False))
        found = served.of("1")
        assert (found["configurationChanged"], found["never"]) == (True, None)
        joined = next(one["joinedTo"] for one in found["records"] if one["key"] == "9")
        assert (joined["rule"], joined["comparisons"]) == ("Mail", None)
        file.write_text("unification: 7")
        found = served.of("1")
        assert (found["configurationChanged"], found["records"][0]["values"]) == (True, {})
        assert chain(found)["1"] == ("9", "Mail", 100)
    finally:
        file.write_text(text)


def nothing(_query: str, _parameters: object = ()) -> list[tuple[Any, ...]]:
    """Answer as a lake without the table does."""
    return []


def test_links_of_an_earlier_version_are_those_to_the_groups_winner(served):
    records = [("S_c", "1"), ("S_c", "2")]
    with served.service.asking() as ask:
        now, before = (
            steps_of(ask, pairs_sql(query, ["S_c"]), records, ("S_c", "2"))
            for query in (ask, nothing)
        )
    assert [(step.record[1], step.to) for step in before] == [("2", None), ("1", ("S_c", "2"))]
    assert [step.to for step in now] == [step.to for step in before]
    assert [step.link.rule for step in before[1:]] == ["Mail"]


def test_the_rules_are_counted_as_in_the_products_screens(served):
    found = matching.matching(served.call({})).document
    assert {one["entity"]: tuple(one.values())[1:] for one in found["entities"]} == {
        "S_c": (47, 46, 1, 6, 41, 12.8),
        "S_m": (34, 5, 29, 34, 0, 100.0),
    }
    rules = {(one["entity"], one["to"], one["rule"]): one for one in found["rules"]}
    assert [rules["S_m", "S_c", "Mail"][name] for name in ("pairs", "records", "only")] == [
        MANY + 3,
        MANY + 2,
        MANY + 2,
    ]
    assert rules["S_c", "S_c", "Mail"]["records"] == 2
    assert sum(one["customers"] for one in found["sizes"]) == found["customers"]
    assert found["sizes"][-1] == {"from": 21, "to": 50, "customers": 1}
    assert found["largest"][0] == {"customerId": served.id_of("S_c", "10"), "records": MANY + 1}
    assert found["notCompared"]["greatest"][0]["records"] == TOO_MANY
    assert found["ignoredValues"]["greatest"][0]["value"] == "n/a"


@pytest.mark.parametrize("language", ["en", "nl"])
def test_pages_show_all_of_it_in_words_and_no_value_as_html(served, language):
    rendering = Rendering(Texts(), StaticFiles())
    preferences = Preferences(language)
    for key in ("1", "3", "4", "5", "c7"):
        found = served.of(key)
        values = {"skipped": 0, "more": 10, "unfolded": True, "address": "/customers/1/joined"}
        page = rendering.rendered(
            "_joined.html", preferences, {"found": found, "words": words_of, **values}
        ).decode()
        assert "<script>" not in page
        assert "joined." not in page.replace("/joined", "")
        assert ("&lt;script&gt;" in page) == (key == "5")
