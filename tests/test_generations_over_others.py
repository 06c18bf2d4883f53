"""A serving generation that lies over another one says what one of everything says."""

import json
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from random import Random
from unittest.mock import patch

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overtide.lake import generation_changes
from overtide.lake.generation import Generation, Profile
from overtide.lake.generation_build import GenerationSources, remove_generations
from overtide.lake.generation_changes import CHANGED, GenerationChanges, Rows, change_generation
from overtide.lake.sealed import (
    is_as_opened,
    is_whole,
    may_lie_beneath,
    open_generation,
    with_those_beneath,
)
from overtide.schemas.errors import GenerationError
from overtide.schemas.paths import Paths
from overtide.schemas.serving_metadata import decoded
from tests.engine import opened
from tests.generations import (
    ALIASES,
    KEYS,
    PROFILES,
    VANISHED,
    served_rows,
    table,
    told,
    write_generation,
)
from tests.test_generation import META

IDS = [f"{number:032x}" for number in range(6)]
ENTITIES = ("S_A", "S_B", "S_A.Email")
Key = tuple[str, str]


@dataclass
class State:
    """What a base says: a name of each customer, who records and values lead to, and old ids."""

    names: dict[str, str] = field(default_factory=dict)
    records: dict[Key, str] = field(default_factory=dict)
    related: dict[Key, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)


def state_of(chance: Random) -> State:
    """Return a base of some of the customers."""
    there = [one for one in IDS if chance.random() < 0.6]
    state = State({one: chance.choice("ab") for one in there})
    for entity, key in ((entity, key) for entity in ENTITIES for key in "1234"):
        if there and chance.random() < 0.7:
            leads = state.related if "." in entity else state.records
            leads[entity, key] = chance.choice(there)
    gone = [one for one in IDS if one not in there]
    state.aliases = {one: chance.choice(there) for one in gone if there and chance.random() < 0.5}
    return state


def profiles_of(state: State) -> list[Profile]:
    """Return the profiles of a base."""
    return [
        Profile(
            one,
            {"EMail": name},
            previous=tuple(old for old, leads in sorted(state.aliases.items()) if leads == one),
            related=tuple(key for key, leads in sorted(state.related.items()) if leads == one),
        )
        for one, name in sorted(state.names.items())
    ]


def built(paths: Paths, run: int, state: State, name: str = "run") -> str:
    """Build a generation of everything; return its name."""
    records = [(*key, leads) for key, leads in state.records.items()]
    path = paths.generation(f"{name}{run:06d}")
    return write_generation(
        path, META, profiles_of(state), records, state.aliases.items(), sealed=True, telling=told
    )


def changed(paths: Paths, before: str, run: int, old: State, new: State) -> str | None:
    """Write a generation over another one; return its name."""
    with opened(duckdb.connect(config={"threads": 1})) as connection:
        rows = {}
        for name, schema in (("keys", VANISHED), ("related", VANISHED), ("aliases", ALIASES)):
            leads = [
                {"keys": one.records, "related": one.related, "aliases": one.aliases}[name]
                for one in (old, new)
            ]
            then, now = ({(*_text(key), to) for key, to in one.items()} for one in leads)
            rows[name] = registered(connection, name, schema, now - then, then - now)
        profiles = [
            {
                (one.customer_id, json.dumps(told(one))[1:-1], ";".join(one.previous) or None)
                for one in profiles_of(state)
            }
            for state in (old, new)
        ]
        rows["profiles"] = registered(
            connection, "profiles", PROFILES, profiles[1] - profiles[0], profiles[0] - profiles[1]
        )
        connection.register("all_profiles", table(PROFILES, sorted(profiles[1], key=str)))
        connection.register(
            "all_related", table(VANISHED, ((*k, to) for k, to in new.related.items()))
        )
        connection.register("no_keys", table(KEYS, []))
        only = f"SEMI JOIN {CHANGED} USING (CustomerId)"
        none = "SELECT * FROM no_keys"
        sources = GenerationSources(
            f"FROM all_profiles {only}", "FROM no_keys", none, none, f"FROM all_related {only}"
        )
        changes = GenerationChanges(
            rows["profiles"], rows["keys"], Rows(none, none), rows["aliases"], rows["related"]
        )
        place, metadata = paths.generation(f"run{run:06d}"), decoded(META)
        return change_generation(
            connection, paths.generation(before), place, metadata, sources, changes, 6, lambda: None
        )


def _text(key: str | Key) -> tuple[str, ...]:
    return (key,) if isinstance(key, str) else key


def registered(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    schema: pa.Schema,
    came: Iterable[tuple[object, ...]],
    gone: Iterable[tuple[object, ...]],
) -> Rows:
    """Return what came and went as SQL."""
    for what, rows in (("came", came), ("gone", gone)):
        connection.register(f"{name}_{what}", table(schema, rows))
    return Rows(f"SELECT * FROM {name}_came", f"SELECT * FROM {name}_gone")


def said(generation: Generation) -> list[object]:
    """Return all that a generation answers."""
    keys = [(entity, key) for entity in ENTITIES for key in "12345"]
    return [
        [generation.resolve_id(one) for one in IDS],
        [generation.profile(one) for one in IDS],
        [generation.resolve_record(*one) for one in keys],
        [generation.resolve_activity(*one) for one in keys],
        [generation.targets_among(entity, "12345") for entity in ENTITIES],
    ]


@pytest.mark.parametrize("laid", [0, 10**9], ids=["over", "made one"])
@given(seed=st.integers(0, 10**9), steps=st.integers(1, 4))
@settings(max_examples=8, deadline=None)
def test_what_lies_over_says_what_a_new_one_says(tmp_path_factory, laid, seed, steps):
    chance, paths = Random(seed), Paths.of(tmp_path_factory.mktemp("p"))
    old = state_of(chance)
    name = built(paths, 1, old)
    for run in range(2, steps + 2):
        new = state_of(chance)
        with patch.object(generation_changes, "LAID", laid):
            name = changed(paths, name, run, old, new)
        whole = built(paths, run, new, "whole")
        with (
            closing(open_generation(paths, name)) as found,
            closing(Generation(paths.generation(whole))) as expected,
        ):
            assert (found.over is None) == (laid > 0)
            assert said(found) == said(expected)
            assert found.any_customer() in (list(new.names) or [None])
            for entity in ENTITIES:
                there = {**new.records, **new.related}
                assert found.any_key(entity) in (
                    [key for of, key in there if of == entity] or [None]
                )
            assert served_rows(found.path) == served_rows(expected.path)
        old = new


def two(paths: Paths) -> tuple[str, str]:
    """Return the names of a generation and of one that lies over it."""
    old, new = State({IDS[0]: "a", IDS[1]: "b"}), State({IDS[0]: "b", IDS[1]: "b"})
    beneath = built(paths, 1, old)
    with patch.object(generation_changes, "LAID", 0):
        return beneath, changed(paths, beneath, 2, old, new)


@pytest.mark.parametrize("which", [0, 1], ids=["beneath", "over"])
@pytest.mark.parametrize("how", ["lost", "damaged"])
def test_what_is_lost_or_damaged_of_two_is_told(tmp_path, which, how):
    paths = Paths.of(tmp_path)
    names = two(paths)
    generation = open_generation(paths, names[1])
    assert generation.profile(IDS[0]).fields == {"EMail": "b"}
    assert is_as_opened(generation)
    assert is_whole(paths, names[1])
    generation.close()
    file = paths.generation(names[which])
    content = file.read_bytes()
    file.unlink()
    if how == "damaged":
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert not is_as_opened(generation)
    assert not is_whole(paths, names[1])
    assert not may_lie_beneath(paths, names[1])
    with pytest.raises(GenerationError) as error:
        open_generation(paths, names[1])
    assert error.value.code == {"lost": "generation_missing", "damaged": "generation_corrupt"}[how]
    assert names[which] in error.value.message


def test_what_lies_beneath_is_kept_with_what_lies_over_it(tmp_path):
    paths = Paths.of(tmp_path)
    beneath, over = two(paths)
    assert with_those_beneath(paths, [over]) == {beneath, over}
    assert with_those_beneath(paths, [beneath, "run000009-00000000"]) == {
        beneath,
        "run000009-00000000",
    }
    remove_generations(paths.serving, {beneath, over})
    assert is_whole(paths, over)
