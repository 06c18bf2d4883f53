"""A serving generation: one run's profiles and keys in an unchanging SQLite file.

The run is one that was published.

It is complete on disk before its run is published, so readers open it immutable, without locks.
"""

import json
import sqlite3
import threading
import weakref
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from overtide.schemas.errors import (
    CorruptGenerationError,
    GenerationError,
    OvertideError,
)
from overtide.schemas.serving_metadata import ServingMetadata, decoded, encoded
from overtide.schemas.signatures import Signature, signature
from overtide.schemas.table import ProfileField
from overtide.schemas.types import type_of

Json = Any
"""A value that came out of `json.loads`."""
TIMELINES = "timelines"
"""The key under which a generation names the activities of its run, which lie beside it."""
OVER = "over"
"""The key under which a generation names the one that it lies over."""
PLAIN = ("instance", TIMELINES, OVER)
"""The keys of the metadata that are kept as they are, and not as JSON."""

TOP, BENEATH = "main", "beneath"
"""The schemas of a generation's file, and of that of the generation that it lies over."""
OF_KEY = "entity = ?1 AND key = ?2"

DDL = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE profile (customer_id TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID",
    (
        "CREATE TABLE record (entity TEXT, key TEXT, customer_id TEXT NOT NULL, PRIMARY KEY "
        "(entity, key)) WITHOUT ROWID"
    ),
    "CREATE TABLE alias (previous_id TEXT PRIMARY KEY, customer_id TEXT NOT NULL) WITHOUT ROWID",
    (
        "CREATE TABLE related (entity TEXT, key TEXT, customer_id TEXT NOT NULL, PRIMARY KEY "
        "(entity, key)) WITHOUT ROWID"
    ),
)
"""meta: the documents of `ServingMetadata` as JSON text. profile.document: `{"values": [canonical
value]}` of the columns of Customer behind CustomerId in their order, which the metadata names; each
of these only where there are any: `"losers": [[entity, key]]`, `"previous": [ids]`, of records that
are gone `"vanished": [[entity, key]]`, and where activities find it by other values `"related":
[[what they are of, value]]`. The records that won are the keys among the values. Earlier versions
wrote `"fields": {column: canonical value}` and `"records": [[entity, key, is_winner 0/1]]` instead
(docs/decisions/short-documents.md). record: every unified source record, losers too, and those that
are gone. alias: ids merged away, transitively. related: the values of all customers; generations of
earlier versions lack it.

A generation may lie over another one, the rows of which are right but for the keys that it has
itself; of what is gone there is an empty text (docs/decisions/generations-over-others.md)."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One unified customer as published.

    All columns of Customer but CustomerId and FirstRun, and its records.
    """

    customer_id: str
    fields: dict[str, Json]
    records: tuple[tuple[str, str, bool], ...] = ()
    previous: tuple[str, ...] = ()
    vanished: tuple[tuple[str, str], ...] = ()
    """Keys of records that are gone and whose id leads here."""
    related: tuple[tuple[str, str], ...] = ()
    """Other values by which activities lead here."""


class _Connection(sqlite3.Connection):
    """A connection that can be referred to weakly.

    That of a thread goes with it, or when the generation is closed.
    """


class Generation:
    """Reads one generation; usable from every thread.

    A look-up takes microseconds and never waits.
    """

    def __init__(self, path: Path, run: int | None = None) -> None:
        """Open the generation at a path, for the run that names it, or the one that made it."""
        self.path, self._run = path, run
        self._local = threading.local()
        self._opened: weakref.WeakSet[_Connection] = weakref.WeakSet()
        self._opening = threading.Lock()
        if not path.exists():
            raise missing(path, "missing")

    def resolve_id(self, customer_id: str) -> str | None:
        """Return the id of the profile that a current or previous id leads to, or None."""
        if self._is_current(customer_id):
            return customer_id
        found = self._value("customer_id", "alias", "previous_id = ?1", customer_id)
        return found if found is not None and self._is_current(found) else None

    def _is_current(self, customer_id: str) -> bool:
        there = f"{self._newest('document', 'profile', 'customer_id = ?1')} != ''"
        return bool(self._rows(f"SELECT 1 WHERE {there}", customer_id))

    def resolve_record(self, entity: str, key: str) -> str | None:
        """Return the id of the profile that a source record belongs to, or None."""
        return self._value("customer_id", "record", OF_KEY, entity, key)

    def resolve_activity(self, entity: str, key: str) -> str | None:
        """Return the id of the profile that an activity of a target belongs to, or None.

        The target is a source record, or another value by which activities find customers.
        """
        if self._is_related(entity):
            found = self._value("customer_id", "related", OF_KEY, entity, key)
            if found is not None:
                return found
        return self.resolve_record(entity, key)

    def targets_among(self, entity: str, keys: Collection[str]) -> set[str]:
        """Return which of these targets of activities a profile has: many at once."""
        table = "related" if self._is_related(entity) else "record"
        leads = self._newest("customer_id", table, "entity = ?1 AND key = k.value")
        # One row, so that the interpreter is left and taken up once, and not for each key.
        found = f"SELECT json_group_array(k.value) FROM json_each(?2) k WHERE {leads} != ''"
        row = self._one(found, entity, json.dumps(list(keys)))
        return set(json.loads(row[0])) if row else set()

    def _is_related(self, entity: str) -> bool:
        """Say whether values are no keys of records: what they are of is called like no entity."""
        return "." in entity and self._knows_related

    @cached_property
    def _knows_related(self) -> bool:
        first = self._layers[-1]  # of an earlier version, however new what lies over it is
        return bool(self._rows(f"SELECT 1 FROM {first}.sqlite_master WHERE name = 'related'"))

    def any_customer(self) -> str | None:
        """Return the id of a customer, to show how one is named; None where there is none."""
        return self._any("customer_id", "profile", "document", ("customer_id",), "TRUE")

    def any_key(self, entity: str) -> str | None:
        """Return a target of activities of what is called so, as `any_customer`."""
        table = "related" if self._is_related(entity) else "record"
        return self._any("key", table, "customer_id", ("entity", "key"), "entity = ?1", entity)

    def _any(
        self, column: str, table: str, told: str, key: tuple[str, ...], where: str, *values: str
    ) -> str | None:
        """Return a value of a row that is there, of this generation or of the one beneath."""
        newer = " AND ".join(f"newer.{one} = row.{one}" for one in key)
        for layer in self._layers:
            found = f"SELECT {column} FROM {layer}.{table} AS row WHERE {where} AND {told} != ''"
            if layer != TOP:
                found += f" AND NOT EXISTS (SELECT 1 FROM {TOP}.{table} AS newer WHERE {newer})"
            row = self._one(f"{found} LIMIT 1", *values)
            if row is not None:
                return str(row[0])
        return None

    def key_text(self, entity: str, key: str) -> str:
        """Return a primary key as records keep it.

        The canonical text by its type (`007` is `7` for an integer).
        """
        declared = self.metadata.entities.get(entity)
        if declared is None or declared.primary_key not in declared.attributes:
            return key
        attribute = declared.attributes[declared.primary_key]
        return type_of(attribute.type).key_text(attribute.reading, declared.time_zone, key)

    def profile(self, customer_id: str) -> Profile | None:
        """Return the profile of a current id, or None.

        A previous id goes through `resolve_id` first.
        """
        told = self._value("document", "profile", "customer_id = ?1", customer_id)
        if told is None:
            return None
        try:
            document = json.loads(told)
            fields, records = self._fields_and_records(document)
            return Profile(
                customer_id,
                fields,
                records,
                tuple(document.get("previous", ())),
                tuple((entity, key) for entity, key in document.get("vanished", ())),
                tuple((entity, key) for entity, key in document.get("related", ())),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise self._corrupt(f"what it says of {customer_id} is no profile") from None

    def _fields_and_records(
        self, document: dict[str, Json]
    ) -> tuple[dict[str, Json], tuple[tuple[str, str, bool], ...]]:
        """Return the columns of a profile, and its records, those that won first."""
        if "fields" in document:
            told = document["records"]
            return document["fields"], tuple((one, key, bool(won)) for one, key, won in told)
        names, keys = self._columns
        fields = dict(zip(names, document["values"], strict=True))
        winners = ((entity, fields[column], True) for column, entity in keys)
        losers = ((entity, key, False) for entity, key in document.get("losers", ()))
        return fields, (*(one for one in winners if one[1] is not None), *losers)

    @cached_property
    def _columns(self) -> tuple[list[str], list[tuple[str, str]]]:
        """The columns whose values documents have, and those of keys, with their entities."""
        names = [name for name in self.profile_fields if name != "CustomerId"]
        entities = {
            f"{name}_{entity.primary_key}": name
            for name, entity in self.metadata.entities.items()
            if entity.unified
        }
        return names, [(name, entities[name]) for name in names if name in entities]

    @cached_property
    def metadata(self) -> ServingMetadata:
        """What is known beside customers.

        Raise `generation_corrupt` where the generation lacks it.
        """
        try:
            return decoded(self._documents())
        except ValueError as error:
            raise self._corrupt(str(error)) from None

    @cached_property
    def timelines(self) -> str | None:
        """The name of the activities of the run, None of a run that an earlier version made."""
        return self._named(TIMELINES)

    @cached_property
    def over(self) -> str | None:
        """The name of the generation that this one lies over; None where it is whole by itself."""
        return self._named(OVER)

    def _named(self, key: str) -> str | None:
        """Return a name that the file itself has, whatever lies beneath it."""
        try:
            with closing(_opened(self.path)) as connection:
                found = connection.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchone()
        except sqlite3.DatabaseError as error:
            raise self._corrupt(str(error)) from None
        return None if found is None else str(found[0])

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """Its file, and that of the generation beneath it."""
        beneath = () if self.over is None else (self.path.with_name(f"{self.over}.sqlite"),)
        return self.path, *beneath

    @cached_property
    def seen(self) -> tuple[Signature, ...]:
        """The signatures of its files when they were asked first."""
        return tuple(map(signature, self.files))

    @property
    def run(self) -> int:
        """The run whose base this is: that of runs behind which nothing changed is their own."""
        return self.metadata.run if self._run is None else self._run

    @cached_property
    def profile_fields(self) -> dict[str, ProfileField]:
        """The columns of Customer by name, in order, CustomerId first."""
        return {field.name: field for field in self.metadata.profile}

    @cached_property
    def hidden_activities(self) -> frozenset[str]:
        """The entities whose activities timelines do not show."""
        activities = self.metadata.activities.items()
        return frozenset(name for name, one in activities if not one.show_in_timeline)

    def close(self) -> None:
        """Close the files of all threads; a later read opens them anew."""
        with self._opening:
            self._local = threading.local()
            for connection in self._opened:
                connection.close()

    def _documents(self) -> dict[str, Json]:
        """Return the documents of the metadata; raise ValueError where one is none."""
        rows = self._rows("SELECT key, value FROM meta")
        return {key: text if key in PLAIN else json.loads(text) for key, text in rows}

    @cached_property
    def _layers(self) -> tuple[str, ...]:
        """The schemas of its files, the newest first."""
        return (TOP,) if self.over is None else (TOP, BENEATH)

    def _newest(self, column: str, table: str, where: str) -> str:
        """Return the SQL of what the newest row says: empty of one that is gone, NULL of none."""
        found = (f"(SELECT {column} FROM {layer}.{table} WHERE {where})" for layer in self._layers)
        return f"coalesce({', '.join(found)}, NULL)"

    def _value(self, column: str, table: str, where: str, *parameters: str) -> str | None:
        row = self._one(f"SELECT {self._newest(column, table, where)}", *parameters)
        return row[0] or None if row else None

    def _one(self, statement: str, *parameters: str) -> tuple[Any, ...] | None:
        rows = self._rows(statement, *parameters)
        return rows[0] if rows else None

    def _rows(self, statement: str, *parameters: str) -> list[tuple[Any, ...]]:
        try:
            return self._connection().execute(statement, parameters).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._corrupt(str(error)) from None

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        return self._connect() if connection is None else connection

    def _connect(self) -> sqlite3.Connection:
        """Open this thread's connection; any thread may close it."""
        beneath = self.files[1:]
        for path in beneath:
            if not path.exists():
                raise missing(path, "missing")
        with self._opening:
            connection = _opened(self.path)
            self._opened.add(connection)
            self._local.connection = connection
        for path in beneath:
            connection.execute(f"ATTACH ? AS {BENEATH}", [_place(path)])
        connection.execute("PRAGMA mmap_size = 1073741824")
        return connection

    def _corrupt(self, reason: str) -> OvertideError:
        return corrupt(self.path, reason)


def _opened(path: Path) -> _Connection:
    return sqlite3.connect(_place(path), uri=True, check_same_thread=False, factory=_Connection)


def _place(path: Path) -> str:
    return f"file:{quote(str(path))}?mode=ro&immutable=1"


def missing(path: Path, what: str) -> OvertideError:
    """Return the error of a generation that is not there, or cannot be used: `what` says which."""
    return GenerationError(
        "generation_missing",
        f"The serving generation {path.name} is {what}.",
        str(path),
        "Run `overtide refresh` to build it again.",
    )


def corrupt(path: Path, reason: str) -> OvertideError:
    """Return the error of a generation that is not what was built."""
    return CorruptGenerationError(
        "generation_corrupt",
        f"The serving generation {path.name} cannot be read: {reason}.",
        str(path),
        "Run `overtide refresh` to build a new one.",
    )


def meta_rows(
    metadata: ServingMetadata, timelines: str | None, over: str | None = None
) -> list[tuple[str, str]]:
    """Return the rows of the table `meta`: JSON, but for plain names."""
    names = {TIMELINES: timelines, OVER: over}
    named = {key: name for key, name in names.items() if name is not None}
    return [
        (key, str(value) if key in PLAIN else json.dumps(value, ensure_ascii=False))
        for key, value in sorted({**encoded(metadata), **named}.items())
    ]
