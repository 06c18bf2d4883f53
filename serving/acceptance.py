"""Accept real-time changes: checks, defaults and answers of semantics 2 and 3.

Then the event log makes them durable.

A request that the log has answered before is answered the same again, whatever the base has become
in between.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

from overtide.eventlog.contract import Decision, RequestIndex, WritableLog
from overtide.eventlog.decisions import batch_refused
from overtide.lake.generation import Generation
from overtide.schemas.errors import InvalidRequestError, OvertideError, UsageError
from overtide.schemas.events import (
    UNIFIED_ACTIVITY,
    Draft,
    Event,
    Outcome,
    UpdateBody,
    WithdrawalBody,
    hash_of,
)
from overtide.schemas.instants import format_instant
from overtide.schemas.strict_json import checked_object
from overtide.schemas.values import written
from overtide.serving.fields import (
    Target,
    checked_fields,
    checked_target,
    published,
    updatable_type,
)
from overtide.serving.records import Checked, RecordCheck, checked_unified
from overtide.serving.terms import NO_TERMS, Period, Terms, check_labels, period

__all__ = ["Acceptance", "Answer", "Prepared", "Target", "Terms", "answer_document"]

STATUS = {Outcome.CHANGED: 204, Outcome.CREATED: 201, Outcome.HELD: 202}
"""The HTTP status of each outcome."""
Check = Callable[[Mapping[str, Any]], Checked]


class Answer(NamedTuple):
    """What became of one request: its `event`, or an OvertideError as its `refusal`.

    `repeated`: the event was accepted before, for the same request. `status` is the HTTP status of
    the acceptance (204 a profile, 201 an activity, 202 one that is held), so a repeated request
    gets that of the first.
    """

    event: Event | None = None
    refusal: OvertideError | None = None
    repeated: bool = False
    status: int = STATUS[Outcome.CREATED]

    @classmethod
    def of(cls, decision: Decision) -> "Answer":
        """Return what a client hears of a decision of the log."""
        return cls(decision.event, decision.refusal, decision.repeated, STATUS[decision.outcome])


Prepared = Draft | Answer
"""A change that passed its checks and is to be appended, or what is answered without that."""


class AcceptingLog(WritableLog, RequestIndex, Protocol):
    """What an acceptance needs of the event log."""


class Acceptance:
    """Checks requests against the published generation and appends them to the log.

    `current` gives the generation that is published now, None before the first publish.
    """

    def __init__(self, log: AcceptingLog, current: Callable[[], Generation | None]) -> None:
        self._log, self._current = log, current
        self._checks: tuple[Generation | None, dict[str, Check]] = (None, {})

    def update(self, target: Target, fields: object, terms: Terms = NO_TERMS) -> Answer:
        """Override fields of a profile for a while and return the answer with its event.

        Raise the refusal.
        """
        return self._appended(self.prepared_update(target, fields, terms))

    def prepared_update(self, target: Target, fields: object, terms: Terms) -> Prepared:
        """Return what `update` would append, or the answer to a repeated request."""
        changes = checked_object(fields)
        asked = _asked("update", target, terms, {"fields": changes})
        return self._repeated(asked) or self._update(asked, target, changes, terms)

    def withdraw(self, target: Target, field: str | None = None, terms: Terms = NO_TERMS) -> Answer:
        """End the updates of one field (None: of all) that begin no later than this event.

        Raise the refusal.
        """
        return self._appended(self.prepared_withdrawal(target, field, terms))

    def prepared_withdrawal(self, target: Target, field: str | None, terms: Terms) -> Prepared:
        """Return what `withdraw` would append, or the answer to a repeated request."""
        asked = _asked("withdrawal", target, terms, {"field": field})
        return self._repeated(asked) or self._withdrawal(asked, target, field, terms)

    def post(
        self, entity: str, records: Sequence[object], terms: Terms = NO_TERMS, atomic: bool = False
    ) -> list[Answer]:
        """Add activities: source records of `entity`, or UnifiedActivity records.

        One answer per record, in order.

        A record may be an `OvertideError` already (a line that could not be read). `atomic`: all or
        none. Raises what concerns the request as a whole: nothing published, an unknown entity,
        wrong terms.
        """
        check_labels(terms)
        if terms.idempotency_key is not None:
            if len(records) != 1:
                raise UsageError(
                    "invalid_parameter",
                    "An idempotency key names one record only.",
                    "idempotencyKey",
                    "Leave it out: an activity with an identity is never added twice.",
                )
            known = self._answered(entity, records[0], terms)
            if known is not None:
                return [known]
        return self.append(self._activities(entity, records, terms), atomic)

    def prepared_activities(
        self, entity: str, records: Sequence[object], terms: Terms
    ) -> list[Prepared]:
        """Return what `post` would append for records without idempotency keys, or their answers.

        Raise as `post` does.
        """
        check_labels(terms)
        return self._activities(entity, records, terms)

    def prepared_activity(self, entity: str, record: object, terms: Terms) -> Prepared:
        """Return what `post` would append for one record, or its answer."""
        check_labels(terms)
        known = None if terms.idempotency_key is None else self._answered(entity, record, terms)
        if known is not None:
            return known
        (row,) = self._activities(entity, [record], terms)
        return row

    def _activities(self, entity: str, records: Sequence[object], terms: Terms) -> list[Prepared]:
        """Return the draft of each record, or its refusal."""
        generation = published(self._current())
        check = self._check_of(generation, entity)
        times = period(terms, generation.metadata.real_time.activity_ttl)
        if len(records) > 1 and isinstance(check, RecordCheck):
            check = partial(check, known=check.customers_of(records))
        return [self._activity(entity, record, check, terms, times) for record in records]

    def _check_of(self, generation: Generation, entity: str) -> Check:
        """Return the check of an entity's records, which is made once for a generation.

        Raise when it takes no activities.
        """
        of, checks = self._checks
        if of is not generation:
            of, checks = self._checks = generation, {}
        if entity not in checks:
            checks[entity] = (
                partial(checked_unified, generation)
                if entity == UNIFIED_ACTIVITY
                else RecordCheck(generation, entity)
            )
        return checks[entity]

    def _update(
        self, asked: Draft, target: Target, changes: Mapping[str, Any], terms: Terms
    ) -> Draft:
        generation = published(self._current())
        times = period(terms, generation.metadata.real_time.update_ttl)
        found = checked_target(generation, target)
        body = UpdateBody(checked_fields(generation, changes)).text()
        return _for_target(asked, found, body, times)

    def _withdrawal(self, asked: Draft, target: Target, field: str | None, terms: Terms) -> Draft:
        generation = published(self._current())
        if terms.valid_until is not None:
            raise UsageError(
                "invalid_parameter", "A withdrawal does not end.", "validUntil", "Leave it out."
            )
        times = period(terms, generation.metadata.real_time.update_ttl)
        found = checked_target(generation, target)
        if field is not None:
            updatable_type(generation, field)
        lasting = Period(None, None, times.event_time)
        return _for_target(asked, found, WithdrawalBody(field).text(), lasting)

    def _answered(self, entity: str, record: object, terms: Terms) -> Answer | None:
        """Return the first answer to a record's idempotency key, or its conflict.

        None for a new one.
        """
        try:
            sent = checked_object(record)
        except InvalidRequestError:
            return None
        known = self._log.decided_before(
            Draft(
                "activity",
                None,
                None,
                None,
                "",
                caller=terms.caller,
                idempotency_key=terms.idempotency_key,
                request_hash=_request_hash(terms, {"entity": entity, "record": sent}),
            )
        )
        return None if known is None else Answer.of(known)

    def _activity(
        self, entity: str, record: object, check: Check, terms: Terms, times: Period
    ) -> Draft | Answer:
        """Return the draft of one record, or its refusal."""
        if isinstance(record, OvertideError):
            return Answer(refusal=record)
        try:
            sent = checked_object(record)
            checked = check(sent)
        except InvalidRequestError as refusal:
            return Answer(refusal=refusal)
        request_hash = None
        if terms.idempotency_key is not None:
            request_hash = _request_hash(terms, {"entity": entity, "record": sent})
        draft = _activity_draft(checked, terms, request_hash, times)
        if checked.unknown is not None and self._log.decided_before(draft) is None:
            return Answer(refusal=checked.unknown)
        return draft

    def append(self, rows: Sequence[Prepared], atomic: bool = False) -> list[Answer]:
        """Append what passed its checks, and return the answer to each row.

        `atomic`: all or none.
        """
        drafts = [row for row in rows if isinstance(row, Draft)]
        if atomic and len(drafts) < len(rows):
            return [
                Answer(refusal=batch_refused()) if isinstance(row, Draft) else row for row in rows
            ]
        answers = map(Answer.of, self._log.append(drafts, atomic))
        return [next(answers) if isinstance(row, Draft) else row for row in rows]

    def _repeated(self, asked: Draft) -> Answer | None:
        known = self._log.decided_before(asked)
        return None if known is None else _raised(Answer.of(known))

    def _appended(self, prepared: Prepared) -> Answer:
        if isinstance(prepared, Answer):
            return prepared
        return _raised(Answer.of(self._log.append([prepared])[0]))


def _asked(kind: Any, target: Target, terms: Terms, document: Mapping[str, Any]) -> Draft:  # noqa: ANN401
    """Return the draft of a request before its checks.

    Enough to find out whether it was answered before.
    """
    check_labels(terms)
    sent = {"kind": kind, "target": target.document(), **document}
    return Draft(
        kind,
        target.customer_id,
        target.entity,
        target.key,
        "",
        caller=terms.caller,
        idempotency_key=terms.idempotency_key,
        request_hash=_request_hash(terms, sent),
        outcome=Outcome.CHANGED,
    )


def _request_hash(terms: Terms, sent: Mapping[str, Any]) -> str | None:
    """Return the hash of a request as sent, before defaults.

    None where no idempotency key will ask for it.
    """
    return None if terms.idempotency_key is None else hash_of(written({**terms.document(), **sent}))


def _activity_draft(
    checked: Checked, terms: Terms, request_hash: str | None, times: Period
) -> Draft:
    return Draft(
        "activity",
        checked.customer_id,
        checked.entity,
        checked.key,
        checked.body,
        times.event_time,
        times.valid_until,
        times.ttl,
        terms.caller,
        terms.idempotency_key,
        request_hash,
        checked.body_hash,
        checked.activity_id,
        checked.outcome,
    )


def _for_target(asked: Draft, target: Target, body: str, times: Period) -> Draft:
    """Return the draft of a request after its checks: for a customer that is there."""
    return Draft(
        asked.kind,
        target.customer_id,
        target.entity,
        target.key,
        body,
        times.event_time,
        times.valid_until,
        times.ttl,
        asked.caller,
        asked.idempotency_key,
        asked.request_hash,
        outcome=asked.outcome,
    )


def _raised(answer: Answer) -> Answer:
    if answer.refusal is not None:
        raise answer.refusal
    return answer


def answer_document(answer: Answer, index: int | None = None) -> dict[str, object]:
    """Return an answer as a JSON document, with its place in the request.

    The place is given where the request had several records.
    """
    document: dict[str, object] = {} if index is None else {"index": index}
    if answer.refusal is not None:
        return document | {"status": answer.refusal.status, "error": answer.refusal.as_json()}
    document["status"], document["repeated"] = answer.status, answer.repeated
    if answer.event is not None:
        _tell_event(document, answer.event)
    return document


def _tell_event(document: dict[str, object], event: Event) -> None:
    accepted = format_instant(event.accepted_at)
    document["eventId"], document["position"] = event.event_id, event.position
    document["acceptedAt"] = document["validFrom"] = accepted
    if event.valid_from != event.accepted_at:
        document["validFrom"] = format_instant(event.valid_from)
    if event.valid_until is not None:
        document["validUntil"] = format_instant(event.valid_until)
    if event.activity_id is not None:
        document["activityId"] = event.activity_id
