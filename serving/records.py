"""Check posted activities and map them to unified activities.

They come in source format or as UnifiedActivity.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from overtide.lake.generation import Generation
from overtide.schemas.activities import COLUMNS, UnifiedActivities, range_index
from overtide.schemas.errors import InvalidRequestError, InvalidValueError, OvertideError
from overtide.schemas.events import (
    UNIFIED_ACTIVITY,
    ActivityBody,
    Outcome,
    activity_id,
    hash_of,
    hash_of_text,
)
from overtide.schemas.flat_objects import FlatObject
from overtide.schemas.normalizations import words_are_sorted
from overtide.schemas.serving_metadata import ServedActivity, ServedEntity
from overtide.schemas.strict_json import parse_json
from overtide.schemas.suggestions import did_you_mean
from overtide.schemas.types import type_of
from overtide.schemas.values import BLANKS, Value, canonical, checked_text, text_of
from overtide.serving.fields import combined, no_customer, unknown_entity
from overtide.serving.source_records import SourceRecords

NONE: Mapping[str, bool] = {}
CREATED, HELD = Outcome.CREATED, Outcome.HELD
"""By the name of their class they take six times as long, each time."""


class Checked(NamedTuple):
    """A posted record that is in order: its unified activity, its target, and its identity.

    `unknown` is the refusal due when the base does not know its customer, unless the log has
    answered it before.
    """

    body: str
    body_hash: str
    activity_id: str | None
    customer_id: str | None = None
    entity: str | None = None
    key: str | None = None
    outcome: Outcome = CREATED
    unknown: OvertideError | None = None


def activity_of(generation: Generation, name: str) -> ServedActivity:
    """Return an entity's activity configuration.

    Raise `unknown_entity` or `no_activity_configuration`.
    """
    activities = generation.metadata.activities
    if name not in generation.metadata.entities and name not in activities:
        raise unknown_entity(name, [*activities, UNIFIED_ACTIVITY])
    if name not in activities:
        raise InvalidRequestError(
            "no_activity_configuration",
            f"{name} is not set up as an activity.",
            name,
            "Add it to `activities` of overtide.yaml and run `overtide refresh`; known are "
            f"{', '.join([*activities, UNIFIED_ACTIVITY])}.",
        )
    return activities[name]


def looked_up(entity: ServedEntity, activity: ServedActivity) -> Callable[[str], str]:
    """Return what makes of a foreign key's text what is looked up, as a refresh does.

    It is empty where nothing is left of it.
    """
    if activity.normalize is None:
        return str
    from overtide.transforms.normalize import How, normal  # it loads the lists of words

    steps = tuple(activity.normalize)
    country = entity.attributes[activity.foreign_key].country
    return partial(normal, how=How(steps, words_are_sorted(steps), country))


class RecordCheck:
    """Checks source records of one entity, which is an activity, against a generation.

    Made for a request and used for all of its records. Raises as `activity_of`.
    """

    def __init__(self, generation: Generation, name: str) -> None:
        self._generation, self._name = generation, name
        self._activity = activity_of(generation, name)
        self._entity = entity = generation.metadata.entities[name]
        self._read = SourceRecords(entity)
        activity = self._activity
        needed = (entity.primary_key, activity.timestamp, activity.foreign_key)
        self._needed = tuple(dict.fromkeys(needed))
        self._foreign_key = activity.foreign_key
        self._looked_up = looked_up(entity, activity)
        self._known = frozenset(self._read.columns)
        self._unified = UnifiedActivities(name, entity, activity)
        # Written just as `canonical` writes the whole: logs remember hashes of it.
        self._record = FlatObject(sorted(entity.attributes))
        self._hashed = f'{{"entity":{canonical(name)},"record":'

    def customers_of(self, records: Iterable[object]) -> Mapping[str, bool]:
        """Return what many records look up, and whether a profile has each, at once.

        Keys that are not texts are left out.
        """
        sent = self._read.sent([one for one in records if isinstance(one, dict)], self._foreign_key)
        keys = {one for one in sent if isinstance(one, str) and checked_text(one)}
        texts = set(map(self._looked_up, keys))
        known = self._generation.targets_among(self._activity.to, texts)
        return {one: one in known for one in texts}

    def __call__(self, record: Mapping[str, Any], known: Mapping[str, bool] = NONE) -> Checked:
        """Check a record and map it; raise all that is wrong with it.

        `known` is what `customers_of` said. Codes: `unknown_field`, `invalid_value`,
        `missing_field`; `invalid_fields` for several.
        """
        values, to = self._typed(record), self._activity.to
        key = self._looked_up(str(text_of(values[self._foreign_key])))
        if not key:
            raise _missing(self._name, self._foreign_key)
        is_known = known.get(key)
        if is_known is None:
            is_known = self._generation.resolve_activity(to, key) is not None
        identity, body = self._unified(values)
        return Checked(
            body,
            hash_of_text(self._hashed + self._record(values) + "}"),
            identity,
            None,
            to,
            key,
            CREATED if is_known else HELD,
        )

    def _typed(self, record: Mapping[str, Any]) -> dict[str, Value]:
        """Return the canonical value of each attribute, null where the record lacks it."""
        values, errors = self._read(record)
        if not record.keys() <= self._known:
            known = self._read.columns
            errors[:0] = [_unknown(self._name, one, known) for one in record if one not in known]
        for column in self._needed:
            if not _says_something(values[column]):
                errors += self._missing(values, errors)
                break
        if errors:
            raise combined(errors)
        return values

    def _missing(
        self, values: Mapping[str, Value], errors: Sequence[OvertideError]
    ) -> list[OvertideError]:
        """Return the errors of what a record must have, where it is not wrong anyway."""
        lacking = [column for column in self._needed if not _says_something(values[column])]
        wrong = {error.target for error in errors} if lacking else ()
        return [_missing(self._name, column) for column in lacking if column not in wrong]


def checked_unified(generation: Generation, record: Mapping[str, Any]) -> Checked:
    """Check a UnifiedActivity record.

    Raise all that is wrong with it, with the codes of `RecordCheck`.
    """
    columns = ("CustomerId", *COLUMNS)
    errors = [
        _unknown(UNIFIED_ACTIVITY, column, columns) for column in record if column not in columns
    ]
    values: dict[str, Value] = {}
    for column in columns:
        try:
            values[column] = _unified_value(column, record.get(column))
        except InvalidRequestError as error:
            errors.append(error.about(column))
    wrong = {error.target for error in errors}
    errors += [
        _missing(UNIFIED_ACTIVITY, column)
        for column in ("CustomerId", "ActivityType", "ActivityTime")
        if column not in wrong and not values.get(column)
    ]
    if errors:
        raise combined(errors)
    return _unified(generation, values)


def _unified_value(column: str, value: Any) -> Value:  # noqa: ANN401 - whatever JSON holds
    if column == "ActivityTime":
        return type_of("datetime").from_json(value)
    if column == "SemanticData":
        return _semantic(value)
    return type_of("string").from_json(value)


def _semantic(value: object) -> str | None:
    """Return SemanticData, an object or the JSON text of one, as canonical JSON text."""
    document = parse_json(value) if isinstance(value, str) else value
    if document is None:
        return None
    if not isinstance(document, dict):
        raise InvalidValueError(
            "invalid_value",
            "SemanticData is not a JSON object, nor the text of one.",
            "SemanticData",
            'Send an object such as {"Rating": 5}.',
        )
    try:
        return canonical(document)
    except ValueError:
        raise InvalidValueError(
            "invalid_value",
            "SemanticData holds a number that is too large.",
            "SemanticData",
            "Send it as a text.",
        ) from None


def _unified(generation: Generation, values: dict[str, Value]) -> Checked:
    customer_id = str(values.pop("CustomerId"))
    time = str(values["ActivityTime"])
    values["RangeIndex"] = range_index(time)
    values["ActivityTypeDisplay"] = values["ActivityTypeDisplay"] or values["ActivityType"]
    values["ActivityId"] = identity = _identity(values)
    unknown = None
    if generation.resolve_id(customer_id) is None:
        unknown = InvalidRequestError(
            "customer_not_found",
            no_customer(customer_id),
            "CustomerId",
            "Post the source record instead if its customer is still to come.",
        )
    return Checked(
        ActivityBody(values).text(),
        hash_of({"customerId": customer_id, "record": values}),
        identity,
        customer_id,
        unknown=unknown,
    )


def _identity(values: Mapping[str, Value]) -> str | None:
    """Return the ActivityId of a record, None where the event will name it.

    Raise when its parts contradict.
    """
    source, key, given = (
        values["SourceEntityName"],
        values["SourceActivityId"],
        values["ActivityId"],
    )
    if key and not source:
        raise _missing(UNIFIED_ACTIVITY, "SourceEntityName")
    named = activity_id(str(source), str(key)) if source and key else None
    if given and named and given != named:
        raise InvalidValueError(
            "invalid_value",
            f"The ActivityId of {source} {key} is {named}, not {given}.",
            "ActivityId",
            "Leave ActivityId out, or leave out SourceEntityName and SourceActivityId.",
        )
    return named or (str(given) if given else None)


def _unknown(entity: str, column: str, known: Mapping[str, Any] | tuple[str, ...]) -> OvertideError:
    return InvalidRequestError(
        "unknown_field", f"{entity} has no field {column!r}.", column, did_you_mean(column, known)
    )


def _says_something(value: Value) -> bool:
    """Say whether a value is there and is not of blanks alone."""
    # A text that begins with a visible letter of ASCII is looked at no further.
    if type(value) is str and "!" <= value < "\x7f":
        return True
    return bool((text_of(value) or "").strip(BLANKS))


def _missing(entity: str, column: str) -> OvertideError:
    return InvalidRequestError(
        "missing_field", f"A record of {entity} needs {column}.", column, "Give it a value."
    )
