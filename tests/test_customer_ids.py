"""CustomerIds that are made of columns of Customer, compared with the oracle's, and by hand."""

import hashlib
from collections.abc import Mapping
from random import Random

import pytest

from overtide.cli.comparing import remarks
from tests.oracle_identities import Cluster, Identities, Ref, Registry, identify
from tests.registries import Registries, expect_same, expected
from tests.sequences import NAMES, clusters_of, sequence

Mails = Mapping[Ref, str | None]
SEQUENCES = 60


def column(cluster: Cluster, mails: Mails) -> list[tuple[str, str, str]] | None:
    """Return what Mail gives of a customer: of the first entity whose winner has a value."""
    for name in NAMES:
        filled = [(mails[name, key] is not None, key) for entity, key in cluster if entity == name]
        mail = mails[name, max(filled)[1]] if filled else None
        if mail is not None and mail.lower() != "n/a":
            return [("Mail", name, mail)]
    return None


def decided(before: Registry, records: Mapping[Ref, int], run: int, mails: Mails) -> Identities:
    clusters, apart = clusters_of(records)
    columns = {one: column(one, mails) for one in clusters}
    return identify(before, clusters, run, "i", NAMES[0], apart, columns)


def test_refreshes_give_the_ids_of_the_oracle(tmp_path):
    """Sequences of merges, splits, returns and mistakes, with few e-mails that also change."""
    random, told = Random(4), {}
    for number in range(SEQUENCES):
        begin = f"{number:03d}"
        mails: dict[Ref, str | None] = {}
        told[begin] = [
            (records, mails := mailed(random, begin, records, mails))
            for records in sequence(Random(number), begin).refreshes[:8]
        ]
    registries, before = Registries(tmp_path), dict.fromkeys(told, Registry())
    seen = dict.fromkeys(("customers", "empty", "shared", "taken"), 0)
    for run in range(1, 9):
        there = {begin: some[run - 1] for begin, some in told.items() if len(some) >= run}
        found = {
            begin: decided(before[begin], records, run, mails)
            for begin, (records, mails) in there.items()
        }
        before |= {begin: one.registry for begin, one in found.items()}
        clusters = [
            one for records, _ in there.values() for kind in clusters_of(records) for one in kind
        ]
        rows = expected(found.values(), run)
        rows["IdentityAlias"] |= {
            alias for begin in told.keys() - there.keys() for alias in before[begin].alias.items()
        }
        all_mails = {ref: mail for _, mails in there.values() for ref, mail in mails.items()}
        expect_same(registries.refresh(clusters, run, mails=all_mails), rows)
        assert registries.found.ids_of_fields is not None
        for name in seen:
            seen[name] += getattr(registries.found.ids_of_fields, name)
    assert all(seen.values()), seen


def mailed(random: Random, begin: str, records: Mapping[Ref, int], before: Mails) -> Mails:
    """Return an e-mail for each record; most keep theirs."""

    def mail() -> str | None:
        return random.choice([None, "N/A", *(f"{begin}{one}@x" for one in "abcdefgh")])

    return {
        one: before[one] if one in before and random.random() < 0.9 else mail() for one in records
    }


class Story:
    """A registry of one entity; each customer is a record with its e-mail."""

    def __init__(self, folder) -> None:
        self.registries, self.run = Registries(folder), 0

    def refresh(self, **mails: str | None) -> dict[str, str]:
        self.run += 1
        records = {(NAMES[0], key): mail for key, mail in mails.items()}
        clusters = [Cluster([one]) for one in records]
        self.rows = self.registries.refresh(clusters, self.run, mails=records)
        return {str(key): str(one) for _, key, one in self.rows["AlternateKey"]}

    @property
    def told(self) -> tuple[int, int, int, int]:
        one = self.registries.found.ids_of_fields
        assert one is not None
        return one.customers, one.empty, one.shared, one.taken


@pytest.fixture
def story(tmp_path):
    return Story(tmp_path)


def test_an_id_is_a_hash_of_names_and_values(story):
    text = "i\x1f\x1fMail\x1fB_Primary\x1fann@x"
    assert story.refresh(k1="ann@x")["k1"] == hashlib.md5(text.encode()).hexdigest()  # noqa: S324
    assert story.told == (1, 0, 0, 0)


def test_customers_whose_keys_all_change_keep_their_ids(story):
    """A system is replaced and gives new keys: what makes ids is what is known of people."""
    before = story.refresh(old1="ann@x", old2="bob@x")
    after = story.refresh(new7="bob@x", new8="ann@x")
    assert (after["new8"], after["new7"]) == (before["old1"], before["old2"])
    assert story.rows["VanishedKey"] == {
        (NAMES[0], "old1", before["old1"]),
        (NAMES[0], "old2", before["old2"]),
    }


def test_an_id_stays_when_the_value_changes_and_nobody_else_takes_it(story):
    ann = story.refresh(k1="ann@x")["k1"]
    now = story.refresh(k1="ann@new", k2="ann@x")
    assert now["k1"] == ann
    assert now["k2"] != ann
    assert story.told == (2, 0, 0, 1)


def test_two_customers_with_one_value_are_two_and_neither_takes_an_id_of_it(story):
    old = story.refresh(k1="family@x")["k1"]
    now = story.refresh(k2="family@x", k3="family@x")
    assert old not in now.values()
    assert len(set(now.values())) == 2
    assert story.told == (0, 0, 2, 0)
    assert story.refresh(k2="family@x", k3="family@x") == now


def test_a_refresh_says_whose_columns_make_no_id():
    found = {"customers": 5, "empty": 1, "shared": 1_200, "taken": 0}
    (sentence,) = remarks({"customer_ids": found})
    assert "1 customer without a value in all of its fields, and none for 1,200 cust" in sentence
    assert list(remarks({"customer_ids": {"customers": 5}})) == []
    assert list(remarks({"customer_ids": None})) == []


def test_without_a_value_the_record_makes_the_id(story):
    ids = story.refresh(k1=None, k2=" ", k3="n/a", k4="UNKNOWN")
    assert len(set(ids.values())) == 4
    assert story.told == (0, 4, 0, 0)


def test_a_record_that_returns_has_its_id_back_from_whoever_took_it(story):
    ann = story.refresh(k1="ann@x")["k1"]
    assert story.refresh(k2="ann@x")["k2"] == ann
    both = story.refresh(k1="ann@x", k2="ann@x")
    assert both["k1"] == ann
    assert both["k2"] != ann
