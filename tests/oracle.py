"""The oracle: what is true, in plain Python without Beam, DuckDB or files.

Numbers are those of the semantics.

`Truth` holds the publishes and the accepted events, and gives every answer at (t, k). What a
refresh publishes is in `oracle_base`, who is who in `oracle_identities`. Instants are microseconds
since 1970 UTC, values canonical JSON.
"""

import re
from dataclasses import dataclass, field

from tests.oracle_base import (
    Base,
    Row,
    Sources,
    Target,
    Value,
    World,
    activity,
    activity_id,
    refresh,
    unified,
)
from tests.oracle_identities import Registry

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000
UNIFIED_ACTIVITY = "UnifiedActivity"
NOTHING: Row = {}


# ---- events and their acceptance


@dataclass(frozen=True)
class Request:
    """What a client asks: an update of `fields`, a withdrawal of the field `only`, or a post.

    With None for `only` a withdrawal is of all fields. What is posted is `record`.

    `until` is an instant, `ttl` a duration in microseconds; with neither the kind's default holds.
    A record is posted to its entity, or to UnifiedActivity.
    """

    kind: str
    target: Target = ""
    fields: Row = field(default_factory=dict)
    only: str | None = None
    entity: str | None = None
    record: Row = field(default_factory=dict)
    event_time: int | None = None
    until: int | None = None
    ttl: int | None = None
    caller: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True)
class Event:
    """An accepted request with its instants; `activity` is the unified one that a post became."""

    position: int
    request: Request
    target: Target
    accepted_at: int
    valid_from: int
    valid_until: int
    activity: Row

    @property
    def rank(self) -> tuple[int, int]:
        """What decides between updates (2.3).

        An event id never has to, since accepted_at is unique.
        """
        return self.valid_from, self.accepted_at


@dataclass(frozen=True)
class Answer:
    """What a client hears: an HTTP status, and the event when there is one."""

    status: int
    event: Event | None = None
    repeated: bool = False


REFUSED, MISSING, CONFLICT = Answer(400), Answer(404), Answer(409)
DEFAULT_TTL = {"update": 4 * HOUR, "activity": 30 * DAY}
FOREVER = 10**18


def validity(request: Request, accepted_at: int) -> tuple[int, int] | None:
    """Return valid_from and valid_until, None when they break the limits (2.2, 3.3)."""
    begin = accepted_at if request.event_time is None else request.event_time
    if begin > accepted_at + 5 * MINUTE:
        return None
    if request.kind == "withdrawal":
        return begin, FOREVER
    ttl = DEFAULT_TTL[request.kind] if request.ttl is None else request.ttl
    end = accepted_at + ttl if request.until is None else request.until
    return (
        (begin, end)
        if max(accepted_at, begin) < end <= accepted_at + 30 * DAY + 5 * MINUTE
        else None
    )


@dataclass
class Truth:
    """Everything that happened, in order: publishes and accepted events."""

    world: World
    bases: list[Base] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    keys: dict[tuple[str, str | None], tuple[Request, Event]] = field(default_factory=dict)

    # -- instants --

    def base(self, x: int) -> Base | None:
        """Return the publish in force at an instant (1)."""
        return max(
            (base for base in self.bases if base.published_at <= x),
            key=lambda base: base.run,
            default=None,
        )

    @property
    def last(self) -> int:
        """Return the last instant that an event or a publish has taken (1)."""
        accepted = self.events[-1].accepted_at if self.events else 0
        return max(accepted, self.bases[-1].published_at if self.bases else 0)

    def taken(self, clock: int) -> int:
        """Return the instant that an event or a publish takes.

        After all those before, however the clock is (1).
        """
        return max(clock, self.last + 1)

    def now(self, clock: int) -> int:
        """Return now: a clock that is set back hides nothing (1)."""
        return max(clock, self.last)

    def known(self, clock: int) -> int:
        """Return the latest instant that nothing can take any more.

        What comes next may take the clock's (1).
        """
        return max(clock - 1, self.last)

    # -- what is accepted --

    def publish(self, sources: Sources, clock: int) -> Base:
        """Publish a refresh (1, 4.5)."""
        registry, run = (
            (self.bases[-1].registry, self.bases[-1].run) if self.bases else (Registry(), 0)
        )
        self.bases.append(refresh(self.world, sources, registry, run + 1, self.taken(clock)))
        return self.bases[-1]

    def accept(self, request: Request, clock: int, event_id: str) -> Answer:
        """Answer a request; an accepted one is the next event (2.2, 2.6, 2.7, 3.1 to 3.4)."""
        target, activity = posted(self.world, request, event_id)
        known = self.repetition(request, activity)
        if known is not None:
            return self.remembered(request, known)
        held = self.bases[-1].resolve(target) is None
        if held and request.entity in (None, UNIFIED_ACTIVITY):
            return MISSING if request.kind != "activity" else REFUSED
        accepted_at = self.taken(clock)
        times = validity(request, accepted_at)
        if times is None:
            return REFUSED
        self.events.append(Event(len(self.events), request, target, accepted_at, *times, activity))
        return self.remembered(
            request,
            Answer(204 if request.kind != "activity" else 202 if held else 201, self.events[-1]),
        )

    def remembered(self, request: Request, answer: Answer) -> Answer:
        """Remember the idempotency key of a request that was answered with an event.

        The event is the request's own or one that was there.
        """
        if request.idempotency_key is not None and answer.event is not None:
            self.keys.setdefault(
                (request.caller or "", request.idempotency_key), (request, answer.event)
            )
        return answer

    def repetition(self, request: Request, activity: Row) -> Answer | None:
        """Return the first answer again, or the conflict.

        By idempotency key (2.7), then by activity (3.2).
        """
        same_key = self.keys.get((request.caller or "", request.idempotency_key))
        if same_key is not None:
            first, event = same_key
            return again(event, first == request)
        same_activity = [
            event
            for event in self.events
            if activity
            and event.activity
            and event.activity["ActivityId"] == activity["ActivityId"]
        ]
        if same_activity:
            return again(same_activity[0], body(same_activity[0].request) == body(request))
        return None

    # -- what is shown --

    def card(self, target: Target, t: int, k: int) -> tuple[str, Row] | None:
        """Return the id and the columns of a profile at t, known at k (2.3).

        None when that base lacks it.
        """
        base = self.base(min(t, k))
        customer = base.resolve(target) if base else None
        if base is None or customer is None:
            return None
        shown = dict(base.profiles[customer].columns)
        for name in base.types:
            deciding = self.deciding(base, customer, name, t, k)
            if deciding is not None:
                shown[name] = deciding.request.fields[name]
        return customer, shown

    def deciding(self, base: Base, customer: str, name: str, t: int, k: int) -> Event | None:
        """Return the update that decides a field.

        The greatest (valid_from, accepted_at) of the valid ones (2.3).
        """
        valid = [
            event
            for event in self.about(base, customer, "update", t, k)
            if name in event.request.fields
            and fits(base.types[name], event.request.fields[name])
            and t < event.valid_until
            and not self.withdrawn(event, base, customer, name, t, k)
        ]
        return max(valid, key=lambda event: event.rank, default=None)

    def withdrawn(
        self, update: Event, base: Base, customer: str, name: str, t: int, k: int
    ) -> bool:
        """Whether a withdrawal ended an update.

        At its valid_from it ends those that began no later (2.4).
        """
        return any(
            one.request.only in (None, name) and update.valid_from <= one.valid_from
            for one in self.about(base, customer, "withdrawal", t, k)
        )

    def flap_backs(self, x: int) -> set[tuple[str, str, int]]:
        """Return every field that shows an older value again (2.5).

        Each comes as customer, field and last update (position).
        """
        base = self.base(x)
        found = (
            (customer, name, self.flap_back(base, customer, name, x))
            for customer in (base.profiles if base else ())
            for name in (base.types if base else ())
        )
        return {
            (customer, name, update.position)
            for customer, name, update in found
            if update is not None
        }

    def flap_back(self, base: Base, customer: str, name: str, x: int) -> Event | None:
        """Return a field's last update if it has ended and the base still has the old value.

        The old value is the one from before that update.
        """
        updates = [
            event
            for event in self.about(base, customer, "update", x, x)
            if name in event.request.fields and fits(base.types[name], event.request.fields[name])
        ]
        if not updates or self.deciding(base, customer, name, x, x) is not None:
            return None
        last = max(updates, key=lambda event: event.rank)
        before = self.base(last.valid_from)
        profile = before.profiles.get(customer) if before else None
        value = base.profiles[customer].columns[name]
        same = profile is not None and profile.columns.get(name) == value
        return last if same and value != last.request.fields[name] else None

    def about(self, base: Base, customer: str, kind: str, t: int, k: int) -> list[Event]:
        """Return the events of a customer that were known at k and had begun at t (2.3, 4.4)."""
        return [
            event
            for event in self.events
            if event.request.kind == kind
            and event.accepted_at <= k
            and event.valid_from <= t
            and base.resolve(event.target) == customer
        ]

    def timeline(self, target: Target, t: int, k: int) -> list[Row] | None:
        """Return a customer's activities at t, known at k (3.5, 3.6).

        Newest first, then by ActivityId.
        """
        base = self.base(min(t, k))
        customer = base.resolve(target) if base else None
        if base is None or customer is None:
            return None
        rows = {one: row for one, (owner, row) in base.activities.items() if owner == customer}
        for event in self.about(base, customer, "activity", t, k):
            identity = str(event.activity["ActivityId"])
            if t < event.valid_until and identity not in base.activities:
                rows.setdefault(identity, event.activity)
        by_id = sorted(rows.values(), key=lambda row: str(row["ActivityId"]))
        return sorted(by_id, key=lambda row: str(row["ActivityTime"] or ""), reverse=True)

    def held(self, x: int) -> list[Event]:
        """Return the events that the base of an instant shows nowhere (2.3)."""
        base = self.base(x)
        return [
            event for event in self.events if base is None or base.resolve(event.target) is None
        ]


# ---- what a post becomes


def posted(world: World, request: Request, event_id: str) -> tuple[Target, Row]:
    """Return whom a request is about, and the unified activity that a post is (3.1)."""
    record = request.record
    if request.kind != "activity":
        return request.target, {}
    if request.entity == UNIFIED_ACTIVITY:
        return str(record["CustomerId"]), unified_post(record, event_id)
    rule = next(rule for rule in world.activities if rule.entity == request.entity)
    return (rule.to, str(record[rule.foreign_key])), unified(rule, record)


def unified_post(record: Row, event_id: str) -> Row:
    """Complete a posted UnifiedActivity.

    Its names, or ActivityId, name it, else the event id does (3.1).
    """
    columns = dict(record) | {
        "ActivityTypeDisplay": record.get("ActivityTypeDisplay") or record["ActivityType"]
    }
    if not record.get("ActivityId") and not record.get("SourceActivityId"):
        columns["SourceEntityName"] = record.get("SourceEntityName") or UNIFIED_ACTIVITY
        columns["SourceActivityId"] = event_id
    if not record.get("ActivityId"):
        columns["ActivityId"] = activity_id(
            str(columns["SourceEntityName"]), str(columns["SourceActivityId"])
        )
    return activity(**{name: value for name, value in columns.items() if name != "CustomerId"})


def body(request: Request) -> object:
    """Return what makes two posts of one activity the same: the record alone (3.2)."""
    return request.entity, {
        name: value for name, value in request.record.items() if value is not None
    }


def again(first: Event, same: bool) -> Answer:
    """Return the first answer, or the conflict with it."""
    return Answer(0, first, repeated=True) if same else CONFLICT


# ---- what fits a type

INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


def fits(kind: str, value: Value) -> bool:
    """Whether a canonical value is of a type that the base has now; others are not shown (2.3)."""
    if value is None:
        return True
    if kind in ("integer", "double", "boolean"):
        kinds = {"integer": (int,), "double": (int, float), "boolean": (bool,)}[kind]
        return isinstance(value, kinds) and isinstance(value, bool) == (kind == "boolean")
    shape = {"string": r"(?s).*", "date": r"\d{4}-\d\d-\d\d", "datetime": INSTANT}.get(kind)
    return isinstance(value, str) and re.fullmatch(shape or decimal_shape(kind), value) is not None


def decimal_shape(kind: str) -> str:
    """Return the pattern of `decimal(p,s)`: exactly s digits after the point."""
    precision, scale = (
        int(number) for number in kind.removeprefix("decimal(").removesuffix(")").split(",")
    )
    return rf"-?\d{{1,{precision - scale}}}" + (rf"\.\d{{{scale}}}" if scale else "")
