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
        self.found: Identities = identify(
            self.registry, [Cluster(one) for one in clusters], self.run, "i", "A"
        )
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
    assert story[a("9")] == "b208214586cbf907d0a59fd271276e21"  # of i, A, 9 and 0, joined by U+001F
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


def test_a_merge_that_is_undone_leaves_no_trace():
    story = Story()
    first = story.refresh({a("1")}, {a("2")}, {b("2")})
    known = story.registry
    story.refresh({a("1"), a("2"), b("2")})
    assert story.refresh({a("1")}, {a("2")}, {b("2")}) == first
    assert (story.registry.alias, story.registry.has) == ({}, known.has)


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


def test_a_returning_record_leaves_its_merged_id_where_it_went():
    story = Story()
    story.refresh({a("1")})
    story.refresh({a("1")}, {a("2"), b("2")})
    one, two = story[a("1")], story[a("2")]
    story.refresh({a("1"), a("2")})
    story.refresh({a("1"), a("2")}, {b("2")})
    assert story.registry.alias == {two: one}
    assert story.found.created == {story[b("2")]: b("2")}
    story.refresh({a("1")}, {a("2"), b("2")})
    assert (story[a("1")], story[b("2")]) == (one, two)


# ---- what each reading of the page's sentences would get wrong (docs/decisions/identities.md)


def test_an_id_goes_back_to_its_records_when_the_one_it_was_created_for_is_gone():
    story = Story()
    story.refresh({a("1")})
    story.refresh({a("1")}, {b("1"), b("2")})
    story.refresh({a("1")}, {b("2")})
    ids = story[a("1")], story[b("2")]
    story.refresh({a("1"), b("2")})
    story.refresh({a("1")}, {b("2")})
    assert (story[a("1")], story[b("2")]) == ids


def test_the_first_of_several_previous_ids_comes_back_and_heads_the_others():
    for x, y in ((a("2"), a("3")), (a("3"), a("2"))):
        story = Story()
        story.refresh({a("1")})
        story.refresh({a("1")}, {x})
        story.refresh({a("1")}, {x}, {y})
        head, other = story[x], story[y]
        story.refresh({a("1")}, {x, y})
        story.refresh({a("1"), x, y})
        story.refresh({a("1")}, {x, y})
        assert (story[y], story.registry.alias) == (head, {other: head})


def test_a_previous_id_goes_back_with_its_customer_when_its_records_are_gone():
    story = Story()
    story.refresh({a("1")})
    story.refresh({a("1")}, {a("2")})
    story.refresh({a("1")}, {a("2")}, {a("3")})
    two, three = story[a("2")], story[a("3")]
    story.refresh({a("1")}, {a("2"), a("3")})
    story.refresh({a("1"), a("2"), a("3")})
    story.refresh({a("1"), a("2")})
    story.refresh({a("1")}, {a("2")})
    assert (story[a("2")], story.registry.alias) == (two, {three: two})


def test_a_record_that_was_moved_and_moves_back_finds_its_id():
    for moved, stays in ((b("1"), b("2")), (b("2"), b("1"))):
        story = Story()
        story.refresh({a("1")})
        story.refresh({a("1")}, {b("1"), b("2")})
        one, two = story[a("1")], story[b("1")]
        story.refresh({a("1"), moved}, {stays})
        story.refresh({a("1")}, {b("1"), b("2")})
        assert (story[a("1")], story[b("1")]) == (one, two)
        assert set(story.registry.alias.values()) <= {two}


def test_a_record_that_left_an_id_does_not_take_it_from_those_who_stayed():
    story = Story()
    story.refresh({b("1"), b("2"), b("3")})
    whole = story[b("1")]
    story.refresh({b("2"), b("3")}, {b("1")})  # the id was created for b1, but two stay
    assert story[b("2")] == whole
    story.refresh({b("2")}, {b("3")}, {b("1")})
    assert story[b("2")] == whole
    story.refresh({b("1"), b("2")}, {b("3")})  # wrong, and put right
    story.refresh({b("2")}, {b("3")}, {b("1")})
    assert story[b("2")] == whole


def test_a_newcomer_takes_no_id_away():
    story = Story()
    story.refresh({b("1")})
    first = story[b("1")]
    story.refresh({b("1"), a("1"), a("2")})
    story.refresh({b("1")}, {a("1"), a("2")})
    assert story[b("1")] == first
    assert story.found.created == {story[a("1")]: a("1")}


def test_an_id_stays_with_those_it_was_given_to_when_the_first_are_gone_and_returns_to_them():
    story = Story()
    story.refresh({a("1")})
    story.refresh({a("1")}, {a("2")})
    one, two = story[a("1")], story[a("2")]
    story.refresh({a("1"), a("2")})
    story.refresh({a("2")})
    assert (story[a("2")], story.registry.alias) == (one, {two: one})
    story.refresh({a("1")}, {a("2")})
    assert (story[a("1")], story[a("2")], story.registry.alias) == (one, two, {})


def test_what_is_no_customer_keeps_an_id_from_those_who_had_it_later():
    story = Story()
    story.refresh({b("1"), a("1")})
    first = story[a("1")]
    story.refresh({a("2")})
    other = story[a("2")]
    story.refresh({a("2"), b("1")})
    assert story[a("2")] == first
    found = identify(story.registry, [Cluster({a("2")})], 4, "i", "A", [Cluster({b("1")})])
    assert found.profiles == {other: {a("2")}}
    assert (found.registry.ids[b("1")], found.registry.alias) == (first, {})
