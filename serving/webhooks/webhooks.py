"""The webhooks of a project and what is still to be delivered, for every thread and process.

What happened is put down once, as a delivery to each webhook, in the transaction that notes that it
is known. Whoever delivers claims it for a while; where he dies it is due again after that.
"""

import json
import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from overtide.schemas.errors import ConflictError, NotFoundError
from overtide.schemas.instants import SECOND, Clock, Instant
from overtide.serving.webhooks.destinations import Destinations
from overtide.serving.webhooks.events import Event, Known, Message, Standing, news
from overtide.serving.webhooks.webhook import (
    LONGEST_PAUSE,
    MOST_ATTEMPTS,
    Delivery,
    Webhook,
    pause,
)
from overtide.serving.workflows.database import Database

MOST, MOST_WAITING = 100, 1_000
"""Webhooks of a project; messages that wait for one."""
CLAIM = 15 * SECOND
"""How long a delivery is another's who began it: longer than it may take."""
TABLES = (
    """CREATE TABLE IF NOT EXISTS webhook (
        id TEXT PRIMARY KEY, event TEXT NOT NULL, url TEXT NOT NULL, secret TEXT NOT NULL,
        created_by TEXT NOT NULL, created_at INTEGER NOT NULL, failures INTEGER NOT NULL,
        last_error TEXT, delivered_at INTEGER, given_up INTEGER NOT NULL, disabled_at INTEGER)
        STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS delivery (
        webhook TEXT NOT NULL, message TEXT NOT NULL, body TEXT NOT NULL,
        attempts INTEGER NOT NULL, made_at INTEGER NOT NULL, due_at INTEGER NOT NULL,
        PRIMARY KEY (webhook, message)) STRICT, WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS delivery_due ON delivery (due_at)",
    """CREATE TABLE IF NOT EXISTS known (
        one INTEGER PRIMARY KEY CHECK (one = 1), run INTEGER NOT NULL,
        published_at INTEGER NOT NULL, jobs TEXT NOT NULL) STRICT""",
)
_WEBHOOK = """w.id, w.event, w.url, w.secret, w.created_by, w.created_at, w.failures, w.last_error,
    w.delivered_at, w.given_up, w.disabled_at,
    (SELECT count(*) FROM delivery d WHERE d.webhook = w.id)"""
_DUE = """FROM delivery d JOIN webhook w ON w.id = d.webhook
    WHERE (d.due_at <= ?1 OR d.due_at > ?2)
      AND d.webhook NOT IN (SELECT value FROM json_each(?3)) ORDER BY d.due_at LIMIT 1"""
"""What may be claimed; what is due later than is ever said was put down before the clock was set
back."""


@dataclass(frozen=True)
class Webhooks:
    """The webhooks in one file; `standing` asks what is so now."""

    database: Database
    instance_id: str
    clock: Clock
    ids: Callable[[], str]
    standing: Callable[[], Standing]
    destinations: Destinations = field(default_factory=Destinations)

    def subscribe(self, event: Event, url: str, secret: str, who: str) -> Webhook:
        """Make a webhook, which is told of what happens from now on.

        Raise `webhook_url_refused`, `too_many_webhooks`.
        """
        self.destinations.place(url)
        made = Webhook(self.ids(), event, url, secret, who, self.clock())
        with self.database.writing() as connection:
            _expect_room(connection)
            self._tell(connection)  # what was before is for those who were there
            connection.execute(
                """INSERT INTO webhook (id, event, url, secret, created_by, created_at, failures,
                                        given_up) VALUES (?, ?, ?, ?, ?, ?, 0, 0)""",
                (made.id, event, url, secret, who, made.created_at),
            )
        return made

    def all(self) -> list[Webhook]:
        """Return all webhooks, the oldest first."""
        rows = self.database.rows(f"SELECT {_WEBHOOK} FROM webhook w ORDER BY w.created_at, w.id")
        return [_webhook(row) for row in rows]

    def unsubscribe(self, webhook_id: str) -> Webhook:
        """End a webhook, with what still waits for it; return it. Raise `unknown_webhook`."""
        with self.database.writing() as connection:
            row = connection.execute(
                f"SELECT {_WEBHOOK} FROM webhook w WHERE id = ?", (webhook_id,)
            ).fetchone()
            if row is None:
                raise NotFoundError(
                    "unknown_webhook",
                    f"There is no webhook {webhook_id!r}.",
                    "webhookId",
                    "GET …/webhooks shows them.",
                )
            _remove(connection, webhook_id)
        return _webhook(row)

    def observe(self) -> None:
        """Put down what happened since the last look."""
        known = _known(self.database.rows("SELECT run, published_at, jobs FROM known"))
        if known is None:
            return  # there never was a webhook
        if self.standing().known(known) != known:
            with self.database.writing() as connection:
                self._tell(connection)

    def _tell(self, connection: sqlite3.Connection) -> None:
        """Put down what is news to all; asked within the transaction, nobody knows more by then."""
        standing = self.standing()
        known = _known(connection.execute("SELECT run, published_at, jobs FROM known").fetchall())
        for message in news(standing, known or Known(), self.instance_id):
            self._put(connection, message)
        now = standing.known(known or Known())
        connection.execute(
            "INSERT OR REPLACE INTO known VALUES (1, ?, ?, ?)",
            (now.run, now.published_at, json.dumps(sorted(now.jobs))),
        )

    def _put(self, connection: sqlite3.Connection, message: Message) -> None:
        """Put down a delivery to each webhook of an event; one that too much waits for is told."""
        now = self.clock()
        asked = (message.event, MOST_WAITING)
        connection.execute(
            """UPDATE webhook AS w SET given_up = given_up + 1 WHERE event = ?1
               AND disabled_at IS NULL
               AND (SELECT count(*) FROM delivery d WHERE d.webhook = w.id) >= ?2""",
            asked,
        )
        connection.execute(
            """INSERT OR IGNORE INTO delivery SELECT w.id, ?3, ?4, 0, ?5, ?5 FROM webhook w
               WHERE event = ?1 AND disabled_at IS NULL
               AND (SELECT count(*) FROM delivery d WHERE d.webhook = w.id) < ?2""",
            (*asked, message.id, message.body(), now),
        )

    def claim(self, busy: Collection[str]) -> Delivery | None:
        """Take what is due, but for webhooks that are busy; nobody else does so meanwhile."""
        now = self.clock()
        asked = (now, now + LONGEST_PAUSE, json.dumps(list(busy)))
        if not self.database.rows(f"SELECT 1 {_DUE}", asked):
            return None
        with self.database.writing() as connection:
            row = connection.execute(
                f"SELECT d.message, d.body, d.attempts + 1, d.made_at, {_WEBHOOK} {_DUE}", asked
            ).fetchone()
            if row is None:
                return None
            message, body, attempts, made_at, *of_webhook = row
            delivery = Delivery(_webhook(of_webhook), message, body, attempts, made_at)
            connection.execute(
                """UPDATE delivery SET attempts = ?, due_at = ?
                   WHERE webhook = ? AND message = ?""",
                (attempts, now + CLAIM, delivery.webhook.id, message),
            )
        return delivery

    def delivered(self, delivery: Delivery) -> None:
        """Note that a message has arrived."""
        with self.database.writing() as connection:
            connection.execute(
                "DELETE FROM delivery WHERE webhook = ? AND message = ?",
                (delivery.webhook.id, delivery.message_id),
            )
            connection.execute(
                "UPDATE webhook SET failures = 0, last_error = NULL, delivered_at = ? WHERE id = ?",
                (self.clock(), delivery.webhook.id),
            )

    def gone(self, delivery: Delivery) -> None:
        """End a webhook whose receiver says that it is no more."""
        with self.database.writing() as connection:
            _remove(connection, delivery.webhook.id)

    def failed(self, delivery: Delivery, why: str) -> None:
        """Note that an attempt failed: there will be another one, or it was the last.

        Where nothing has arrived since the message was made, the webhook is disabled.
        """
        with self.database.writing() as connection:
            if not _is_claimed(connection, delivery):
                return
            connection.execute(
                "UPDATE webhook SET failures = failures + 1, last_error = ? WHERE id = ?",
                (why, delivery.webhook.id),
            )
            if delivery.attempts < MOST_ATTEMPTS:
                connection.execute(
                    "UPDATE delivery SET due_at = ? WHERE webhook = ? AND message = ?",
                    (
                        self.clock() + pause(delivery.attempts),
                        delivery.webhook.id,
                        delivery.message_id,
                    ),
                )
            else:
                _give_up(connection, delivery, self.clock())


def _give_up(connection: sqlite3.Connection, delivery: Delivery, now: Instant) -> None:
    webhook = delivery.webhook.id
    connection.execute(
        "DELETE FROM delivery WHERE webhook = ? AND message = ?", (webhook, delivery.message_id)
    )
    connection.execute("UPDATE webhook SET given_up = given_up + 1 WHERE id = ?", (webhook,))
    disabled = connection.execute(
        """UPDATE webhook SET disabled_at = ?2,
             given_up = given_up + (SELECT count(*) FROM delivery WHERE webhook = ?1)
           WHERE id = ?1 AND coalesce(delivered_at, 0) < ?3""",
        (webhook, now, delivery.made_at),
    )
    if disabled.rowcount:
        connection.execute("DELETE FROM delivery WHERE webhook = ?", (webhook,))


def _is_claimed(connection: sqlite3.Connection, delivery: Delivery) -> bool:
    """Say whether a delivery is in this attempt still, and not in another one's."""
    row = connection.execute(
        "SELECT attempts FROM delivery WHERE webhook = ? AND message = ?",
        (delivery.webhook.id, delivery.message_id),
    ).fetchone()
    return row is not None and row[0] == delivery.attempts


def _remove(connection: sqlite3.Connection, webhook_id: str) -> None:
    connection.execute("DELETE FROM delivery WHERE webhook = ?", (webhook_id,))
    connection.execute("DELETE FROM webhook WHERE id = ?", (webhook_id,))


def _expect_room(connection: sqlite3.Connection) -> None:
    (there,) = connection.execute("SELECT count(*) FROM webhook").fetchone()
    if there >= MOST:
        raise ConflictError(
            "too_many_webhooks",
            f"There are {there} webhooks already.",
            None,
            "DELETE …/webhooks/{webhookId} ends one that nobody needs.",
        )


def _known(rows: Sequence[tuple[Any, ...]]) -> Known | None:
    if not rows:
        return None
    ((run, published_at, jobs),) = rows
    return Known(run, published_at, frozenset(json.loads(jobs)))


def _webhook(row: Sequence[Any]) -> Webhook:
    webhook_id, event, *rest = row
    return Webhook(webhook_id, Event(event), *rest)
