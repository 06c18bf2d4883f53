"""The values of posted source records: read, or made by expressions, as a refresh does of rows."""

from collections.abc import Iterable, Mapping
from typing import Any

from overtide.schemas.errors import InvalidRequestError, InvalidValueError, OvertideError
from overtide.schemas.inputs import FILTER
from overtide.schemas.serving_metadata import ServedEntity
from overtide.schemas.source_paths import value_at
from overtide.schemas.values import Value
from overtide.serving.record_readers import Read, reader_of

TEXT = "text"


class SourceRecords:
    """Reads source records of one entity; made for a request and used for all of its records."""

    def __init__(self, entity: ServedEntity) -> None:
        self._entity, self._inputs = entity, entity.inputs
        self._expressions = entity.expressions
        self._readers: dict[tuple[str, str], Read] = {
            (name, TEXT): reader_of(attribute, entity.time_zone)
            for name, attribute in entity.attributes.items()
        }
        self.columns = tuple(dict.fromkeys(one.column for one in self._inputs.values()))
        self._plain = [
            (name, one.column, self._readers[name, TEXT])
            for name, one in self._inputs.items()
            if not self._expressions and len(one.path) == 1
        ]
        """The attributes, where each is what stands in a column of its own."""

    def sent(self, records: Iterable[Mapping[str, Any]], name: str) -> list[object]:
        """Return what each record says of an attribute, nothing of one that an expression makes."""
        if name not in self._inputs:
            return []
        path = self._inputs[name].path
        if len(path) == 1:
            return [one.get(str(path[0])) for one in records]
        return [value_at(one, path) for one in records]

    def __call__(self, record: Mapping[str, Any]) -> tuple[dict[str, Value], list[OvertideError]]:
        """Return the canonical values of the attributes that could be read, and what could not.

        Raise `record_left_out` for a record that the entity's filter leaves out.
        """
        values: dict[str, Value] = dict.fromkeys(self._entity.attributes)
        errors: list[OvertideError] = []
        if len(self._plain) == len(values):
            for name, column, read in self._plain:
                value = record.get(column)
                if value is not None:
                    try:
                        values[name] = read(value)
                    except InvalidRequestError as error:
                        errors.append(error.about(name))
            return values, errors
        sent = {name: value_at(record, one.path) for name, one in self._inputs.items()}
        kinds: Mapping[str, str] = {}
        if self._expressions:
            sent, kinds, errors = self._made(sent)
        for name in values:
            value = sent.get(name)
            if value is None:
                continue
            read = self._reader(name, kinds.get(name, TEXT))
            try:
                values[name] = read(value)
            except InvalidRequestError as error:
                errors.append(error.about(name))
        return values, errors

    def _made(
        self, sent: dict[str, Any]
    ) -> tuple[dict[str, Any], Mapping[str, str], list[OvertideError]]:
        from overtide.transforms.derived import made_values  # it computes by DuckDB

        zone = self._entity.time_zone
        made, kinds, wrong = made_values(self._inputs, self._expressions, sent, zone)
        if FILTER in self._expressions and FILTER not in wrong and made[FILTER] != "true":
            raise _left_out()
        errors: list[OvertideError] = [_about(name, error) for name, error in wrong.items()]
        return {**made, **dict.fromkeys(wrong)}, kinds, errors

    def _reader(self, name: str, kind: str) -> Read:
        if (name, kind) not in self._readers:
            attribute = self._entity.attributes[name]
            self._readers[name, kind] = reader_of(attribute, self._entity.time_zone, kind)
        return self._readers[name, kind]


def _about(name: str, error: InvalidValueError) -> OvertideError:
    return error if name == FILTER else error.about(name)


def _left_out() -> OvertideError:
    return InvalidRequestError(
        "record_left_out",
        "The entity's filter leaves this record out.",
        None,
        "Send records that count, or change `filter` of the entity.",
    )
