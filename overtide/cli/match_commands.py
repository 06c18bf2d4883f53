"""The commands of matching, without a refresh: `match try`, `match explain`."""

from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from overtide.cli.output import Output
from overtide.project import Project
from overtide.schemas.errors import DONE, UsageError
from overtide.schemas.wording import counted

BARS, WIDTH = 10, 40
"""Bars of a distribution of scores, and characters of the longest."""
FEW = 5
"""Customers that are named of each kind."""


def match(project: Project, arguments: Namespace, output: Output) -> int:
    """Try the rules on the files, or explain what they make of two records."""
    COMMANDS[arguments.action](project, arguments, output)
    return DONE


def _try(project: Project, arguments: Namespace, output: Output) -> None:
    from overtide.matching import tried

    _expect_words(arguments, 0)
    found = tried(project, _sample(arguments))
    output.result(found, lambda: "\n".join(trial_text(found, output)))


def _explain(project: Project, arguments: Namespace, output: Output) -> None:
    from overtide.cli.explained_pairs import explanation_text
    from overtide.matching import explained

    _expect_words(arguments, 2)
    found = explained(project, *map(_record, arguments.words))
    output.result(found, lambda: "\n".join(explanation_text(found, output)))


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


def _sample(arguments: Namespace) -> int | None:
    if arguments.sample is None:
        return None
    if (
        not arguments.sample.isascii()
        or not arguments.sample.isdigit()
        or int(arguments.sample) < 1
    ):
        raise UsageError(
            "usage",
            f"--sample takes a whole number from 1, not {arguments.sample!r}.",
            None,
            "Name how many records of each entity are drawn, such as --sample 1000.",
        )
    return int(arguments.sample)


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
                ", ".join(map(_sized, one["largest"])),
            ]
            for one in found["blocks"]
        ),
    )
    for title, name in (
        ("Not compared or not merged", "notCompared"),
        ("Ignored", "ignoredValues"),
    ):
        rows = found[name]["greatest"]
        yield from _part(output, title, [*rows[0]] if rows else (), map(_shown, rows))
    common = found["commonValues"]
    yield from _part(output, "Common values", [*common[0]] if common else (), map(_shown, common))
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


def _shown(row: Mapping[str, Any]) -> list[object]:
    return [
        value.replace("\x1f", ", ") if isinstance(value, str) else value for value in row.values()
    ]


def plain(text: str) -> str:
    """Return a text of a source for a line on a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _sized(one: Mapping[str, Any]) -> str:
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
}
