"""The `overtide` command: reads the command line, runs one command, and turns every error into one clear answer."""

import logging
import os
import sys
import traceback
from argparse import Namespace
from collections.abc import Sequence

from overtide.output import Output
from overtide.parser import parse
from overtide.signals import INTERRUPTED
from schemas.errors import DONE, FAILED, OvertideError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; nothing but `SystemExit` of `--help` leaves as an exception."""
    words = list(sys.argv[1:] if argv is None else argv)
    output = _asked_output(words)
    try:
        code = _answered(words, output)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of a pipe has enough: what Python writes at its end must go nowhere, and no error is due.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    return code


def _answered(words: list[str], output: Output) -> int:
    try:
        return run(parse(words), output)
    except OvertideError as error:
        output.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - a traceback never reaches a user
        if output.verbose:
            traceback.print_exc()
        output.error(_internal(error))
        return FAILED


def _asked_output(words: list[str]) -> Output:
    """Return how to print, before the command line is known to be right: errors in it are printed that way too."""
    asked = set()
    for number, word in enumerate(words):
        if not word.startswith("-") and (number == 0 or words[number - 1] != "-C"):
            break
        asked.add(word)
    return Output("--json" in asked, not asked.isdisjoint(("-q", "--quiet")),
                  not asked.isdisjoint(("-v", "--verbose")))


def _internal(error: Exception) -> OvertideError:
    reason = " ".join(str(error).split())[:300]
    return OvertideError("internal_error", f"Something went wrong inside: {type(error).__name__}"
                         f"{': ' + reason if reason else ''}.", None,
                         "Run it again with -v before the command to see where.", 500)


def run(arguments: Namespace, output: Output) -> int:
    """Run a parsed command and return its exit code."""
    logging.basicConfig(level=logging.WARNING if output.verbose else logging.CRITICAL)
    if arguments.command == "version":
        return version(output)
    if arguments.command in ("init", "validate"):
        from overtide import commands_project

        command = {"init": commands_project.init, "validate": commands_project.validate}[arguments.command]
        return command(arguments, output)
    if arguments.command == "demo":
        from overtide.demo import demo

        return demo(arguments.target, output)
    from overtide.commands import COMMANDS
    from overtide.project import Project

    with Project(arguments.folder) as project:
        _ = project.settings
        return COMMANDS[arguments.command](project, arguments, output)


def version(output: Output) -> int:
    """Print the version."""
    from importlib.metadata import version as installed

    number = installed("overtide")
    output.result({"version": number}, lambda: f"overtide {number}")
    return DONE
