"""A step of a refresh: a pure function, and all that it need not know.

It gets a kernel and a folder for its files; its progress is told, and its error is left where the
refresh finds it.
"""

import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from overtide.schemas.errors import OvertideError
from overtide.transforms.kernel import KernelSettings, kernel, out_of_memory
from overtide.transforms.left_errors import leave_error
from overtide.transforms.progress import begun, report

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Result = TypeVar("Result")


def nothing_ahead(_result: object) -> dict[str, int]:
    """Return that a result says nothing of stages to come."""
    return {}


@dataclass(frozen=True)
class Stage(Generic[Result]):
    """The stage that a step is told as.

    `rows` of its result are done by then; `ahead` says how many more there are for stages to come.
    """

    name: str
    rows: Callable[[Result], int]
    ahead: Callable[[Result], Mapping[str, int]] = field(default=nothing_ahead)


def guarded(settings: KernelSettings, function: Callable[..., Result]) -> Callable[..., Result]:
    """Return a function so that its error is left where the refresh finds it.

    Runners keep only the text of an error.

    One that gives one thing after the other is done when it returns, so that its errors are left,
    too.
    """

    def run(*arguments: object) -> Result:
        try:
            return _done(function(*arguments))
        except Exception as error:
            found = (
                error
                if isinstance(error, OvertideError)
                else out_of_memory(settings.memory_limit, error)
            )
            if found:
                leave_error(settings.scratch, found)
            raise

    return run


def _done(result: Result) -> Result:
    return cast("Result", list(result)) if isinstance(result, Generator) else result


def step(
    settings: KernelSettings,
    name: str,
    function: Callable[..., Result],
    stage: Stage[Result] | Callable[..., Stage[Result]] | None = None,
    attach: Iterable[str] = (),
) -> Callable[..., Result]:
    """Return a function of a kernel, a folder and more as a step: a function of the rest.

    Its folder is within that of its `name`. A stage may depend on the arguments. What `attach` says
    is attached to the kernel.
    """

    def run(*arguments: object) -> Result:
        told = stage(*arguments) if callable(stage) else stage
        started = begun(settings.scratch, told.name) if told else 0.0
        with attached_kernel(settings, attach) as connection:
            result = _done(function(connection, new_folder(settings.scratch, name), *arguments))
        if told:
            report(settings.scratch, told.name, told.rows(result), started, told.ahead(result))
        return result

    return guarded(settings, run)


@contextmanager
def attached_kernel(
    settings: KernelSettings, attach: Iterable[str]
) -> Iterator["DuckDBPyConnection"]:
    """Open a kernel and attach the lake to it, read-only, where there is any SQL that does so."""
    with kernel(settings) as connection:
        for statement in attach:
            connection.execute(statement)
        yield connection


def new_folder(scratch: Path, name: str) -> Path:
    """Return a new folder within scratch.

    A runner may do a step twice, even at once, and both must succeed.

    Scratch itself is never made: it is gone when the refresh was stopped.
    """
    parent = scratch / name
    parent.mkdir(exist_ok=True)
    return Path(tempfile.mkdtemp(dir=parent))
