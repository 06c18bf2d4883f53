"""How long a command takes from its start to its end, beside a bare Python.

That Python does nothing or attaches a DuckLake.
"""

import subprocess
import sys
from pathlib import Path

from benchmarks.live import customer_ids
from benchmarks.measure import Row, median_seconds
from overtide.lake.catalog import attach_statements
from overtide.schemas.paths import Paths

TIMES = 7
READS_OR_APPENDS, OPENS_LAKE = 0.4, 0.9


def seconds(*command: str | Path) -> float:
    """Return the median of the seconds that a command takes; stop when it fails."""
    parts = [str(part) for part in command]
    return median_seconds(lambda: subprocess.run(parts, check=True, capture_output=True), TIMES)


def measure(project: Path) -> list[Row]:
    """Measure commands of both kinds."""
    one = customer_ids(project, 1)[0]
    program = Path(sys.executable).parent / "overtide"
    paths = Paths.of(project)
    attach = "; ".join(attach_statements(paths.catalog, paths.storage, read_only=True))
    nothing = seconds(sys.executable, "-c", "pass")
    lake = seconds(
        sys.executable,
        "-c",
        f"import duckdb; duckdb.execute({attach!r}); "
        "print(duckdb.execute('SELECT count(*) FROM lake.Customer').fetchall())",
    )
    light = {
        "get": ["get", one],
        "update": ["update", one, "City=Akron"],
        "withdraw": ["withdraw", one, "City"],
    }
    heavy = {
        "status": ["status"],
        "sql": ["sql", "SELECT count(*) FROM Customer"],
        "timeline": ["timeline", one],
    }
    return [
        *(
            Row(
                f"command: overtide {name}",
                seconds(program, "-C", project, *command),
                "s",
                nothing,
                at_most=READS_OR_APPENDS,
            )
            for name, command in light.items()
        ),
        *(
            Row(
                f"command: overtide {name}",
                seconds(program, "-C", project, *command),
                "s",
                lake,
                at_most=OPENS_LAKE,
            )
            for name, command in heavy.items()
        ),
    ]
