"""How far the stages of a refresh are: lines in a file that the process that runs it follows."""

import json
import time
from collections.abc import Mapping
from pathlib import Path


def begun(scratch: Path, stage: str) -> float:
    """Tell the process that runs the refresh that a part of a stage begins.

    Return when, for `report`.
    """
    started = time.perf_counter()
    report(scratch, stage, 0, started)
    return started


def report(
    scratch: Path, stage: str, rows: int, started: float, ahead: Mapping[str, int] | None = None
) -> None:
    """Tell how far a stage is: one line in a file that the process that runs the refresh follows.

    `ahead` says how many more rows there are now for stages to come.
    """
    line = json.dumps(
        {
            "stage": stage,
            "rows": rows,
            "seconds": round(time.perf_counter() - started, 3),
            "ahead": dict(ahead or {}),
        }
    )
    with (scratch / "progress.jsonl").open("a") as file:
        file.write(line + "\n")
