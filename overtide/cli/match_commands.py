"""The commands of matching, without a refresh: try, explain, review, decide."""

from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from overtide.cli.output import Output
from overtide.project import Project
from overtide.schemas.errors import DONE, UsageError
from overtide.schemas.wording import counted

BARS, WIDTH = 10, 40
"""Bars of a distribution of scores, and characters of the longest."""
PAIRS = 50
"""Pairs of each kind on the page of a review."""
FEW = 5
"""Customers that are named of each kind."""


def match(project: Project, arguments: Namespace, output: Output) -> int:
    """Try the rules, explain two records, write a page to review, or take decisions."""
    COMMANDS[arguments.action](project, arguments, output)
    return DONE


def _try(project: Project, arguments: Namespace, output: Output) -> None:
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


def trial_text(found: Mapping[str, Any], output: Output) -> Iterator[str]:
    """Give what came of trying the rules, as people read it."""
    entities, customers = found["entities"], found["customers"]
    drawn = f" around {found['sample']:,} drawn of each entity" if found["sample"] else ""
    yield (
        f"{counted(found['records'], 'record')}{drawn} become "
        f"{counted(customers['count'], 'customer')}, "
        f"{customers['ofSeveralRecords']:,} of several records. Nothing is published."
    )
    yield from _part(
        output,
        "Entities",
        ("entity", "records", "customers", "duplicates", "matched", "unmatched", "%"),
        ([*one.values()] for one in entities),
    )
    yield from _part(
        output,
        "Rules",
        ("entity", "to", "rule", "pairs", "records", "%"),
        ([*one.values()][:6] for one in found["rules"]),
    )
    yield from _scores(found["rules"])
    yield from _part(
        output,
        "Blocks",
        ("rule", "block", "blocks", "records", "to compare", "too large", "largest"),
        (
            [
                *(one[name] for name in ("rule", "block", "blocks", "records", "pairs")),
                one["oversized"],
                ", ".join(map(sized, one["largest"])),
            ]
            for one in found["blocks"]
        ),
    )
    for title, name in (
        ("Not compared or not merged", "notCompared"),
        ("Ignored", "ignoredValues"),
    ):
        rows = found[name]["greatest"]
        yield from _part(output, title, [*rows[0]] if rows else (), map(values_of, rows))
    common = found["commonValues"]
    yield from _part(
        output, "Common values", [*common[0]] if common else (), map(values_of, common)
    )
    several = [one for one in customers["largest"] if one["records"] > 2]
    yield from _customers("Largest customers", several)
    yield from _changes(found["changes"])


def _part(
    output: Output, title: str, headers: Iterable[str], rows: Iterable[Iterable[object]]
) -> Iterator[str]:
    """Give a table with its title, nothing where it has no rows."""
    cells = [[*row] for row in rows]
    if cells:
        yield f"\n{title}\n{output.table([*headers], cells)}"


def values_of(row: Mapping[str, Any]) -> list[object]:
    """Return the values of a row, with commas between the several of a block."""
    return [
        value.replace("\x1f", ", ") if isinstance(value, str) else value for value in row.values()
    ]


def plain(text: str) -> str:
    """Return a text of a source for a line on a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def sized(one: Mapping[str, Any]) -> str:
    """Return a value with the number of its records."""
    value = one["value"].replace("\x1f", ", ")
    return f"{value} ({one['records']:,})"


def _scores(rules: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Give the distribution of scores of every rule whose pairs are not all alike."""
    for one in rules:
        scores = {int(score): pairs for score, pairs in one["scores"].items()}
        if set(scores) <= {100}:
            continue
        bars: dict[int, int] = {}
        for score, pairs in scores.items():
            bars[score // BARS * BARS] = bars.get(score // BARS * BARS, 0) + pairs
        yield f"\nScores of {one['rule']}, of {one['entity']}"
        most = max(bars.values())
        for score, pairs in sorted(bars.items()):
            bar = "█" * max(1, round(WIDTH * pairs / most))
            yield f"{score:>3} %  {pairs:>9,}  {bar}"


def _customers(title: str, customers: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    rows = [*customers][:FEW]
    if rows:
        yield f"\n{title}"
    for one in rows:
        first = one["firstRecords"]
        named = ", ".join(plain(f"{record['entity']}={record['key']}") for record in first)
        more = one["records"] - len(first)
        yield (
            f"  {one['customerId']}: {counted(one['records'], 'record')}: {named}"
            f"{f' and {more:,} more' if more > 0 else ''}"
        )


def _changes(changes: Mapping[str, Any] | None) -> Iterator[str]:
    if changes is None:
        yield "\nNothing is published yet, so there is nothing to compare with."
        return
    joined, split = changes["joined"], changes["split"]
    new, gone = changes["newRecords"], changes["goneRecords"]
    yield (
        f"\nBeside what is published: {counted(joined['count'], 'customer')} would be joined of "
        f"several, {counted(split['count'], 'customer')} split; {counted(new, 'record')} would be "
        f"new{'' if gone is None else f', {gone:,} gone'}."
    )
    yield from _customers("Would be joined", joined["greatest"])
    yield from _customers("Would be split", split["greatest"])


COMMANDS: dict[str, Callable[[Project, Namespace, Output], None]] = {
    "try": _try,
    "explain": _explain,
    "review": _review,
    "decide": _decide,
}
