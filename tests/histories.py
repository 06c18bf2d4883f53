"""Generated histories, told to the engine and the oracle.

They are what clients, analysts, clocks and machines do, in any order.

Their steps are those of `history_steps`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from overtide.schemas.instants import format_instant
from tests import shop
from tests.engine import Engine, TestClock
from tests.history_steps import PICK, START, Step
from tests.oracle import DAY, UNIFIED_ACTIVITY, Event, Request, Truth
from tests.oracle import Answer as Expected
from tests.oracle_base import Base, Row, Sources, Target, activity_id
from tests.shop import CONTACTS, NAMES, ORDERS

QUESTIONS = st.lists(
    st.tuples(PICK, st.sampled_from([-1, 0, 0, 1]), PICK, st.sampled_from([-1, 0, 0, 1])),
    min_size=2,
    max_size=4,
)
"""Pairs (t, k): places among the instants of the history, each with a shift in microseconds."""


# ---- the history as it is told


@dataclass(frozen=True)
class Answered:
    """What was answered at the instants t and k that the answer says."""

    target: Target
    as_of: int
    known_at: int
    card: tuple[str, Row] | None
    timeline: list[Row] | None


@dataclass
class Story:
    """Tells each step to the engine and to the oracle, and compares what they answer."""

    engine: Engine
    truth: Truth = field(default_factory=lambda: Truth(shop.world()))
    sources: Sources = field(default_factory=shop.sources)
    sent: list[Request] = field(default_factory=list)
    answered: list[Answered] = field(default_factory=list)

    @property
    def clock(self) -> TestClock:
        """The clock of all processes."""
        return self.engine.clock

    @classmethod
    def begin(cls, kind: type[Engine], folder: Path) -> "Story":
        """Begin a story in an empty folder."""
        return cls(kind(folder, TestClock(START)))

    def tell(self, steps: Sequence[Step]) -> None:
        """Tell steps, one after the other.

        What was answered before them is answered the same again.
        """
        for name, arguments in steps:
            getattr(self, name)(**arguments)
            self.forget_what_only_the_clock_said()
        for one in self.answered:
            assert self.answer(one.target, one.as_of, one.known_at) == one

    # -- machines and clocks --

    def wait(self, time: int) -> None:
        self.clock.now += time

    def meet(self, instant: int, offset: int) -> None:
        """Set the clock to an instant less than a month away at which something begins or ends."""
        near = [one for one in self.instants() if abs(one - self.clock.now) < 31 * DAY]
        self.clock.now = near[instant % len(near)] + offset if near else self.clock.now

    def restart(self) -> None:
        self.engine.restart()

    def stream(self, batch: int, ticks: int) -> None:
        self.engine.stream(batch, ticks)

    def refresh(self, edits: Sequence[tuple[str, str, Row | None]]) -> None:
        for entity, key, values in edits:
            self.sources = edited(self.sources, entity, key, values)
        expected = self.truth.publish(self.sources, self.clock.now)
        self.engine.publish(self.sources, expected)
        published = self.engine.reader.published()
        assert published is not None
        assert (published.run, published.published_at) == (expected.run, expected.published_at)

    # -- analysts --

    def ask(self, target: int, t: Any, k: Any) -> None:
        """Ask for a card and a timeline, which will be asked for again.

        And again for what was answered last.
        """
        found = self.answer(self.target(target), self.instant(t), self.instant(k))
        now = self.clock.now
        assert found.known_at <= self.truth.known(now)
        assert k is not None or found.known_at == self.truth.known(now)
        assert t is not None or found.as_of == self.truth.now(now)
        for one in self.answered[-1:]:
            assert self.answer(one.target, one.as_of, one.known_at) == one
        self.answered.append(found)

    def answer(self, target: Target, t: int | None, k: int | None) -> Answered:
        """Return what the engine answers now, with the instants that it says."""
        as_of, known_at = self.engine.moment(t, k)
        return Answered(
            target,
            as_of,
            known_at,
            self.engine.card(target, as_of, known_at),
            self.engine.timeline(target, as_of, known_at),
        )

    def forget_what_only_the_clock_said(self) -> None:
        """Expect nothing of answers for instants known only from a clock since set back (1)."""
        self.answered = [
            one for one in self.answered if one.known_at <= self.truth.known(self.clock.now)
        ]

    # -- clients --

    def update(self, target: int, changes: Row, **terms: Any) -> None:
        self.send(Request("update", self.target(target), fields=changes, **self.terms(**terms)))

    def withdraw(self, target: int, only: str | None, **terms: Any) -> None:
        times = self.terms(**terms) | {"until": None, "ttl": None}
        self.send(Request("withdrawal", self.target(target), only=only, **times))

    def post(self, order: str, account: str, item: str, **terms: Any) -> None:
        record = {
            "OrderId": order,
            "AccountId": account,
            "PlacedAt": format_instant(START),
            "Item": item,
        }
        self.send(Request("activity", entity=ORDERS, record=record, **self.terms(**terms)))

    def post_unified(self, target: int, named: str, order: str, **terms: Any) -> None:
        names: dict[str, Row] = {
            "event": {},
            "id": {"ActivityId": f"call {order}"},
            "source": {"SourceEntityName": "Phone_Calls", "SourceActivityId": order},
            "order": {
                "SourceEntityName": ORDERS,
                "SourceActivityId": order,
                "ActivityId": activity_id(ORDERS, order),
            },
        }
        record = {
            "CustomerId": self.customer(target),
            "ActivityType": "Call",
            "Title": "Hello",
            "ActivityTime": format_instant(START + int(order)),
            **names[named],
        }
        self.send(
            Request("activity", entity=UNIFIED_ACTIVITY, record=record, **self.terms(**terms))
        )

    def repeat(self, request: int, changed: bool) -> None:
        if self.sent:
            one = self.sent[request % len(self.sent)]
            self.send(one if not changed else Request(**{**vars(one), "ttl": None, "until": None}))

    def send(self, request: Request) -> None:
        """Send a request to both, and read it back at once."""
        self.sent.append(request)
        answer = self.engine.accept(request)
        event_id = answer.event.event_id if answer.event else ""
        expected = self.truth.accept(request, self.clock.now, event_id)
        status = (
            answer.refusal.status if answer.refusal else 0 if answer.repeated else answer.status
        )
        assert (status, answer.repeated) == (expected.status, expected.repeated), (
            request,
            answer,
            expected,
        )
        if expected.event is not None:
            assert answer.event is not None
            assert seen(answer.event) == expect(expected.event)
        self.look(expected)

    def look(self, answer: Expected) -> None:
        """An accepted event is visible to the very next read."""
        if answer.event is not None:
            now, target = self.truth.now(self.clock.now), answer.event.target
            assert self.engine.card(target, None, None) == self.truth.card(target, now, now)
            assert answer.event.accepted_at <= self.engine.moment(None, None)[1]

    # -- what there is --

    @property
    def base(self) -> Base:
        """The base that was published last."""
        return self.truth.bases[-1]

    def targets(self) -> list[Target]:
        """Return everything that an event or a question may name.

        Ids ever given, records ever seen, and others.
        """
        return [
            *sorted(self.base.registry.given),
            *sorted(self.base.registry.ids),
            "f" * 32,
            (CONTACTS, "none"),
        ]

    def target(self, pick: int) -> Target:
        return self.targets()[pick % len(self.targets())]

    def customer(self, pick: int) -> str:
        ids = [one for one in self.targets() if isinstance(one, str)]
        return ids[pick % len(ids)]

    def terms(self, start: Any, end: Any, caller: str | None, key: str | None) -> dict[str, Any]:
        ttl = end[1] if end and end[0] == "ttl" else None
        return {
            "event_time": self.instant(start),
            "until": None if ttl is not None else self.instant(end),
            "ttl": ttl,
            "caller": caller,
            "idempotency_key": key,
        }

    def instant(self, said: tuple[str, int] | None) -> int | None:
        if said is None:
            return None
        kind, number = said
        return (
            self.clock.now + number
            if kind == "clock"
            else self.instants()[number % len(self.instants())]
        )

    def instants(self) -> list[int]:
        """Return every instant of the history at which something begins or ends, in order."""
        found = {base.published_at for base in self.truth.bases} | {START}
        found |= {event.accepted_at for event in self.truth.events} | {
            event.valid_from for event in self.truth.events
        }
        found |= {
            event.valid_until for event in self.truth.events if event.request.kind != "withdrawal"
        }
        return sorted(found)


def edited(sources: Sources, entity: str, key: str, values: Row | None) -> Sources:
    """Return the sources with one record changed, or gone."""
    records = {one: row for one, row in sources[entity].items() if one != key}
    if values is not None:
        records[key] = {**dict.fromkeys(NAMES[entity]), **stored(values), NAMES[entity][0]: key}
    return {**sources, entity: records}


def stored(values: Row) -> Row:
    """Return values as a file keeps them: an empty text is none."""
    return {name: None if value == "" else value for name, value in values.items()}


def seen(event: Any) -> tuple[int, int, int, int | None]:
    """Return what an event of the engine says of its instants."""
    return event.position, event.accepted_at, event.valid_from, event.valid_until


def expect(event: Event) -> tuple[int, int, int, int | None]:
    """Return what the oracle says of an event's instants."""
    until = None if event.request.kind == "withdrawal" else event.valid_until
    return event.position, event.accepted_at, event.valid_from, until
