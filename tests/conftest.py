"""Projects that the tests of the command line and of Python share, and commands on them.

The project is built once per process.
"""

import shutil
from pathlib import Path

import pytest
import yaml

from overtide.project import Project
from tests import shop
from tests.command_line import call

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
