"""Lists of a project's own: aliases, and values that stand for none, in files and in place."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overtide.checks import check_project
from overtide.schemas.aliases import contradictions
from overtide.schemas.errors import OvertideError
from overtide.transforms.normalize import STEPS, How, normal, normal_texts
from tests.configurations import write_project
from tests.small_project import Project

NAMES = (("Bob", "Robert"), ("Mary Ann", "Marianne"), ("Mary", "Maria"), ("NYC", "New York"))


@pytest.mark.parametrize(
    ("text", "how", "expected"),
    [
        ("Bob Smith", How(aliases=NAMES), "Robert Smith"),
        ("BOB smith", How(aliases=NAMES), "Robert smith"),
        ("Bobby", How(aliases=NAMES), "Bobby"),
        ("mary ann bob mary", How(aliases=NAMES), "Marianne Robert Maria"),
        ("Mary  Anna", How(aliases=NAMES), "Maria Anna"),
        ("Bób", How(("ascii",), aliases=NAMES), "Robert"),
        ("Bób", How(aliases=NAMES), "Bób"),
        ("bob, smith", How(("lower", "symbols"), aliases=NAMES), "robert smith"),
        ("bob, smith", How(("lower",), aliases=NAMES), "bob, smith"),
        ("Smith Bob", How(("lower",), True, aliases=NAMES), "robert smith"),
        ("n y c", How(("whitespace",), aliases=NAMES), "nyc"),
        ("To NYC", How(("whitespace", "lower"), aliases=NAMES), "tonewyork"),
        ("Dr. Bob", How(("name",), aliases=(("Robert", "Rupert"),)), "rupert"),
        ("Dr. X", How(("name",), aliases=(("X", "Dr"),)), ""),
        ("a", How(aliases=(("A", "b"), ("a", "c"))), "b"),
    ],
)
def test_words_become_those_that_they_stand_for(text, how, expected):
    assert normal(text, how) == expected
    assert normal_texts(pa.array([text]), how).to_pylist() == [expected or None]


WORDS = st.sampled_from(["Bob", "bób", "mary", "ANN", "x", "NYC", "Mr", "o'neil", "ⅷ", "ﬁn", ""])
TEXTS = st.lists(WORDS, max_size=5).map(" ".join)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(TEXTS, min_size=1),
    st.sets(st.sampled_from(sorted(STEPS))),
    st.booleans(),
    st.randoms(),
)
def test_columns_are_as_texts_and_the_order_of_a_list_changes_nothing(
    texts, steps, ordered, random
):
    steps = tuple(steps - {"phone"})
    how = How(steps, ordered, aliases=NAMES)
    found = normal_texts(pa.array(texts, pa.string()), how).to_pylist()
    assert found == [normal(text, how) or None for text in texts]
    other = How(steps, ordered, aliases=tuple(random.sample(NAMES, len(NAMES))))
    assert [normal(text, other) for text in texts] == [normal(text, how) for text in texts]
    if not {"whitespace", "symbols"} & set(steps) and not ordered:
        assert [normal(one or "", how) for one in found] == [one or "" for one in found]


def test_what_contradicts_in_a_list_is_found_whatever_its_order():
    pairs = [("Bob", "Robert"), ("bob", "Rob"), ("x", "BOB"), ("Bob ", "robert"), ("", "y")]
    assert [one.number for one in contradictions(pairs)] == [1, 2, 4]
    assert contradictions(NAMES) == []


# ---- in a project


def document(**more: Any) -> dict[str, Any]:
    name = {"fields": "Name", "normalize": ["lower"], "aliases": ["Names", "Towns"]}
    return {
        "instance": {"name": "T", "id": "6f1c0c5e-2f4f-4a57-9c7e-0d2a5b7e1a10"},
        "sources": {
            "S": {
                "C": {
                    "path": "c.csv",
                    "primary_key": "Id",
                    "attributes": dict.fromkeys(("Id", "Name", "Mail", "Town"), "string"),
                }
            }
        },
        "unification": {
            "entities": [
                {
                    "entity": "S_C",
                    "ignore": {"file": "own.csv"},
                    "deduplicate": {
                        "rules": [
                            {"name": "Name", "conditions": [name]},
                            {"name": "Mail", "conditions": [{"fields": "Mail"}]},
                        ]
                    },
                }
            ],
            "merge": {"fields": [{"name": "Name", "from": ["S_C.Name"]}]},
            "aliases": {"Names": "names.csv", "Towns": {"NYC": "New York"}},
            "ignore": {"file": "bypass.csv", "values": ["shop@x"], "values_of": {"Town": ["?"]}},
            **more,
        },
    }


ROWS = """Id,Name,Mail,Town
1,Bob NYC,,
2,ROBERT new york,a@x,
3,Till,till@x,
4,Till,till@x,
5,Eve,shop@x,
6,Adam,shop@x,
7,Cain,Till,
8,Abel,Till,
"""
NAMES_FILE = "Alias,Value,Remark\nBob,Robert,said by all\n"
BYPASS_FILE = "Value\ntill@x\n"
OWN_FILE = "Attribute,Value\nName,Till\n"


def customers(project: Project) -> set[str]:
    rows = project.rows("""SELECT string_agg(PrimaryKey, ' ' ORDER BY PrimaryKey)
        FROM lake.AlternateKey GROUP BY CustomerId""")
    return {keys for (keys,) in rows}


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory):
    made = Project(tmp_path_factory.mktemp("lists"), document())
    made.write(c=ROWS, names=NAMES_FILE, bypass=BYPASS_FILE, own=OWN_FILE).refresh()
    return made


def test_lists_join_and_keep_apart_in_their_attributes_alone(refreshed):
    """`Till` stands for none as a name, and joins as an e-mail."""
    assert customers(refreshed) == {"1 2", "3", "4", "5", "6", "7 8"}
    assert [row[0] for row in refreshed.table("Customer", "Name")].count("Till") == 2
    assert {row[2] for row in refreshed.table("ignored_values")} >= {"till", "till@x", "shop@x"}


def test_a_refresh_knows_its_lists(refreshed, tmp_path):
    shutil.copytree(refreshed.paths.project, tmp_path / "p")
    made = Project(tmp_path / "p", refreshed.document)
    made.runs = 1
    assert made.refresh().manifest["unchanged_since"] == 1
    assert len(set(made.table("runs", "ConfigurationHash"))) == 1
    made.write(names="Alias,Value\nRob,Robert\nCain,Abel\n", bypass="Value\n")
    done = made.refresh()
    assert done.manifest["unchanged_since"] is None
    assert done.manifest["reused"] == {
        "files": 1,
        "of": 1,
        "rows": 0,
        "activities": 0,
        "records": 0,
    }
    assert customers(made) == {"1", "2", "3 4", "5", "6", "7 8"}
    rules = {row[3] for row in made.table("Deduplication_S_C")}
    assert rules == {"Name", "Mail"}


LISTS = {"names": NAMES_FILE, "bypass": BYPASS_FILE, "own": OWN_FILE}


@pytest.mark.parametrize(
    ("name", "text", "place", "words"),
    [
        ("names", None, "unification.aliases.Names", "names.csv is not there"),
        ("names", "Alias,Meaning\n", "unification.aliases.Names", "has no column Value"),
        ("names", "", "unification.aliases.Names", "has no column Alias, Value"),
        ("names", "Alias,Value,Value\n", "unification.aliases.Names", "has two columns Value"),
        ("names", "Alias;Value\nA;B\n", "unification.aliases.Names", "has no column Alias"),
        ("names", "Alias,Value\nA,B\n,C\n", "unification.aliases.Names", "no alias in line 3"),
        ("names", "Alias,Value\nA,\n", "unification.aliases.Names", "no value in line 2"),
        (
            "names",
            "Alias,Value\nA,B\nX,Y\na,C\n",
            "unification.aliases.Names",
            "`a` is `C`, and also `B` in line 4",
        ),
        (
            "names",
            "Alias,Value\nA,B\nb,C\n",
            "unification.aliases.Names",
            "`A` is `B`, which is itself an alias in line 2",
        ),
        ("names", "Alias,Value\nA,B,C\n", "unification.aliases.Names", "more values than columns"),
        ("names", b"Alias,Value\n\xff,B\n", "unification.aliases.Names", "cannot be read"),
        ("bypass", "Wert\nx\n", "unification.ignore.file", "has no column Value"),
        ("bypass", "Value\n  \n", "unification.ignore.file", "no value in line 2"),
        ("bypass", "Value,Attribute\nx,Mial\n", "unification.ignore.file", "'Mial' in line 2"),
        (
            "own",
            "Value,Attribute\nx,Mail\ny,Age\n",
            "unification.entities[0].ignore.file",
            "'Age' in line 3, no attribute of S_C",
        ),
    ],
)
def test_what_is_wrong_is_told_by_validate_and_before_a_refresh_reads_anything(
    tmp_path, name, text, place, words
):
    made = Project(tmp_path, document()).write(c=ROWS, **{**LISTS, name: text or "x"})
    if text is None:
        (tmp_path / f"{name}.csv").unlink()
    if text == "":
        (tmp_path / f"{name}.csv").write_text("")
    with pytest.raises(OvertideError) as refusal:
        made.refresh()
    write_project(tmp_path, made.document)
    found = [one for one in check_project(tmp_path, {}) if one.severity == "mistake"]
    assert [(one.code, one.target) for one in found] == [("list_wrong", place)]
    assert refusal.value.code == "list_wrong"
    assert refusal.value.target == place
    for message in (refusal.value.message, found[0].message):
        assert words in message
    assert not list(Path(made.paths.project).glob("lake/**/*.parquet"))


def test_all_lists_that_are_wrong_are_told_at_once(tmp_path):
    made = Project(tmp_path, document()).write(c=ROWS)
    with pytest.raises(OvertideError) as refusal:
        made.refresh()
    assert refusal.value.code == "sources_wrong"
    assert [one.code for one in refusal.value.details] == ["list_wrong"] * 3
