"""What deliveries of full data and changes make of a record, in plain Python."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

FULL = "FullData"
FATES = ("repeats", "lost", "superseded", "deletes", "deleted")
FIRST = datetime.min.replace(tzinfo=UTC)


def folder_of(hour: str, deletes: bool = False) -> str:
    """Return the folder of a delivery."""
    return f"IncrementalData/{hour}/{'Deletes' if deletes else 'Upserts'}" if hour else FULL


@dataclass(frozen=True)
class Version:
    """A delivered row: in which hour (none of the full data), whether it is a delete, and values.

    `texts` are its values as they are kept, in order, `at` when it was last modified.
    """

    hour: str
    deletes: bool
    key: int
    texts: tuple[str | None, ...]
    at: datetime | None

    @property
    def ends(self) -> datetime:
        """The last instant of its hour."""
        if not self.hour:
            return FIRST
        hour = datetime.strptime(self.hour + "+00:00", "%Y/%m/%d/%H%z")
        return hour + timedelta(hours=1, microseconds=-1)

    @property
    def content(self) -> tuple[Any, ...]:
        """What is read of it."""
        return self.deletes, self.key, None if self.deletes else self.texts, self.at

    @property
    def preferred(self) -> tuple[int, str]:
        """What decides between versions that are as late as each other."""
        filled = sum(one is not None for one in self.texts)
        return filled, "\x1c".join("\x1d" if one is None else one for one in self.texts)


def version_of(hour: str, deletes: bool, row: str, bare: bool) -> Version | None:
    """Return what a row says, None of one without a key; a `bare` one has only that.

    None of a line that is no row, too.
    """
    key, *values = row.split(",")
    if not bare and len(values) > 4:
        return None
    values = values[:4]
    texts = [value or None for value in values]
    if bare or texts[-1] == "bad":
        texts[-1] = None
    at = datetime.fromisoformat(f"{texts[-1]}T00:00Z") if texts[-1] else None
    kept = (None,) * 4 if deletes else tuple(texts)
    return Version(hour, deletes, int(key), (key, *kept), at) if key else None


def final(
    versions: Iterable[Version], when: Callable[[datetime], datetime] = lambda one: one
) -> tuple[dict[int, Version], dict[str, int]]:
    """Return the version that a plain folder would hold of each key in the end, and the fates.

    `when` is what the column of last modification holds of an instant.
    """
    by_key: dict[int, dict[Any, list[Version]]] = defaultdict(lambda: defaultdict(list))
    for one in versions:
        by_key[one.key][one.content].append(one)

    def rank(one: Version) -> tuple[datetime, str, bool]:
        at = one.at or (when(one.ends) if one.hour else FIRST)
        return at, one.hour, one.deletes

    records: dict[int, Version] = {}
    fates = dict.fromkeys(FATES, 0)
    for key, contents in by_key.items():
        fates["repeats"] += sum(len(same) - 1 for same in contents.values())
        all_of_key = [max(same, key=rank) for same in contents.values()]
        latest = [one for one in all_of_key if rank(one) == max(map(rank, all_of_key))]
        fates["superseded"] += len(all_of_key) - len(latest)
        if latest[0].deletes:
            fates["deletes"] += len(latest)
            fates["deleted"] += any(not one.deletes for one in all_of_key)
        else:
            fates["lost"] += len(latest) - 1
            records[key] = max(latest, key=lambda one: one.preferred)
    return records, fates


def texts(folder: Path, files: dict[str, str]) -> None:
    """Write files of texts below a folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
