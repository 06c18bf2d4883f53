"""What a project published, as two of them are compared: by tables, served rows and timelines."""

from collections.abc import Iterable
from typing import Any

from overtide.lake.activity_files import open_activities
from overtide.lake.catalog import connect
from overtide.lake.own_activities import EVERYTHING, Merged
from overtide.lake.sealed import open_generation
from tests.engine import opened
from tests.generations import served_rows
from tests.small_project import Project

MEASURED = ("seconds", "stages", "peak_memory", "unchanged_since", "reused")
"""What a manifest says of how it came about, and not of what it found."""


def tables_of(project: Project, names: Iterable[str]) -> dict[str, list[str]]:
    """Return the rows of tables, each as a text, in order."""
    with opened(connect(project.paths)) as lake:
        lake.execute("BEGIN")  # else the catalog is asked anew for each of them
        return {
            name: sorted(map(repr, lake.execute(f'FROM lake."{name}"').fetchall()))
            for name in names
        }


def served_by(project: Project) -> list[str]:
    """Return what the serving generation in force holds, and the timelines that it names."""
    publish = project.done[-1].publish
    generation = open_generation(project.paths, publish.generation)
    timelines = open_activities(project.paths, str(generation.timelines))
    found = [row for rows in served_rows(generation.path).values() for row in rows]
    generation.close()
    customers = [row[0] for row in found if len(row) == 2]
    entries = [Merged(timelines.of(one), []).page(EVERYTHING)[0] for one in sorted(set(customers))]
    return sorted(map(repr, [*found, *(entry for some in entries for entry in some)]))


def apart(mine: Any, full: Any, way: str = "") -> list[str]:
    """Return where two documents differ, such as `tables.Customer.hash`."""
    if not (isinstance(mine, dict) and isinstance(full, dict)):
        return [] if mine == full else [way]
    names = sorted({*mine, *full})
    return [
        one
        for name in names
        for one in apart(mine.get(name), full.get(name), f"{way}.{name}".lstrip("."))
    ]
