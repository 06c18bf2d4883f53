"""The activities of a base, laid out so that those of one customer are read where they stand.

A folder beside the serving generations, named after what is in it, with three Arrow files that are
mapped into memory: `rows` has all activities by customer, `customers` where those of each begin,
`ids` which ActivityIds there are. A table of the lake has them in groups of a hundred thousand
rows, all of which a query looks into (docs/decisions/activities-in-place.md).

A refresh that changes those of few customers writes these alone, all that they have now, and names
the folder that has the others' (`over`), which is never such a one itself.
"""

import json
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.lake.generation import Generation, corrupt, missing
from overtide.lake.own_activities import UNTIMED, OwnActivities
from overtide.lake.sealed import checksum
from overtide.lake.sorted_keys import Sorted, customer_at, number_at
from overtide.lake.standing import known, note_whole
from overtide.schemas.activities import COLUMNS
from overtide.schemas.events import activity_id
from overtide.schemas.instants import EARLIEST, LATEST, SECOND, format_instant
from overtide.schemas.paths import Paths
from overtide.schemas.signatures import NOTHING, Signature, signature
from overtide.schemas.values import Value

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

ROWS, CUSTOMERS, IDS = "rows.arrow", "customers.arrow", "ids.arrow"
FILES = (ROWS, CUSTOMERS, IDS)
BATCH, EARLIER = 2_048, 512
"""Activities that are compressed together, and so the least that is read; those of folders that do
not say how many they are."""
PREFIX = 16
"""Hex digits of an ActivityId by which it is looked up."""
OF_KIND = ("ActivityType", "ActivityTypeDisplay", "ActivityName", "SourceEntityName")
"""Columns that are alike in all activities of an entity: written once, and named by a number."""
OF_ROW = ("Title", "Description", "URL", "Icon", "SourceActivityId", "SemanticData")
"""Columns that are written as they are; ActivityId and RangeIndex follow from others."""
ABOUT = b"overtide"
"""Metadata of the customers: JSON of the number of rows, of the kinds in their order, of how many
rows are in a batch, and of which folder has the activities of other customers, if any."""

_whole: dict[Path, Signature] = {}
"""The folders that this process found whole."""


class ActivityFiles:
    """Reads the activities of one base; usable from every thread.

    Files that are open go on being read when their folder is removed.
    """

    def __init__(self, folder: Path, over: "ActivityFiles | None" = None) -> None:
        """Open a folder; customers that it does not name have those of the one `over` it."""
        import pyarrow as pa

        self.folder, self._seen, self._over = folder, signature_of(folder), over
        self._paths = [folder / name for name in FILES]
        self._local = threading.local()
        try:
            self._rows, customers, ids = (_mapped(folder / name) for name in FILES)
            places = pa.ipc.open_file(customers)
            told = json.loads(places.schema.metadata[ABOUT])
            self._number, kinds = int(told["rows"]), told["kinds"]
            self.batch = int(told.get("batch", EARLIER))
            self.kinds = [dict(zip(OF_KIND, kind, strict=True)) for kind in kinds]
            self._customers = Sorted.of(places, customer_at)
            self._ids = Sorted.of(pa.ipc.open_file(ids), number_at)
            self._reader(narrow=True)
        except FileNotFoundError:
            raise missing(folder, "missing") from None
        except (OSError, pa.ArrowException, ValueError, LookupError, TypeError) as error:
            raise corrupt(folder, str(error)) from None

    def is_as_opened(self) -> bool:
        """Say whether nobody has touched the files since they were opened."""
        return _signature(self._paths) == self._seen and (
            self._over is None or self._over.is_as_opened()
        )

    def of(self, customer_id: str, hidden: Collection[str] = ()) -> OwnActivities:
        """Return the activities of a customer, to be read as far as they are asked for.

        Those of the entities `hidden` are not shown.
        """
        key = bytes.fromhex(customer_id)
        if self._over is not None and not self._customers.places(key):
            return self._over.of(customer_id, hidden)
        begin, end = self._customers.span(key, self._number)
        return _Own(self, begin, end, hidden)

    def having(self, ids: Iterable[str]) -> set[str]:
        """Return which of these ActivityIds the base has, for any customer."""
        return {one for one in ids if self._has(one)}

    def _has(self, one: str) -> bool:
        if self._place(one) is not None:
            return True
        if self._over is None:
            return False
        place, others = self._over._place(one), self._over._customers
        return place is not None and not self._customers.places(others.key_at(place))

    def _place(self, one: str) -> int | None:
        """Return the place of an ActivityId in these files."""
        try:
            places = self._ids.places(int(one[:PREFIX], 16))
        except ValueError:  # an id of another form is of no source
            return None
        return next((at for at in places if self.read([at])[0]["ActivityId"] == one), None)

    def read(self, places: Sequence[int]) -> list[dict[str, Value]]:
        """Return the activities at these places, in any order."""
        found: list[dict[str, Value]] = []
        reader = self._reader(narrow=False)
        for number, some in groupby(sorted(places), lambda place: place // self.batch):
            within = [place % self.batch for place in some]
            first, last = within[0], within[-1]
            rows = reader.get_batch(number).slice(first, last - first + 1)
            follow = len(rows) == len(within)
            found += self.activities_of(
                rows if follow else rows.take([one - first for one in within])
            )
        return found

    def activities_of(self, rows: "pa.Table | pa.RecordBatch") -> list[dict[str, Value]]:
        """Return rows with all columns as activities."""
        return [
            _activity(time, self.kinds[kind], dict(zip(OF_ROW, texts, strict=True)))
            for time, kind, *texts in zip(*(one.to_pylist() for one in rows.columns), strict=True)
        ]

    def range(self, begin: int, end: int, narrow: bool) -> "pa.Table":
        """Return the rows in [begin, end): all their columns, or time and kind alone."""
        import pyarrow as pa

        reader = self._reader(narrow)
        if begin == end:
            return reader.schema.empty_table()
        batches = [
            reader.get_batch(one) for one in range(begin // self.batch, -(-end // self.batch))
        ]
        return pa.Table.from_batches(batches).slice(begin % self.batch, end - begin)

    def _reader(self, narrow: bool) -> "pa.RecordBatchFileReader":
        """Return this thread's reader of the rows."""
        import pyarrow as pa

        name = "narrow" if narrow else "wide"
        reader = getattr(self._local, name, None)
        if reader is None:
            options = pa.ipc.IpcReadOptions(
                included_fields=[0, 1] if narrow else None, use_threads=False
            )
            reader = pa.ipc.open_file(self._rows, options=options)
            setattr(self._local, name, reader)
        return reader


@dataclass
class _Own(OwnActivities):
    """A customer's activities: those in [begin, end)."""

    files: ActivityFiles
    begin: int
    end: int
    hidden: Collection[str]

    @cached_property
    def times(self) -> "NDArray[np.int64]":
        times = self._columns["time"]
        found: NDArray[np.int64] = (
            times.fill_null(UNTIMED) if times.null_count else times
        ).to_numpy()
        return found

    @property
    def types(self) -> "NDArray[np.int64]":
        found: NDArray[np.int64] = self._columns["kind"].to_numpy().astype("int64")
        return found

    @property
    def shown(self) -> "NDArray[np.bool_]":
        import numpy as np

        kinds = enumerate(self.files.kinds)
        hidden = [place for place, one in kinds if one["SourceEntityName"] in self.hidden]
        found: NDArray[np.bool_] = ~np.isin(self.types, hidden)
        return found

    @property
    def type_names(self) -> Sequence[Value]:
        return [kind["ActivityType"] for kind in self.files.kinds]

    @property
    def entity_names(self) -> Sequence[Value]:
        return [kind["SourceEntityName"] for kind in self.files.kinds]

    def rows(self, places: Sequence[int]) -> list[dict[str, Value]]:
        if self._few:
            found = self.files.activities_of(self._columns)
            return found if len(places) == len(found) else [found[place] for place in places]
        return self.files.read([self.begin + place for place in places])

    @property
    def _few(self) -> bool:
        """Whether all columns are read at once."""
        return self.end - self.begin <= self.files.batch

    @cached_property
    def _columns(self) -> "pa.Table":
        return self.files.range(self.begin, self.end, narrow=not self._few)


def _activity(
    time: int | None, kind: Mapping[str, Value], row: dict[str, Value]
) -> dict[str, Value]:
    """Return an activity by the columns of UnifiedActivity."""
    known = {**kind, **row}
    known["ActivityId"] = activity_id(str(kind["SourceEntityName"]), str(row["SourceActivityId"]))
    known["ActivityTime"] = (
        None if time is None else format_instant(min(max(time, EARLIEST), LATEST))
    )
    known["RangeIndex"] = None if time is None else str(time // SECOND)
    return {name: known[name] for name in COLUMNS}


def _mapped(path: Path) -> "pa.Buffer":
    """Return a file's content, mapped into memory."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as file:
        return file.read_buffer()


def checksum_of(folder: Path) -> int:
    """Return the CRC-32 of the files of a folder."""
    found = 0
    for name in FILES:
        found = checksum(folder / name, found)
    return found


def open_activities(paths: Paths, name: str) -> ActivityFiles:
    """Return the activities of a name.

    Raise `generation_missing`, or `generation_corrupt` where they are others.
    """
    folder = paths.serving / name
    if not is_whole(paths, name):
        raise (
            corrupt(folder, "its content does not fit its name")
            if folder.exists()
            else missing(folder, "missing")
        )
    over = over_of(paths, name)
    return ActivityFiles(folder, None if over is None else open_activities(paths, over))


def over_of(paths: Paths, name: str) -> str | None:
    """Return which folder has the activities of the customers that a folder does not name."""
    import pyarrow as pa

    try:
        file = pa.ipc.open_file(_mapped(paths.serving / name / CUSTOMERS))
        found = json.loads(file.schema.metadata[ABOUT]).get("over")
    except (OSError, pa.ArrowException, ValueError, LookupError, TypeError, AttributeError):
        return None
    return None if found is None else str(found)


def customers_in(paths: Paths, name: str) -> list[str]:
    """Return the customers that a folder names, in order; it must be whole."""
    return [key.hex() for key in _customers_in(paths, name).every_key()]


def number_of_customers(paths: Paths, name: str) -> int:
    """Return how many customers a folder names; it must be whole."""
    return len(_customers_in(paths, name))


def _customers_in(paths: Paths, name: str) -> Sorted[bytes]:
    import pyarrow as pa

    return Sorted.of(pa.ipc.open_file(_mapped(paths.serving / name / CUSTOMERS)), customer_at)


def is_whole(paths: Paths, name: str) -> bool:
    """Say whether the activities of a name are there as they were written, of all customers."""
    over = over_of(paths, name) if _is_whole(paths, name) else name
    return over is None or (over != name and _is_whole(paths, over))


def _is_whole(paths: Paths, name: str) -> bool:
    folder, seen = paths.serving / name, signature_of(paths.serving / name)
    if not seen:
        return False
    note = known(paths)
    if seen in (_whole.get(folder), note and note.generations.get(name)):
        return True
    try:
        if f"{checksum_of(folder):08x}" != name.rpartition("-")[2]:
            return False
    except OSError:
        return False
    _whole[folder] = seen
    note_whole(paths, name, seen)
    return True


def named_by(paths: Paths, generations: Iterable[str]) -> set[str]:
    """Return the names of the activities of those serving generations that are there."""
    found: set[str | None] = set()
    for path in (paths.generation(name) for name in generations):
        if path.exists():
            generation = Generation(path)
            found.add(generation.timelines)
            generation.close()
    named = {name for name in found if name is not None}
    return named | {over for name in named if (over := over_of(paths, name)) is not None}


def signature_of(folder: Path) -> Signature:
    """Return the signature of all files of a folder, of nothing where one is missing."""
    return _signature([folder / name for name in FILES])


def _signature(files: Sequence[Path]) -> Signature:
    found = [signature(file) for file in files]
    return [number for one in found for number in one] if all(found) else NOTHING
