"""`overtide match blocks`: blocks that are proposed for score rules, held against known truth."""

import json
import tempfile
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.make_people import KINDS, make
from benchmarks.matching import configuration, score_rule
from overtide import runner_configs
from overtide.pipelines.matching.alone import matching
from overtide.pipelines.matching.proposing import proposed_blocks
from overtide.pipelines.matching.trying import blocks, rules_of
from overtide.schemas.paths import Paths
from overtide.transforms.matching import sizes
from overtide.transforms.matching.proposing_blocks import (
    BEGIN,
    BEGINS_OTHERWISE,
    DIFFERS,
    NOTHING,
    PAIRS_PER_RECORD,
    WHOLE,
    Choosing,
    Measured,
    Reach,
    candidates,
    parts_of,
)
from overtide.transforms.records import RECORD
from overtide.transforms.step import attached_kernel
from tests.command_line import call, expect_refusal
from tests.small_plan import INSTANCE
from tests.small_project import START


def test_candidates_are_fields_alone_and_in_pairs_and_their_beginnings():
    assert parts_of([True, False]) == [(0, WHOLE), (0, BEGIN), (1, WHOLE)]
    assert candidates(parts_of([True, False])) == [
        ((0, WHOLE),),
        ((0, BEGIN),),
        ((1, WHOLE),),
        ((0, WHOLE), (1, WHOLE)),
        ((0, BEGIN), (1, WHOLE)),
    ]


CHANCES = st.floats(0, 1)
PARTS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([BEGIN, WHOLE])),
    min_size=1,
    max_size=3,
    unique_by=lambda part: part[0],
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(CHANCES, min_size=4, max_size=4),
    st.lists(st.tuples(PARTS, CHANCES), max_size=5),
    PARTS,
)
def test_what_blocks_miss_is_what_all_ways_to_be_alike_add_up_to(present, taken, asked):
    reach = Reach(present)
    for parts, compared in taken:
        reach.take(Measured(tuple(parts), 0, 0, compared))
    missed = 0.0
    for levels in product((NOTHING, BEGIN, WHOLE), repeat=4):
        chance = 1.0
        for there, level in zip(present, levels, strict=True):
            chance *= {
                NOTHING: 1 - there * (1 - BEGINS_OTHERWISE),
                BEGIN: there * (DIFFERS - BEGINS_OTHERWISE),
                WHOLE: there * (1 - DIFFERS),
            }[level]
        for parts, compared in taken:
            if all(levels[place] >= much for place, much in parts):
                chance *= 1 - compared
        if all(levels[place] >= much for place, much in asked):
            missed += chance
    assert reach.missed(tuple(asked)) == pytest.approx(missed, abs=1e-9)


def choose(found: dict[Any, tuple[int, float]], number: int) -> list[Any]:
    """Choose among blocks of whole fields, which are given with their pairs and what is compared.

    Others bring nobody together.
    """
    asked = []

    def measure(parts: Any) -> Measured:
        asked.append(parts)
        pairs, compared = found.get(tuple(field for field, _ in parts), (0, 0.0))
        return Measured(parts, pairs, 100, compared)

    parts = [(field, WHOLE) for field in range(number)]
    chosen = Choosing(parts, [1.0] * number, 1000, measure).chosen()
    assert len(asked) == len(set(asked))
    return [(tuple(field for field, _ in one.parts), share) for one, share in chosen]


def test_blocks_are_chosen_that_are_wrong_for_different_reasons():
    costly = 1000 * PAIRS_PER_RECORD + 1
    chosen = choose({(0,): (100, 1.0), (1,): (150, 1.0), (0, 1): (50, 1.0), (2,): (costly, 1.0)}, 3)
    assert [fields for fields, _ in chosen] == [(0,), (1,)]
    assert [share for _, share in chosen] == pytest.approx([0.85, 1 - 0.15**2])
    assert choose({(0,): (10, 0.0)}, 1) == []
    assert choose({}, 0) == []


def test_blocks_of_three_are_chosen_where_those_of_two_are_too_large():
    costly = 1000 * PAIRS_PER_RECORD + 1
    large = {fields: (costly, 1.0) for size in (1, 2) for fields in combinations(range(4), size)}
    chosen = choose(large | {(1, 2, 3): (90, 1.0)}, 4)
    assert [fields for fields, _ in chosen] == [(1, 2, 3)]
    assert chosen[0][1] == pytest.approx(0.85**3)


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("people")
    _, file, truth = make(1000, folder, KINDS["several records"], seed=5)
    return file, truth


def in_process(file: Path, rule: dict[str, Any], function: Any) -> Any:
    with (
        tempfile.TemporaryDirectory() as folder,
        matching(
            configuration(file, [rule]),
            Paths.of(file.parent),
            runner_configs.load(),
            Path(folder),
            START,
        ) as found,
    ):
        return function(found)


def compared(found: Any, truth: Path) -> tuple[list[int], float]:
    """Return how many pairs each block compares, and the share of people's pairs among all."""
    matcher, pieces = rules_of(found.steps.plan), found.prepare()
    (one,) = found.records
    with attached_kernel(found.steps.plan.settings, ()) as connection:
        pairs = [row["pairs"] for row in blocks(connection, matcher, pieces)["blocks"]]
        shared = " UNION ".join(
            f"SELECT a.record AS one, b.record AS other FROM ({rows}) AS a JOIN ({rows}) AS b "
            "ON a.block = b.block AND a.record < b.record"
            for (search, number), files in sizes.block_kinds(matcher, pieces).items()
            for rows in [sizes.block_rows(matcher, search, number, files)]
        )
        query = f"""
            WITH person AS (SELECT {RECORD} AS record, PersonId FROM ({one.records}) AS own
                JOIN read_csv('{truth}', all_varchar = true) USING (RecordId)),
            wanted AS (SELECT a.record AS one, b.record AS other FROM person AS a JOIN person AS b
                ON a.PersonId = b.PersonId AND a.record < b.record)
            SELECT (SELECT count(*) FROM wanted SEMI JOIN ({shared}) USING (one, other))
                / (SELECT count(*) FROM wanted)"""
        (share,) = connection.execute(query).fetchone()
    return pairs, share


def test_proposed_blocks_find_people_and_are_as_large_as_told(people):
    file, truth = people
    rule = score_rule(strong=False)
    (told,) = in_process(file, rule, proposed_blocks)
    assert told == in_process(file, rule, proposed_blocks)[0]
    shares = [one["found"] for one in told["blocks"]]
    assert shares == sorted(shares)
    assert shares[-1] > 0.95
    rule["score"]["blocks"] = [{"on": one["on"]} for one in told["blocks"]]
    pairs, share = in_process(file, rule, lambda found: compared(found, truth))
    assert pairs == [one["pairs"] for one in told["blocks"]]
    assert sum(pairs) <= PAIRS_PER_RECORD * told["records"]
    assert share > 0.97


def test_the_command_writes_blocks_that_can_be_configured(tmp_path, people):
    document = configuration(people[0], [score_rule(strong=False)]).model_dump(
        mode="json", by_alias=True, exclude_unset=True
    )
    document["instance"]["id"] = str(INSTANCE)
    (tmp_path / "overtide.yaml").write_text(json.dumps(document))
    shown = call("-C", tmp_path, "match", "blocks")
    assert shown.code == 0
    lines = shown.out.partition("\nblocks:\n")[2].splitlines()
    # YAML 1.1, which this reader is of, takes the word for true; Overtide takes it as it stands.
    written = [line.replace("on:", "'on':", 1) for line in lines if line.startswith("  - on: ")]
    (told,) = call("--json", "-C", tmp_path, "match", "blocks").document["proposals"]
    assert yaml.safe_load("\n".join(written)) == [{"on": one["on"]} for one in told["blocks"]]


def test_without_a_score_rule_there_is_nothing_to_propose(project_folder):
    refused = call("-C", project_folder, "match", "blocks")
    expect_refusal(refused, 2, "no rule with a score")
