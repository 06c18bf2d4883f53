"""A project whose large file changes in place, and the same one that is refreshed in full."""

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq

from overtide.transforms import row_hashes
from tests.changing_project import document
from tests.compared_projects import MEASURED, served_by, tables_of
from tests.small_project import Project

PEOPLE = 30
LEARNING = ("Registry", "Departure", "Identity", "Customer_history", "UnifiedActivity_history")
Row = tuple[str | None, ...]
"""A key, a name, a mail address, a city and a date, as texts."""
Line = str
"""A line of a file of text that is no row."""
TwinsOf = Callable[..., list[Project]]
COLUMNS = ("Id", "Name", "Mail", "City", "Seen")
FORMATS = ("csv", "jsonl", "parquet")
NAMED = "people"
"""What the file of S_a is called."""


def person(key: object, name: str = "Ann", city: str = "Rome", seen: str = "2024-01-01") -> Row:
    """Return a row of a person with an address of their own."""
    return str(key), f"{name}{key}", f"m{key}@x.com", city, seen


PERSONS = [person(number) for number in range(PEOPLE)]


def configured(kind: str) -> dict[str, Any]:
    """Return a configuration whose S_a is one file of a format."""
    found = copy.deepcopy(document())
    found["sources"]["S"]["a"] |= {"path": f"people.{kind}", "format": kind}
    return found


def written(project: Project, kind: str, rows: Sequence[Row | Line]) -> None:
    """Write the rows of S_a, where they are others; no line into a Parquet file."""
    file = project.paths.project / f"{NAMED}.{kind}"
    if kind == "csv":
        lines = [",".join(COLUMNS), *map(_csv_line, rows)]
        text = "\n".join(lines) + "\n"
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
    elif kind == "jsonl":
        file.write_text("".join(f"{_json_line(row)}\n" for row in rows))
    else:
        columns = zip(*(row for row in rows if not isinstance(row, Line)), strict=True)
        pq.write_table(pa.table(dict(zip(COLUMNS, map(pa.array, columns), strict=True))), file)


def _csv_line(row: Row | Line) -> str:
    return row if isinstance(row, Line) else ",".join(value or "" for value in row)


def _json_line(row: Row | Line) -> str:
    return row if isinstance(row, Line) else json.dumps(dict(zip(COLUMNS, row, strict=True)))


def refreshed_once(
    folder: Path, rows: Sequence[Row | Line], kinds: Sequence[str] = FORMATS
) -> dict[str, Project]:
    """Return projects that were refreshed once, by the format of S_a, of some rows."""
    found = {}
    orders = "".join(f"o{n},{n},2024-01-01,{n}\n" for n in range(PEOPLE))
    for kind in kinds:
        project = Project(folder / kind, configured(kind))
        project.write(b1="Id,Name,Mail,City,Seen\n1,Ann1,m1@x.com,Ulm,\n")
        project.write(o1=f"Key,Owner,At,Paid\n{orders}")
        written(project, kind, rows)
        with patch.object(row_hashes, "LEAST", 0):
            project.refresh()
        found[kind] = project
    return found


def twins_from(projects: Mapping[str, Project], folder: Path) -> TwinsOf:
    """Return what copies one of them twice: for users' refreshes, and for those in full."""
    numbers = count()

    def copies(kind: str = "csv") -> list[Project]:
        place = folder / str(next(numbers))
        return [projects[kind].copied(place / name) for name in ("mine", "full")]

    return copies


def known(twins: Sequence[Project], kind: str, rows: Sequence[Row | Line]) -> int:
    """Write rows and refresh both; return how many rows were not read again.

    All that they say and publish must be the same.
    """
    for project in twins:
        written(project, kind, rows)
    mine, full = twins
    done: Any = [mine.refresh().manifest, full.refresh(full=True).manifest]
    said = [{n: v for n, v in one.items() if n not in MEASURED} for one in done]
    assert said[0] == said[1]
    names = [*said[0]["tables"], *LEARNING, "MatchBlock"]
    assert tables_of(mine, names) == tables_of(full, names)
    assert served_by(mine) == served_by(full)
    return int(done[0]["reused"]["rows"])
