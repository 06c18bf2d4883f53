"""The front door: `import overtide` and the `overtide` command.

`overtide.open(folder)` gives a `Project`, which reads, changes, refreshes and queries it; refusals
are `OvertideError`.
"""

TYPE_CHECKING = False  # that of `typing` takes longer to import than ctrl-C should go unanswered
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from overtide.project import Project
    from overtide.schemas.errors import OvertideError

__all__ = ["OvertideError", "Project", "open"]


def open(path: "str | Path" = ".") -> "Project":  # noqa: A001 - read as overtide.open
    """Open a project: the folder that holds `overtide.yaml`, by default the current one.

    Nothing is read but the places of the lake and the log. Raises `no_configuration` where there is
    no project, and `invalid_configuration` where its `lake` or `event_log` is wrong.
    """
    from overtide.project import Project

    project = Project(path)
    _ = project.paths
    return project


def __getattr__(name: str) -> "Any":  # noqa: ANN401 - a module attribute
    """Import the classes at their first use, so that `import overtide` costs nothing."""
    if name == "OvertideError":
        from overtide.schemas.errors import OvertideError

        return OvertideError
    if name == "Project":
        from overtide.project import Project

        return Project
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
