"""What delivers: it looks what happened, and sends what is due, several at a time."""

import logging
import threading
from collections.abc import Callable, Mapping

from overtide.schemas.instants import SECOND
from overtide.serving.looking import look_until
from overtide.serving.webhooks.destinations import Destinations
from overtide.serving.webhooks.sending import DeliveryError, posted
from overtide.serving.webhooks.signatures import signed_headers
from overtide.serving.webhooks.webhook import Delivery
from overtide.serving.webhooks.webhooks import Webhooks

LOG = logging.getLogger("overtide.webhooks")
"""Seconds between two looks; and after one that failed, as of a full disk."""
AT_ONCE = 8
"""Deliveries of one process at a time, of each webhook one: a slow receiver holds up no other."""
ENDING_SECONDS = 3.0
"""How long what is on its way may take at the end; it is sent again where it takes longer."""
GONE = 410
FIXED = {"Content-Type": "application/json", "User-Agent": "Overtide-Webhooks"}
Send = Callable[[str, bytes, Mapping[str, str], Destinations], int]


class Notifier:
    """Looks every half second; several on one project deliver each message once."""

    def __init__(self, webhooks: Webhooks, send: Send = posted) -> None:
        self._webhooks, self._send = webhooks, send
        self._busy: dict[str, threading.Thread] = {}

    def run(self, stop: threading.Event) -> None:
        """Look until stopped, whatever happens."""
        look_until(stop, self.look, LOG, "webhooks are looked after again later")
        for thread in self._busy.values():
            thread.join(ENDING_SECONDS / AT_ONCE)

    def look(self) -> None:
        """Put down what happened, and begin to deliver what is due."""
        self._webhooks.observe()
        self._busy = {name: one for name, one in self._busy.items() if one.is_alive()}
        while len(self._busy) < AT_ONCE:
            delivery = self._webhooks.claim(self._busy)
            if delivery is None:
                return
            thread = threading.Thread(
                target=self._deliver, args=(delivery,), daemon=True, name="webhook"
            )
            self._busy[delivery.webhook.id] = thread
            thread.start()

    def _deliver(self, delivery: Delivery) -> None:
        """Make one attempt and note what became of it; where that fails it is due again."""
        try:
            self._attempt(delivery)
        except Exception as error:
            LOG.error("a delivery to webhook %s", delivery.webhook.id, exc_info=error)

    def _attempt(self, delivery: Delivery) -> None:
        webhook, body = delivery.webhook, delivery.body.encode()
        seconds = self._webhooks.clock() // SECOND
        signed = signed_headers(webhook.secret, delivery.message_id, seconds, body)
        try:
            status = self._send(webhook.url, body, FIXED | signed, self._webhooks.destinations)
        except DeliveryError as error:
            self._webhooks.failed(delivery, str(error))
            return
        if status == GONE:
            self._webhooks.gone(delivery)
        elif 200 <= status < 300:
            self._webhooks.delivered(delivery)
        else:
            self._webhooks.failed(delivery, f"the receiver answered {status}")
