"""Projects that the tests of the command line and of Python share, and commands on them.

The project is built once per process.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import hypothesis
import pytest
import yaml
from playwright.sync_api import Browser

from overtide.cli import _without_pandas
from overtide.cli.project_commands import init_project
from overtide.lake.catalog import UNCHECKED
from overtide.project import Project
from overtide.schemas.loading import load
from tests import shop
from tests.command_line import call
from tests.people import Person, chromium, somebody
from tests.served import Served, serving

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
"""No test judges how fast the machine is."""
for wait in ("connect", "read", "write", "pool"):
    # Of the default itself: a service on a busy machine may take longer than its 5 s.
    setattr(httpx.Client.__init__.__kwdefaults__["timeout"], wait, 60)
UNCHECKED["threads"] = 1
"""Lakes of tests are tiny: two threads of DuckDB take half as much again of the processor as one.

The processes that tests start have as many as anybody's.
"""
_without_pandas()
"""As the command begins: refreshes of tests are small, and one of 30 rows asks 600 times."""

ORDERS = (
    {
        "OrderId": "1",
        "AccountId": "1",
        "PlacedAt": "2024-03-01T10:00:00Z",
        "Item": "Cup",
        "Amount": "3.00",
    },
    {
        "OrderId": "2",
        "AccountId": "1",
        "PlacedAt": "2024-03-02T10:00:00Z",
        "Item": "Pot",
        "Amount": "12.50",
    },
)


def make_shop(folder: Path) -> Path:
    """Write the shop of `tests.shop` with two people.

    Ann has a contact, two accounts and two orders, Ben a contact.
    """
    folder.mkdir(parents=True)
    (folder / "overtide.yaml").write_text(yaml.safe_dump(shop.configuration(), sort_keys=False))
    shop.write_sources(
        folder,
        shop.sources(
            (
                shop.CONTACTS,
                "1",
                {"EMail": "ann@x", "FullName": "Ann", "Points": 7, "Since": "2020-01-02"},
            ),
            (
                shop.ACCOUNTS,
                "1",
                {"EMail": "ann@x", "FullName": "Ann A", "Spent": "12.50", "Member": True},
            ),
            (shop.ACCOUNTS, "2", {"EMail": "ann@x"}),
            (shop.CONTACTS, "2", {"EMail": "ben@x", "FullName": "Ben"}),
            *((shop.ORDERS, order["OrderId"], order) for order in ORDERS),
        ),
    )
    return folder


@pytest.fixture(scope="session")
def refreshed_shop(tmp_path_factory) -> Path:
    """The shop, refreshed once; to be copied, not changed."""
    folder = make_shop(tmp_path_factory.mktemp("shop") / "shop")
    with Project(folder) as project:
        project.refresh()
    return folder


@pytest.fixture
def project_folder(refreshed_shop, tmp_path) -> Path:
    """A refreshed project of the test's own: a project folder may be copied."""
    return Path(shutil.copytree(refreshed_shop, tmp_path / "project"))


@pytest.fixture
def run(project_folder):
    """Run a command on the project with --json, which must print nothing else.

    Return the document.
    """

    def run(*words: object, given: str = "", code: int = 0):
        answer = call("-q", "-C", project_folder, "--json", *words, given=given)
        assert (answer.code, answer.err) == (code, ""), answer
        return answer.document

    return run


@pytest.fixture
def text(project_folder):
    """Run a command on the project and return what it prints for people."""

    def text(*words: object, given: str = "", code: int = 0) -> str:
        answer = call("-C", project_folder, *words, given=given)
        assert (answer.code, answer.err) == (code, ""), answer
        return answer.out

    return text


@pytest.fixture(scope="session")
def refreshed_contoso(tmp_path_factory) -> Path:
    """The example of `make demo`, refreshed once; to be copied, not changed."""
    folder = tmp_path_factory.mktemp("example") / "contoso"
    init_project(folder, "contoso")
    with Project(folder) as project:
        project.refresh()
    return folder


@pytest.fixture(scope="session")
def contoso_served(refreshed_contoso, tmp_path_factory) -> Iterator[Served]:
    """The example, served; who changes a customer takes one that no other test looks at."""
    folder = Path(shutil.copytree(refreshed_contoso, tmp_path_factory.mktemp("served") / "contoso"))
    instance = load(folder, {}).instance.id
    with serving(folder, str(instance)) as served:
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium of the system; tests with it are skipped where there is none.

    Of one module: while it is there, an event loop of its own runs, and tests may start no other.
    """
    with chromium() as found:
        yield found


@pytest.fixture
def person(browser, contoso_served) -> Iterator[Person]:
    """Somebody who has signed in to the example as its owner, and sees the start."""
    with somebody(browser, contoso_served) as found:
        found.goes("/")
        found.signs_in(contoso_served.token)
        yield found
