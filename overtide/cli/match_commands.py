"""The commands of matching, without a refresh: try, explain, blocks, learn, review, decide."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from overtide.cli.output import Output
from overtide.project import Project
from overtide.schemas.errors import DONE, UsageError
from overtide.schemas.wording import counted

PAIRS = 50
"""Pairs of each kind on the page of a review."""


def match(project: Project, arguments: Namespace, output: Output) -> int:
    """Try, explain, learn or review the rules, propose blocks, or take decisions."""
    COMMANDS[arguments.action](project, arguments, output)
    return DONE


def _try(project: Project, arguments: Namespace, output: Output) -> None:
    from overtide.cli.tried_rules import trial_text
    from overtide.matching import tried

    _expect_words(arguments, 0)
    found = tried(project, _number("--sample", arguments.sample, 0) or None)
    output.result(found, lambda: "\n".join(trial_text(found, output)))


def _explain(project: Project, arguments: Namespace, output: Output) -> None:
    from overtide.cli.explained_pairs import explanation_text
    from overtide.matching import explained

    _expect_words(arguments, 2)
    found = explained(project, *map(_record, arguments.words))
    output.result(found, lambda: "\n".join(explanation_text(found, output)))


def _review(project: Project, arguments: Namespace, output: Output) -> None:
    from overtide.cli.review_page import page_of
    from overtide.matching import reviewed

    _expect_words(arguments, 0)
    name, found = reviewed(project, _number("--pairs", arguments.pairs, PAIRS))
    path = Path(arguments.out)
    page = page_of(name, found.tried, found.scores, found.joined, found.apart)
    path.touch(mode=0o600)  # it holds personal data
    path.write_text(page, encoding="utf-8")
    document = {"file": str(path), "joined": len(found.joined), "apart": len(found.apart)}
    output.confirm(
        document,
        lambda: (
            f"Wrote {path}: {counted(len(found.joined), 'pair')} that are joined and "
            f"{len(found.apart):,} that are not, to be decided in a browser; then "
            "`overtide match decide decisions.csv`."
        ),
    )


def _decide(project: Project, arguments: Namespace, output: Output) -> None:
    from overtide.cli.arguments import name_of_input, read_input
    from overtide.matching import decided

    _expect_words(arguments, 1)
    (file,) = arguments.words
    done = decided(project, name_of_input(file), read_input(file))
    document = {
        "file": str(done.path),
        "added": done.added,
        "replaced": done.replaced,
        "decisions": done.decisions,
    }
    output.confirm(
        document,
        lambda: (
            f"{counted(done.added, 'decision')} added to {done.path}, of which {done.replaced:,} "
            f"replaced earlier ones; it has {done.decisions:,}. They count from the next refresh."
        ),
    )


def _blocks(project: Project, arguments: Namespace, output: Output) -> None:
    from overtide.cli.proposed_blocks import proposed_text
    from overtide.matching import proposed

    _expect_words(arguments, 0)
    found = proposed(project)
    output.result({"proposals": found}, lambda: "\n".join(proposed_text(found, output)))


def _learn(project: Project, arguments: Namespace, output: Output) -> None:
    from overtide.cli.learnt_weights import proposal_text
    from overtide.matching import learnt

    _expect_words(arguments, 0)
    found = learnt(project, _number("--seed", arguments.seed, 1), arguments.write)
    written = arguments.write and any(one["proposed"] is not None for one in found)
    output.result(
        {"proposals": found, "written": written},
        lambda: "\n".join(proposal_text(found, written, output)),
    )


def _record(word: str) -> tuple[str, str]:
    """Return the entity and the key of a record that a word names."""
    entity, _, key = word.partition("=")
    if not (entity and key):
        raise UsageError(
            "invalid_target",
            f"{word!r} is no key of a source record.",
            None,
            "Write ENTITY=KEY, such as Shop_Contacts=4711.",
        )
    return entity, key


def _expect_words(arguments: Namespace, number: int) -> None:
    """Raise `usage` where an action has too few words behind it, or too many."""
    if len(arguments.words) != number:
        raise UsageError(
            "usage",
            f"`match {arguments.action}` takes {counted(number, 'argument')}, "
            f"not {len(arguments.words)}.",
            None,
            "`overtide match --help` shows how it is used.",
        )


def _number(option: str, given: str | None, default: int) -> int:
    """Return the number that an option gives; raise `usage` where it is none from 1."""
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and int(given)):
        raise UsageError(
            "usage",
            f"{option} takes a whole number from 1, not {given!r}.",
            None,
            f"Write a number, such as {option} 1000.",
        )
    return int(given)


COMMANDS: dict[str, Callable[[Project, Namespace, Output], None]] = {
    "try": _try,
    "explain": _explain,
    "blocks": _blocks,
    "learn": _learn,
    "review": _review,
    "decide": _decide,
}
