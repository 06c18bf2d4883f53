"""Readers that go on asking while processes die around them.

They keep what they were told until the truth is known.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TypeVar

import duckdb

import overtide
from overtide.lake.catalog import connect
from overtide.lake.session import open_session
from overtide.project import Project
from overtide.schemas.errors import OvertideError
from overtide.schemas.paths import Paths
from tests.engine import Sql
from tests.oracle_base import Row, Target

LONGEST = 1.0
"""Seconds that a reader may take: upkeep in these stories keeps what is younger than two."""
PAUSES = {"python": 0.05, "sql": 0.25}
"""Seconds between two reads: a query takes more of the machine than a card."""
WHOLE = 0.2
"""Share of the snapshots that read the whole merged view."""
Found = TypeVar("Found")


@dataclass(frozen=True)
class Read:
    """A card or a timeline as Python gave it, with the instants and the run that it names."""

    target: Target
    as_of: int
    known_at: int
    run: int
    card: tuple[str, Row] | None
    timeline: list[Row] | None = None


@dataclass(frozen=True)
class Snapshot:
    """What SQL showed within one transaction, and its clock.

    How many, and in some of them also whom and what.
    """

    now: int
    run: int
    position: int
    updates: int
    profiles: int
    customers: dict[str, Row] | None
    activities: dict[str, tuple[str, Row]] | None


@dataclass
class Readers:
    """Two threads: one asks for cards and timelines, one asks SQL; `stop` ends them.

    `early`: nothing may be published yet when they begin.
    """

    folder: Path
    targets: list[Target]
    chance: Random
    early: bool
    reads: list[Read] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    slow: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def begin(self) -> None:
        """Begin to read."""
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._ask_python, self._ask_sql)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End both threads."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask_python(self) -> None:
        with overtide.open(self.folder) as project:
            while not self._over.wait(PAUSES["python"]):
                read = self._judged(lambda: self._read(project))
                self.reads += [read] if read else []

    def _read(self, project: Project) -> Read:
        target = self.chance.choice(self.targets)
        earlier = (
            self.chance.choice(self.reads).as_of
            if self.reads and self.chance.random() < 0.2
            else None
        )
        customer_id, key = (target, None) if isinstance(target, str) else (None, target)
        if self.chance.random() < 0.2:
            found = project.timeline(customer_id, key=key, as_of=earlier)
            return Read(
                target,
                found.as_of,
                found.known_at,
                found.run,
                None,
                [dict(entry.activity) for entry in found.entries],
            )
        card = project.get(customer_id, key=key, as_of=earlier)
        return Read(
            target,
            card.as_of,
            card.known_at,
            card.run,
            (card.customer_id, {name: view.value for name, view in card.fields.items()}),
        )

    def _ask_sql(self) -> None:
        """Ask through a connection that stays open for some reads.

        It is opened as an analyst or as a program does.
        """
        paths = Paths.of(self.folder)
        opened: list[Sql] = []

        def ask() -> Snapshot:
            if not opened:
                opened.append(Sql(self.chance.choice((open_session, connect))(paths)))
            return snapshot(opened[0], self.chance.random() < WHOLE)

        while not self._over.wait(PAUSES["sql"]):
            found = self._judged(ask)
            self.snapshots += [found] if found else []
            if opened and (not found or self.chance.random() < 0.1):
                opened.pop().connection.close()
        for sql in opened:
            sql.connection.close()

    def _judged(self, ask: Callable[[], Found]) -> Found | None:
        """Ask; an error is a fault, unless nothing was published yet.

        Who took longer than one may is not heard.
        """
        began, known = time.monotonic(), len(self.reads) + len(self.snapshots)
        fault, found = None, None
        try:
            found = ask()
        except Exception as error:  # noqa: BLE001 - whatever a reader may meet
            fault = (
                None
                if self.early and known == 0 and nothing_yet(error)
                else f"{type(error).__name__}: {error}"
            )
        if time.monotonic() - began > LONGEST:
            self.slow += 1
            return None
        self.faults += [fault] if fault else []
        return found


def nothing_yet(error: Exception) -> bool:
    """Say whether this is the answer before the first publish."""
    return isinstance(error, duckdb.CatalogException) or (
        isinstance(error, OvertideError) and error.code in ("nothing_published", "no_lake")
    )


def snapshot(sql: Sql, whole: bool) -> Snapshot:
    """Read what SQL shows in one transaction.

    A `max` may come from statistics that are newer than its rows.
    """
    execute = sql.connection.execute
    execute("BEGIN")
    try:
        row = execute("""
            SELECT epoch_us(now()), (SELECT "Run" FROM lake.runs ORDER BY "Run" DESC LIMIT 1),
                   (SELECT "Position" FROM lake.overlay_state),
                   (SELECT count(DISTINCT "Position") FROM lake.updates), (SELECT count(*)
                     FROM lake."Customer")
            """).fetchall()[0]
        return Snapshot(
            *row, *((sql.customers_now(), sql.activities_now()) if whole else (None, None))
        )
    finally:
        with contextlib.suppress(duckdb.Error):
            execute("COMMIT")
