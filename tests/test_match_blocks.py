"""`overtide match blocks`: blocks that are proposed for score rules, held against known truth."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

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
    PAIRS_PER_RECORD,
    WHOLE,
    Measured,
    candidates,
    chances,
    chosen,
)
from overtide.transforms.records import RECORD
from overtide.transforms.step import attached_kernel
from tests.command_line import call, expect_refusal
from tests.small_plan import INSTANCE
from tests.small_project import START


def test_candidates_are_fields_alone_and_in_pairs_and_their_beginnings():
    found = candidates([True, False])
    assert found == [
        ((0, WHOLE),),
        ((0, BEGIN),),
        ((1, WHOLE),),
        ((0, WHOLE), (1, WHOLE)),
        ((0, BEGIN), (1, WHOLE)),
    ]


def test_chances_are_those_of_everything_that_can_be():
    levels, weights = chances([1.0, 0.5, 0.0])
    assert weights.sum() == pytest.approx(1)
    assert weights[levels[:, 0] == WHOLE].sum() == pytest.approx(0.85)
    assert weights[levels[:, 0] >= BEGIN].sum() == pytest.approx(0.92)
    assert weights[levels[:, 1] >= BEGIN].sum() == pytest.approx(0.46)
    assert weights[levels[:, 2] > 0].sum() == 0


def test_blocks_are_chosen_that_are_wrong_for_different_reasons():
    one, other, both, costly = (
        Measured(((0, WHOLE),), 100, 200, 1.0),
        Measured(((1, WHOLE),), 150, 200, 1.0),
        Measured(((0, WHOLE), (1, WHOLE)), 50, 100, 1.0),
        Measured(((2, WHOLE),), 1000 * PAIRS_PER_RECORD + 1, 1000, 1.0),
    )
    found = chosen([both, other, one, costly], [1.0, 1.0, 1.0], 1000)
    assert [block for block, _ in found] == [one, other]
    assert [share for _, share in found] == pytest.approx([0.85, 1 - 0.15**2])
    assert chosen([Measured(((0, WHOLE),), 10, 9, 0.0)], [1.0], 1000) == []
    assert chosen([], [], 0) == []


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
