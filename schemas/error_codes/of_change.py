"""The error codes of updates, withdrawals and activities."""

from overtide.schemas.error_codes.explained import BOTH, LISTED, USAGE, Explained

CODES = {
    "activity_conflict": Explained(
        "change",
        "The same activity was posted before with another content.",
        "Activities never change: post another one with an identity of its own.",
        (409,),
    ),
    "batch_refused": Explained(
        "change",
        "The row was in order, but another row of the same all-or-none request was refused.",
        "Correct that row, or send the rows without `--atomic`.",
    ),
    "empty_input": Explained(
        "change",
        "The file or standard input holds nothing to post.",
        "Give JSON or JSON lines; an empty list, `[]`, posts nothing and is no mistake.",
        exit_codes=USAGE,
    ),
    "empty_update": Explained(
        "change", "The update names no field.", "Name at least one.", exit_codes=USAGE
    ),
    "ends_before_start": Explained(
        "change",
        "The event would end at or before its event time.",
        "Choose an end after the event time.",
    ),
    "entity_not_unified": Explained(
        "change",
        "The entity is not unified, so its records make up no customers.",
        "Name the customer by a record of a unified entity, or by a CustomerId.",
        (404,),
    ),
    "event_time_in_future": Explained(
        "change",
        "The event time lies more than five minutes in the future.",
        "Correct the sender's clock.",
    ),
    "expired": Explained(
        "change", "The event would end at or before its acceptance.", "Choose an end in the future."
    ),
    "field_not_updatable": Explained(
        "change",
        "CustomerId, PreviousCustomerId and alternate keys identify the customer, and clusters are "
        "told by rules.",
        "Leave the field out of the update.",
    ),
    "idempotency_conflict": Explained(
        "change",
        "The idempotency key was used before for another request of the same caller.",
        "Use a new key for a new request.",
        (409,),
    ),
    "invalid_duration": Explained(
        "change",
        "A duration is not written as days, hours, minutes and seconds.",
        "Write `30d`, `4h`, `90m`, `45s` or `1h30m`; in `real_time`, at most 30 days.",
        exit_codes=BOTH,
    ),
    "invalid_fields": Explained(
        "change",
        "Several fields were refused; `details` has one error for each.",
        "Correct them all.",
    ),
    "invalid_instant": Explained(
        "change",
        (
            "An instant is not RFC 3339 with an offset; in SQL: an argument of a macro is null or "
            "no instant."
        ),
        "Write `2026-11-24T10:00:00Z` or `2026-11-24T11:00:00+01:00`.",
        exit_codes=BOTH,
    ),
    "invalid_json": Explained(
        "change",
        "The text is no JSON object, has a key twice, or holds NaN or Infinity.",
        "Send one JSON object per record.",
    ),
    "invalid_parameter": Explained(
        "change",
        "A parameter is empty, too long, of another type, or does not belong to this request.",
        "Give what the message names, or leave it out.",
        exit_codes=USAGE,
    ),
    "invalid_target": Explained(
        "change",
        "The customer is named in no way or in two, or the key is not `ENTITY=KEY`.",
        "Give a CustomerId, or a key such as `Shop_Contacts=4711`.",
        exit_codes=USAGE,
    ),
    "invalid_value": Explained(
        "change",
        "A value is not of its field's or its setting's type.",
        "Send or write one that is.",
        exit_codes=BOTH,
    ),
    "missing_field": Explained(
        "change", "A posted record lacks a field that it needs.", "Give the field a value."
    ),
    "no_activity_configuration": Explained(
        "change",
        "The entity is not set up as an activity, so its records cannot be posted.",
        "Add it to `activities` and refresh, or post to an entity that the message names.",
    ),
    "record_left_out": Explained(
        "change",
        "The `filter` of the entity leaves a posted record out, as it would a row of a file.",
        "Send records that count, or change the filter and refresh.",
    ),
    "too_far": Explained(
        "change",
        "The event would end more than 30 days (and five minutes) after its acceptance.",
        "End it within 30 days and send it again then.",
    ),
    "too_large": Explained(
        "change", "The document of one event is larger than 1 MiB.", "Send less at once.", (413,)
    ),
    "undecodable": Explained(
        "change",
        "In `realtime_quarantine`: the event's body does not say what its kind must say.",
        "The stream has set it aside and goes on; look at `Reason`.",
        *LISTED,
    ),
    "unknown_entity": Explained(
        "change",
        "There is no entity of this name.",
        "Write its full name, `{DataSource}_{Entity}`; it counts once a refresh has read it.",
        (404,),
    ),
    "unknown_field": Explained(
        "change",
        "The profile or the entity has no field of this name.",
        "Correct the name, or leave it out.",
    ),
}
