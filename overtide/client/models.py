"""What the service answers, as values with types; instants are text as RFC 3339 writes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OVERRIDE = "@overtide.override"
LIVE = "@overtide.live"


@dataclass(frozen=True, slots=True)
class Override:
    """What shows a value of a customer for now: a change that somebody made."""

    base_value: object
    valid_until: str | None
    event_id: str
    caller: str | None


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer: `customer["EMail"]` is what a field shows; `overrides` say of which it is live.

    `etag` changes with it.
    """

    id: str
    fields: Mapping[str, Any]
    overrides: Mapping[str, Override]
    etag: str

    def __getitem__(self, field: str) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Return the value that a field shows."""
        return self.fields[field]


@dataclass(frozen=True, slots=True)
class Activity:
    """An activity: `activity["Title"]` and the other columns of UnifiedActivity.

    `event_id` and `valid_until` are those of a real-time one.
    """

    columns: Mapping[str, Any]
    event_id: str | None
    valid_until: str | None

    def __getitem__(self, column: str) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Return a column."""
        return self.columns[column]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A change that is durable: its event. `repeated`: it had been accepted before.

    `held`: no customer has its foreign key yet.
    """

    event_id: str
    accepted_at: str
    repeated: bool
    held: bool = False


@dataclass(frozen=True, slots=True)
class RowAnswer:
    """What became of one record of a batch: it was accepted, or `error` says why not."""

    index: int
    status: int
    event_id: str | None
    error: Mapping[str, Any] | None


def customer_of(document: Mapping[str, Any]) -> Customer:
    """Return the customer of an OData entity."""
    fields = {name: value for name, value in document.items() if "@" not in name}
    overrides = {
        name.removesuffix(OVERRIDE): Override(
            one["baseValue"], one["validUntil"], one["eventId"], one["caller"]
        )
        for name, one in document.items()
        if name.endswith(OVERRIDE)
    }
    return Customer(fields["CustomerId"], fields, overrides, document.get("@odata.etag", ""))


def activity_of(document: Mapping[str, Any]) -> Activity:
    """Return the activity of an OData entity."""
    columns = {name: value for name, value in document.items() if "@" not in name}
    live = document.get(LIVE) or {}
    return Activity(columns, live.get("eventId"), live.get("validUntil"))


def row_of(document: Mapping[str, Any]) -> RowAnswer:
    """Return the answer to a record of a batch."""
    return RowAnswer(
        document["index"], document["status"], document.get("eventId"), document.get("error")
    )
