"""Databases that are files of this machine."""

from pathlib import Path

from overtide.transforms.sources.databases.contract import Located, unreachable


def file_of(located: Located) -> Path:
    """Return the file of a database; raise `database_unreachable` where there is none."""
    name = located.database.path or ""
    file = located.project / name
    if not file.is_file():
        raise unreachable(located, f"there is no file {name}")
    return file
