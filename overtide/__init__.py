"""The front door: `import overtide` and the `overtide` command.

>>> import overtide
>>> project = overtide.open("my-project")  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from overtide.project import Project
    from schemas.errors import OvertideError

__all__ = ["OvertideError", "Project", "open"]


def open(path: "str | Path" = ".") -> "Project":  # noqa: A001 - read as overtide.open
    """Open a project folder (the one with `overtide.yaml`); raise `no_configuration` when it is none."""
    from pathlib import Path

    from overtide.project import Project

    project = Project(Path(path))
    _ = project.settings
    return project


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute
    """Import the classes at their first use, so that `import overtide` costs nothing."""
    if name == "OvertideError":
        from schemas.errors import OvertideError

        return OvertideError
    if name == "Project":
        from overtide.project import Project

        return Project
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
