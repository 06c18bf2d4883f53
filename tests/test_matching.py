"""Matching is a contract: a second matcher goes the same way as the rules."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from overtide.schemas.configuration import Configuration
from overtide.schemas.names import parquet_rows
from overtide.transforms.kernel import write_parquet
from overtide.transforms.matching import registered
from overtide.transforms.matching.contract import EntityPair, Matcher, PairTable, entity_pairs
from overtide.transforms.records import RECORD
from tests.small_plan import INSTANCE
from tests.small_project import Project

CONTACTS = "Id,Name,Mail\n1,Ann,a@x\n2,Anna,b@x\n3,Bob,c@x\n"
MEMBERS = "Id,Name,Mail\n7,Zoe,c@x\n8,Yan,z@x\n"


@dataclass(frozen=True)
class Piece:
    """The names of an entity's records."""

    path: str
    rows: int


@dataclass(frozen=True)
class FirstLetters(Matcher[Piece, Piece]):
    """Joins the records of an entity without rules whose names begin alike, and is half sure."""

    asked: EntityPair

    @classmethod
    def of(cls, configuration, buckets, threads):
        """Take the first entity."""
        del buckets, threads
        return cls(entity_pairs(configuration.unification)[0])

    @property
    def pairs(self):
        """The one pair."""
        return [self.asked]

    def prepare(self, connection, folder, entity):
        """Write the first letters, all to be compared with each other."""
        path = folder / "letters.parquet"
        query = f"SELECT {RECORD} AS record, Name[1] AS letter FROM ({entity.records})"
        yield (self.asked.place,), Piece(str(path), write_parquet(connection, query, path))

    def compare(self, connection, folder, key, pieces):
        """Join those that are the same."""
        del key
        rows, path = parquet_rows([piece.path for piece in pieces]), folder / "pairs.parquet"
        query = f"""
            SELECT l.record AS lower_record, r.record AS upper_record, 0::INTEGER AS rule,
                   50::INTEGER AS score
            FROM {rows} AS l JOIN {rows} AS r ON l.letter = r.letter AND l.record < r.record"""
        return Piece(str(path), write_parquet(connection, query, path))

    def conclude(self, connection, folder, pair, found):
        """All that was found is in one file."""
        del connection, folder
        (one,), name = found, self.asked.lower
        return PairTable(pair, name, name, one.path, ("First letter",), (one.rows,))


def document() -> dict[str, Any]:
    """Return two entities, of which the second finds the first by rules, neither has any within."""
    entity = {"primary_key": "Id", "attributes": dict.fromkeys(["Id", "Name", "Mail"], "string")}
    mail = {"name": "Mail", "conditions": [{"fields": "Mail"}]}
    return {
        "instance": {"name": "T", "id": INSTANCE},
        "sources": {"S": {name: {"path": f"{name}.csv"} | entity for name in "cm"}},
        "unification": {
            "entities": [
                {"entity": "S_c"},
                {"entity": "S_m"},
            ],
            "match": [{"entity": "S_m", "to": "S_c", "rules": [mail]}],
            "merge": {"fields": [{"name": "Mail", "from": ["S_c.Mail", "S_m.Mail"]}]},
        },
    }


@pytest.fixture
def with_letters(monkeypatch) -> None:
    """Register the second matcher, as one line does."""
    monkeypatch.setattr(registered, "MATCHERS", [*registered.MATCHERS, FirstLetters])


def refreshed(folder: Path) -> Project:
    project = Project(folder, document()).write(c=CONTACTS, m=MEMBERS)
    project.refresh()
    return project


def test_without_a_matcher_for_them_records_of_an_entity_are_apart(tmp_path):
    assert refreshed(tmp_path).table("AlternateKey", "count(DISTINCT CustomerId)") == [(4,)]


@pytest.mark.usefixtures("with_letters")
def test_a_second_matcher_goes_the_way_of_the_rules(tmp_path):
    project = refreshed(tmp_path)
    together = """
        SELECT string_agg(EntityName || PrimaryKey, ' ' ORDER BY EntityName, PrimaryKey)
        FROM lake."AlternateKey" GROUP BY CustomerId ORDER BY 1"""
    assert project.rows(together) == [("S_c1 S_c2",), ("S_c3 S_m7",), ("S_m8",)]
    assert project.table("Deduplication_S_c") == [
        ("1", "1", "2", "First letter", 50),
        ("2", "1", "2", "First letter", 50),
    ]
    assert project.table("ConflationMatchPairs") == [("S_c", "3", "S_m", "7", "Mail", 100)]


@pytest.mark.usefixtures("with_letters")
def test_the_manifest_tells_the_pairs_of_each(tmp_path):
    found = refreshed(tmp_path).done[0].manifest
    assert [(one["entity"], one["to"], one["rules"]) for one in found["match"]] == [
        ("S_c", "S_c", [{"rule": "First letter", "pairs": 1, "records": 2, "only": 2}]),
        ("S_m", "S_c", [{"rule": "Mail", "pairs": 1, "records": 1, "only": 1}]),
    ]


def test_every_pair_of_entities_has_its_place():
    found = entity_pairs(Configuration.model_validate(document()).unification)
    assert found == [
        EntityPair(0, "S_c", "S_c"),
        EntityPair(1, "S_m", "S_m"),
        EntityPair(2, "S_m", "S_c"),
    ]
    assert [pair.within for pair in found] == [True, True, False]
