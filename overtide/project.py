"""A project as Python sees it.

Cards, timelines, SQL, changes, refresh and stream, on one folder.
"""

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from overtide.arguments import (
    expect_bool,
    expect_callable,
    expect_event,
    expect_mapping,
    expect_path,
    expect_text,
    expect_values,
)
from overtide.clock import clock_behind, system_clock
from overtide.eventlog.sqlite import SqliteEventLog
from overtide.lake.cards_and_timelines import Card, Timeline
from overtide.lake.standing import last_taken
from overtide.schemas.errors import CorruptError, OvertideError, UnavailableError, UsageError
from overtide.schemas.events import id_source
from overtide.schemas.instants import Clock
from overtide.schemas.paths import Paths
from overtide.schemas.progress import Report, silent
from overtide.schemas.random_bits import RandomBits
from overtide.serving.acceptance import Acceptance, Answer, Terms
from overtide.serving.reader import Reader
from overtide.settings import read_paths
from overtide.targets import End, Key, When, end_text, given_instant, instant_text, target_of

if TYPE_CHECKING:
    import pyarrow as pa

    from overtide.pipelines.realtime import Progress, Watch
    from overtide.pipelines.refresh import Refreshed
    from overtide.schemas.mistakes import Mistake
    from overtide.serving.access.database import AccessDatabase
    from overtide.serving.service import Service
    from overtide.serving.windows import Windows

EMBEDDED = "embedded"


class Project:
    """One project folder, opened by `overtide.open`.

    Cards, timelines, SQL, changes, refresh and stream.

    Cheap to make, usable from every thread, and best kept open: it notices by itself when another
    process publishes or accepts something. `close` it, or use it as a context manager. A customer
    is named by `customer_id` (current or previous) or by `key`, a source record: `("Shop_Contacts",
    "4711")` or `"Shop_Contacts=4711"`. An instant is an aware datetime, RFC 3339 text with an
    offset, or microseconds since 1970 UTC. Refusals are raised as `OvertideError`.
    """

    def __init__(
        self,
        folder: Path | str,
        clock: Clock = system_clock,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        expect_path(folder, "path")
        self.folder = Path(folder).resolve()
        self.clock = clock
        self.environ = os.environ if environ is None else environ

    @cached_property
    def paths(self) -> Paths:
        """Where the project's parts are."""
        return read_paths(self.folder, self.environ)

    @cached_property
    def log(self) -> SqliteEventLog:
        """The event log."""
        return SqliteEventLog(
            self.paths.log,
            self.clock,
            id_source(RandomBits()),
            lambda: last_taken(self.paths),
        )

    @cached_property
    def reader(self) -> Reader:
        """Answers cards and timelines."""
        return Reader(self.paths, self.log, self.clock)

    @cached_property
    def acceptance(self) -> Acceptance:
        """Accepts changes."""
        return Acceptance(self.log, self.reader.current)

    @cached_property
    def access(self) -> "AccessDatabase":
        """Who may use the HTTP service, and the keys for it."""
        from overtide.serving.access.database import AccessDatabase

        return AccessDatabase(self.paths.access)

    def service(self, local: bool = False, attempts: "Windows | None" = None) -> "Service":
        """Return what the operations of the HTTP service may use of the project.

        `local`: it listens on this machine alone. `attempts` count who tries tokens that are none,
        maybe together with other processes. Raises `invalid_configuration`.
        """
        from overtide.service import service_of

        return service_of(self, local, attempts)

    def get(
        self,
        customer_id: str | None = None,
        *,
        key: Key | None = None,
        as_of: When = None,
        known_at: When = None,
        base: bool = False,
    ) -> Card:
        """Return a customer's card.

        It shows what was true at the instant `as_of`, using only what was known at `known_at`; both
        default to now. With `base` real-time changes are left out. Raises `customer_not_found`,
        `unknown_entity`, `nothing_published`, `before_first_publish`, `before_history`.
        """
        expect_bool(base, "base")
        return self.reader.get(
            target_of(customer_id, key),
            given_instant(as_of, "asOf"),
            given_instant(known_at, "knownAt"),
            base,
        )

    def timeline(
        self,
        customer_id: str | None = None,
        *,
        key: Key | None = None,
        as_of: When = None,
        known_at: When = None,
        base: bool = False,
    ) -> Timeline:
        """Return a customer's activities, newest first; parameters and refusals as in `get`."""
        expect_bool(base, "base")
        return self.reader.timeline(
            target_of(customer_id, key),
            given_instant(as_of, "asOf"),
            given_instant(known_at, "knownAt"),
            base,
        )

    def sql(
        self, query: str, parameters: Sequence[object] = (), *, memory_limit: str | None = None
    ) -> "pa.Table":
        """Run a read-only query over the lake, and return its result as an Arrow table.

        The result is that of the query's last statement.

        `parameters` stand for its `?`. It takes as much memory as `memory_limit` says, such as
        `4GB` (default: half of the machine's), and goes on in the system's folder of temporary
        files. Each call opens a DuckDB of its own, which takes half a second: for many queries
        attach the lake to a connection of yours. Raises `invalid_sql`, `sql_not_read_only`,
        `out_of_memory`, `before_history`, `invalid_instant`, `invalid_parameter`, `sql_failed`,
        `lake_unreadable`, `nothing_published`.
        """
        from overtide.lake.session import arrow_rows, interruptibly, run_query, session

        expect_text(query, "query")
        expect_values(parameters, "parameters")
        if memory_limit is not None:
            expect_text(memory_limit, "memory_limit")
        self.expect_same_log()
        with session(self.paths, memory_limit) as connection:
            return interruptibly(
                connection,
                lambda: run_query(connection, query, arrow_rows, parameters, paths=self.paths),
            )

    def attach_statements(self) -> list[str]:
        """Return the SQL statements that attach the lake to a DuckDB of yours.

        The lake is attached read-only and as `lake`.

        It must be of the version that is installed with Overtide. Raises `nothing_published`.
        """
        from overtide.lake.catalog import attach_statements
        from overtide.lake.publish import expect_lake

        expect_lake(self.paths)
        self.expect_same_log()
        return [
            "SET TimeZone = 'UTC'",
            *attach_statements(self.paths.catalog, self.paths.storage, read_only=True),
        ]

    def expect_same_log(self) -> None:
        """Raise `log_replaced` where the event log is not the one that belongs to the lake.

        For what reads the lake alone: that goes on where the log may not be read, or is damaged.
        """
        with suppress(CorruptError, UnavailableError):
            self.reader.now()

    def update(
        self,
        customer_id: str | None = None,
        fields: Mapping[str, Any] | None = None,
        *,
        key: Key | None = None,
        valid_until: End = None,
        event_time: When = None,
        caller: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Override fields of a profile for a while, and return the answer once that is durable.

        `fields` maps names to values of their types, None for null; decimals and instants are text.
        `valid_until` is an instant or a duration such as `4h` (default: the project's
        `real_time.update_ttl`), `event_time` the instant when it took effect (default: now). The
        same `idempotency_key` of the same `caller` is accepted once. Raises `customer_not_found`,
        `unknown_field`, `invalid_value` and the others of docs/errors.md.
        """
        terms = Terms(
            end_text(valid_until), instant_text(event_time, "eventTime"), caller, idempotency_key
        )
        fields = {} if fields is None else fields
        expect_mapping(fields, "fields")
        named = {str(name): value for name, value in fields.items()}
        return self.acceptance.update(target_of(customer_id, key), named, terms)

    def withdraw(
        self,
        customer_id: str | None = None,
        field: str | None = None,
        *,
        key: Key | None = None,
        event_time: When = None,
        caller: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """End early the updates of one field, or of all, that began by now or `event_time`.

        It is an event too: what was shown before it stays to be asked for. Other parameters as in
        `update`.
        """
        terms = Terms(None, instant_text(event_time, "eventTime"), caller, idempotency_key)
        if field is not None:
            expect_text(field, "field")
        return self.acceptance.withdraw(target_of(customer_id, key), field, terms)

    def post(
        self,
        entity: str,
        records: Iterable[object],
        *,
        atomic: bool = False,
        valid_until: End = None,
        event_time: When = None,
        caller: str | None = None,
        idempotency_key: str | None = None,
    ) -> list[Answer]:
        """Add activities and return one answer per record, in order.

        `entity` is the full name of an activity's entity, whose records have its attributes with
        values as in its files, or `UnifiedActivity`. A refused record has a `refusal` in its answer
        and does not hinder the others, unless `atomic`. Other parameters as in `update`. Raises
        what concerns the whole request: `unknown_entity`, `no_activity_configuration`,
        `nothing_published`.
        """
        terms = Terms(
            end_text(valid_until), instant_text(event_time, "eventTime"), caller, idempotency_key
        )
        expect_text(entity, "entity")
        expect_bool(atomic, "atomic")
        if isinstance(records, str | bytes | Mapping) or not isinstance(records, Iterable):
            raise UsageError(
                "invalid_parameter",
                "A list of records is expected.",
                "records",
                "Put one into a list.",
            )
        return self.acceptance.post(entity, list(records), terms, atomic)

    def status(self) -> dict[str, Any]:
        """Return what is published, who holds which lock, and where log and stream are.

        It also says what is live or held.

        The document is that of `overtide status --json` (docs/cli.md).
        """
        from overtide.serving.status import project_status

        return project_status(self.folder, self.paths, self.log, self.reader, self.clock_behind())

    def clock_behind(self) -> OvertideError | None:
        """Return `clock_behind` where this machine's clock is more than a second behind.

        It is compared with the last event or publish.

        None otherwise. Reads and changes go on all the same.
        """
        last = self.reader.now().as_of
        return clock_behind(self.clock(), last)

    def refresh(
        self,
        runner: str | Path = EMBEDDED,
        report: Report = silent,
        *,
        allow_shrink: bool = False,
        full: bool = False,
    ) -> "Refreshed":
        """Read the sources, unify them and publish the result; return its `publish` and `manifest`.

        The old base stays when anything is wrong. `runner` is a name or a file (docs/runners.md);
        `report` is called with the progress; `allow_shrink` passes sources that lost most of their
        rows. What has not changed since the run in force is not computed again, unless `full` says
        so. Raises `locked` while another refresh runs, `invalid_configuration`, and what is wrong
        with the sources.
        """
        from overtide.refreshing import refreshed

        expect_path(runner, "runner")
        expect_callable(report, "report")
        expect_bool(allow_shrink, "allow_shrink")
        expect_bool(full, "full")
        return refreshed(self, runner, report, allow_shrink, full=full)

    def stream(
        self,
        until_caught_up: bool = True,
        stop: threading.Event | None = None,
        watch: "Watch" = lambda _progress: None,
        accept_log: bool = False,
    ) -> "Progress":
        """Carry accepted events into the lake, where SQL sees them.

        Return how far it is and what was carried.

        Ends at the log's present end, or with `until_caught_up=False` when `stop` is set. `watch`
        is called after each tick. With `accept_log` the lake begins anew with the event log that is
        there, where that is not the one it has events from. Raises `locked` while another stream
        runs, and `log_replaced`.
        """
        from overtide import runner_configs
        from overtide.pipelines.realtime import stream
        from overtide.pipelines.runners import options_of, runner_of

        expect_bool(until_caught_up, "until_caught_up")
        expect_bool(accept_log, "accept_log")
        expect_callable(watch, "watch")
        expect_event(stop, "stop")
        config = runner_configs.load(EMBEDDED)
        return stream(
            self.paths,
            self.log,
            self.clock,
            runner_of(config),
            options_of(config),
            until_caught_up,
            stop=stop,
            watch=watch,
            accept_log=accept_log,
        )

    def validate(self) -> "list[Mistake]":
        """Check `overtide.yaml`, also against the files' real columns.

        Return every mistake and note (`severity`).
        """
        from overtide.checks import check_project

        return check_project(self.folder, self.environ, self.clock())

    def close(self) -> None:
        """Release the files; a project that was never used opened none."""
        for name in ("reader", "log"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()
        self.__dict__.pop("acceptance", None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
