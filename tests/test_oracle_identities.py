"""The oracle's identities by hand: each story is a few refreshes."""

from tests.oracle_identities import Cluster, Identities, Ref, Registry, identify, previous


def a(key: str) -> Ref:
    return ("A", key)


def b(key: str) -> Ref:
    return ("B", key)


class Story:
    def __init__(self) -> None:
        self.registry, self.run = Registry(), 0

    def refresh(self, *clusters: set[Ref]) -> dict[frozenset[Ref], str]:
        self.run += 1
        self.found: Identities = identify(self.registry, [Cluster(one) for one in clusters], self.run, "i", "A")
        self.registry = self.found.registry
        return {cluster: one for one, cluster in self.found.profiles.items()}

    def __getitem__(self, record: Ref) -> str:
        return next(one for one, cluster in self.found.profiles.items() if record in cluster)


def test_the_same_clusters_keep_their_ids_and_teach_nothing():
    story = Story()
    first = story.refresh({a("1"), b("1")}, {a("2")})
    assert story.refresh({a("2")}, {a("1"), b("1")}) == first
    assert (story.found.learnt, story.found.created) == ({}, {})


def test_a_new_id_is_a_hash_of_the_smallest_record():
    story = Story()
    story.refresh({b("1"), a("9")})
    assert story[a("9")] == "b208214586cbf907d0a59fd271276e21"     # of i, A, 9 and 0, joined by U+001F
    assert story.found.created == {story[a("9")]: a("9")}


def test_a_merge_keeps_the_id_registered_first():
    story = Story()
    story.refresh({a("2")})
    early = story[a("2")]
    story.refresh({a("2")}, {a("1")})
    late = story[a("1")]
    story.refresh({a("1"), a("2")})
    assert story[a("1")] == early
    assert previous(story.registry.alias, early) == late
    assert story.found.learnt == {a("1"): early}


def test_aliases_follow_through_further_merges():
    story = Story()
    story.refresh({a("1")})
    story.refresh({a("1")}, {a("2")})
    two = story[a("2")]
    story.refresh({a("1")}, {a("2")}, {a("3")})
    one, three = story[a("1")], story[a("3")]
    story.refresh({a("1")}, {a("2"), a("3")})
    assert story.registry.alias == {three: two}
    story.refresh({a("1"), a("2"), a("3")})
    assert story.registry.alias == {two: one, three: one}


def test_a_split_takes_back_the_id_that_was_created_for_its_record():
    story = Story()
    story.refresh({a("1")}, {a("2")}, {b("2")})
    ids = {record: story[record] for record in (a("1"), a("2"), b("2"))}
    story.refresh({a("1"), a("2"), b("2")})
    story.refresh({a("1")}, {a("2")}, {b("2")})
    assert {record: story[record] for record in ids} == ids
    assert story.registry.alias == {}


def test_a_split_without_such_an_id_gives_a_new_one():
    story = Story()
    story.refresh({a("1"), b("1")})
    whole = story[a("1")]
    story.refresh({a("1")}, {b("1")})
    assert story[a("1")] == whole
    assert story.found.created == {story[b("1")]: b("1")}


def test_the_heir_has_most_primary_records_then_most_records_then_the_smallest_reference():
    story = Story()
    story.refresh({a("1"), b("1"), b("2")})
    whole = story[a("1")]
    story.refresh({a("1")}, {b("1"), b("2")})
    assert story[a("1")] == whole
    story = Story()
    story.refresh({b("1"), b("2"), b("3")})
    whole = story[b("1")]
    story.refresh({b("1")}, {b("2"), b("3")})
    assert story[b("2")] == whole
    story = Story()
    story.refresh({b("1"), b("2")})
    whole = story[b("1")]
    story.refresh({b("2")}, {b("1"), b("3")})
    assert story[b("1")] == whole


def test_ids_of_vanished_records_are_held_and_return():
    story = Story()
    story.refresh({a("1")}, {a("2")})
    one, two = story[a("1")], story[a("2")]
    story.refresh({a("1"), a("2")})
    kept, gone = (one, two) if one < two else (two, one)
    story.refresh({a("3")})
    assert story.registry.alias == {gone: kept}
    story.refresh({a("1")}, {a("3")})
    assert story[a("1")] == kept


def test_a_returning_record_brings_its_merged_id_to_life():
    story = Story()
    story.refresh({a("1")})
    story.refresh({a("1")}, {a("2"), b("2")})
    one, two = story[a("1")], story[a("2")]
    story.refresh({a("1"), a("2")})                    # b2 is gone, and with it the only trace of the id of 2
    assert story.registry.alias == {two: one}
    story.refresh({a("1"), a("2")}, {b("2")})
    assert story[b("2")] == two
    assert story.registry.alias == {}


def test_an_id_that_returns_elsewhere_is_not_taken_back_too():
    story = Story()
    story.refresh({a("1")})
    story.refresh({a("1")}, {a("2"), b("2")})
    one, two = story[a("1")], story[a("2")]
    story.refresh({a("1"), a("2")})
    story.refresh({a("1")}, {a("2")}, {b("2")})        # 2 was created for a2, but b2 inherits it
    assert story[b("2")] == two
    assert story[a("1")] == one
    assert story.found.created == {story[a("2")]: a("2")}
