"""Matching of a project without a refresh: tried, explained, reviewed, learnt."""

import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overtide import runner_configs
from overtide.schemas.document import FILE
from overtide.schemas.document_edits import with_numbers
from overtide.schemas.errors import ConfigurationError, UsageError
from overtide.schemas.loading import loaded

if TYPE_CHECKING:
    from overtide.pipelines.matching.alone import Matching
    from overtide.pipelines.matching.reviewing import Review
    from overtide.project import Project
    from overtide.transforms.matching.decisions import Merged


@contextmanager
def opened(project: "Project") -> Iterator["Matching"]:
    """Read the sources of a project into a temporary folder, to match them within the block.

    Nothing is written into the project. Raises what a refresh raises of configuration and sources.
    """
    from overtide.pipelines.matching.alone import matching

    configuration, _ = loaded(project.folder, project.environ)
    runner = runner_configs.load()
    with (
        tempfile.TemporaryDirectory(prefix="overtide-match-") as folder,
        matching(
            configuration, project.paths, runner, Path(folder), project.clock(), True
        ) as found,
    ):
        yield found


def tried(project: "Project", sample: int | None = None) -> dict[str, Any]:
    """Return what the rules would do, see docs/cli.md; with `sample` of so many drawn records."""
    from overtide.pipelines.matching.sampling import sampled
    from overtide.pipelines.matching.trying import tried

    with opened(project) as found:
        drawn = found if sample is None else sampled(found, sample)
        return tried(drawn, sample).document


def explained(project: "Project", one: tuple[str, str], other: tuple[str, str]) -> dict[str, Any]:
    """Return why two records, each an entity and a key, are one customer, or why not.

    Raises `unknown_entity` and `record_not_found`.
    """
    from overtide.pipelines.matching.explaining import explained

    with opened(project) as found:
        return explained(found, one, other)


def reviewed(project: "Project", pairs: int) -> tuple[str, "Review"]:
    """Return the name of the instance, and what a person reviews, with so many pairs of a kind."""
    from overtide.pipelines.matching.reviewing import review

    with opened(project) as found:
        return found.steps.plan.configuration.instance.name, review(found, pairs)


def decided(project: "Project", name: str, text: str) -> "Merged":
    """Take decisions into the project's file, from a CSV text that is called `name`.

    Raises `decisions_wrong`, and `no_decisions_file` where the project has no such file.
    """
    from overtide.transforms.matching.decisions import merge_decisions

    configuration, _ = loaded(project.folder, project.environ)
    unification = configuration.unification
    if unification.decisions is None:
        raise ConfigurationError(
            "no_decisions_file",
            "overtide.yaml names no file of decisions.",
            "unification.decisions",
            "Write `decisions: data/decisions.csv` below `unification`.",
        )
    path = project.paths.project / unification.decisions
    entities = [one.entity for one in unification.entities]
    return merge_decisions(path, Path(name), io.StringIO(text, newline=""), entities)


def proposed(project: "Project") -> list[dict[str, Any]]:
    """Return blocks for every score rule, see docs/matching.md; raises `no_score_rule`."""
    from overtide.pipelines.matching.proposing import proposed_blocks

    with opened(project) as found:
        return _of_score_rules(proposed_blocks(found))


def _of_score_rules(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what is told of score rules; raise `no_score_rule` where there is none."""
    if not found:
        raise UsageError(
            "no_score_rule",
            "The project has no rule with a score: there is nothing to go by.",
            "unification",
            "Write one with its fields and blocks; weights and threshold may be any "
            "(docs/matching.md).",
        )
    return found


def learnt(project: "Project", seed: int, write: bool) -> list[dict[str, Any]]:
    """Return a proposal for every score rule; write them into `overtide.yaml` if that is asked.

    Raises `no_score_rule` where there is none, `number_not_written`.
    """
    from overtide.pipelines.matching.learning import learnt, numbers_of

    with opened(project) as found:
        configuration = found.steps.plan.configuration
        proposals = _of_score_rules(learnt(found, seed))
    if write:
        file = (project.folder / FILE).resolve()  # what a link leads to
        with file.open(encoding="utf-8", newline="") as opened_file:
            text = opened_file.read()
        written = with_numbers(text, numbers_of(configuration, proposals))
        new = file.with_name(f".{FILE}.new")
        new.write_text(written, encoding="utf-8", newline="")
        shutil.copymode(file, new)
        new.replace(file)
    return proposals
