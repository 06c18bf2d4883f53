"""The command line: global options, then a command with its own.

`docs/cli.md` is compared with this.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from overtide.cli.argument_parser import Parser
from overtide.cli.syntax import SYNTAX
from overtide.schemas.errors import OvertideError, UsageError
from overtide.schemas.suggestions import did_you_mean


def global_parser() -> Parser:
    """Return the parser of what stands before the command's own arguments."""
    listed = "\n".join(f"  {name:<10} {command.text}" for name, command in SYNTAX.items())
    parser = Parser(
        "overtide",
        description="Unify customer records, and lay real-time changes over them.",
        usage="overtide [-C DIR] [--json] [-q | -v] COMMAND …",
        epilog=f"commands:\n{listed}\n\n`overtide COMMAND --help` shows the options of a command.",
    )
    parser.add_argument(
        "-C",
        dest="folder",
        metavar="DIR",
        type=_folder,
        default=Path(),
        help="project folder (default: the current one)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON document on standard output"
    )
    loudness = parser.add_mutually_exclusive_group()
    loudness.add_argument(
        "-q", "--quiet", action="store_true", help="print what was asked for and errors only"
    )
    loudness.add_argument(
        "-v", "--verbose", action="store_true", help="print warnings and tracebacks too"
    )
    parser.add_argument(
        "--version", action="store_true", help="print the version, like the command"
    )
    parser.add_argument("command", metavar="COMMAND", nargs="?", default="", help=argparse.SUPPRESS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _folder(name: str) -> Path:
    if not name:  # as of a variable that is not set: not the current folder
        raise argparse.ArgumentTypeError("the name of a folder is expected but it is empty")
    return Path(name)


def command_parser(name: str) -> Parser:
    """Return the parser of a command; raise `unknown_command` with what was probably meant."""
    if name not in SYNTAX:
        raise unknown_command(name)
    command = SYNTAX[name]
    first = command.text[0].upper() + command.text[1:] + "."
    parser = Parser(
        f"overtide {name}",
        usage=f"overtide {name} {command.usage}".rstrip(),
        description="\n\n".join(part for part in (first, command.more) if part),
    )
    command.add(parser)
    return parser


def unknown_command(name: str) -> OvertideError:
    """Return the error of a misspelt command."""
    if not name:
        return UsageError(
            "usage", "No command is given.", None, "`overtide --help` lists the commands."
        )
    return UsageError(
        "unknown_command", f"There is no command {name!r}.", name, did_you_mean(name, SYNTAX)
    )


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return global options and the command's arguments in one; raise `usage` for what is wrong."""
    for word in argv:
        if any("\ud800" <= letter <= "\udfff" for letter in word):
            raise UsageError(
                "usage", f"The argument {word!r} is not UTF-8.", None, "Write it as UTF-8."
            )
    known = global_parser().parse_args(argv)
    if known.version:
        known.command, known.arguments = "version", []
    own = command_parser(known.command).parse_intermixed_args(known.arguments)
    return argparse.Namespace(**{**vars(known), **vars(own)})
