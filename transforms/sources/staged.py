"""What is called how of the copies that are made of rows and objects of other machines.

A copy lies in a folder `STAGED`, in one of its entity's name, and its path there tells where it
comes from: whoever holds the file can name its origin, on every worker.
"""

from pathlib import Path

STAGED = "staged.overtide"
_DOTS = {"": "%", ".": "%2E", "..": "%2E%2E"}


def staged_path(folder: Path, entity: str, origin: str) -> Path:
    """Return the place in a folder of the copy of what is called `origin`."""
    return folder.joinpath(STAGED, entity, *map(_encoded, origin.split("/")))


def origin_of(file: Path) -> str | None:
    """Return where a file comes from, None where it is no copy."""
    parts = file.parts
    if STAGED not in parts:
        return None
    within = parts[len(parts) - parts[::-1].index(STAGED) + 1 :]
    return "/".join(map(_decoded, within))


def _encoded(part: str) -> str:
    return _DOTS.get(part) or part.replace("%", "%25").replace("\0", "%00")


def _decoded(part: str) -> str:
    known = {encoded: dots for dots, encoded in _DOTS.items()}
    if part in known:
        return known[part]
    return part.replace("%00", "\0").replace("%25", "%")
