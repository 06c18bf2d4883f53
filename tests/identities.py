"""`python -m tests.identities N`.

N generated sequences of mistakes put right, by the oracle and by the refresh's SQL.

Each sequence is made from its number alone. The oracle must restore what was as it was, and the
refresh must decide every step as the oracle does: thousands of sequences share a registry, each
with keys of its own.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from random import Random

from tests.oracle_identities import Identities
from tests.registries import Registries, expect_same, expected
from tests.sequences import Sequence, clusters_of, expect_rights, sequence

BATCH = 5_000
"""Sequences that share a registry."""


def main() -> int:
    """Run as many sequences as asked; the first that fails is shown."""
    parser = argparse.ArgumentParser(prog="python -m tests.identities", description=__doc__)
    parser.add_argument("sequences", type=int, nargs="?", default=2_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first sequence")
    parser.add_argument(
        "--oracle", action="store_true", help="the property alone, without the refresh's SQL"
    )
    arguments = parser.parse_args()
    started, end = time.monotonic(), arguments.first + arguments.sequences
    for first in range(arguments.first, end, BATCH):
        numbers = range(first, min(first + BATCH, end))
        refreshes = check(numbers, not arguments.oracle)
        print(
            f"{numbers.stop - arguments.first} sequences right, {time.monotonic() - started:.0f} s "
            f"(the last {len(numbers)}: {refreshes} refreshes)",
            flush=True,
        )
    return 0


def check(numbers: Iterable[int], engine: bool = True) -> int:
    """Expect the property of these sequences; count the steps.

    The refresh must decide each step as the oracle does.
    """
    told = {number: sequence(Random(number), f"{number:07d}") for number in numbers}
    found = {number: restored(number, one) for number, one in told.items()}
    if engine:
        folder = Path(tempfile.mkdtemp(prefix="identities-"))
        try:
            refresh_all(folder, told, found)
        finally:
            shutil.rmtree(folder)
    return sum(len(one.refreshes) for one in told.values())


def restored(number: int, one: Sequence) -> list[Identities]:
    """Return what the oracle decides of a sequence; all that was put right must be right."""
    try:
        return expect_rights(one)
    except AssertionError:
        print(
            f"\nFailed: python -m tests.identities 1 --first {number} --oracle\n{one}", flush=True
        )
        raise


def refresh_all(
    folder: Path, told: dict[int, Sequence], found: dict[int, list[Identities]]
) -> None:
    """Take every step of all sequences in one registry.

    The records of a sequence that has ended are gone.
    """
    registries = Registries(folder)
    for run in range(1, max(len(decided) for decided in found.values()) + 1):
        clusters = [
            cluster
            for one in told.values()
            for records in one.refreshes[run - 1 : run]
            for kind in clusters_of(records)
            for cluster in kind
        ]
        if clusters:
            rows = expected(
                (decided[run - 1] for decided in found.values() if len(decided) >= run), run
            )
            rows["IdentityAlias"] |= {
                alias
                for decided in found.values()
                if len(decided) < run
                for alias in decided[-1].registry.alias.items()
            }
            expect_same(registries.refresh(clusters, run), rows)


if __name__ == "__main__":
    sys.exit(main())
