"""Webhooks: who is told when a refresh was published or failed."""

import secrets
from collections.abc import Callable
from functools import partial
from urllib.parse import quote

from overtide.schemas.errors import UsageError
from overtide.serving.access.roles import Role
from overtide.serving.operations.contract import INSTANCE, Body, Call, Operation, Parameter, Reply
from overtide.serving.operations.members import members, parsed, text_of
from overtide.serving.webhooks.destinations import LONGEST
from overtide.serving.webhooks.events import Event
from overtide.serving.webhooks.signatures import checked_secret, secret_of
from overtide.serving.wire.refusals import Errors

ROOT = "/instances/{instanceId}/webhooks"
WEBHOOK = Parameter("webhookId", "Id of the webhook.", "path")
RECEIVER = "https://flows.example.com/hooks/7"
BYTES = 32
"""Bytes of a secret that is made here."""


def webhooks(call: Call) -> Reply:
    """Return all webhooks, without their secrets."""
    return Reply(200, [one.as_json() for one in call.service.webhooks.all()])


def subscribe(call: Call) -> Reply:
    """Make a webhook of the event that the body names."""
    document = members(parsed(call.body), {"url", "event", "secret"})
    name = text_of(document.get("event"), "event")
    if name not in list(Event):
        raise UsageError(
            "invalid_parameter",
            f"{name!r} is no event.",
            "event",
            f"There are {', '.join(Event)}.",
        )
    return _subscribed(call, Event(name), document.get("url"), document.get("secret"))


def subscribe_to(event: Event, call: Call) -> Reply:
    """Make a webhook of an event, which the path names."""
    document = members(parsed(call.body), {"url", "secret"})
    return _subscribed(call, event, document.get("url"), document.get("secret"))


def _subscribed(call: Call, event: Event, url: object, secret: object) -> Reply:
    """Make a webhook; the answer says where it is ended, and shows its secret this once."""
    given = None if secret is None else checked_secret(text_of(secret, "secret"))
    made = call.service.webhooks.subscribe(
        event,
        text_of(url, "url", LONGEST),
        given or secret_of(secrets.token_bytes(BYTES)),
        call.principal.name,
    )
    path = f"/v1{ROOT}/{quote(made.id)}".replace("{instanceId}", call.service.instance_id)
    shown = made.as_json()
    document = shown | ({} if given else {"secret": made.secret})
    return Reply(201, document, {"Location": call.root + path}, changed=(None, shown))


def unsubscribe(call: Call) -> Reply:
    """End a webhook."""
    ended = call.service.webhooks.unsubscribe(call.path["webhookId"])
    return Reply(204, changed=(ended.as_json(), None))


def _subscribing(
    name: str, path: str, text: str, run: Callable[[Call], Reply], example: dict[str, str]
) -> Operation:
    return Operation(
        name,
        "POST",
        f"{ROOT}{path}",
        Role.ADMIN,
        "Create a webhook",
        text,
        run,
        {201: "The webhook, with its secret where none was sent; `Location` ends it."},
        (INSTANCE,),
        Body("Where to send, and the secret to sign with, if not one that is made.", example),
        Errors.MANAGEMENT,
        blocks=True,
        statuses=(409,),
    )


OPERATIONS = (
    Operation(
        "Get-webhooks",
        "GET",
        ROOT,
        Role.ADMIN,
        "List the webhooks",
        "Lists the webhooks and whether they work, without their secrets.",
        webhooks,
        {200: "All of them."},
        (INSTANCE,),
        errors=Errors.MANAGEMENT,
        blocks=True,
    ),
    _subscribing(
        "Create-a-webhook",
        "",
        f"Sends a signed message to an address at every event: {', '.join(Event)}.",
        subscribe,
        {"url": RECEIVER, "event": Event.REFRESH_FINISHED.value},
    ),
    *(
        _subscribing(
            f"Create-a-webhook-of-{event.value}",
            f"/{event.value}",
            f"Sends a signed message to an address at every {event.value}.",
            partial(subscribe_to, event),
            {"url": RECEIVER},
        )
        for event in Event
    ),
    Operation(
        "Delete-a-webhook",
        "DELETE",
        f"{ROOT}/{{webhookId}}",
        Role.ADMIN,
        "Delete a webhook",
        "Ends a webhook, with what still waits for it.",
        unsubscribe,
        {204: "It is no more."},
        (INSTANCE, WEBHOOK),
        errors=Errors.MANAGEMENT,
        blocks=True,
        statuses=(404,),
    ),
)
