"""`python -m tests.service_strength [NAME …]`: how a real service bears what is hard to bear.

Each part serves a project of its own, puts it under a strain, and fails where an acknowledged
change is lost, a request hangs, or an answer is not the one that docs/api.md names. Its figures are
a table for benchmarks/RESULTS.md. It takes about a quarter of an hour.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from benchmarks.measure import HEADER, Row
from overtide.project import Project
from tests import shop, strength_crowds, strength_ends, strength_starts
from tests.command_line import call

PARTS: dict[str, Callable[[Path, list[str]], list[Row]]] = {
    "connections": strength_crowds.connections,
    "slow": strength_crowds.slow_clients,
    "bodies": strength_crowds.endless_bodies,
    "overload": strength_crowds.overload,
    "disk": strength_crowds.full_disk,
    "starts": strength_starts.starts,
    "stop": strength_ends.stops,
    "batches": strength_ends.stops_amid_batches,
    "kill": strength_ends.kills,
    "publish": strength_ends.publish,
    "pairs": strength_ends.pairs,
}


def main() -> int:
    """Run the parts that are named, by default all; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.service_strength", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="NAME", help=", ".join(PARTS))
    parser.add_argument("--people", type=int, default=2000, help="customers of the project")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="strength-") as folder:
        template, ids = made(Path(folder) / "template", arguments.people)
        for name in arguments.parts or PARTS:
            began = time.monotonic()
            rows += _told(name, Path(folder) / name, template, ids)
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    _print_table(rows)
    return int(any("MISSED" in row.bar for row in rows))


def _told(name: str, folder: Path, template: Path, ids: list[str]) -> list[Row]:
    folder.mkdir()
    return PARTS[name](shutil.copytree(template, folder / "shop"), ids)


def made(folder: Path, people: int) -> tuple[Path, list[str]]:
    """Make a project and publish it; return it with the ids of its customers."""
    folder.mkdir()
    (folder / "overtide.yaml").write_text(yaml.safe_dump(shop.configuration()))
    contacts = [
        (shop.CONTACTS, str(one), {"EMail": f"p{one}@x", "FullName": f"Ann {one}", "Points": 0})
        for one in range(1, people + 1)
    ]
    shop.write_sources(folder, shop.sources(*contacts))
    assert call("-q", "-C", folder, "refresh").code == 0
    with Project(folder) as project:
        found = project.sql("SELECT CustomerId FROM Customer WHERE EMail IS NOT NULL ORDER BY 1")
        return folder, found["CustomerId"].to_pylist()


def _print_table(rows: list[Row]) -> None:
    cells = [[HEADER[0], HEADER[1], HEADER[4]]]
    cells += [[one.cells()[place] for place in (0, 1, 4)] for one in rows]
    widths = [max(len(one[place]) for one in cells) for place in range(3)]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(one, widths, strict=True)) + " |"
        for one in cells
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f}")
    print("\n".join([lines[0], rule, *lines[1:]]))


if __name__ == "__main__":
    sys.exit(main())
