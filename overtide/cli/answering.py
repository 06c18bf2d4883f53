"""Runs one command of the `overtide` command line, and turns every error into one clear answer."""

import logging
import sys
import traceback
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from overtide.cli.failures import explained
from overtide.cli.output import Output, discard, prepare_streams, tell
from overtide.cli.parser import parse
from overtide.cli.signals import Interruption
from overtide.schemas.errors import (
    DONE,
    ConfigurationError,
    CorruptError,
    OvertideError,
    ReplacedLogError,
    SetupError,
    UnavailableError,
)

if TYPE_CHECKING:
    from overtide.project import Project

UNREADABLE = ConfigurationError, CorruptError, ReplacedLogError, SetupError, UnavailableError
"""What keeps a project's configuration, log or lake from being read."""


def answer(argv: Sequence[str] | None, interruption: Interruption) -> int:
    """Run one command, print its answer and return the exit code."""
    words, output = _prepared(argv)
    try:
        code = run(parse(words), output)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the help or of the demo has enough, and no error is due.
        discard(sys.stdout)
        return DONE
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - a traceback never reaches a user
        stopped_by = interruption.number or isinstance(error, KeyboardInterrupt)
        refusal = interruption.refusal() if stopped_by else explained(error)
        if output.verbose and refusal is not error:
            tell(traceback.format_exc().rstrip(), sys.stderr)
        return _refused(refusal, output)
    return code


def stopped(argv: Sequence[str] | None, interruption: Interruption | None) -> int:
    """Answer a command that was stopped before or after it could answer so itself."""
    return _refused((interruption or Interruption()).refusal(), _prepared(argv)[1])


def _prepared(argv: Sequence[str] | None) -> tuple[list[str], Output]:
    words = list(sys.argv[1:] if argv is None else argv)
    output = _asked_output(words)
    prepare_streams(output.as_json)
    return words, output


def _refused(refusal: OvertideError, output: Output) -> int:
    """Print a refusal and return its exit code, which must do where nothing can be printed."""
    output.error(refusal)
    return refusal.exit_code


def _asked_output(words: list[str]) -> Output:
    """Return how to print before the command line is parsed, for what is wrong with it too."""
    asked = set()
    for number, word in enumerate(words):
        if not word.startswith("-") and (number == 0 or words[number - 1] != "-C"):
            break
        asked.add(word)
    return Output(
        "--json" in asked,
        not asked.isdisjoint(("-q", "--quiet")),
        not asked.isdisjoint(("-v", "--verbose")),
    )


def run(arguments: Namespace, output: Output) -> int:
    """Run a parsed command and return its exit code."""
    logging.basicConfig(level=logging.WARNING if output.verbose else logging.CRITICAL)
    if arguments.command == "version":
        return version(output)
    if arguments.command == "init":
        from overtide.cli.project_commands import init

        return init(arguments, output)
    if arguments.command == "demo":
        from overtide.cli.demo import demo

        return demo(arguments.target, output, lambda words: run(parse(words), Output()))
    from overtide.cli.commands import COMMANDS
    from overtide.project import Project

    if arguments.command == "validate":
        from overtide.cli.project_commands import validate

        with Project(arguments.folder) as project:
            warn(project, output)
        return validate(arguments, output)
    with Project(arguments.folder) as project:
        _ = project.paths
        warn(project, output)
        return COMMANDS[arguments.command](project, arguments, output)


def warn(project: "Project", output: Output) -> None:
    """Say what is amiss with a project, but for what cannot be read: the command tells that."""
    with suppress(*UNREADABLE, OSError):
        behind = project.clock_behind()
        if behind is not None:
            output.warn(behind)


def version(output: Output) -> int:
    """Print the version."""
    from importlib.metadata import version as installed

    number = installed("overtide")
    output.result({"version": number}, lambda: f"overtide {number}")
    return DONE
