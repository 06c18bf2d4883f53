"""Matching alone on the files of a small project: what `overtide match` does, in this process."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from overtide import runner_configs
from overtide.pipelines.matching.alone import Matching, matching
from overtide.schemas.configuration import Configuration
from overtide.schemas.instants import HOUR
from tests.small_project import START, Project


@contextmanager
def opened(project: Project) -> Iterator[Matching]:
    """Read the project's files as its document says now."""
    configuration = Configuration.model_validate(project.document)
    with (
        tempfile.TemporaryDirectory() as folder,
        matching(
            configuration,
            project.paths,
            runner_configs.load(),
            Path(folder),
            START + project.runs * HOUR,
            True,
        ) as found,
    ):
        yield found


def by_name(rows: list[dict[str, Any]], name: str, *values: str) -> list[tuple[Any, ...]]:
    """Return values of documents, each behind its name."""
    return [(row[name], *(row[value] for value in values)) for row in rows]
