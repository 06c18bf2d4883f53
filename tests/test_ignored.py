"""Values that stand for none weld nobody together, and what was large or ignored is told."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.make_customers import make
from overtide.cli.comparing import remarks
from overtide.schemas.configuration.comparisons import Condition
from overtide.schemas.configuration.entities import Attribute
from overtide.schemas.configuration.ignore import Ignore
from overtide.schemas.null_words import is_null_word, without_null_words
from overtide.schemas.types import type_of
from overtide.transforms.matching.ignored import built_in, ignored_texts, lower
from overtide.transforms.normalize import How, normal
from tests.small_project import Project
from tests.source_files import read

PLACEHOLDERS = ("N/A", "NULL", "-", "unknown")
MAIL = {
    "name": "Mail",
    "conditions": [{"fields": "EMail", "normalize": ["lower", "whitespace", "email"]}],
}
BIRTH = {"name": "Mail and birth", "conditions": [*MAIL["conditions"], {"fields": "DateOfBirth"}]}


def document(rules: list[dict[str, Any]], **unification: Any) -> dict[str, Any]:
    return {
        "instance": {"name": "T", "id": "6f1c0c5e-2f4f-4a57-9c7e-0d2a5b7e1a10"},
        "sources": {
            "S": {
                "C": {
                    "path": "c.csv",
                    "primary_key": "ContactId",
                    "attributes": {
                        "ContactId": "string",
                        "FullName": "string",
                        "EMail": "string",
                        "DateOfBirth": "string",
                    },
                }
            }
        },
        "unification": {
            "entities": [{"entity": "S_C", "deduplicate": {"rules": rules}}],
            "merge": {"fields": [{"name": "EMail", "from": ["S_C.EMail"]}]},
            **unification,
        },
    }


@pytest.fixture(scope="module")
def contacts(tmp_path_factory) -> str:
    """3,000 people, of whom 8 % have a placeholder for an e-mail, each of the four in turn."""
    folder: Path = tmp_path_factory.mktemp("contacts")
    make(3_000, folder, 1, "csv")
    words = ", ".join(f"'{word}'" for word in PLACEHOLDERS)
    spoilt = (
        f"CASE WHEN line % 100 < 8 THEN list_extract([{words}], 1 + (line % 4)::INTEGER) "
        "ELSE EMail END"
    )
    birth = "CASE WHEN line % 100 < 8 THEN '1990-01-' || (10 + line % 15) ELSE DateOfBirth END"
    duckdb.sql(f"""
        COPY (SELECT ContactId, FullName, {spoilt} AS EMail, {birth} AS DateOfBirth
              FROM (SELECT *, row_number() OVER () AS line
                    FROM read_csv('{folder}/Contact.csv', all_varchar = true)))
        TO '{folder}/c.csv' (HEADER)""")
    return (folder / "c.csv").read_text()


def sizes(project: Project) -> list[int]:
    """Return how many records the three greatest customers have."""
    return [
        row[0]
        for row in project.rows(
            "SELECT count(*) FROM lake.AlternateKey GROUP BY CustomerId ORDER BY 1 DESC LIMIT 3"
        )
    ]


def customers(project: Project) -> list[str]:
    """Return the keys of each customer's records."""
    return sorted(
        row[0]
        for row in project.rows(
            "SELECT string_agg(PrimaryKey, ' ' ORDER BY PrimaryKey) "
            "FROM lake.AlternateKey GROUP BY CustomerId"
        )
    )


@pytest.mark.parametrize(
    "rule", [MAIL, BIRTH], ids=["e-mail", "e-mail and birth date in small blocks"]
)
def test_placeholders_weld_nobody_by_default_and_are_told(tmp_path, contacts, rule):
    project = Project(tmp_path, document([rule])).write(c=contacts)
    told = project.refresh().manifest
    assert sizes(project)[0] <= 4
    ignored = {row[2]: row[4] for row in project.table("ignored_values") if row[1] == "EMail"}
    assert set(ignored) == {"n/a", "null", "-", "unknown"}
    assert sum(ignored.values()) >= 240
    (sentence,) = remarks(told)
    assert "in EMail of S_C" in sentence
    assert "ignored_values" in sentence
    shown = "SELECT count(*) FROM lake.Customer WHERE EMail IN ('N/A', 'NULL', '-', 'unknown')"
    assert project.rows(shown)[0][0] > 200


def test_without_the_list_they_weld_and_that_is_told_with_value_rule_and_size(tmp_path, contacts):
    project = Project(tmp_path, document([MAIL], ignore={"defaults": False})).write(c=contacts)
    told = project.refresh().manifest
    assert sizes(project)[0] > 50
    large = project.rows(
        "SELECT Value, Rule, Records FROM lake.oversized_blocks WHERE Kind = 'large block'"
    )
    assert {value for value, _, _ in large} == {"n/a", "null", "-", "unknown"}
    found = project.rows(
        "SELECT Value, Rule, Records FROM lake.oversized_blocks WHERE Kind = 'customer' "
        "ORDER BY Records DESC"
    )
    assert [row[2] for row in found][:3] == sizes(project)
    assert {row[1] for row in found} == {"Mail"}
    text = " ".join(remarks(told))
    assert "of S_C by rule Mail" in text
    assert f"`{told['large']['customer']['greatest'][0]['value']}`" in text


def test_what_many_share_is_ignored_by_option(tmp_path, contacts):
    project = Project(
        tmp_path, document([MAIL], ignore={"defaults": False, "shared_by": 30})
    ).write(c=contacts)
    project.refresh()
    assert sizes(project)[0] <= 4
    assert {row[2:4] for row in project.table("ignored_values")} == {
        (value, "shared") for value in ("n/a", "null", "-", "unknown")
    }


def test_a_block_that_is_too_large_is_told(tmp_path, contacts):
    limits = {"block_size": 20, "large_customer": 10}
    project = Project(tmp_path, document([MAIL], ignore={"defaults": False}, limits=limits)).write(
        c=contacts
    )
    told = project.refresh().manifest
    assert sizes(project)[0] <= 4
    (sentence,) = remarks(told)
    assert "4 blocks with too many records (limits.block_size): not compared" in sentence
    assert told["large"]["block"]["count"] == 4


def test_the_same_again_tells_the_same_whatever_the_buckets(tmp_path, contacts):
    project = Project(tmp_path, document([MAIL])).write(c=contacts)
    first = project.refresh().manifest
    again = project.refresh(rows_per_bucket=500, full=True).manifest
    assert first["ignored_values"] == again["ignored_values"]
    assert first["large"] == again["large"]


def test_configured_values_are_compared_after_normalisation_and_others_can_be_kept(tmp_path):
    mails = ["Till+1@Shop.org", "till@shop.org", "unknown", "UNKNOWN ", "ann@x.org", "ann@x.org"]
    rows = "ContactId,FullName,EMail,DateOfBirth\n" + "".join(
        f"{key},Ann,{mail},\n" for key, mail in enumerate(mails)
    )
    ignore = {"values": ["TILL@shop.org"], "keep": ["unknown"]}
    project = Project(tmp_path, document([MAIL], ignore=ignore)).write(c=rows)
    project.refresh()
    assert customers(project) == ["0", "1", "2 3", "4 5"]
    assert project.table("ignored_values") == [("S_C", "EMail", "till@shop.org", "listed", 2)]


def test_a_condition_may_compare_every_value_and_a_combination_leaves_ignored_attributes_out(
    tmp_path,
):
    rows = (
        "ContactId,FullName,EMail,DateOfBirth\n"
        "1,Ann,n/a,2000\n2,Ann,N/A,2001\n3,Bob,n/a,2002\n4,Ann,,2003\n"
    )
    every = {
        "name": "every",
        "conditions": [{"fields": "EMail", "normalize": ["lower"], "ignore": False}],
    }
    both = {"name": "both", "conditions": [{"fields": ["FullName", "EMail"]}]}
    for rule, found in ((every, ["1 2 3", "4"]), (both, ["1 2 4", "3"])):
        project = Project(tmp_path / str(rule["name"]), document([rule])).write(c=rows)
        project.refresh()
        assert customers(project) == found
    assert project.table("ignored_values") == [("S_C", "FullName, EMail", "n/a", "listed", 3)]


@pytest.mark.parametrize(
    ("kind", "value", "ignored"),
    [
        (None, "n/a", True),
        (None, "N/A", True),
        (None, "???", True),
        (None, "0000000000", True),
        (None, "x", False),
        (None, "none@none.com", True),
        (None, "1900-01-01", True),
        (None, "1970-01-01", False),
        (None, "Ann", False),
        ("Person.BirthDate", "1970-01-01", True),
        ("Person.LastName", "Na", False),
        ("Person.FullName", "John Doe", True),
        (None, "NA", True),
        ("Location.Country", "NA", False),
        ("Identity.Service.Phone", "123456789", True),
        (None, "123456789", False),
        (None, "no", False),
        ("Identity.Service.Email", "no", True),
        (None, "Blank", True),
        ("Person.LastName", "Blank", False),
        (None, "x@x.com", False),
        (None, "999999", False),
        (None, "9999999", True),
    ],
)
def test_what_the_built_in_list_holds(kind, value, ignored):
    found = ignored_texts(
        Condition(fields="x"), {"x": Attribute(semantic_type=kind)}, Ignore(), How()
    )
    assert (lower(normal(value, How())) in found) is ignored


@pytest.mark.parametrize(
    "steps", [("phone",), ("symbols",), ("name",), ("address",), ("organization", "whitespace")]
)
def test_the_list_is_normalised_like_the_values(steps):
    how = How(steps, country="US" if "phone" in steps else None)
    found = ignored_texts(
        Condition(fields="x", normalize=list(steps)), {"x": Attribute()}, Ignore(), how
    )
    assert {lower(normal(value, how)) for value in built_in(frozenset(steps))} - {""} == set(found)


# ---- words that are null


def test_null_words_are_null_in_every_column_and_are_not_corrupt(tmp_path):
    lines = "Id,Name,Born,Size\n1,N/A,2024-01-31,1\n2, n/a ,n/a,-\n3,Ann,31/1/2024,N/A\nN/A,Bob,,\n"
    attributes = {
        name: {"type": kind, "null_words": ["n/a", "-"]}
        for name, kind in (
            ("Id", "string"),
            ("Name", "string"),
            ("Born", "date"),
            ("Size", "integer"),
        )
    }
    found = read(tmp_path, lines, attributes)
    assert [(row[0], row[1], str(row[2]), row[3]) for row in sorted(found.rows)] == [
        ("1", None, "2024-01-31", 1),
        ("2", None, "None", None),
        ("3", "Ann", "None", None),
    ]
    assert {(one.key, one.details) for one in found.corrupt} == {
        (None, "Id: the primary key is missing"),
        ("3", 'Born: expected date as YYYY-MM-DD but found "31/1/2024"'),
    }
    assert next(one.record for one in found.corrupt if one.key is None).count("N/A") == 1


def test_an_attribute_s_words_go_before_the_project_s(tmp_path):
    project = document([MAIL]) | {"null_words": ["N/A", None]}
    project["sources"]["S"]["C"]["attributes"]["FullName"] = {"type": "string", "null_words": []}
    rows = "ContactId,FullName,EMail,DateOfBirth\n1,N/A,N/A,null\n2,null,a@x.org,NULL\n"
    found = Project(tmp_path, project).write(c=rows)
    found.refresh()
    assert found.table("S_C", "ContactId, FullName, EMail, DateOfBirth") == [
        ("1", "N/A", None, None),
        ("2", "null", "a@x.org", None),
    ]


@settings(max_examples=100, deadline=None)
@given(
    st.text(st.sampled_from("nN/aA- \u00a0éÉ"), max_size=5),
    st.lists(st.text("n/a-é", min_size=1, max_size=3)),
)
def test_records_and_files_agree_about_null_words(text, words):
    found = duckdb.execute(
        f"SELECT {without_null_words('text', words)} FROM (SELECT ? AS text)", [text]
    ).fetchone()
    assert (found[0] is None) is is_null_word(type_of("string"), text, words)


def test_a_number_of_a_record_is_a_word_as_a_file_would_hold_it():
    assert is_null_word(type_of("integer"), 0, ["0"])
    assert not is_null_word(type_of("integer"), [0], ["0"])
    assert not is_null_word(type_of("integer"), None, ["0"])
    assert not is_null_word(type_of("integer"), 0, None)
