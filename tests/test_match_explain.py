"""`overtide match explain`: why two records are one customer, or what keeps them apart."""

from typing import Any

import pytest

from overtide.pipelines.matching.explaining import explained
from tests.command_line import call, expect_refusal
from tests.small_plan import INSTANCE
from tests.small_project import Project
from tests.test_scores import households
from tests.tried import opened

FIELDS = ["Id", "First", "Last", "Mail", "Phone", "Born"]
CONTACTS = """Id,First,Last,Mail,Phone,Born
1,Ann,Lee,ann@x,111,1980-01-01
2,Anna,Lee,ann@x,111,1980-01-01
3,William,Trusso,will@x,222,1970-05-05
4,Bob,Ray,n/a,333,1990-01-01
5,Cor,Day,cor@x,444,1960-01-01
6,Cor,Day,cor@y,444,1961-01-01
"""
MEMBERS = """Id,First,Last,Mail,Phone,Born
7,Trusso,William,wil@x,222,1970-05-05
8,Bob,Ray,n/a,,1990-01-01
9,Ann,Lee,ann@x,999,1980-01-01
"""
SCORE = {
    "name": "Score",
    "score": {
        "fields": [
            {"fields": "First", "weight": 2, "normalize": ["lower"], "swapped_with": "Last"},
            {"fields": "Last", "weight": 2, "normalize": ["lower"], "swapped_with": "First"},
            {"fields": "Phone", "weight": 4},
            {"fields": "Mail", "weight": 1},
        ],
        "blocks": [{"on": [{"fields": "Phone"}]}, {"on": [{"fields": "Mail"}]}],
        "threshold": 80,
    },
    "contradictions": [{"fields": "Born"}],
}
MAIL = {
    "name": "Mail",
    "conditions": [{"fields": "Mail"}, {"fields": "First", "precision": 70}],
}


def document() -> dict[str, Any]:
    """Return contacts deduplicated by mail or by score, and members matched by both."""
    entity = {"primary_key": "Id", "attributes": dict.fromkeys(FIELDS, "string")}
    return {
        "instance": {"name": "T", "id": INSTANCE},
        "sources": {"S": {name: {"path": f"{name}.csv"} | entity for name in "cm"}},
        "unification": {
            "entities": [
                {"entity": "S_c", "deduplicate": {"rules": [MAIL, SCORE]}},
                {"entity": "S_m"},
            ],
            "match": [{"entity": "S_m", "to": "S_c", "rules": [MAIL, SCORE]}],
            "merge": {"fields": [{"name": "Mail", "from": ["S_c.Mail", "S_m.Mail"]}]},
        },
    }


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path, document()).write(c=CONTACTS, m=MEMBERS)


def told(project: Project, one: str, other: str) -> dict[str, Any]:
    """Explain two records, each named as c1 or m7."""
    with opened(project) as found:
        return explained(found, *((f"S_{name[0]}", name[1:]) for name in (one, other)))


def outcomes(found: dict[str, Any]) -> dict[str, str]:
    return {rule["rule"]: rule["outcome"] for rule in found["rules"]}


def comparisons(found: dict[str, Any], rule: str) -> dict[str, dict[str, Any]]:
    (one,) = [one for one in found["rules"] if one["rule"] == rule]
    return {f"{row['role']} {row['attributes']}": row for row in one["comparisons"]}


def test_swapped_names_are_joined_and_shown_as_swapped(project):
    """The worked example of the product's preview: `trusso william` is `william trusso`."""
    found = told(project, "c3", "m7")
    assert (found["together"], outcomes(found)) == (
        True,
        {"Mail": "no_block_in_common", "Score": "joined"},
    )
    assert [one["key"] for one in found["records"]] == ["7", "3"]  # the later entity first
    first = comparisons(found, "Score")["field First"]
    assert (first["before"], first["after"]) == (
        [{"First": "Trusso"}, {"First": "William"}],
        ["trusso", "william"],
    )
    assert (first["similarity"], first["swapped"], first["holds"]) == (100.0, True, True)
    (rule,) = [one for one in found["rules"] if one["rule"] == "Score"]
    assert (rule["score"], rule["threshold"], rule["weightPresent"]) == (98.14, 80.0, 100.0)
    assert [(one["block"], one["shared"]) for one in rule["blocks"]] == [
        ("Phone", True),
        ("Mail", False),
    ]
    assert found["chain"] == [
        {
            "records": [{"entity": "S_m", "key": "7"}, {"entity": "S_c", "key": "3"}],
            "rule": "Score",
            "score": 98,
        }
    ]


def test_the_first_rule_that_joins_is_told_and_the_later_one_is_said_to_come_too_late(project):
    found = told(project, "c1", "c2")
    assert outcomes(found) == {"Mail": "joined", "Score": "earlier_rule"}
    assert comparisons(found, "Mail")["condition First"]["similarity"] == 75.0


def test_records_joined_through_others_have_a_chain(project):
    project.document["unification"]["match"][0]["rules"] = [
        {
            "name": "Twin",
            "conditions": [{"fields": "Mail"}, {"fields": "First", "precision": 90}],
        }
    ]
    found = told(project, "c2", "m9")
    assert (found["together"], outcomes(found)) == (True, {"Twin": "too_different"})
    assert [(one["rule"], *(end["key"] for end in one["records"])) for one in found["chain"]] == [
        ("Twin", "9", "1"),
        ("Mail", "1", "2"),
    ]


def test_an_ignored_value_is_shown_and_joins_nothing(project):
    found = told(project, "m8", "c4")
    assert (found["together"], outcomes(found)) == (
        False,
        {"Mail": "no_block_in_common", "Score": "no_block_in_common"},
    )
    mail = comparisons(found, "Mail")["condition Mail"]
    assert (mail["before"], mail["after"], mail["ignored"]) == (
        [{"Mail": "n/a"}, {"Mail": "n/a"}],
        [None, None],
        ["n/a", "n/a"],
    )
    assert found["nearest"] == "Score"


def test_a_contradiction_and_a_miss_are_told_apart(project):
    found = told(project, "c5", "c6")
    assert outcomes(found) == {"Mail": "no_block_in_common", "Score": "contradicted"}
    assert not comparisons(found, "Score")["contradiction Born"]["holds"]
    project.document["unification"]["entities"][0]["deduplicate"]["rules"][1] = {
        **SCORE,
        "score": {**SCORE["score"], "threshold": 99},
        "contradictions": [],
    }
    assert outcomes(told(project, "c5", "c6"))["Score"] == "too_different"


def test_too_large_blocks_best_links_and_too_little_are_told(project):
    project.document["unification"]["limits"] = {"block_size": 2}
    project.write(m=MEMBERS + "10,Ann,Lee,ann@x,,\n")
    assert outcomes(told(project, "c1", "m9"))["Mail"] == "block_too_large"
    project.document["unification"]["limits"] = {}
    project.document["unification"]["match"][0]["best_only"] = True
    found = told(project, "c2", "m9")
    assert (found["together"], outcomes(found)["Mail"]) == (False, "better_link")
    project.document["unification"]["match"][0]["rules"] = [
        {**SCORE, "score": {**SCORE["score"], "at_least": 100}}
    ]
    assert outcomes(told(project, "c1", "m10"))["Score"] == "too_little_in_common"


def test_what_is_alike_too_little_or_distinguishes_nobody_is_told(project):
    project.write(m=MEMBERS + "10,,,ann@x,111,\n11,,Ann,,111,\n")
    (rules,) = (project.document["unification"]["match"][0]["rules"],)
    first = {**SCORE["score"]["fields"][0], "distinguishes": "high", "half_swapped": True}
    fields = [first, *SCORE["score"]["fields"][1:]]

    def asking(**more: object) -> None:
        rules[:] = [{**SCORE, "score": {**SCORE["score"], "fields": fields, **more}}]

    asking()
    found = told(project, "c1", "m10")  # the telephone and the mail, but nobody's name
    assert outcomes(found)["Score"] == "not_distinguished"
    (rule,) = found["rules"]
    assert (rule["nearness"], rule["missed"]) == (1.0, ["First"])
    shown = comparisons(found, "Score")["distinguishing First"]
    assert (shown["needed"], shown["holds"], shown["weight"]) == (80, False, None)
    fields[0] = SCORE["score"]["fields"][0]
    asking(agreeing=60)
    found = told(project, "c1", "m10")
    assert outcomes(found)["Score"] == "too_little_alike"
    (rule,) = found["rules"]
    assert (rule["weightPresent"], rule["weightAlike"], rule["nearness"]) == (55.6, 55.6, 0.9259)
    asking(agreeing=55)
    assert outcomes(told(project, "c1", "m10"))["Score"] == "joined"


def test_a_value_that_moved_is_shown_as_swapped(project):
    project.write(c=CONTACTS + "12,Ann,,,111,\n", m=MEMBERS + "11,,Ann,,111,\n")
    for pairs in project.document["unification"]["match"]:
        for field in pairs["rules"][1]["score"]["fields"][:2]:
            field["half_swapped"] = True
    found = told(project, "c12", "m11")
    assert outcomes(found)["Score"] == "joined"
    first = comparisons(found, "Score")["field First"]
    assert (first["after"], first["similarity"], first["swapped"]) == ([None, "ann"], 100.0, True)
    (rule,) = [one for one in found["rules"] if one["rule"] == "Score"]
    assert rule["weightPresent"] == 66.7  # half of both names, and the telephone


def test_decisions_are_told_where_they_join_and_where_they_cut(project):
    project.document["unification"]["decisions"] = "decisions.csv"
    project.write(
        decisions="Decision,Entity1,Entity1Key,Entity2,Entity2Key\n"
        "never,S_c,1,S_c,2\nalways,S_c,4,S_m,8\n"
    )
    found = told(project, "c1", "c2")
    assert (found["together"], found["decision"]) == (False, "never")
    assert outcomes(found)["Mail"] == "cut_by_decision"
    assert found["never"] == [[{"entity": "S_c", "key": "1"}, {"entity": "S_c", "key": "2"}]]
    found = told(project, "c4", "m8")
    assert (found["together"], found["decision"]) == (True, "always")
    assert [one["rule"] for one in found["chain"]] == ["Always match"]


def test_what_is_told_is_what_a_refresh_does(project):
    project.refresh()
    together = dict(
        project.rows('SELECT EntityName[3] || PrimaryKey, CustomerId FROM lake."AlternateKey"')
    )
    with opened(project) as found:
        for one, other in (("c1", "c2"), ("c1", "m9"), ("c3", "m7"), ("c5", "c6"), ("c4", "m8")):
            ends = [(f"S_{name[0]}", name[1:]) for name in (one, other)]
            told = explained(found, *ends)
            assert told["together"] is (together[one] == together[other])


def test_a_person_reads_why(refreshed_contoso):
    shown = call(
        *("-C", refreshed_contoso, "match", "explain"),
        *("LoyaltyScheme_loyCustomers=LOYID_3798", "eCommerce_eCommerceContacts=CNTID_3798"),
    )
    assert shown.code == 0
    assert "are one customer." in shown.out
    assert "The rule FullName, Email joins them." in shown.out
    assert "Kremple Maria" in shown.out
    assert "kremple maria" in shown.out


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (["Crm_Contacts=1"], 2, "`match explain` takes 2 arguments, not 1."),
        (["Crm_Contacts", "Crm_Contacts=1"], 2, "'Crm_Contacts' is no key of a source record."),
        (["Shop_Nobody=1", "Crm_Contacts=1"], 1, "There is no unified entity 'Shop_Nobody'."),
        (["Crm_Contacts=1", "Crm_Contacts=none"], 1, "Crm_Contacts has no record 'none'."),
        (["Crm_Contacts=1", "Crm_Contacts=1"], 2, "not one with itself"),
    ],
)
def test_what_cannot_be_explained_is_refused(project_folder, words, code, part):
    expect_refusal(call("-C", project_folder, "match", "explain", *words), code, part)


def test_a_link_that_contradictions_of_others_cut_is_told(tmp_path):
    made = households(tmp_path, through_others=True)
    with opened(made) as found:
        cut = explained(found, ("S_c", "2"), ("S_c", "3"))
        kept = explained(found, ("S_c", "1"), ("S_c", "3"))
    assert (cut["together"], outcomes(cut)) == (False, {"Score": "cut_by_contradiction"})
    assert (kept["together"], outcomes(kept)) == (True, {"Score": "joined"})
