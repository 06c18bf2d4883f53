"""Typed rows that are kept for the next refresh, by the content of the files that they come from.

There is one entry for each entity: its settled table and what each of its files gave, as links to
the very files that the lake has, so that what is kept takes no room while it is published. An entry
is right for as long as the files are what it says, and counts only where the entity is read by the
same rules by the same engine; which run it was kept by does not matter, so a restored catalog or a
failed publish leaves it right. Without it all files are read (docs/decisions/kept-rows.md).
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from overtide.pipelines.engine import engine
from overtide.pipelines.known_files import noted_name
from overtide.schemas.crash import crash_point
from overtide.schemas.folders import make_folder
from overtide.transforms.ingest import IngestedFiles
from overtide.transforms.keys import EntityTable
from overtide.transforms.plan import Plan
from overtide.transforms.row_hashes import KeptRows, ReadBefore, Unknown

MEANING = {"semantic_type", "country"}
"""What an attribute says of its values once they were read."""
MAGIC = b"PAR1"
"""How a Parquet file begins and ends."""
MOST_LITTLE = 100
"""So many kept results of `FEW_FILES` and `FEW_ROWS` at most stay as they are."""
FEW_FILES, FEW_ROWS = 50, 50_000
MOST_CHANGES = 30
"""So often what changed in a file is read beside what is kept of it: each time the lake has one
file more of its entity."""
Content = tuple[str, str]
"""A file's name, as it is shown, and the SHA-256 of its content."""


@dataclass(frozen=True)
class Entry:
    """What is kept of an entity."""

    rules: str
    """The hash of what else its rows depend on."""
    contents: list[Content]
    """All its files, in their order."""
    table: EntityTable
    sizes: dict[str, tuple[int, int]]
    """Size and time of change of each file that is kept, by its name in the entry."""


ENTRY = TypeAdapter(Entry)


@dataclass(frozen=True)
class Reusable:
    """What need not be computed of an entity: its whole table, or what some of its files gave."""

    table: EntityTable | None = None
    files: tuple[IngestedFiles, ...] = ()
    before: ReadBefore | None = None
    """How the one file of the entity was before it changed."""

    @property
    def sources(self) -> frozenset[str]:
        """The names of the source files that need not be read."""
        several = self.table.ingested if self.table else self.files
        return frozenset(name for one in several for name in one.sources)


NOTHING = Reusable()


def reading_rules(plan: Plan, entity: str) -> str:
    """Return the hash of what an entity's rows depend on besides its files.

    Where these are matters only where folders say what is in them; how many rows may be missing is
    asked of rows that were kept, too. What attributes mean is asked of values that were read.
    """
    read = plan.entities[entity]
    files = {"max_shrink_percent"} | ({"path"} if read.deliveries is None else set())
    attributes = {name: read.attribute(name) for name in read.attributes}
    document = [
        engine(),
        entity,
        read.model_dump(mode="json", by_alias=True, exclude=files | {"attributes"}),
        {name: one.model_dump(mode="json", exclude=MEANING) for name, one in attributes.items()},
        plan.preference(entity).model_dump(mode="json", by_alias=True),
    ]
    return hashlib.sha256(json.dumps(document).encode()).hexdigest()


def folder_of(folder: Path, entity: str) -> Path:
    """Return where an entity's rows are kept: no file system makes two names of it one."""
    return folder / hashlib.sha256(entity.encode()).hexdigest()[:32]


def reusable(
    folder: Path, plan: Plan, entity: str, contents: Sequence[Content], into: Path
) -> Reusable:
    """Link what is kept of an entity and still right into the folder `into`, and return it.

    `contents` are all its files; the content of one that is not known is none that is kept.
    """
    place = folder_of(folder, entity)
    try:
        entry = ENTRY.validate_json((place / "entry.json").read_bytes())
    except (OSError, ValueError):
        return NOTHING
    if entry.rules != reading_rules(plan, entity):
        return NOTHING
    names = {noted_name(name): name for name, _ in contents}
    there = [(noted_name(name), content) for name, content in contents]
    try:
        published = _is_published(entry.table, plan)
        if entry.contents == there:
            if entry.table.gone and not published:
                return NOTHING  # these rows are in no file that could be published as it is
            return Reusable(_named(_linked(place, entry, entry.table, into), names.__getitem__))
        if published and len(entry.contents) == len(there) == 1:  # its name may say the day
            before = _read_before(_linked(place, entry, entry.table, into))
            if before is not None:
                return Reusable(before=before)
        known, now = dict(entry.contents), dict(there)
        right = (
            one
            for one in entry.table.ingested
            if all(name in now and now[name] == known[name] for name in one.sources)
        )
        linked = (_linked_files(place, entry, one, into) for one in not_scattered(list(right)))
        return Reusable(None, tuple(_named_files(one, names.__getitem__) for one in linked))
    except OSError:
        return NOTHING


def _is_published(table: EntityTable, plan: Plan) -> bool:
    """Say whether the rows of a table are the published ones."""
    return table.content is not None and table.content.hex() == plan.hashes.get(table.entity)


def _read_before(table: EntityTable) -> ReadBefore | None:
    """Return how the only file of an entity was read, if its rows are those of the table."""
    if len(table.ingested) > 1 or table.content is None:
        return None
    (file,), found = table.ingested, (table.content, table.corrupt_file)
    if file.kept is not None:
        most = file.kept.changes >= MOST_CHANGES
        return None if most else ReadBefore(file.kept, table.files[1], *found)
    if file.hashes is None:
        return None
    kept = KeptRows(file.rows_path, file.hashes, file.rows)
    if file.unknown is None:
        return ReadBefore(kept, None, *found) if table.files == (file.rows_path,) else None
    unknown = file.unknown
    kept = replace(kept, gone=unknown.places, gone_rows=unknown.rows)
    return ReadBefore(kept, unknown.settled, *found)


def not_scattered(files: Sequence[IngestedFiles]) -> Sequence[IngestedFiles]:
    """Return what files gave, but for the little that many of them gave one by one.

    These are read again, together: each is a part of every query over all rows, so a year of hourly
    deliveries would make each refresh slower than the one before.
    """
    little = [one for one in files if len(one.sources) < FEW_FILES and one.rows < FEW_ROWS]
    return files if len(little) <= MOST_LITTLE else [one for one in files if one not in little]


def _linked(place: Path, entry: Entry, table: EntityTable, into: Path) -> EntityTable:
    return moved(table, lambda name: _link(place, entry, name, into))


def _linked_files(place: Path, entry: Entry, one: IngestedFiles, into: Path) -> IngestedFiles:
    return moved_files(one, lambda name: _link(place, entry, name, into))


def _link(place: Path, entry: Entry, name: str, into: Path) -> str:
    """Link a kept file; raise OSError where it is not what was kept."""
    file, linked = place / name, into / name
    if not linked.exists():
        there = file.stat()
        if (there.st_size, there.st_mtime_ns) != entry.sizes[name] or not _is_whole(file):
            raise OSError(name)
        os.link(file, linked)
    return str(linked)


def _is_whole(file: Path) -> bool:
    """Say whether a Parquet file begins and ends as one: a power cut leaves what does not."""
    with file.open("rb") as opened:
        begin = opened.read(4)
        opened.seek(-4, os.SEEK_END)
        return begin == opened.read(4) == MAGIC


def moved_files(one: IngestedFiles, move: Callable[[str], str]) -> IngestedFiles:
    """Return what files gave with other paths."""
    return replace(
        one,
        rows_path=move(one.rows_path),
        lines_path=move(one.lines_path),
        hashes=move(one.hashes) if one.hashes else None,
        unknown=_moved_unknown(one.unknown, move) if one.unknown else None,
        numbered=move(one.numbered) if one.numbered else None,
        kept=_moved_rows(one.kept, move) if one.kept else None,
    )


def _moved_rows(kept: KeptRows, move: Callable[[str], str]) -> KeptRows:
    gone = move(kept.gone) if kept.gone else None
    return replace(kept, rows_path=move(kept.rows_path), hashes=move(kept.hashes), gone=gone)


def _moved_unknown(one: Unknown, move: Callable[[str], str]) -> Unknown:
    return replace(one, places=move(one.places), settled=move(one.settled))


def moved(table: EntityTable, move: Callable[[str], str]) -> EntityTable:
    """Return a table with other paths."""
    return replace(
        table,
        files=tuple(map(move, table.files)),
        corrupt_file=move(table.corrupt_file),
        ingested=tuple(moved_files(one, move) for one in table.ingested),
        gone=move(table.gone) if table.gone else None,
    )


def _named(table: EntityTable, name: Callable[[str], str]) -> EntityTable:
    """Return a table with other names of its files."""
    return replace(table, ingested=tuple(_named_files(one, name) for one in table.ingested))


def _named_files(one: IngestedFiles, name: Callable[[str], str]) -> IngestedFiles:
    return replace(one, sources=tuple(map(name, one.sources)))


def keep(
    folder: Path,
    plan: Plan,
    tables: Iterable[EntityTable],
    contents: Mapping[str, list[Content]],
    stay: Collection[str],
) -> None:
    """Keep the tables of the entities that `contents` tells the files of, instead of older ones.

    What is kept of entities that `stay` is right already, and of others is forgotten. To be called
    before a publish moves their files. Where the file system has no links, or no room, nothing is
    kept.
    """
    make_folder(folder)
    needed = {folder_of(folder, name) for name in contents}
    for other in set(folder.iterdir()) - needed:
        shutil.rmtree(other, ignore_errors=True)
    for table in tables:
        if table.entity in contents and table.entity not in stay:
            place = folder_of(folder, table.entity)
            with suppress(OSError):
                rules, whole = (
                    reading_rules(plan, table.entity),
                    replace(table, affected=None, changed=None),
                )
                _keep(place, rules, whole, contents[table.entity])


def _keep(place: Path, rules: str, table: EntityTable, contents: list[Content]) -> None:
    draft = place.with_name(place.name + ".part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    names: dict[str, str] = {}
    sizes: dict[str, tuple[int, int]] = {}

    def linked(path: str) -> str:
        if path not in names:
            names[path] = name = f"{len(names):06d}.parquet"
            os.link(path, draft / name)
            there = (draft / name).stat()
            sizes[name] = there.st_size, there.st_mtime_ns
        return names[path]

    noted = [(noted_name(name), content) for name, content in contents]
    entry = Entry(rules, noted, _named(moved(table, linked), noted_name), sizes)
    (draft / "entry.json").write_bytes(ENTRY.dump_json(entry))
    crash_point("results.drafted")
    shutil.rmtree(place, ignore_errors=True)
    draft.replace(place)
