"""The command line: global options, then a command with its own.

`docs/cli.md` is compared with this.
"""

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from overtide.schemas.errors import OvertideError, UsageError
from overtide.schemas.suggestions import did_you_mean

GLOBAL = ("-C", "--json", "-q", "--quiet", "-v", "--verbose", "--version")


class Once(argparse.Action):
    """Takes the value of an option that may be given once.

    Of two values one would be lost without a word.
    """

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Keep the value; raise when there is one already."""
        if (
            option_string is not None
            and getattr(namespace, self.dest, self.default) is not self.default
        ):
            raise argparse.ArgumentError(self, "given more than once")
        setattr(namespace, self.dest, values)


class Parser(argparse.ArgumentParser):
    """A parser that raises `usage` instead of leaving, with what was probably meant."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - argparse's own
        options |= {"allow_abbrev": False, "formatter_class": argparse.RawDescriptionHelpFormatter}
        super().__init__(*arguments, **options)
        self.register("action", None, Once)

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found wrong."""
        raise UsageError(
            "usage",
            f"{message[0].upper()}{message[1:]}.",
            None,
            self._hint(message) or f"`{self.prog} --help` shows how it is used.",
        )

    def print_help(self, file: Any = None) -> None:  # noqa: ANN401 - as argparse takes it
        """Print the help; unlike argparse's own, raise where it cannot be written."""
        print(self.format_help(), end="", file=file, flush=True)

    def _hint(self, message: str) -> str | None:
        valued = re.search(r"argument (--[\w-]+): expected one argument", message)
        if valued:
            return f"Write {valued.group(1)}=VALUE where the value begins with a dash."
        wrong = re.search(r"unrecognized arguments: (-\S+)", message)
        if wrong is None:
            return None
        name = wrong.group(1).partition("=")[0]
        if name in GLOBAL:
            return f"{name} is a global option: write it before the command."
        hint = did_you_mean(
            name, [option for action in self._actions for option in action.option_strings]
        )
        return hint if hint.startswith("Did") else None


def global_parser() -> Parser:
    """Return the parser of what stands before the command's own arguments."""
    listed = "\n".join(f"  {name:<10} {command.text}" for name, command in COMMANDS.items())
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
    if name not in COMMANDS:
        raise unknown_command(name)
    command = COMMANDS[name]
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
        "unknown_command", f"There is no command {name!r}.", name, did_you_mean(name, COMMANDS)
    )


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return global options and the command's arguments in one.

    Raise `usage` or `unknown_command`.
    """
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


@dataclass(frozen=True)
class Command:
    """A command as its help shows it.

    A line, how it is called, its arguments, and what else must be known.
    """

    text: str
    usage: str
    add: Callable[[Parser], None]
    more: str = ""


def _key(parser: Parser) -> None:
    parser.add_argument(
        "--key", metavar="ENTITY=PK", help="name the customer by a source record instead of an id"
    )


def _reading(parser: Parser) -> None:
    parser.add_argument(
        "words", nargs="*", metavar="CUSTOMER_ID", help="current or previous id of the customer"
    )
    _key(parser)
    parser.add_argument(
        "--as-of", metavar="INSTANT", help="show what was true at this instant (default: now)"
    )
    parser.add_argument(
        "--known-at",
        metavar="INSTANT",
        help="use only what was known at this instant (default: now)",
    )
    parser.add_argument("--base", action="store_true", help="leave real-time changes out")


def _terms(parser: Parser, until: bool = True) -> None:
    if until:
        parser.add_argument(
            "--valid-until",
            metavar="4h|INSTANT",
            help="when it ends, at most 30 days ahead: a "
            "duration from now, or an instant (default: the project's `real_time` setting)",
        )
    parser.add_argument(
        "--event-time",
        metavar="INSTANT",
        help="when it took effect, also in the past (default: now)",
    )
    parser.add_argument("--caller", metavar="NAME", help="who makes the change, kept with it")
    parser.add_argument(
        "--idempotency-key",
        metavar="TEXT",
        help="a repeated request with the same key (and caller) "
        "is answered as the first time, and accepted only once",
    )


def _update(parser: Parser) -> None:
    parser.add_argument(
        "words",
        nargs="*",
        metavar="CUSTOMER_ID FIELD=TEXT FIELD:=JSON",
        help="the customer (not with "
        "--key), then fields: `=` takes text, read by the field's type; `:=` takes JSON, such as "
        "null",
    )
    _key(parser)
    _terms(parser)


def _withdraw(parser: Parser) -> None:
    parser.add_argument(
        "words",
        nargs="*",
        metavar="CUSTOMER_ID [FIELD]",
        help="the customer (not with --key), then the field; without one all its updates end",
    )
    _key(parser)
    _terms(parser, until=False)


def _post(parser: Parser) -> None:
    parser.add_argument(
        "entity", metavar="ENTITY", help="an entity set up as activity, or UnifiedActivity"
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        default="-",
        help="JSON or JSON lines; - is standard input (default: -)",
    )
    parser.add_argument("--atomic", action="store_true", help="accept all rows or none")
    _terms(parser)


def _refresh(parser: Parser) -> None:
    _runner(parser)
    parser.add_argument(
        "--allow-shrink",
        action="store_true",
        help="publish although a source has lost more than its "
        "`max_shrink_percent` of the rows that were published last",
    )


def _runner(parser: Parser) -> None:
    parser.add_argument(
        "--runner",
        metavar="NAME",
        default="embedded",
        help="where the pipeline runs: a name, or the path of a YAML file (default: embedded)",
    )


def _stream(parser: Parser) -> None:
    parser.add_argument(
        "--until-caught-up",
        action="store_true",
        help="end when the log's present end is in the lake",
    )
    parser.add_argument(
        "--accept-log",
        action="store_true",
        help="where the event log was lost: begin anew with the one that is there (log_replaced)",
    )


def _init(parser: Parser) -> None:
    parser.add_argument(
        "target",
        metavar="DIR",
        nargs="?",
        default=".",
        help="folder of the new project: one that does not exist, or is empty (default: this one)",
    )
    parser.add_argument(
        "--example",
        metavar="NAME",
        default="blank",
        help="contoso, retail or blank (default: blank)",
    )


def _validate(parser: Parser) -> None:
    parser.add_argument(
        "--schema",
        action="store_true",
        help="print the JSON Schema of overtide.yaml and check nothing",
    )


def _sql(parser: Parser) -> None:
    parser.add_argument("query", metavar="SQL", help="the query; - reads it from standard input")
    parser.add_argument(
        "--memory-limit",
        metavar="SIZE",
        help="memory that the query may take, such as 4GB (default: "
        "half of the machine's); what does not fit goes to the system's folder of temporary files",
    )


def _demo(parser: Parser) -> None:
    parser.add_argument(
        "target",
        metavar="DIR",
        nargs="?",
        help="folder of the demo's project (default: a temporary one, removed at the end)",
    )


def _nothing(_parser: Parser) -> None:
    return


CUSTOMER = "CUSTOMER_ID | --key ENTITY=PK"
COMMANDS = {
    "init": Command("make a project from an example", "[DIR] [--example NAME]", _init),
    "validate": Command(
        "check the configuration, also against the files",
        "[--schema]",
        _validate,
        "Shows every mistake and note at once, each with its line, and changes nothing. Exit code "
        "2\n"
        "when there is a mistake; notes stop nothing.",
    ),
    "refresh": Command(
        "read the sources, unify them and publish the result",
        "[--runner NAME] [--allow-shrink]",
        _refresh,
        "Readers see the old base until the new one is published, and still when anything goes\n"
        "wrong. One refresh at a time per lake: a second one ends with exit code 75.",
    ),
    "update": Command(
        "change fields of a customer for a while",
        f"({CUSTOMER}) FIELD=TEXT|FIELD:=JSON … [OPTIONS]",
        _update,
        "The change is durable when it is acknowledged, shown by the very next `get`, and ends by\n"
        "itself.\n\n"
        "  overtide update --key Shop_Contacts=4711 City=Utrecht Nickname:=null --valid-until 2h",
    ),
    "withdraw": Command(
        "end the changes of a customer early",
        f"({CUSTOMER}) [FIELD] [OPTIONS]",
        _withdraw,
        "Ends every update of the field, or of all fields, that began no later than now or than\n"
        "--event-time. It is an event too: instants before it still show the change.",
    ),
    "post": Command(
        "add activities",
        "ENTITY [FILE] [OPTIONS]",
        _post,
        "Takes source records of an activity's entity, or UnifiedActivity records. Answers each\n"
        "row; a refused row does not hinder the others, and gives exit code 1.\n\n"
        "  overtide post Shop_Orders new_orders.jsonl",
    ),
    "stream": Command(
        "carry accepted events into the lake, where SQL sees them",
        "[OPTIONS]",
        _stream,
        "Runs until it is stopped (ctrl-C), and may be killed at any instant. One stream at a "
        "time\n"
        "per lake: a second one ends with exit code 75. `get` and `timeline` do not need it.",
    ),
    "get": Command(
        "show a customer's card",
        f"({CUSTOMER}) [OPTIONS]",
        _reading,
        "Each field with its value; a live one also with its end and the base value beneath.",
    ),
    "timeline": Command(
        "show a customer's activities",
        f"({CUSTOMER}) [OPTIONS]",
        _reading,
        "Those of the sources and the real-time ones, newest first.",
    ),
    "sql": Command(
        "query the lake, read-only",
        "SQL [--memory-limit SIZE]",
        _sql,
        "Names need no prefix; `SELECT * FROM lake_help` lists what there is.\n\n"
        '  overtide sql "SELECT count(*) FROM Customer_live"',
    ),
    "open": Command(
        "print how to attach the lake to any DuckDB",
        "",
        _nothing,
        "Prints SQL for DuckDB 1.5.5, to be run before your own.",
    ),
    "status": Command("show what is published, running, live and held", "", _nothing),
    "demo": Command("show it all on sample data, in under a minute", "[DIR]", _demo),
    "version": Command("print the version", "", _nothing),
}
"""Every command, in the order of the help."""
