"""What `match try` says of the rules, as people read it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from overtide.cli.output import Output
from overtide.schemas.wording import counted

BARS, WIDTH = 10, 40
"""Bars of a distribution of scores, and characters of the longest."""
BLOCK = ("entity", "to", "rule", "block", "blocks", "records", "pairs", "oversized")
"""What is told of the blocks of a rule."""
FEW = 5
"""Customers that are named of each kind."""


def trial_text(found: Mapping[str, Any], output: Output) -> Iterator[str]:
    """Give what came of trying the rules, as people read it."""
    customers = found["customers"]
    drawn = f" around {found['sample']:,} drawn of each entity" if found["sample"] else ""
    yield (
        f"{counted(found['records'], 'record')}{drawn} become "
        f"{counted(customers['count'], 'customer')}, "
        f"{customers['ofSeveralRecords']:,} of several records. Nothing is published by this."
    )
    yield from _rules(found, output)
    for title, name in (
        ("Not compared or not merged", "notCompared"),
        ("Ignored", "ignoredValues"),
    ):
        yield from _rows(output, title, found[name]["greatest"])
    yield from _rows(output, "Common values", found["commonValues"])
    clusters = [[*one.values()] for one in found["clusters"]]
    headers = ("column", "clusters", "of several", "largest")
    yield from _part(output, "Clusters of customers", headers, clusters)
    several = [one for one in customers["largest"] if one["records"] > 2]
    yield from _customers("Largest customers", several)
    yield from _changes(found["changes"])


def _rules(found: Mapping[str, Any], output: Output) -> Iterator[str]:
    """Give what each entity and rule came to, and the blocks in which they compared."""
    columns = ("entity", "records", "customers", "duplicates", "matched", "unmatched", "%")
    yield from _part(output, "Entities", columns, ([*one.values()] for one in found["entities"]))
    names = ("entity", "to", "rule", "pairs", "records", "only", "%")
    yield from _part(output, "Rules", names, ([*one.values()][:7] for one in found["rules"]))
    yield from _scores(found["rules"])
    yield from _part(
        output,
        "Blocks",
        (
            "entity",
            "to",
            "rule",
            "block",
            "blocks",
            "records",
            "to compare",
            "too large",
            "largest",
        ),
        ([*map(one.get, BLOCK), ", ".join(map(sized, one["largest"]))] for one in found["blocks"]),
    )


def _rows(output: Output, title: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Give rows under their own names."""
    yield from _part(output, title, [*rows[0]] if rows else (), map(values_of, rows))


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


def rule_named(one: Mapping[str, Any]) -> str:
    """Return a rule with the entities whose records it compares."""
    to = "" if one["to"] == one["entity"] else f" to {one['to']}"
    return f"{one['rule']}, of {one['entity']}{to}"


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
        yield f"\nScores of {rule_named(one)}"
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
