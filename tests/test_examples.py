"""The examples on their real data.

How many true pairs they find, how few wrong ones, and every row accounted for.
"""

import csv
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.small_project import Project, hashes

EXAMPLES = Path(__file__).parent.parent / "examples"
pytestmark = pytest.mark.slow
CONTOSO = ("eCommerce_eCommerceContacts", "LoyaltyScheme_loyCustomers")
RETAIL = ("eCommerce_Contacts", "Loyalty_Members")


def refreshed(name: str, folder: Path) -> Project:
    shutil.copytree(EXAMPLES / name, folder / name)
    project = Project(
        folder / name,
        yaml.safe_load((EXAMPLES / name / "overtide.yaml").read_text(encoding="utf-8")),
    )
    project.refresh()
    return project


@pytest.fixture(scope="module")
def contoso(tmp_path_factory) -> Project:
    return refreshed("contoso", tmp_path_factory.mktemp("contoso"))


@pytest.fixture(scope="module")
def retail(tmp_path_factory) -> Project:
    return refreshed("retail", tmp_path_factory.mktemp("retail"))


def pairs(project: Project, entities: tuple[str, str]) -> set[tuple[str, str]]:
    """Return which record of the second entity is one customer with which of the first."""
    return set(
        project.rows(f"""
        SELECT a.PrimaryKey, b.PrimaryKey FROM lake.AlternateKey a JOIN lake.AlternateKey b
          USING (CustomerId)
        WHERE a.EntityName = '{entities[0]}' AND b.EntityName = '{entities[1]}'""")
    )


def table(path: str) -> list[dict[str, str]]:
    with (EXAMPLES / path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_contoso_finds_nearly_all_true_pairs_and_no_wrong_one(contoso):
    contacts = {row["ContactId"] for row in table("contoso/data/Contact.txt")}
    members = {
        (row["ContactId"], row["LoyaltyId"]) for row in table("contoso/data/Customer-Loyalty.txt")
    }
    truth = {(contact, member) for contact, member in members if contact in contacts}
    found = pairs(contoso, CONTOSO)
    assert len(truth) == 5_000
    assert len(found & truth) >= 4_900
    assert found - truth == set()


def test_retail_s_f1_is_at_least_995_permille(retail):
    truth = {tuple(row.values()) for row in table("retail/truth.csv")}
    found = pairs(retail, RETAIL)
    assert 2 * len(found & truth) / (len(found) + len(truth)) >= 0.995


@pytest.mark.parametrize("name", ["contoso", "retail"])
def test_every_row_is_accounted_for(name, request):
    project: Project = request.getfixturevalue(name)
    entities: Any = project.done[0].manifest["entities"]
    for entity, counts in entities.items():
        assert (
            counts["rows_read"]
            == counts["rows_kept"]
            + counts["set_aside"]
            + counts["exact_repeats"]
            + counts["lost_rows"]
        )
        assert project.rows(
            f'SELECT count(*), count(*) FILTER (NOT IsKept) FROM lake."{entity}_corrupt"'
        ) == [(counts["corrupt_records"], counts["set_aside"] + counts["lost_rows"])]
        assert counts["set_aside"] == 0
    activities = sum(
        counts["rows_kept"]
        for entity, counts in entities.items()
        if entity in {one["entity"] for one in project.document["activities"]}
    )
    assert (
        hashes(project.done[0])["UnifiedActivity"]["rows"]
        == activities - project.done[0].manifest["activities_of_nobody"]
    )


def test_contoso_in_other_order_and_pieces_has_the_same_content(contoso, tmp_path):
    project = Project(tmp_path / "other", contoso.document)
    (tmp_path / "other" / "data").mkdir()
    for source in sorted((EXAMPLES / "contoso" / "data").glob("*.txt")):
        head, *lines = source.read_text(encoding="utf-8").splitlines()
        for part in (0, 1):
            some = lines[part::2][::-1]
            project.write(**{f"data/{part}{source.name}": "\n".join([head, *some]) + "\n"})
    for entities in project.document["sources"].values():
        for entity in entities.values():
            entity["path"] = entity["path"].replace("data/", "data/?")
    assert hashes(project.refresh(rows_per_bucket=1_000)) == hashes(contoso.done[0])
