"""Pairs that people decided: always or never one customer. The file that says so."""

import csv
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from overtide.schemas.configuration import Configuration
from overtide.schemas.errors import SourceError
from overtide.transforms.matching.headers import wrong_header

ALWAYS = "Always match"
"""The rule of pairs that people decided."""
COLUMNS = ("Decision", "Entity1", "Entity1Key", "Entity2", "Entity2Key")
Reference = tuple[str, str]
"""A record: its entity and its key."""


@dataclass(frozen=True)
class Decision:
    """Two records that are always or never of one customer."""

    always: bool
    one: Reference
    other: Reference


def read_decisions(path: Path, entities: Collection[str]) -> list[Decision]:
    """Return the decisions of a CSV file in UTF-8 about records of these entities.

    Raises `decisions_wrong`, with the line.
    """
    return [decision for decision, _ in read_rows(path, entities)[1]]


def read_rows(
    path: Path, entities: Collection[str]
) -> tuple[list[str], list[tuple[Decision, dict[str, str]]]]:
    """Return the columns of such a file, and each decision with its row, which may have more."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return rows_of(path, file, entities)
    except FileNotFoundError:
        raise _wrong(path, "is not there") from None
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(path, f"cannot be read: {error}") from None


def rows_of(
    path: Path, lines: Iterable[str], entities: Collection[str]
) -> tuple[list[str], list[tuple[Decision, dict[str, str]]]]:
    """Return the same of the lines of a file, which is called as the path says."""
    try:
        rows = csv.DictReader(lines, strict=True)
        return list(rows.fieldnames or []), list(_decisions(path, rows, entities))
    except csv.Error as error:
        raise _wrong(path, f"cannot be read: {error}") from None


def read_decisions_of(configuration: Configuration, project: Path) -> list[Decision]:
    """Return the decisions of a project by the keys that records have, none where it has no file.

    Raises `decisions_wrong`.
    """
    unification, entities = configuration.unification, configuration.entities()
    if unification.decisions is None:
        return []
    path = project / unification.decisions
    found = []
    for decision in read_decisions(path, [one.entity for one in unification.entities]):
        (one, key), (other, other_key) = decision.one, decision.other
        ends = (one, entities[one].key_text(key)), (other, entities[other].key_text(other_key))
        if ends[0] == ends[1]:
            raise _wrong(path, f"names one record twice, by {key!r} and {other_key!r}")
        found.append(Decision(decision.always, *ends))
    return found


@dataclass(frozen=True)
class Merged:
    """What became of a file of decisions: how many there are, are new, and replaced others."""

    path: Path
    decisions: int
    added: int
    replaced: int


def merge_decisions(
    path: Path, name: Path, lines: Iterable[str], entities: Collection[str]
) -> Merged:
    """Add decisions to a project's file, which need not be there yet; the newest of a pair counts.

    `lines` are those of a file that is called `name`. Rows that stay keep all their columns; the
    file is replaced as a whole, or not at all.
    """
    _, rows = rows_of(name, lines, entities)
    new = {frozenset((one.one, one.other)): one for one, _ in rows}
    columns, before = read_rows(path, entities) if path.exists() else ([*COLUMNS], [])
    kept = [row for one, row in before if frozenset((one.one, one.other)) not in new]
    written = path.with_name(f".{path.name}.new")
    path.parent.mkdir(parents=True, exist_ok=True)
    with written.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*kept, *map(row_of, new.values())])
    written.replace(path)
    replaced = len(before) - len(kept)
    return Merged(path, len(kept) + len(new), len(new), replaced)


def row_of(decision: Decision) -> dict[str, str]:
    """Return a decision as a row of the file."""
    ends = (decision.one, decision.other)
    said = {"Decision": "always" if decision.always else "never"}
    return said | {
        f"Entity{number}{what}": end[place]
        for number, end in enumerate(ends, 1)
        for place, what in enumerate(("", "Key"))
    }


def _decisions(
    path: Path, rows: "csv.DictReader[str]", entities: Collection[str]
) -> Iterator[tuple[Decision, dict[str, str]]]:
    wrong = wrong_header(list(rows.fieldnames or []), COLUMNS)
    if wrong:
        raise _wrong(path, wrong)
    for row in rows:
        here = f"line {rows.line_num}"
        if None in row:  # of a key with a comma, only what stands before it would be its record
            raise _wrong(path, f"has more values than columns in {here}")
        if row["Decision"] not in ("always", "never"):
            raise _wrong(path, f"says {row['Decision']!r} in {here}, not `always` or `never`")
        ends = [(row[f"Entity{end}"], row[f"Entity{end}Key"]) for end in (1, 2)]
        for entity, key in ends:
            if entity not in entities:
                raise _wrong(path, f"names {entity!r} in {here}, which is no unified entity")
            if not key:
                raise _wrong(path, f"has no key in {here}")
        if ends[0] == ends[1]:
            raise _wrong(path, f"names one record twice in {here}")
        yield Decision(row["Decision"] == "always", *ends), row


def _wrong(path: Path, what: str) -> SourceError:
    return SourceError(
        "decisions_wrong",
        f"The file of decisions {path.name} {what}.",
        "unification.decisions",
        f"It is CSV with the columns {','.join(COLUMNS)}; Decision is always or never "
        "(docs/matching.md).",
    )
