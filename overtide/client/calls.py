"""Requests and how their answers are read, without sending anything: shared by both clients."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypedDict, TypeVar
from urllib.parse import quote, urlsplit
from uuid import uuid4

from overtide.client.failures import ServiceError
from overtide.client.models import Accepted, Activity, Customer, activity_of, customer_of

Result = TypeVar("Result")
KEY = "Idempotency-Key"


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the headers by lower-case names, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Return the document."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Call(Generic[Result]):
    """A request below the instance's address, and what is made of its answer."""

    method: str
    path: str
    read: Callable[[Answer], Result]
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


def failure(answer: Answer) -> ServiceError:
    """Return the error of an answer."""
    try:
        document = answer.json()
        code, message = document["errorCode"], document["message"]
    except (ValueError, KeyError, TypeError):
        text = answer.body.decode("utf-8", "replace")[:200]
        document, code, message = {}, "unexpected_answer", text or "There was no answer."
    return ServiceError(
        answer.status,
        code,
        message,
        document.get("target") or document.get("name"),
        tuple(document.get("details") or document.get("ciResults") or ()),
        answer.headers.get("x-request-id"),
    )


def _given(**values: object) -> dict[str, str]:
    """Return the parameters that have a value."""
    return {
        name: "true" if value is True else str(value)
        for name, value in values.items()
        if value is not None and value is not False
    }


def entity_path(name: str, key: str) -> str:
    """Return the path of one entity: quotes are doubled, all else is encoded."""
    return f"/data/{quote(name, safe='')}('{quote(key.replace(chr(39), chr(39) * 2), safe='')}')"


def instances(address: str) -> Call[str]:
    """Ask for the id of the one instance; the only call that is not below one."""
    return Call("GET", address, _only)


def _only(answer: Answer) -> str:
    found = [one["instanceId"] for one in answer.json()]
    if len(found) != 1:
        raise ValueError(f"name one of the instances {', '.join(found)}")
    return str(found[0])


def instances_of(url: str) -> str:
    """Return the address of a service's instances; raise ValueError for what is no address."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError(f"{url!r} is no address of a service, such as http://127.0.0.1:8400")
    return f"{url.rstrip('/')}/v1/instances"


def address(base: str, path: str) -> str:
    """Return the whole address of a call; raise ValueError for one of another service.

    The token is for this one alone.
    """
    whole = path if path.startswith("http") else base + path
    if urlsplit(whole)[:2] != urlsplit(base)[:2]:
        raise ValueError(f"{whole} is none of {base}")
    return whole


def customer(
    customer_id: str, as_of: str | None, known_at: str | None, base: bool
) -> Call[Customer]:
    """Ask for a customer."""
    return Call(
        "GET",
        entity_path("Customer", customer_id),
        lambda answer: customer_of(answer.json()),
        _given(asOf=as_of, knownAt=known_at, base=base),
    )


def changed(known: Customer) -> Call[Customer | None]:
    """Ask for a customer; None where it still is the one that is known."""
    return Call(
        "GET",
        entity_path("Customer", known.id),
        lambda answer: None if answer.status == 304 else customer_of(answer.json()),
        headers={"If-None-Match": known.etag},
    )


def key_ring(entity: str, key: str) -> Call[str]:
    """Ask for the id of the customer of a source record."""
    source = entity.partition("_")[0]
    query = {"dataSourceName": source, "entityName": entity, "key": key}
    return Call("GET", "/profile/keyring", lambda answer: str(answer.json()["customerId"]), query)


class Terms(TypedDict, total=False):
    """When a change holds, and who makes it.

    `valid_until` is an instant or a duration as 4h, `event_time` the instant when it took effect.
    The same `idempotency_key` of one caller is accepted once; each call has its own without.
    """

    valid_until: str | None
    event_time: str | None
    caller: str | None
    idempotency_key: str | None


def _query(terms: Terms) -> dict[str, str]:
    until, time = terms.get("valid_until"), terms.get("event_time")
    return _given(validUntil=until, eventTime=time, caller=terms.get("caller"))


def _key(terms: Terms) -> dict[str, str]:
    return {KEY: terms.get("idempotency_key") or str(uuid4())}


def update(customer_id: str, fields: Mapping[str, Any], terms: Terms) -> Call[Accepted]:
    """Change fields of a customer."""
    return Call(
        "PATCH",
        f"/data/Customer/{quote(customer_id, safe='')}",
        _accepted,
        _query(terms),
        {**_key(terms), "Content-Type": "application/json"},
        json.dumps(fields).encode(),
    )


def withdraw(customer_id: str, field_name: str | None, terms: Terms) -> Call[Accepted]:
    """End changes of a customer."""
    path = f"/data/Customer/{quote(customer_id, safe='')}/overrides"
    path += "" if field_name is None else f"/{quote(field_name, safe='')}"
    return Call("DELETE", path, _accepted, _query(terms), _key(terms))


def _accepted(answer: Answer) -> Accepted:
    told = answer.headers
    return Accepted(
        told["overtide-event-id"],
        told["overtide-accepted-at"],
        told["overtide-repeated"] == "true",
    )


def post(entity: str, record: Mapping[str, Any], terms: Terms) -> Call[Accepted]:
    """Add an activity."""
    return Call(
        "POST",
        f"/data/{quote(entity, safe='')}",
        _created,
        _query(terms),
        {**_key(terms), "Content-Type": "application/json"},
        json.dumps(record).encode(),
    )


def _created(answer: Answer) -> Accepted:
    value = answer.json()["value"]
    return Accepted(value["eventId"], value["acceptedAt"], value["repeated"], answer.status == 202)


def batch(entity: str, atomic: bool, terms: Terms) -> Call[None]:
    """Add many activities; the body is sent in `lines`, the answers are lines, too.

    Raise ValueError for an idempotency key, which names one change.
    """
    if terms.get("idempotency_key") is not None:
        raise ValueError("an idempotency key names one record only")
    return Call(
        "POST",
        f"/data/{quote(entity, safe='')}/batch",
        lambda _answer: None,
        _given(atomic=atomic) | _query(terms),
        {"Content-Type": "application/x-ndjson"},
    )


def lines(records: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Give the lines of records, as many at once as make a packet."""
    waiting = bytearray()
    for record in records:
        waiting += json.dumps(record).encode() + b"\n"
        if len(waiting) >= 32 * 1024:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)


@dataclass(frozen=True)
class Page:
    """A page of rows, and the address of the next one, None after the last."""

    rows: list[dict[str, Any]]
    next: str | None


def _page(answer: Answer) -> Page:
    document = answer.json()
    return Page(document["value"], document.get("@odata.nextLink"))


def rows(entity: str, **options: object) -> Call[Page]:
    """Ask for the first page of an entity's rows; options are those of OData, without `$`."""
    names = ("asOf", "knownAt", "base")
    query = {
        name if name in names else f"${name}": str(value)
        for name, value in options.items()
        if value is not None
    }
    return Call("GET", f"/data/{quote(entity, safe='')}", _page, query)


def next_page(address: str) -> Call[Page]:
    """Ask for a page by the address in the one before."""
    return Call("GET", address, _page)


def activities(customer_id: str, top: int, skip: int) -> Call[list[Activity]]:
    """Ask for a customer's activities, newest first."""
    return Call(
        "GET",
        f"{entity_path('Customer', customer_id)}/UnifiedActivity",
        lambda answer: [activity_of(one) for one in answer.json()["value"]],
        {"$top": str(top), "$skip": str(skip)},
    )


def live(customer_id: str, last: str | None) -> Call[None]:
    """Watch a customer, from after the event that came last."""
    headers = {} if last is None else {"Last-Event-ID": last}
    return Call(
        "GET",
        f"{entity_path('Customer', customer_id)}/live",
        lambda _answer: None,
        headers=headers,
    )


class EventReader:
    """Takes the lines of server-sent events, gives the customers that they show."""

    def __init__(self) -> None:
        self._kind, self._data = "", ""

    def take(self, line: str) -> Customer | None:
        """Return the customer of an event that a line ends; raise the error that ends all."""
        name, _, text = line.partition(": ")
        if name == "event":
            self._kind = text
        elif name == "data":
            self._data = text
        if line or not self._data:
            return None
        kind, document = self._kind, json.loads(self._data)
        self._kind = self._data = ""
        if kind == "error":
            raise ServiceError(410, document["code"], document["message"], document.get("target"))
        return customer_of(document)
