"""A project of people, published by hand in several runs, with a clock that tests set."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from overtide.lake.maintenance import Upkeep
from overtide.pipelines.realtime import stream
from overtide.project import Project
from overtide.schemas.errors import OvertideError
from overtide.schemas.instants import HOUR, SECOND
from tests import shop

T0 = 1_800_000_000 * SECOND
"""2027-01-15, later than any clock that runs this."""
ANN, BEN = (shop.CONTACTS, "1"), (shop.CONTACTS, "2")


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def people(points: int, same: bool, ben: bool = True, cy: bool = False) -> shop.Sources:
    """Return the records of Ann, Ben and Cy; `same`: an account of Ann's has Ben's e-mail."""
    records = [
        (
            shop.CONTACTS,
            "1",
            {"EMail": "ann@x", "FullName": "Ann", "Points": points, "Since": "2020-01-02"},
        ),
        (
            shop.ACCOUNTS,
            "1",
            {"EMail": "ann@x", "FullName": "Ann A", "Spent": "12.50", "Member": True},
        ),
        (shop.ACCOUNTS, "2", {"EMail": "ben@x" if same else "ann@x"}),
        (shop.VISITORS, "1", {"EMail": "ann@x", "Score": 1.5}),
        (
            shop.ORDERS,
            "1",
            {"AccountId": "1", "PlacedAt": "2026-01-01T00:00:00Z", "Item": "Cup", "Amount": "3.00"},
        ),
        (shop.ORDERS, "2", {"AccountId": "2", "PlacedAt": "2026-01-02T00:00:00Z", "Item": "Pot"}),
    ]
    others = [("2", "ben", ben), ("3", "cy", cy)]
    return shop.sources(
        *records,
        *(
            (shop.CONTACTS, key, {"EMail": f"{name}@x", "FullName": name.title()})
            for key, name, there in others
            if there
        ),
    )


def make_project(folder: Path, now: int = T0) -> Project:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "overtide.yaml").write_text(yaml.safe_dump(shop.configuration(), sort_keys=False))
    return Project(folder, Clock(now))


def publish(project: Project, at: int, sources: shop.Sources) -> None:
    project.clock.now = at
    shop.write_sources(project.folder, sources)
    project.refresh()


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Iterator[Project]:
    """Four runs, an hour apart.

    Ann's second account moves to Ben and back, Ben comes with the second run, Cy with the last.

    The default keeps two serving generations, so the first two runs are in the lake's history
    alone.
    """
    project = make_project(tmp_path_factory.mktemp("cards") / "shop")
    publish(project, T0, people(1, same=False, ben=False))
    publish(project, T0 + HOUR, people(2, same=True))
    publish(project, T0 + 2 * HOUR, people(3, same=False))
    publish(project, T0 + 3 * HOUR, people(3, same=False, cy=True))
    with project:
        yield project


@pytest.fixture
def own(published, tmp_path) -> Iterator[Project]:
    """A copy that a test may change: a project folder may be copied."""
    shutil.copytree(published.folder, tmp_path / "copy")
    with Project(tmp_path / "copy", Clock(T0 + 4 * HOUR)) as project:
        yield project


def code_of(call, *arguments, **options) -> str:
    with pytest.raises(OvertideError) as caught:
        call(*arguments, **options)
    return caught.value.code


def carry(project: Project, upkeep: Upkeep) -> None:
    """Let the stream carry what was accepted, with an upkeep of the test's own."""
    stream(
        project.paths,
        project.log,
        project.clock,
        FnApiRunner(),
        until_caught_up=True,
        upkeep=upkeep,
    )
