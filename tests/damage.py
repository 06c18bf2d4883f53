"""`python -m tests.damage`.

Change every byte of a log, of its journal and of what lies beside it, and ask it again.

Whatever is changed, an answer is right or a refusal that names the log; a changed event is never
shown as truth, and none disappears. `make test` changes some of the bytes.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random

from overtide.eventlog.sqlite import SqliteEventLog
from overtide.schemas.errors import OvertideError
from overtide.schemas.events import DAMAGED, Draft, Event, Outcome, event_id
from overtide.schemas.instants import HOUR

NOW = 1_795_514_400_000_000
REFUSALS = ("log_corrupt", "log_replaced", "log_version", "log_busy")
IDS, RECORDS = (
    ("ab" * 16, "cd" * 16, "7"),
    (("Shop_Contacts", "1"), ("Shop_Contacts", "42"), ("Crm_é", "x y")),
)
KEYS, ACTIVITIES = ("k1", "k2", "k3"), ("a1", "a2", "a3")
CHANGES = (0xFF, 0x01, 0x20)
"""What is changed of a byte: all of it, its last bit, the case of a letter."""


def opened(path: Path) -> SqliteEventLog:
    """Open a log as a process does."""
    bits = count()
    return SqliteEventLog(path, lambda: NOW, lambda accepted_at: event_id(accepted_at, next(bits)))


def drafts() -> list[Draft]:
    """Return requests of every kind.

    By id and by record, with keys and identities, and repeated ones.
    """
    updates = [
        Draft(
            "update",
            one,
            None,
            None,
            f'{{"fields":{{"Name":"of {one}"}}}}',
            ttl=HOUR,
            caller="crm",
            idempotency_key=key,
            request_hash=f"h{key}",
            outcome=Outcome.CHANGED,
        )
        for one, key in zip(IDS, KEYS, strict=True)
    ]
    ended = [
        Draft("withdrawal", None, *record, '{"field":null}', outcome=Outcome.CHANGED)
        for record in RECORDS
    ]
    activities = [
        Draft(
            "activity", None, *record, '{"Title":"Hello"}', ttl=HOUR, activity_id=one, body_hash="b"
        )
        for one, record in zip(ACTIVITIES, RECORDS, strict=True)
    ]
    again = Draft(
        "activity",
        None,
        *RECORDS[0],
        '{"Title":"Hello"}',
        ttl=HOUR,
        activity_id="a1",
        body_hash="b",
        caller="till",
        idempotency_key="r",
        request_hash="hr",
    )
    return [
        *updates,
        *ended,
        *activities,
        again,
        *(
            Draft("update", IDS[0], None, None, "{}", ttl=HOUR, outcome=Outcome.CHANGED)
            for _ in range(20)
        ),
    ]


@dataclass(frozen=True)
class Said:
    """Everything that a log answers."""

    end: object
    events: object
    found: tuple[object, ...]

    def differs(self, truth: "Said") -> str | None:
        """Return what is neither right nor refused; None where all is."""
        for name in ("end", "events"):
            mine, true = getattr(self, name), getattr(truth, name)
            if (
                mine != true
                and mine not in REFUSALS
                and not (name == "events" and _only_damaged(mine, true))
            ):
                return f"{name}: {mine}"
        wrong = [
            mine
            for mine, true in zip(self.found, truth.found, strict=True)
            if mine != true and mine not in REFUSALS
        ]
        return f"{wrong[0]}" if wrong else None


def _only_damaged(mine: object, true: object) -> bool:
    """Say whether all events are right but those that say themselves that they are not.

    One whose position was changed says so of where it stands now, which is no other's place.
    """
    if not (isinstance(mine, list) and isinstance(true, list) and len(mine) == len(true)):
        return False
    places = {event.position for event in true}
    return all(
        one == other
        or (one.kind == DAMAGED and (one.position == other.position or one.position not in places))
        for one, other in zip(mine, true, strict=True)
    )


def ask(path: Path) -> Said:
    """Ask a log everything, through the connections of a new process."""
    log = opened(path)
    try:
        asked = [lambda one=one: log.of_customer([one]) for one in IDS]
        asked += [lambda one=one: log.of_customer([], [one]) for one in RECORDS]
        asked += [lambda one=one: log.decided_before(one) for one in drafts()[:10]]
        return Said(
            _told(lambda: (log.end(), log.tail().accepted_at)),
            _told(lambda: log.read(0, 100)),
            tuple(_told(one) for one in asked),
        )
    finally:
        log.close()


def _told(question: object) -> object:
    try:
        found: list[Event] | object = question()  # type: ignore[operator]  # a question of any kind
    except OvertideError as refusal:
        return refusal.code
    return found


def make_log(folder: Path, journal: bool) -> tuple[Path, Said]:
    """Return a folder with a log, whose last events lie in its journal if so, and what it says."""
    made = folder / "made"
    log = opened(made / "events.sqlite")
    log.append(drafts()[:5])
    if journal:
        log.close()
        log = opened(made / "events.sqlite")
    log.append(drafts()[5:])
    place = folder / "whole"
    if not journal:
        log.close()
    shutil.copytree(made, place)
    (place / "events.sqlite-shm").unlink(missing_ok=True)
    if journal:
        log.close()
    return place, ask(place / "events.sqlite")


def changed(
    whole: Path, name: str, places: Sequence[int], change: int
) -> Iterator[tuple[int, Said]]:
    """Change a file byte by byte; return each byte's place with what the log says then."""
    content = (whole / name).read_bytes()
    for place in places:
        folder = Path(shutil.copytree(whole, whole.with_name("changed")))
        (folder / name).write_bytes(
            content[:place] + bytes([content[place] ^ change]) + content[place + 1 :]
        )
        yield place, ask(folder / "events.sqlite")
        shutil.rmtree(folder)


def faults(folder: Path, journal: bool, name: str, share: float, chance: Random) -> Iterator[str]:
    """Change a share of the bytes of a file, one at a time, and return what is answered wrongly."""
    whole, truth = make_log(folder, journal)
    size = (whole / name).stat().st_size
    for change in CHANGES:
        places = [place for place in range(size) if chance.random() < share]
        for place, said in changed(whole, name, places, change):
            wrong = said.differs(truth)
            if wrong is not None:
                yield f"{name}, byte {place} ^ {change:#x}: {wrong}"


FILES = (
    (False, "events.sqlite"),
    (True, "events.sqlite"),
    (True, "events.sqlite-wal"),
    (False, "events.sqlite.end"),
)
"""Whether the last events lie in the journal, and which file is changed."""


def main() -> int:
    """Change the bytes; 1 when anything is answered wrongly."""
    parser = argparse.ArgumentParser(prog="python -m tests.damage", description=__doc__)
    parser.add_argument(
        "--share", type=float, default=1.0, help="share of the bytes that are changed"
    )
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    wrong = 0
    for number, (journal, name) in enumerate(FILES):
        folder = Path(tempfile.mkdtemp(prefix="damage-"))
        for fault in faults(
            folder, journal, name, arguments.share, Random(arguments.seed + number)
        ):
            wrong += 1
            print(fault, flush=True)
        print(
            f"{name}{' with a journal' if journal else ''}: done, {wrong} wrong so far", flush=True
        )
        shutil.rmtree(folder)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
