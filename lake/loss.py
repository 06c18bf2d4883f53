"""Which rows of the sources did not come through a refresh, told from the run's manifest.

One sentence for each entity and kind of loss. `overtide refresh` tells them, and `overtide status`
as long as the run is the last one published.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from overtide.schemas.wording import counted


@dataclass(frozen=True, slots=True)
class Loss:
    """How many rows of an entity are not where one would look for them, and why, in a sentence."""

    entity: str
    kind: str
    rows: int
    text: str

    def as_json(self) -> dict[str, object]:
        """Return the loss as a JSON document."""
        return asdict(self)


def losses(manifest: Mapping[str, Any]) -> list[Loss]:
    """Return what a run lost, entity by entity; of a manifest of an older version what it says."""
    found = [
        loss
        for name, entity in manifest.get("entities", {}).items()
        for loss in _of_entity(name, entity, manifest.get("shrunk", {}).get(name))
        if loss.rows
    ]
    found += [_damaged(name, told) for name, told in manifest.get("damaged", {}).items()]
    return found + [
        Loss(
            name,
            "removed",
            rows,
            f"{name}: no longer configured, and its {counted(rows, 'row')} no longer published.",
        )
        for name, rows in manifest.get("removed_entities", {}).items()
    ]


def _damaged(name: str, told: Mapping[str, Any]) -> Loss:
    """Return what became of a table of which files were damaged."""
    files, done = told["files"], told["done"]
    are = f"{counted(files, 'file')} {_were(files)} missing or damaged"
    return Loss(name, "damaged", files, f"{name}: {are}{WHAT_WAS_DONE[done]}")


WHAT_WAS_DONE = {
    "made_anew": "; the table was made anew, and its rows count as new: as of instants before this "
    "run they are not known.",
    "left_out": " and left out: as of instants before this run some rows are not known.",
    "nothing": ". Restore what is lost from a backup; of a history `overtide refresh --full` keeps "
    "what can be read.",
}


def _of_entity(name: str, entity: Mapping[str, Any], before: int | None) -> Iterator[Loss]:
    kept = entity["rows_kept"]
    yield Loss(
        name,
        "shrunk",
        (before or kept) - kept,
        f"{name}: shrank from {counted(before or kept, 'row')} to {kept:,}.",
    )
    yield from _gone(name, entity)
    yield from _changed(name, entity)
    yield _unread(name, entity)
    yield _of_nobody(name, kept, entity.get("of_nobody", {}))


def _gone(name: str, entity: Mapping[str, Any]) -> Iterator[Loss]:
    """Return the rows that are not among those kept: set aside, lost to another, or repeats."""
    aside, lost = entity["set_aside"], entity.get("lost_rows", 0)
    repeats = entity.get("exact_repeats", 0)
    of = f"of {counted(entity['rows_read'], 'row')}"
    yield Loss(
        name,
        "set_aside",
        aside,
        f"{name}: {aside:,} {of} {_were(aside)} set aside, unreadable or without a "
        f"primary key; {name}_corrupt lists {_them(aside)}.",
    )
    yield Loss(
        name,
        "lost_rows",
        lost,
        f"{name}: {lost:,} {of} lost to another row of the same key (`prefer` of the "
        f"entity says which one stays); {name}_corrupt lists {_them(lost)}.",
    )
    were = "was an exact repeat" if repeats == 1 else "were exact repeats"
    yield Loss(name, "exact_repeats", repeats, f"{name}: {repeats:,} {of} {were}.")


def _changed(name: str, entity: Mapping[str, Any]) -> Iterator[Loss]:
    """Return the rows of full data and changes that later versions and deletes made void."""
    changes, of = entity.get("changes", {}), f"of {counted(entity['rows_read'], 'row')}"
    superseded, deleted = changes.get("superseded_rows", 0), changes.get("deleted_records", 0)
    undated = changes.get("undated_rows", 0)
    yield Loss(
        name,
        "superseded_rows",
        superseded,
        f"{name}: {superseded:,} {of} {_were(superseded)} superseded by a later version of the "
        "same key.",
    )
    yield Loss(
        name,
        "deleted_records",
        deleted,
        f"{name}: {counted(deleted, 'record')} {_were(deleted)} removed by deletes.",
    )
    yield Loss(
        name,
        "undated_rows",
        undated,
        f"{name}: {undated:,} {of} {'does' if undated == 1 else 'do'} not say when last modified; "
        "each counts as of the end of its hour, one of the full data as the oldest.",
    )


def _unread(name: str, entity: Mapping[str, Any]) -> Loss:
    """Return the rows that are kept with null for values that could not be read."""
    nulled = entity["corrupt_records"] - entity["set_aside"] - entity.get("lost_rows", 0)
    has = "has" if nulled == 1 else "have"
    return Loss(
        name,
        "corrupt_values",
        nulled,
        f"{name}: {nulled:,} of {counted(entity['rows_read'], 'row')} {has} values that could not "
        f"be read and are null; {name}_corrupt lists {_them(nulled)}.",
    )


def _of_nobody(name: str, kept: int, nobody: Mapping[str, int]) -> Loss:
    """Return the activities that belong to no customer."""
    reasons = ", ".join(
        f"{nobody[reason]:,} {why}" for reason, why in WHY_OF_NOBODY.items() if nobody.get(reason)
    )
    strays = sum(nobody.values())
    return Loss(
        name,
        "of_nobody",
        strays,
        f"{name}: {strays:,} of {counted(kept, 'activity', 'activities')} "
        f"{'belongs' if strays == 1 else 'belong'} to no customer: {reasons}.",
    )


WHY_OF_NOBODY = {
    "no_foreign_key": "without a foreign key",
    "unknown_record": "whose record is not there",
    "no_customer": "whose record is of no customer",
    "several_customers": "that several customers could be meant by",
}


def _were(rows: int) -> str:
    return "was" if rows == 1 else "were"


def _them(rows: int) -> str:
    return "it" if rows == 1 else "them"
