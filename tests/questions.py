"""Ask the engine and the oracle the same at (t, k), in every way there is."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.engine import Engine, Sql
from tests.histories import Story
from tests.oracle import Truth
from tests.oracle_base import Row

Questions = list[tuple[int, int, int, int]]


def ask_everything(story: Story, questions: Questions, batch: int) -> None:
    """Compare every way to read with the oracle.

    The ways are reads, SQL, SQL once the stream has caught up, and SQL over an overlay written
    anew.
    """
    instants = story.instants()
    moments = [
        (instants[t % len(instants)] + dt, instants[k % len(instants)] + dk)
        for t, dt, k, dk in questions
    ]
    for t, k in moments:
        ask_reader(story, t, k)
    ask_reader_now(story)
    with story.engine.sql() as sql:
        ask_sql(story, sql, known_to_sql(story.truth, sql.position()), moments[:1])
    story.engine.stream(batch)
    with story.engine.sql() as sql:
        assert sql.position() == len(story.truth.events)
        ask_sql(story, sql, story.truth, moments)
    ask_rebuilt(story, moments, 6 - batch % 5)


def ask_reader(story: Story, t: int, k: int) -> None:
    """Compare every card and timeline that Python gives."""
    for target in story.targets():
        asked = f"{target} at {t}, known at {k}"
        assert story.engine.card(target, t, k) == story.truth.card(target, t, k), asked
        assert story.engine.timeline(target, t, k) == story.truth.timeline(target, t, k), asked


def ask_reader_now(story: Story) -> None:
    """Compare cards and timelines of the present."""
    now = story.truth.now(story.clock.now)
    for target in story.targets():
        assert story.engine.card(target, None, None) == story.truth.card(target, now, now), (
            f"{target} now"
        )
        assert story.engine.timeline(target, None, None) == story.truth.timeline(
            target, now, now
        ), f"{target} now"


def known_to_sql(truth: Truth, position: int) -> Truth:
    """Return the truth as far as the stream has told SQL."""
    return replace(truth, events=truth.events[:position])


def ask_sql(story: Story, sql: Sql, truth: Truth, moments: list[tuple[int, int]]) -> None:
    """Compare whole tables at each moment and now, and some timelines."""
    ids = [one for one in story.targets() if isinstance(one, str)]
    for t, k in moments:
        same(sql.customers(t, k), customers(truth, t, k), f"customer_as_of({t}, {k})")
        one = ids[t % len(ids)]
        assert sql.timeline(one, t, k) == (truth.timeline(one, t, k) or []), (
            f"timeline_as_of('{one}', {t}, {k})"
        )
    now = truth.now(0)
    same(sql.customers_now(), customers(truth, now, now), "Customer_live")
    same(sql.activities_now(), activities(truth, now), "UnifiedActivity_live")
    same(sql.flap_backs(), truth.flap_backs(now), "flap_backs")


def same(found: object, expected: object, asked: str) -> None:
    """Compare two answers; where they differ, say in which of their parts."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for part in found.keys() | expected.keys():
            same(found.get(part), expected.get(part), f"{asked}: {part}")
    assert found == expected, f"{asked}: found {found!r}, expected {expected!r}"


def customers(truth: Truth, t: int, k: int) -> dict[str, Row]:
    """Return all profiles at (t, k)."""
    base = truth.base(min(t, k))
    found = [truth.card(one, t, k) for one in base.profiles] if base else []
    return dict(one for one in found if one is not None)


def activities(truth: Truth, now: int) -> dict[str, tuple[str, Row]]:
    """Return all activities now, with their customers."""
    base = truth.base(now)
    return {
        str(row["ActivityId"]): (one, row)
        for one in (base.profiles if base else ())
        for row in truth.timeline(one, now, now) or []
    }


def ask_rebuilt(story: Story, moments: list[tuple[int, int]], batch: int) -> None:
    """Compare SQL over a copy of the project with its overlay written anew.

    It is written in ranges of another size.
    """
    folder = Path(tempfile.mkdtemp(dir=story.engine.paths.project.parent))
    copy: Engine = story.engine.rebuilt(folder / "copy", batch)
    with copy.sql() as sql:
        ask_sql(story, sql, story.truth, moments[:1])
    copy.close()
    shutil.rmtree(folder)
