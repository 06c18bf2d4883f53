"""`overtide match try`: what rules would do, with the numbers of the product's screens."""

import pytest

from overtide.pipelines.matching.sampling import sampled
from overtide.pipelines.matching.trying import tried
from tests.command_line import call, expect_refusal
from tests.small_project import Project
from tests.test_decisions import CONTACTS, HEADER, MEMBERS, document
from tests.tried import by_name, opened


@pytest.fixture
def project(tmp_path) -> Project:
    """Four contacts, of which two are one person, and three members; all published."""
    made = Project(tmp_path, document()).write(c=CONTACTS, m=MEMBERS, decisions=HEADER)
    made.refresh()
    return made


def test_what_is_published_is_what_is_found_again(project):
    with opened(project) as found:
        told = tried(found).document
    assert told["changes"] == {
        "customers": 5,
        "joined": {"count": 0, "greatest": []},
        "split": {"count": 0, "greatest": []},
        "newRecords": 0,
        "goneRecords": 0,
    }
    assert by_name(told["entities"], "entity", "records", "customers", "duplicates", "matched") == [
        ("S_c", 4, 3, 1, 2),
        ("S_m", 3, 3, 0, 1),
    ]
    assert by_name(told["rules"], "entity", "to", "pairs", "records", "only", "percent") == [
        ("S_c", "S_c", 1, 2, 2, 50.0),
        ("S_m", "S_c", 2, 1, 1, 33.3),
    ]
    assert by_name(told["blocks"], "block", "blocks", "records", "pairs") == [
        ("Mail", 1, 2, 1),
        ("Mail", 1, 3, 2),
    ]
    assert by_name(told["commonValues"], "value", "entity", "records") == [("a@x", "S_c", 2)]


def test_what_other_rules_would_join_and_split_is_told_and_nothing_is_published(project):
    name = {"name": "Name", "conditions": [{"fields": "Name"}]}
    project.document["unification"]["entities"][0]["deduplicate"] = {"rules": []}
    project.document["unification"]["match"][0]["rules"] = [name]
    before = project.table("AlternateKey")
    with opened(project) as found:
        changes = tried(found).document["changes"]
    assert [len(changes[what]["greatest"]) for what in ("joined", "split")] == [1, 1]
    (joined,), (split,) = (changes[what]["greatest"] for what in ("joined", "split"))
    assert {(one["entity"], one["key"]) for one in joined["firstRecords"]} == {
        ("S_c", "4"),
        ("S_m", "8"),
    }
    assert len({one["customerId"] for one in joined["firstRecords"]}) == 2
    assert {(one["entity"], one["key"]) for one in split["firstRecords"]} == {
        ("S_c", "1"),
        ("S_c", "2"),
        ("S_m", "7"),
    }
    assert len({one["customerId"] for one in split["firstRecords"]}) == 2
    assert project.table("AlternateKey") == before


def test_before_the_first_publish_there_is_nothing_to_compare_with(tmp_path):
    made = Project(tmp_path, document()).write(c=CONTACTS, m=MEMBERS, decisions=HEADER)
    with opened(made) as found:
        told = tried(found).document
    assert (told["changes"], told["customers"]["count"]) == (None, 5)


def test_all_that_a_drawn_record_is_joined_with_is_in_the_sample(tmp_path):
    people = 40
    made = Project(tmp_path, document()).write(
        c="Id,Name,Mail\n" + "".join(f"{n},Ann,{n % people}@x\n" for n in range(2 * people)),
        m="Id,Name,Mail\n" + "".join(f"{n},Ann,{n}@x\n" for n in range(people)),
        decisions=HEADER,
    )
    with opened(made) as found:
        few = tried(sampled(found, 5), 5).document
        again = tried(sampled(found, 5), 5).document
    assert few == again
    assert 15 <= few["records"] <= 30  # ten persons at most, each of three records
    assert few["customers"]["count"] * 3 == few["records"]
    assert [one["percent"] for one in few["rules"]] == [100.0, 100.0]


def test_blocks_too_large_and_values_ignored_are_told(project):
    project.document["unification"]["limits"] = {"block_size": 2}
    project.write(m="Id,Name,Mail\n7,Ann,a@x\n8,Cor,n/a\n")
    with opened(project) as found:
        told = tried(found).document
    assert by_name(told["blocks"], "block", "pairs", "oversized") == [
        ("Mail", 1, 0),
        ("Mail", 0, 1),
    ]
    assert by_name(told["notCompared"]["greatest"], "value", "kind", "records") == [
        ("a@x", "block", 3)
    ]
    assert by_name(told["ignoredValues"]["greatest"], "value", "reason") == [("n/a", "listed")]


def test_contoso_has_the_statistics_of_the_product_s_screen(refreshed_contoso):
    """Both files are those of the product's tutorial; only names half of which are swapped differ.

    The words of a name are compared in any order, as the product's preview shows (`trusso william`
    matches `william trusso`).
    """
    told = call("--json", "-C", refreshed_contoso, "match", "try").document
    assert by_name(told["entities"], "records", "matched", "unmatched") == [
        (5000, 4999, 1),
        (5002, 4999, 3),
    ]
    first, second = told["rules"]
    assert (first["rule"], first["records"], first["percent"]) == ("FullName, Email", 4893, 97.8)
    assert (second["rule"], second["records"]) == ("LastName, Email", 106)
    assert told["changes"]["joined"]["count"] == told["changes"]["split"]["count"] == 0


def test_a_person_reads_tables(refreshed_contoso):
    shown = call("-C", refreshed_contoso, "match", "try", "--sample", "20")
    assert shown.code == 0
    shop, loyalty = "eCommerce_eCommerceContacts", "LoyaltyScheme_loyCustomers"
    scores = f"\nScores of FullName, Email, of {loyalty} to {shop}\n"
    for part in ("\nEntities\n", "\nRules\n", scores, "\nBlocks\nentity "):
        assert part in shown.out
    assert "Nothing is published by this." in shown.out
    assert "0 customers would be joined" in shown.out


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["try", "--sample", "0"], "--sample takes a whole number from 1, not '0'."),
        (["try", "--sample", "ten"], "--sample takes a whole number from 1, not 'ten'."),
        (["try", "x"], "`match try` takes 0 arguments, not 1."),
        (["tri"], "invalid choice"),
    ],
)
def test_wrong_words_are_refused(project_folder, words, part):
    expect_refusal(call("-C", project_folder, "match", *words), 2, part)
