"""A webhook, and a delivery to it, as they are kept."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from overtide.schemas.instants import SECOND, Instant, format_instant
from overtide.serving.webhooks.events import Event
from overtide.serving.workflows.job import instant_text

MOST_ATTEMPTS = 10
FIRST_PAUSE, GROWTH = 5 * SECOND, 3
"""How long until the second attempt, and how much longer each pause is: 14 hours in all."""
LONGEST_PAUSE = FIRST_PAUSE * GROWTH ** (MOST_ATTEMPTS - 2)


def pause(attempts: int) -> int:
    """Return how long to wait after so many attempts that failed."""
    return FIRST_PAUSE * int(GROWTH ** (attempts - 1))


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who is told of an event; `waiting` are the messages still to be delivered.

    `failures` are the attempts that failed since the last one that did not, `given_up` the messages
    that were never delivered.
    """

    id: str
    event: Event
    url: str
    secret: str
    created_by: str
    created_at: Instant
    failures: int = 0
    last_error: str | None = None
    delivered_at: Instant | None = None
    given_up: int = 0
    disabled_at: Instant | None = None
    waiting: int = 0

    @property
    def state(self) -> str:
        """Whether it works."""
        if self.disabled_at is not None:
            return "disabled"
        return "failing" if self.failures else "active"

    def as_json(self) -> dict[str, object]:
        """Return it without its secrets: the query of an address may be one, too."""
        parts = urlsplit(self.url)
        hidden = parts._replace(query="…" if parts.query else "").geturl()
        return {
            "webhookId": self.id,
            "event": self.event.value,
            "url": hidden,
            "state": self.state,
            "waiting": self.waiting,
            "failures": self.failures,
            "givenUp": self.given_up,
            "lastError": self.last_error,
            "lastDeliveredUtc": instant_text(self.delivered_at),
            "disabledUtc": instant_text(self.disabled_at),
            "createdBy": self.created_by,
            "createdUtc": format_instant(self.created_at),
        }


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way to a webhook, in its so-and-so-many-th attempt."""

    webhook: Webhook
    message_id: str
    body: str
    attempts: int
    made_at: Instant
