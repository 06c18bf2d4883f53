"""`python -m tests.crash N`: let processes die N times, restart them, and compare with the oracle.

A story is made from its seed alone; the first 15 are those of `make test`. A story that fails is
told with the command that tells it again, and its folder is kept.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

from tests.crash_plan import plan
from tests.crash_story import Telling, Told, make_template


def main() -> int:
    """Tell stories until so many processes have died; 1 when one fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("crashes", type=int, nargs="?", default=200)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first story")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    started, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix="crash-"))
    template, total = make_template(folder), Told()
    for seed in count(arguments.seed):
        if total.crashes >= arguments.crashes:
            break
        told = tell(seed, folder, template)
        total = Told(
            total.crashes + told.crashes,
            total.reached | told.reached,
            total.reads + told.reads,
            total.slow + told.slow,
        )
        print(
            (
                f"{total.crashes} crashes clean, {time.monotonic() - started:.0f} s (seed {seed}: "
                f"{plan(seed)})"
            ),
            flush=True,
        )
    print(
        f"{total.crashes} crashes at {len(total.reached)} named steps and at random; {total.reads} "
        f"reads beside them, {total.slow} too slow to count"
    )
    shutil.rmtree(folder)
    return 0


def tell(seed: int, folder: Path, template: Path) -> Told:
    """Tell one story; its folder stays when it fails."""
    place = folder / f"story{seed}"
    place.mkdir()
    try:
        told = Telling(plan(seed), place, template).tell()
    except BaseException:
        print(
            f"\nFailed: python -m tests.crash 1 --seed {seed} ({plan(seed)}); its files: {place}",
            flush=True,
        )
        raise
    shutil.rmtree(place)
    return told


if __name__ == "__main__":
    sys.exit(main())
