"""`overtide match learn`: weights and threshold from the records, held against known truth."""

import json
import tempfile
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.make_people import KINDS, make
from benchmarks.matching import THRESHOLD, accuracy_of, configuration, matched, score_rule
from overtide import runner_configs
from overtide.cli.learnt_weights import proposal_text
from overtide.cli.output import Output
from overtide.pipelines.matching.alone import matching
from overtide.pipelines.matching.learning import learnt
from overtide.schemas.document_edits import with_numbers
from overtide.schemas.errors import OvertideError
from overtide.schemas.paths import Paths
from overtide.transforms.matching.learning import (
    LEVELS,
    Vectors,
    evidence,
    learn,
    learn_m,
    ties,
    weights_of,
)
from overtide.transforms.matching.thresholds import STEPS, best_threshold, expected
from tests.command_line import call, expect_refusal
from tests.small_plan import INSTANCE
from tests.small_project import START


def unweighted() -> dict[str, Any]:
    """Return the rule of the benchmark before anybody thought about its weights."""
    rule = score_rule(strong=False)
    for field in rule["score"]["fields"]:
        field["weight"] = 1.0
    return rule


def proposals(people: Path, seed: int = 1) -> list[dict[str, Any]]:
    runner = runner_configs.load()
    with (
        tempfile.TemporaryDirectory() as folder,
        matching(
            configuration(people, [unweighted()]),
            Paths.of(people.parent),
            runner,
            Path(folder),
            START,
        ) as found,
    ):
        return learnt(found, seed)


def test_what_is_learnt_finds_the_right_people(tmp_path):
    """Seeds and sizes that nothing was tuned on; all weights begin as one."""
    _, people, truth = make(1000, tmp_path, KINDS["several records"], seed=23)
    (told,) = proposals(people)
    weight = {one["attributes"]: one["proposed"] for one in told["fields"]}
    assert sorted(weight, key=weight.__getitem__)[-2:] == ["Telephone", "Street"]
    assert weight["Street"] == 5.0
    assert weight["State"] < weight["Surname"]
    learned = unweighted()
    for field, one in zip(learned["score"]["fields"], told["fields"], strict=True):
        field["weight"] = one["proposed"]
    least, most = told["asGood"]
    assert least <= told["proposed"] <= most
    for threshold in (least, told["proposed"], most):
        learned["score"]["threshold"] = threshold
        assert accuracy_of(matched(people, [learned]).cluster, truth).f1 >= 0.997
    known = sum(
        count * (count - 1) // 2
        for count in np.unique(
            [line.split(",")[1] for line in truth.read_text().splitlines()[1:]], return_counts=True
        )[1]
    )
    assert abs(told["expectedPairs"] - known) < 0.02 * known
    assert json.dumps(proposals(people)) == json.dumps([told])
    assert proposals(people, seed=2) != [told]


def test_shares_that_made_pairs_are_learnt_back():
    """Two fields whose levels are drawn by known shares: a third of the pairs is one person."""
    chance = np.random.default_rng(5)
    m = np.array([[0.05, 0.02, 0.03, 0.9], [0.2, 0.1, 0.1, 0.6], [0.1, 0.05, 0.05, 0.8]])
    u = np.array([[0.97, 0.02, 0.005, 0.005], [0.8, 0.1, 0.05, 0.05], [0.9, 0.05, 0.02, 0.03]])
    ours = chance.random(60_000) < 1 / 3
    levels = np.stack(
        [
            np.where(
                ours, chance.choice(LEVELS, 60_000, p=m[f]), chance.choice(LEVELS, 60_000, p=u[f])
            )
            for f in range(3)
        ],
        axis=1,
    ).astype(np.int8)
    levels[chance.random(60_000) < 0.1, 1] = -1
    found = learn_m([(Vectors.of(levels), frozenset())], u)
    assert np.abs(found - m).max() < 0.02
    shuffled = learn_m([(Vectors.of(levels[::-1]), frozenset())], u)
    assert (shuffled == found).all()
    first, second, _ = weights_of(found, u)
    assert first == 5.0 > second


def test_a_field_that_made_a_block_says_nothing_there():
    levels = np.array([[3, 3], [3, 0]] * 50, np.int8)
    u = np.full((2, LEVELS), 0.25)
    found = learn_m([(Vectors.of(levels), frozenset({0}))], u)
    assert np.allclose(found[0], 0.25)


def town_and_postcode(chance: np.random.Generator, size: int) -> Any:
    """Return levels of two people's town, its postcode, and a name: of 50 towns, and 50 names."""
    same = chance.random((size, 2)) < 1 / 50
    levels = np.zeros((size, 3), np.int8)
    levels[same[:, 0], :2] = LEVELS - 1
    levels[same[:, 1], 2] = LEVELS - 1
    return levels


def test_fields_that_agree_together_by_chance_count_once():
    seeded = np.random.default_rng(3)
    chance = Vectors.of(town_and_postcode(seeded, 200_000))
    tied = ties(chance, chance.counts.astype(np.float64))
    assert [(one.one, one.other) for one in tied] == [(0, 1)]
    assert abs(tied[0].excess - np.log(50)) < 0.1
    # The town and its postcode tell together what either does alone, and each has half of that.
    m = np.tile([0.04, 0.03, 0.03, 0.9], (3, 1))
    u = np.tile([0.98, 1e-9, 1e-9, 0.02], (3, 1))
    both, either = np.array([[3, 3, -1]], np.int8), np.array([[3, -1, -1]], np.int8)
    told = [evidence(one, m, u, tied)[0] for one in (both, either)]
    assert abs(told[0] - told[1] - np.log(0.9)) < 0.1
    assert evidence(both, m, u, tied, frozenset({0, 1}))[0] == 0
    town, postcode, name = weights_of(m, u, tied)
    assert town == postcode < name == 5.0
    assert weights_of(m, u) == [5.0, 5.0, 5.0]


def test_pairs_of_one_person_that_chance_draws_tie_nothing():
    """A twentieth of the pairs drawn is one person, who has the same name, mail and telephone."""
    seeded = np.random.default_rng(9)
    levels = np.where(seeded.random((100_000, 3)) < 0.002, LEVELS - 1, 0).astype(np.int8)
    levels[:5_000] = LEVELS - 1
    one_block = levels[:10_000]
    blocks = [(Vectors.of(one_block), frozenset[int]())]
    found = learn(blocks, Vectors.of(levels), one_block, 100_000, 1.0)
    assert found.tied == []
    assert np.abs(found.u[:, -1] - 0.002).max() < 0.001
    assert np.abs(found.likely - (one_block[:, 0] > 0)).mean() < 0.01


def test_the_threshold_is_the_one_that_may_move_most():
    """A hundred people of two records each, and links that lead from each to the next one."""
    one = np.arange(199)
    right = one % 2 == 0
    f1 = expected(one, one + 1, np.where(right, 9500, 3000), np.arange(200) // 2)
    found = best_threshold(f1)
    assert (found.least, found.most, found.f1) == (30.5, 95.0, 1.0)
    assert found.least < 0.8 * found.percent < 1.2 * found.percent < found.most
    whole = 200 * 199 / 2
    assert abs(f1[0] - 2 * 100 / (whole + 100)) < 1e-12


@given(data=st.data(), size=st.integers(2, 12))
def test_what_a_threshold_makes_is_counted_by_who_comes_together(data, size):
    """By union and find in plain Python, anew for each threshold."""
    place, points = st.integers(0, size - 1), st.sampled_from([500, 5_049, 5_050, 7_000, 10_000])
    links = data.draw(st.lists(st.tuples(place, place, points), min_size=1, max_size=15))
    people = data.draw(st.lists(st.integers(0, size - 1), min_size=size, max_size=size))
    one, other, scores = (np.array(column) for column in zip(*links, strict=True))
    found = expected(one, other, scores, np.array(people))
    for step, f1 in zip(STEPS.tolist(), found.tolist(), strict=True):
        group = list(range(size))
        for left, right, score in links:
            if score >= step:
                group = [group[left] if each == group[right] else each for each in group]
        pairs = list(combinations(range(size), 2))
        made = {pair for pair in pairs if group[pair[0]] == group[pair[1]]}
        true = {pair for pair in pairs if people[pair[0]] == people[pair[1]]}
        assert abs(f1 - 2 * len(made & true) / max(len(made) + len(true), 1)) < 1e-12


YAML = """# who is who
unification:
  entities:
    - entity: S_c # the shop
      deduplicate:
        rules:
          - name: R
            score:
              threshold: 60 # a guess
              fields:
                - {fields: Name, weight: 2} # names
                - {fields: [A, B]}
                - fields: Mail
                  # mails are shared
                  normalize: [lower]
"""
AT = ("unification", "entities", 0, "deduplicate", "rules", 0, "score")


def test_numbers_alone_change_in_a_document_with_comments():
    numbers = {(*AT, "threshold"): 72.5} | {
        (*AT, "fields", number, "weight"): 1.5 + number for number in range(3)
    }
    assert with_numbers(YAML, numbers) == YAML.replace("threshold: 60", "threshold: 72.5").replace(
        "weight: 2}", "weight: 1.5}"
    ).replace("[A, B]}", "[A, B], weight: 2.5}").replace(
        "- fields: Mail\n", "- weight: 3.5\n                  fields: Mail\n"
    )


def test_what_stands_in_two_places_is_not_changed():
    text = "a: &x {weight: 1}\nb: *x\n"
    with pytest.raises(OvertideError) as refused:
        with_numbers(text, {("a", "weight"): 2.0})
    assert refused.value.code == "number_not_written"
    with pytest.raises(OvertideError):
        with_numbers("a: 1\n", {("a", "weight"): 2.0})


@pytest.fixture
def folder(tmp_path) -> Path:
    """A project of people as a person writes it, with comments."""
    make(200, tmp_path, KINDS["one error"], seed=3)
    document = configuration(Path("People.csv"), [score_rule(strong=False)]).model_dump(
        mode="json", by_alias=True, exclude_unset=True
    )
    document["instance"]["id"] = str(INSTANCE)
    text = "# people\n" + yaml.safe_dump(document, sort_keys=False)
    (tmp_path / "overtide.yaml").write_text(text)
    return tmp_path


def test_what_is_learnt_is_written_into_the_configuration(folder):
    before = (folder / "overtide.yaml").read_text()
    shown = call("-C", folder, "match", "learn")
    assert shown.code == 0
    assert f"threshold: {THRESHOLD} now" in shown.out
    assert (folder / "overtide.yaml").read_text() == before
    told = call("--json", "-C", folder, "match", "learn", "--write").document
    after = (folder / "overtide.yaml").read_text()
    assert after.startswith("# people\n")
    (rule,) = yaml.safe_load(after)["unification"]["entities"][0]["deduplicate"]["rules"]
    (proposal,) = told["proposals"]
    assert rule["score"]["threshold"] == proposal["proposed"]
    assert [field["weight"] for field in rule["score"]["fields"]] == [
        field["proposed"] for field in proposal["fields"]
    ]
    assert call("-C", folder, "validate").code == 0


def test_of_few_pairs_of_one_person_nothing_is_learnt(folder):
    """Two hundred people of one record each, but for four: what these show is chance."""
    lines = (folder / "truth.csv").read_text().splitlines()[1:]
    truth = [tuple(line.split(",")[:2]) for line in lines]
    first = {person: key for key, person in reversed(truth)}
    kept = {*first.values(), *[key for key, _ in truth if key not in first.values()][:4]}
    header, *rows = (folder / "People.csv").read_text().splitlines(keepends=True)
    few = [row for row in rows if row.split(",")[0] in kept]
    assert len(few) == len(first) + 4
    (folder / "People.csv").write_text("".join([header, *few]))
    before = (folder / "overtide.yaml").read_text()
    shown = call("-C", folder, "match", "learn", "--write")
    assert "pairs are one person: too few to learn from, so this rule stays as it is" in shown.out
    assert "Written" not in shown.out
    assert (folder / "overtide.yaml").read_text() == before
    told = call("--json", "-C", folder, "match", "learn").document["proposals"][0]
    assert (told["proposed"], told["asGood"], told["fields"]) == (None, None, [])
    assert call("--json", "-C", folder, "match", "learn", "--write").document["written"] is False
    assert 0 < told["expectedPairs"] < 20


def test_without_a_score_rule_there_is_nothing_to_learn(project_folder):
    expect_refusal(
        call("-C", project_folder, "match", "learn"), 2, "no rule with a score: there is nothing"
    )


def test_one_pair_is_told_as_one():
    one = {"entity": "A_B", "to": "A_B", "rule": "R", "pairs": 1, "part": 1, "proposed": None}
    told = "".join(proposal_text([one | {"expectedPairs": 1}], False, Output()))
    assert "of 1 pair about 1 pair is one person: too few to learn from" in told
