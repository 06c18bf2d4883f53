"""The syntax of every command: how it is called, its options, and its help."""

from overtide.cli.argument_parser import Parser, Syntax
from overtide.cli.match_syntax import MATCHING
from overtide.cli.serving_syntax import SERVING


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
            help="when it ends, at most 30 days ahead: a duration from now, or an instant "
            "(default: the project's `real_time` setting)",
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
        help="a repeated request with the same key (and caller) is answered as the first time, "
        "and accepted only once",
    )


def _update(parser: Parser) -> None:
    parser.add_argument(
        "words",
        nargs="*",
        metavar="CUSTOMER_ID FIELD=TEXT FIELD:=JSON",
        help="the customer (not with --key), then fields: `=` takes text, read by the field's "
        "type; `:=` takes JSON, such as null",
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
        help="publish although a source has lost more than its `max_shrink_percent` of the rows "
        "that were published last",
    )
    parser.add_argument(
        "--full",
        action="store_true",
        help="compute everything anew, also what has not changed since the run in force",
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
        help="folder of the new project: one that does not exist, or is empty; with --from, one "
        "without overtide.yaml (default: this one)",
    )
    parser.add_argument(
        "--example",
        metavar="NAME",
        help="contoso, retail or blank (default: blank)",
    )
    parser.add_argument(
        "--from",
        dest="files",
        metavar="FILE",
        nargs="+",
        help="CSV, JSON lines or Parquet files, or folders of them, of which samples are looked at "
        "to propose a project; they stay where they are",
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
        help="memory that the query may take, such as 4GB (default: half of the machine's); "
        "what does not fit goes to the system's folder of temporary files",
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
SYNTAX = {
    "init": Syntax(
        "make a project from an example or from files",
        "[DIR] [--example NAME | --from FILE …]",
        _init,
    ),
    "validate": Syntax(
        "check the configuration, also against the files",
        "[--schema]",
        _validate,
        "Shows every mistake and note at once, each with its line, and changes nothing. "
        "Exit code 2\n"
        "when there is a mistake; notes stop nothing.",
    ),
    "refresh": Syntax(
        "read the sources, unify them and publish the result",
        "[--runner NAME] [--allow-shrink] [--full]",
        _refresh,
        "Readers see the old base until the new one is published, and still when anything goes\n"
        "wrong. One refresh at a time per lake: a second one ends with exit code 75.",
    ),
    **MATCHING,
    "update": Syntax(
        "change fields of a customer for a while",
        f"({CUSTOMER}) FIELD=TEXT|FIELD:=JSON … [OPTIONS]",
        _update,
        "The change is durable when it is acknowledged, shown by the very next `get`, and ends by\n"
        "itself.\n\n"
        "  overtide update --key Shop_Contacts=4711 City=Utrecht Nickname:=null --valid-until 2h",
    ),
    "withdraw": Syntax(
        "end the changes of a customer early",
        f"({CUSTOMER}) [FIELD] [OPTIONS]",
        _withdraw,
        "Ends every update of the field, or of all fields, that began no later than now or than\n"
        "--event-time. It is an event too: instants before it still show the change.",
    ),
    "post": Syntax(
        "add activities",
        "ENTITY [FILE] [OPTIONS]",
        _post,
        "Takes source records of an activity's entity, or UnifiedActivity records. Answers each\n"
        "row; a refused row does not hinder the others, and gives exit code 1.\n\n"
        "  overtide post Shop_Orders new_orders.jsonl",
    ),
    "stream": Syntax(
        "carry accepted events into the lake, where SQL sees them",
        "[OPTIONS]",
        _stream,
        "Runs until it is stopped (ctrl-C), and may be killed at any instant. "
        "One stream at a time\n"
        "per lake: a second one ends with exit code 75. `get` and `timeline` do not need it.",
    ),
    **SERVING,
    "get": Syntax(
        "show a customer's card",
        f"({CUSTOMER}) [OPTIONS]",
        _reading,
        "Each field with its value; a live one also with its end and the base value beneath.",
    ),
    "timeline": Syntax(
        "show a customer's activities",
        f"({CUSTOMER}) [OPTIONS]",
        _reading,
        "Those of the sources and the real-time ones, newest first.",
    ),
    "sql": Syntax(
        "query the lake, read-only",
        "SQL [--memory-limit SIZE]",
        _sql,
        "Names need no prefix; `SELECT * FROM lake_help` lists what there is.\n\n"
        '  overtide sql "SELECT count(*) FROM Customer_live"',
    ),
    "open": Syntax(
        "print how to attach the lake to any DuckDB",
        "",
        _nothing,
        "Prints SQL for DuckDB 1.5.5, to be run before your own.",
    ),
    "status": Syntax("show what is published, running, live and held", "", _nothing),
    "demo": Syntax("show it all on sample data, in under a minute", "[DIR]", _demo),
    "version": Syntax("print the version", "", _nothing),
}
"""Every command, in the order of the help."""
