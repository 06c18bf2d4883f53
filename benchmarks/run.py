"""Measure speed and size and append the table to RESULTS.md.

`python -m benchmarks.run [--people N] [--sections …]`.
"""

import argparse
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from benchmarks import (
    beside,
    commands,
    contoso,
    latency,
    live,
    log,
    pages,
    reading,
    refreshes,
    service,
    ticks,
)
from benchmarks.make_customers import make
from benchmarks.measure import Row, compile_sources, table
from overtide.transforms.digests import is_fast

RESULTS = Path(__file__).parent / "RESULTS.md"
ROWS_PER_PERSON = 6.02


@dataclass(frozen=True)
class Setting:
    """Where a section works, for how many people, and the generated files it may use."""

    folder: Path
    people: int
    profiles: int
    contoso: tuple[int, ...]

    def files(self, people: int, kind: str) -> Path:
        """Return the folder of generated files for so many people, made if it is missing."""
        folder = self.folder / f"files-{people}-{kind}"
        if not folder.exists():
            make(people, folder, 1, kind)
        return folder


SECTIONS: dict[str, Callable[[Setting], list[Row]]] = {
    "contoso": lambda setting: contoso.measure(
        setting.folder / "contoso", setting.contoso, setting.files
    ),
    "refresh": lambda setting: refreshes.measure(
        setting.folder / "refresh", setting.people, setting.files
    ),
    "rules": lambda setting: refreshes.measure_rules(
        setting.folder / "rules", setting.people // 10, setting.files
    ),
    "reading": lambda setting: reading.measure(setting.folder / "refresh" / "project-csv"),
    "live": lambda setting: live.measure(setting.folder / "live", setting.profiles, setting.files),
    "log": lambda setting: log.measure(setting.folder / "log"),
    "latency": lambda setting: latency.measure(setting.folder / "live" / "project"),
    "beside": lambda setting: beside.measure(setting.folder / "live" / "project"),
    "ticks": lambda setting: ticks.measure(
        setting.folder / "live" / "project", setting.folder / "ticks"
    ),
    "service": lambda setting: service.measure(setting.folder / "live" / "project"),
    "pages": lambda setting: pages.measure(setting.folder / "live" / "project"),
    "commands": lambda setting: commands.measure(setting.folder / "live" / "project"),
}
NEEDS = {
    "reading": "refresh",
    "latency": "live",
    "beside": "live",
    "ticks": "live",
    "service": "live",
    "pages": "live",
    "commands": "live",
}
"""Sections that use the project of another one, which must run with them."""


def machine() -> str:
    """Return what is measured on: cores, memory, and the versions that matter."""
    memory = psutil.virtual_memory().total / 2**30
    fast = f", DataFusion {version('datafusion')}" if is_fast() else ""
    return (
        f"{psutil.cpu_count()} cores, {memory:.0f} GiB of memory, Python {sys.version.split()[0]}, "
        f"DuckDB {version('duckdb')}, Beam {version('apache-beam')}{fast}"
    )


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--people",
        type=int,
        default=1_661_130,
        metavar="N",
        help="people of the refresh; about six source rows each (default: 10M source rows)",
    )
    parser.add_argument(
        "--profiles", type=int, default=1_000_000, metavar="N", help="profiles of the live views"
    )
    parser.add_argument(
        "--contoso",
        type=int,
        nargs="+",
        metavar="N",
        help="people of the refreshes with the example's rules (default: 1.2M, 3M and 10M rows, up "
        "to --people)",
    )
    parser.add_argument(
        "--sections",
        nargs="+",
        choices=SECTIONS,
        default=list(SECTIONS),
        metavar="NAME",
        help=f"what to measure, in this order: {', '.join(SECTIONS)}",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="work here and keep everything (default: a "
        "temporary folder, about 15 GB for 10M source rows)",
    )
    return parser.parse_args()


def sizes(people: int) -> list[int]:
    """Return the sizes that have bars, up to so many people, or that size alone."""
    return [size for size in contoso.IN_ALL if size <= people] or [people]


def wanted(names: list[str]) -> list[str]:
    """Return the sections to run in order, those that others need among them."""
    needed = set(names) | {NEEDS[name] for name in names if name in NEEDS}
    return [name for name in SECTIONS if name in needed]


def command_of(arguments: list[str], folder: Path | None) -> str:
    """Return the command that measures this, without the folder of one machine."""
    where = {"--folder", str(folder), f"--folder={folder}"} if folder else set()
    given = [one for one in arguments if one not in where]
    return shlex.join(["python", "-m", "benchmarks.run", *given])


def record(rows: list[Row], people: int, seconds: float, command: str) -> None:
    """Append the table to the results, with the command, the data's size and the machine."""
    size = f"{people:,} people, {people * ROWS_PER_PERSON:,.0f} source rows"
    head = (
        f"## {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, overtide {version('overtide')}\n\n"
        f"`{command}`: {size}; {machine()}; took {seconds / 60:.0f} min.\n"
    )
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(f"\n{head}\n{table(rows)}\n")


def main() -> None:
    """Run the sections, print each table as soon as it is there, and record all."""
    asked = arguments()
    compile_sources()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="overtide-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    people = tuple(asked.contoso or sizes(asked.people))
    setting = Setting(folder, asked.people, asked.profiles, people)
    rows: list[Row] = []
    began = time.perf_counter()
    try:
        for name in wanted(asked.sections):
            shutil.rmtree(folder / name, ignore_errors=True)
            measured = SECTIONS[name](setting)
            print(f"\n{name}\n{table(measured)}", flush=True)
            rows += measured
    finally:
        if rows:
            took = time.perf_counter() - began
            record(rows, asked.people, took, command_of(sys.argv[1:], asked.folder))
        if asked.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
