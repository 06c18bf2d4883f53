"""The process that runs one statement of a client: it has bounds that the system itself holds.

What it is to run comes as JSON by its standard input, and what came of it leaves by its standard
output: the bytes of the answer, or with the exit code `REFUSED` the error as JSON.
"""

import json
import os
import resource
import signal
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from overtide.schemas.errors import OvertideError, UnavailableError
from overtide.schemas.paths import Paths
from overtide.serving import sql_results

REFUSED = 3
"""Exit code of a child that gives an error."""
GRACE_SECONDS = 0.5
"""How long after its time a statement may go on that does not look for interruptions."""
ROOM = 900_000_000
"""Bytes of addresses beside those that Python and its libraries take before a statement begins:
500 MB of DuckDB's, a result, and the extensions, stacks and heaps of two threads. With 600 MB a
statement failed that put 1 GB aside; with 900 MB it did not, and the process held 645 MB."""


@dataclass(frozen=True, slots=True)
class Request:
    """A statement and how it is to be run; `form` is json, csv or parquet.

    The first three are the places of a project, as `Paths.of` takes them; its log is not read.
    """

    project: str
    catalog: str
    data: str
    statement: str
    form: str
    most: int
    seconds: float

    @classmethod
    def of(cls, paths: Paths, statement: str, form: str, most: int, seconds: float) -> "Request":
        """Return what a process needs to know, which has nothing but it."""
        project, catalog, data = map(str, (paths.project, paths.catalog, paths.storage))
        return cls(project, catalog, data, statement, form, most, seconds)

    def written(self) -> bytes:
        """Return it as JSON."""
        return json.dumps(asdict(self)).encode()

    @property
    def paths(self) -> Paths:
        """The places of the project."""
        return Paths.of(Path(self.project), self.catalog, self.data)


def main() -> int:
    """Run what the standard input asks for; return the exit code."""
    request = Request(**json.load(sys.stdin.buffer))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    code = 0
    try:
        content = _answered(request)
    except OvertideError as error:
        code, content = REFUSED, _written(error)
    except MemoryError:
        code, content = REFUSED, _written(no_memory())
    with answers:
        answers.write(content)
    return code


def _answered(request: Request) -> bytes:
    _load(request.form)
    _bound()
    # Of this signal the process dies in whatever call it is.
    signal.setitimer(signal.ITIMER_REAL, request.seconds + GRACE_SECONDS)
    asked = request.paths, request.statement, request.most, request.seconds
    if request.form == "json":
        page = sql_results.first_rows(*asked)
        signal.setitimer(signal.ITIMER_REAL, 0)
        columns = [
            {"name": name, "type": kind}
            for name, kind in zip(page.columns, page.types, strict=True)
        ]
        document = {"columns": columns, "rows": page.rows, "more": page.more}
        return json.dumps(document).encode()
    table = sql_results.whole(*asked)
    signal.setitimer(signal.ITIMER_REAL, 0)
    file = sql_results.csv_file if request.form == "csv" else sql_results.parquet_file
    return file(table)


def _written(error: OvertideError) -> bytes:
    family = type(error).__name__
    told = {"code": error.code, "message": error.message, "target": error.target}
    return json.dumps({"family": family, **told, "hint": error.hint}).encode()


def _load(form: str) -> None:
    """Load the libraries, whose addresses are not counted."""
    import duckdb  # noqa: F401

    if form != "json":
        import pyarrow.parquet  # noqa: F401


def _bound() -> None:
    """Bound what the process may take, where the system can; it leaves no image of its memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + ROOM
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def no_memory() -> OvertideError:
    """Return the refusal of a statement that needs more memory than it may have."""
    return UnavailableError(
        "out_of_memory",
        f"The statement needs more memory than its limit of {sql_results.MEMORY}.",
        None,
        "Ask for less at once: fewer columns, customers or instants, or use `overtide sql`.",
    )


if __name__ == "__main__":
    sys.exit(main())
