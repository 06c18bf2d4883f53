"""How right and how fast matching is, beside the rules of before and beside Splink, in one run.

`python -m benchmarks.matching --out DIR [--people N] [--seed N] [--splink PYTHON]` makes sets of
people whose records are wrong (`benchmarks.make_people`), matches them without and with strong
identifiers (tax number and date of birth), by weights of a person and by those that are learnt,
moves the threshold by a fifth, and prints precision, recall and F1 of pairs. PYTHON has Splink 5
installed; it compares the same blocks.
"""

import argparse
import copy
import csv
import json
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.accuracy import Accuracy
from benchmarks.household_rules import strong_rules, weak_rule
from benchmarks.households import STRONG, apart, best_possible
from benchmarks.make_people import COLUMNS, KINDS, make
from overtide import runner_configs
from overtide.pipelines.matching.alone import matching
from overtide.pipelines.matching.learning import learnt
from overtide.schemas.configuration import Configuration
from overtide.schemas.names import parquet_rows
from overtide.schemas.paths import Paths
from overtide.transforms.kernel import kernel
from overtide.transforms.records import RECORD

WEIGHTS: dict[str, float] = {
    "GivenName": 2,
    "Surname": 3,
    "StreetNumber": 2,
    "Street": 3,
    "AddressLine2": 1,
    "Suburb": 1,
    "Postcode": 1.5,
    "State": 0.3,
    "Telephone": 4,
    "DateOfBirth": 4,
    "TaxNumber": 5,
}
PRECISIONS: dict[str, int | str] = {
    "Suburb": "high",
    "Postcode": "exact",
    "Telephone": 85,
    "DateOfBirth": 90,
    "TaxNumber": 85,
}
"""What is another one, however much alike, where it differs in more: in a digit of a long number,
in nothing of a short one."""
SWAPPED = {
    "GivenName": "Surname",
    "Surname": "GivenName",
    "Street": "AddressLine2",
    "AddressLine2": "Street",
}
Part = tuple[str, int | None]
"""A column, or several joined by a blank and in any order of their words, and how many letters."""
BLOCKS: list[list[Part]] = [
    [("Telephone", None)],
    [("Surname", 4), ("Postcode", None)],
    [("GivenName", 3), ("Street", 5)],
    [("Postcode", None), ("StreetNumber", None)],
    [("GivenName Surname", None)],
    [("Surname", None), ("Street", 4)],
    [("Surname", 5), ("GivenName", 1)],
    [("Postcode", None), ("Street", 4)],
    [("Street AddressLine2", None)],
    [("Suburb", 6), ("StreetNumber", None)],
    [("AddressLine2", None), ("Postcode", 3)],
]
STRONG_BLOCKS: list[list[Part]] = [
    [("TaxNumber", None)],
    [("DateOfBirth", None), ("Postcode", 2)],
]
THRESHOLD = 55
AGREEING = 33
"""Percent of all weight that must agree, whatever is missing."""


def blocks(strong: bool) -> list[list[Part]]:
    """Return which blocks are compared."""
    return BLOCKS + STRONG_BLOCKS if strong else BLOCKS


def score_rule(strong: bool, threshold: float = THRESHOLD) -> dict[str, Any]:
    """Return a rule as a person writes it in ten minutes, who knows of no households."""
    fields: list[dict[str, Any]] = [
        {"fields": name, "weight": weight}
        | ({"precision": PRECISIONS[name]} if name in PRECISIONS else {})
        | ({"swapped_with": SWAPPED[name], "half_swapped": True} if name in SWAPPED else {})
        for name, weight in WEIGHTS.items()
        if strong or name not in STRONG
    ]
    on = [
        {"on": [part_of(name) | ({"letters": n} if n else {}) for name, n in parts]}
        for parts in blocks(strong)
    ]
    score = {"fields": fields, "blocks": on, "threshold": threshold, "agreeing": AGREEING}
    return {"name": "Score", "score": score}


def rules_of(strong: bool, households: bool, threshold: float = THRESHOLD) -> list[dict[str, Any]]:
    """Return all rules of such a person, who may know of `households`."""
    score = score_rule(strong, threshold)
    if not households:
        return [score]
    return strong_rules(score) if strong else [weak_rule(score)]


def with_exact_names(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same rule where names must be the same to tell people of a household apart.

    Nothing is known of how many people have one.
    """
    against = {"fields": "GivenName", "precision": "high", "swapped_with": "Surname"}
    asked = copy.deepcopy(dict(rule)) | {"contradictions": [against | {"through_others": True}]}
    for field in asked["score"]["fields"]:
        if field["fields"] == "GivenName":
            field["distinguishes"] = "exact"
    return asked


def learnt_rules(people: Path, rules: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rules with the weights and thresholds that are learnt of people, all 1 before."""
    learned = [copy.deepcopy(dict(rule)) for rule in rules]
    scores = {rule["name"]: rule["score"] for rule in learned if "score" in rule}
    for score in scores.values():
        for field in score["fields"]:
            field["weight"] = 1.0
    runner = runner_configs.load()
    with tempfile.TemporaryDirectory() as folder:
        asked = configuration(people, learned)
        with matching(asked, Paths.of(people.parent), runner, Path(folder), 0) as found:
            proposals = learnt(found)
    for told in proposals:
        score = scores[told["rule"]]
        for field, one in zip(score["fields"], told["fields"], strict=True):
            field["weight"] = one["proposed"]
        score["threshold"] = told["proposed"]
    return learned


def moved(rules: Iterable[Mapping[str, Any]], share: float) -> list[dict[str, Any]]:
    """Return the same rules with other thresholds of their scores, at most all."""
    found = [copy.deepcopy(dict(rule)) for rule in rules]
    for score in scores_of(found):
        score["threshold"] = min(100.0, round(score["threshold"] * share, 2))
    return found


def scores_of(rules: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the scores of rules, without those of conditions."""
    return [rule["score"] for rule in rules if "score" in rule]


def at(rules: Iterable[Mapping[str, Any]]) -> str:
    """Return the thresholds of rules as a line names them."""
    return ", ".join(str(one) for one in dict.fromkeys(s["threshold"] for s in scores_of(rules)))


def part_of(name: str) -> dict[str, Any]:
    """Return what is compared of a column, or of several."""
    names = name.split()
    return {"fields": names, "ignore_word_order": True} if names[1:] else {"fields": name}


def sql_of(part: Part) -> str:
    """Return the same in SQL."""
    name, letters = part
    names = name.split()
    if names[1:]:
        words = f"string_split(concat_ws(' ', {', '.join(names)}), ' ')"
        return f"nullif(array_to_string(list_sort({words}), ' '), '')"
    return f"substr({name}, 1, {letters})" if letters else name


def condition_rules(strong: bool) -> list[dict[str, Any]]:
    """Return rules of conditions: what is exact in each, and a name that is nearly the same."""
    name = {
        "fields": ["GivenName", "Surname"],
        "ignore_word_order": True,
        "precision": "high",
    }
    exact = [["Telephone"], ["Postcode"], ["Street"], ["Surname", "Suburb"], ["StreetNumber"]]
    exact += [["TaxNumber"], ["DateOfBirth"]] if strong else []
    return [
        {"name": " ".join(fields), "conditions": [*({"fields": one} for one in fields), name]}
        for fields in exact
    ]


def configuration(people: Path, rules: Iterable[Mapping[str, Any]]) -> Configuration:
    """Return a project of people with these rules."""
    attributes = dict.fromkeys(["RecordId", *COLUMNS], "string")
    entity = {"path": str(people), "primary_key": "RecordId", "attributes": attributes}
    return Configuration.model_validate(
        {
            "instance": {"name": "People", "id": "6f1c0c5e-2f4f-4a57-9c7e-0d2a5b7e1a10"},
            "sources": {"S": {"People": entity}},
            "unification": {
                "entities": [{"entity": "S_People", "deduplicate": {"rules": list(rules)}}],
                "merge": {"fields": [{"name": "Surname", "from": ["S_People.Surname"]}]},
            },
        }
    )


@dataclass(frozen=True)
class Run:
    """Which records were put together, and how long matching took without reading.

    On a machine that others use, too, the seconds of its processors are what can be compared.
    """

    cluster: dict[str, str]
    seconds: float
    processor: float


def matched(people: Path, rules: Iterable[Mapping[str, Any]]) -> Run:
    """Match people by rules."""
    runner = runner_configs.load()
    with tempfile.TemporaryDirectory() as folder:
        asked = configuration(people, rules)
        with matching(asked, Paths.of(people.parent), runner, Path(folder), 0) as found:
            since = time.perf_counter(), time.process_time()
            forest = found.forest(found.pairs(found.prepare()))
            taken = time.perf_counter() - since[0], time.process_time() - since[1]
            (entity,) = found.records
            path = Path(folder) / "forest.parquet"
            pq.write_table(pa.Table.from_batches([forest]), path)
            with kernel(found.steps.plan.settings) as connection:
                rows = connection.execute(
                    f"""
                    SELECT RecordId, coalesce(root, {RECORD})::VARCHAR
                    FROM ({entity.records}) LEFT JOIN {parquet_rows([str(path)])}
                    ON record = {RECORD}"""
                ).fetchall()
    return Run(dict(rows), *taken)


def accuracy_of(cluster: Mapping[str, str], truth: Path) -> Accuracy:
    """Compare what was put together with the truth."""
    with truth.open() as file:
        person = {row["RecordId"]: row["PersonId"] for row in csv.DictReader(file)}

    def pairs(sizes: Iterable[int]) -> int:
        return sum(size * (size - 1) // 2 for size in sizes)

    return Accuracy(
        pairs(Counter(person.values()).values()),
        pairs(Counter(cluster.values()).values()),
        pairs(Counter((cluster[key], person[key]) for key in person).values()),
    )


def splink(python: str, people: Path, strong: bool, threshold: float) -> Run:
    """Let Splink match the same blocks, by a probability that it learns."""
    asked = {
        "people": str(people),
        "columns": [name for name in WEIGHTS if strong or name not in STRONG],
        "blocks": [[sql_of(part) for part in parts] for parts in blocks(strong)],
        "threshold": threshold,
    }
    script = Path(__file__).with_name("splink_beside.py")
    done = subprocess.run(
        [python, str(script), json.dumps(asked)], check=True, capture_output=True, text=True
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    return Run(answer["cluster"], answer["seconds"], answer["processor"])


def line(what: str, run: Run, truth: Path) -> None:
    """Print a line of the table."""
    found = accuracy_of(run.cluster, truth)
    spent = f"{run.seconds:.2f} s | {run.processor:.2f} s"
    print(f"| {what} | {right(found)} | {apart(run.cluster, truth)} | {spent} |", flush=True)


def right(found: Accuracy) -> str:
    """Return precision, recall and F1 as a line shows them."""
    return f"{found.precision:.4f} | {found.recall:.4f} | {found.f1:.4f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--people", type=int, default=5_000, metavar="N")
    parser.add_argument("--placeholder", type=int, default=0, metavar="N")
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--splink", metavar="PYTHON")
    asked = parser.parse_args()
    columns = "| set | precision | recall | F1 | joined of one household, of namesakes, of others "
    print(columns + "| time | processors |\n" + "| --- " * 7 + "|")
    for kind in asked.kind or KINDS:
        name = f"{kind.replace(' ', '-')}-{asked.people}-{asked.placeholder}-{asked.seed}"
        made = make(asked.people, asked.out / name, KINDS[kind], asked.seed, asked.placeholder)
        rows, people, truth = made
        for strong in (False, True):
            ids = "with" if strong else "without"
            print(f"| **{kind}, {rows:,} records, {ids} strong identifiers** | | | | | | |")
            if kind == "households":
                best = best_possible(asked.people, KINDS[kind], asked.seed, strong)
                print(f"| the best decision | {right(best)} | | | |")
                if not strong:
                    exact = with_exact_names(weak_rule(score_rule(strong)))
                    line("given names distinguish exactly", matched(people, [exact]), truth)
            line("rules of conditions", matched(people, condition_rules(strong)), truth)
            written = rules_of(strong, kind == "households")
            for what, rules in (("score rule", written), ("learnt", learnt_rules(people, written))):
                for share in (1, 0.8, 1.2):
                    asked_for = moved(rules, share)
                    line(f"{what}, threshold {at(asked_for)}", matched(people, asked_for), truth)
            for threshold in (0.5, 0.9, 0.99) if asked.splink else ():
                run = splink(asked.splink, people, strong, threshold)
                line(f"Splink, threshold {threshold}", run, truth)


if __name__ == "__main__":
    main()
