"""Pairs that people decided: always or never one customer. The file that says so."""

import csv
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from overtide.schemas.configuration import Configuration
from overtide.schemas.errors import SourceError

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
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(_decisions(path, csv.DictReader(file, strict=True), entities))
    except FileNotFoundError:
        raise _wrong(path, "is not there") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _wrong(path, f"cannot be read: {error}") from None


def read_decisions_of(configuration: Configuration, project: Path) -> list[Decision]:
    """Return the decisions of a project, none where it names no file of them."""
    unification = configuration.unification
    if unification.decisions is None:
        return []
    entities = [one.entity for one in unification.entities]
    return read_decisions(project / unification.decisions, entities)


def _decisions(
    path: Path, rows: "csv.DictReader[str]", entities: Collection[str]
) -> Iterator[Decision]:
    missing = [name for name in COLUMNS if name not in (rows.fieldnames or [])]
    if missing:
        raise _wrong(path, f"has no column {', '.join(missing)}")
    for row in rows:
        here = f"line {rows.line_num}"
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
        yield Decision(row["Decision"] == "always", *ends)


def _wrong(path: Path, what: str) -> SourceError:
    return SourceError(
        "decisions_wrong",
        f"The file of decisions {path.name} {what}.",
        "unification.decisions",
        f"It is CSV with the columns {','.join(COLUMNS)}; Decision is always or never "
        "(docs/matching.md).",
    )
