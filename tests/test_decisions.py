"""Pairs that people decided: always joined, never together, also through others."""

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overtide.checks import check_project
from overtide.schemas.errors import OvertideError
from overtide.transforms.matching.decided import refused
from tests.configurations import write_project
from tests.small_plan import INSTANCE
from tests.small_project import Project

HEADER = "Decision,Entity1,Entity1Key,Entity2,Entity2Key\n"
CONTACTS = "Id,Name,Mail\n1,Ann,a@x\n2,Anna,a@x\n3,Bob,b@x\n4,Cor,c@x\n"
MEMBERS = "Id,Name,Mail\n7,Ann,a@x\n8,Cor,d@x\n9,Dee,e@x\n"


def document(**more: object) -> dict[str, object]:
    entity = {"primary_key": "Id", "attributes": dict.fromkeys(["Id", "Name", "Mail"], "string")}
    mail = {"name": "Mail", "conditions": [{"fields": "Mail"}]}
    return {
        "instance": {"name": "T", "id": INSTANCE},
        "sources": {"S": {name: {"path": f"{name}.csv"} | entity for name in "cm"}},
        "unification": {
            "entities": [{"entity": "S_c", "deduplicate": {"rules": [mail]}}, {"entity": "S_m"}],
            "match": [{"entity": "S_m", "to": "S_c", "rules": [mail]}],
            "merge": {"fields": [{"name": "Mail", "from": ["S_c.Mail", "S_m.Mail"]}]},
            "decisions": "decisions.csv",
            **more,
        },
    }


def project(folder, *lines: str) -> Project:
    return Project(folder, document()).write(
        c=CONTACTS, m=MEMBERS, decisions=HEADER + "".join(f"{line}\n" for line in lines)
    )


def together(made: Project) -> list[str]:
    made.refresh()
    query = """
        SELECT string_agg(EntityName[3] || PrimaryKey, ' ' ORDER BY EntityName, PrimaryKey)
        FROM lake."AlternateKey" GROUP BY CustomerId ORDER BY 1"""
    return [row[0] for row in made.rows(query)]


def test_always_joins_and_never_cuts_also_within_an_entity_and_through_others(tmp_path):
    made = project(
        tmp_path,
        "always,S_m,8,S_c,4",
        "always,S_m,9,S_m,8",
        "never,S_c,1,S_c,2",
        "never,S_c,3,S_m,99",
    )
    assert together(made) == ["c1 m7", "c2", "c3", "c4 m8 m9"]
    assert made.table("Deduplication_S_c") == []
    assert made.table("DeduplicationPairs") == [("S_m", "8", "9", "Always match", 100)]
    assert {row[4] for row in made.table("ConflationMatchPairs")} == {"Mail", "Always match"}
    assert [row[0::3] for row in made.table("Deduplication_S_m", "PrimaryKey, 1, 2, Rule")] == [
        ("8", "Always match"),
        ("9", "Always match"),
    ]


def test_never_wins_over_always_and_a_file_of_none_changes_nothing(tmp_path):
    made = project(tmp_path, "always,S_m,9,S_c,3", "never,S_c,3,S_m,9")
    assert together(made) == ["c1 c2 m7", "c3", "c4", "m8", "m9"]
    made.write(decisions=HEADER)
    assert together(made) == ["c1 c2 m7", "c3", "c4", "m8", "m9"]


def test_a_record_is_named_by_its_key_however_it_is_written(tmp_path):
    made = project(tmp_path, "always,S_m, 08 ,S_c,4", "never,S_c,1.0,S_c,2 ")
    for entity in made.document["sources"]["S"].values():
        entity["attributes"] |= {"Id": "integer"}
    assert together(made) == ["c1 m7", "c2", "c3", "c4 m8", "m9"]
    made.write(decisions=HEADER + "never,S_c,2,S_c,02\n")
    with pytest.raises(OvertideError, match="names one record twice, by '2' and '02'"):
        made.refresh()


def test_what_is_cut_apart_does_not_depend_on_the_order_of_rows(tmp_path):
    made = project(tmp_path, "never,S_m,1,S_m,2")
    made.document["unification"]["entities"][1] |= {
        "deduplicate": {"rules": [{"name": "Mail", "conditions": [{"fields": "Mail"}]}]}
    }
    found = set()
    for keys in ("129", "291"):
        made.write(m="Id,Name,Mail\n" + "".join(f"{key},Ann,z@x\n" for key in keys))
        found.add(tuple(one for one in together(made) if one.startswith("m")))
    assert found == {("m1 m9", "m2")}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "is not there"),
        ("Decision,Entity1\n", "has no column Entity1Key, Entity2, Entity2Key"),
        (HEADER + "maybe,S_c,1,S_c,2\n", "'maybe' in line 2"),
        (HEADER + "never,S_c,1,S_x,2\n", "'S_x' in line 2"),
        (HEADER + "never,S_c,,S_c,2\n", "no key in line 2"),
        (HEADER + "never,S_c,2,S_c,2\n", "one record twice in line 2"),
        (HEADER + "never,S_c,1,S_c,2\nnever,S_c,1,S_c,4,4\n", "more values than columns in line 3"),
        (HEADER.strip() + ",Entity1Key\nnever,S_c,1,S_c,2,3\n", "two columns Entity1Key"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_what_is_wrong_is_told_by_validate_and_before_a_refresh_reads_anything(
    tmp_path, text, words
):
    made = Project(tmp_path, document()).write(c=CONTACTS, m=MEMBERS)
    if text is not None:
        made.write(decisions=text)
    with pytest.raises(OvertideError) as refusal:
        made.refresh()
    write_project(tmp_path, made.document)
    found = check_project(tmp_path, {})
    assert [one.code for one in found if one.severity == "mistake"] == [refusal.value.code]
    assert refusal.value.code == "decisions_wrong"
    assert words in refusal.value.message
    assert words in found[0].message


LINKS = st.lists(st.tuples(st.just(0), st.integers(0, 7), st.integers(0, 7)), max_size=12)
NEVER = st.sets(
    st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda pair: pair[0] != pair[1]),
    max_size=4,
)


@settings(deadline=None)
@given(LINKS, NEVER)
def test_links_are_taken_in_order_unless_they_join_what_must_be_apart(links, never):
    customers = {record: {record} for record in range(8)}
    expected = set()
    for link in links:
        whole = customers[link[1]] | customers[link[2]]
        apart = customers[link[1]] is not customers[link[2]]
        if apart and any(pair in never for pair in product(whole, whole)):
            expected.add(link)
        else:
            customers |= dict.fromkeys(whole, whole)
    assert refused(links, never) == expected


def test_the_docs_say_how_the_file_of_decisions_begins():
    """A project that names a file which is not there is wrong: the step makes it, with a header."""
    lines = (
        (Path(__file__).parent.parent / "docs" / "matching.md")
        .read_text(encoding="utf-8")
        .splitlines()
    )
    (step,) = (line for line in lines if line.startswith("5. ") and "decisions" in line)
    assert f"`{HEADER.strip()}`" in step
