"""The syntax of every command: how it is called, its options, and its help."""

from overtide.cli.argument_parser import Parser, Syntax


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


def _serve(parser: Parser) -> None:
    parser.add_argument(
        "--host",
        metavar="ADDRESS",
        default="127.0.0.1",
        help="where to listen (default: 127.0.0.1)",
    )
    parser.add_argument(
        "--port", metavar="PORT", default="8400", help="0 is any free one (default: 8400)"
    )
    parser.add_argument(
        "--workers",
        metavar="N",
        default="1",
        help="processes that answer requests; more of them use more cores (default: 1)",
    )
    parser.add_argument(
        "--only",
        choices=("api", "stream", "scheduler"),
        help="run one part alone, to have the others in other processes",
    )
    parser.add_argument(
        "--log",
        choices=("json", "off"),
        default="off",
        help="write a line of JSON to standard error for each request (default: off)",
    )
    parser.add_argument("--tls-cert", metavar="FILE", help="certificate chain (PEM), for HTTPS")
    parser.add_argument("--tls-key", metavar="FILE", help="private key of the certificate (PEM)")


def _token(parser: Parser) -> None:
    actions = ("create", "list", "revoke")
    parser.add_argument("action", choices=actions, metavar="ACTION", help="create, list or revoke")
    parser.add_argument("id", metavar="ID", nargs="?", help="the token to revoke, by its id")
    parser.add_argument(
        "--role", metavar="ROLE", help="of the new token: viewer, contributor, admin or owner"
    )
    parser.add_argument("--name", metavar="NAME", help="who will use the new token")
    parser.add_argument(
        "--expires",
        metavar="30d",
        help="how long the new token lasts (default: until it is revoked)",
    )


def _key_of_service(parser: Parser) -> None:
    actions = ("show-state", "regenerate")
    parser.add_argument(
        "action", choices=actions, metavar="ACTION", help="show-state or regenerate"
    )
    parser.add_argument(
        "key",
        choices=("primary", "secondary"),
        metavar="KEY",
        nargs="?",
        help="the key to make anew, primary or secondary",
    )


def _jobs(parser: Parser) -> None:
    parser.add_argument(
        "action",
        metavar="ACTION",
        choices=("list", "show", "submit", "cancel", "run"),
        help="what to do",
    )
    parser.add_argument("id", metavar="ID", nargs="?", help="the job to show, cancel or run")


def _schedule(parser: Parser) -> None:
    parser.add_argument(
        "action", metavar="ACTION", choices=("list", "create", "delete"), help="what to do"
    )
    parser.add_argument("id", metavar="ID", nargs="?", help="the schedule to delete")
    parser.add_argument(
        "--cron",
        metavar="CRON",
        action="append",
        help="when: minute, hour, day of month, month, day of week; may be given several times",
    )
    parser.add_argument(
        "--time-zone",
        metavar="ZONE",
        default="UTC",
        help="whose clock: an IANA name, or one of Windows (default: UTC)",
    )


def _connector(parser: Parser) -> None:
    parser.add_argument("target", metavar="DIR", help="folder to write the two files into")
    parser.add_argument(
        "--host",
        metavar="HOST",
        default="localhost:8400",
        help="where the service is reached, with its port unless it is 443 "
        "(default: localhost:8400)",
    )


def _usage(parser: Parser) -> None:
    parser.add_argument(
        "--last",
        metavar="24h",
        default="24h",
        help="how far back, at most 30d (default: 24h)",
    )
    parser.add_argument(
        "--by",
        metavar="NAMES",
        default="operation",
        help="what to tell apart, separated by commas: operation, method, entity, caller, "
        "principal, result, status, error_code, hour or day (default: operation)",
    )


def _nothing(_parser: Parser) -> None:
    return


CUSTOMER = "CUSTOMER_ID | --key ENTITY=PK"
SYNTAX = {
    "init": Syntax("make a project from an example", "[DIR] [--example NAME]", _init),
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
        "[--runner NAME] [--allow-shrink]",
        _refresh,
        "Readers see the old base until the new one is published, and still when anything goes\n"
        "wrong. One refresh at a time per lake: a second one ends with exit code 75.",
    ),
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
    "serve": Syntax(
        "answer the HTTP API, run the stream and what is scheduled",
        "[--host ADDRESS] [--port PORT] [--only api|stream|scheduler] [OPTIONS]",
        _serve,
        "Runs until it is stopped (ctrl-C), and may be killed at any instant. The first time it\n"
        "prints a token of the owner. With --json it prints one line when it listens.",
    ),
    "token": Syntax(
        "say who may use the service",
        "create --role ROLE --name NAME [--expires 30d] | list | revoke ID",
        _token,
        "A token is shown once, when it is made; only its hash is kept.",
    ),
    "key": Syntax(
        "make the subscription keys that the service may require",
        "show-state | regenerate primary|secondary",
        _key_of_service,
        "A key is shown once, when it is made; the one before it ends at once, the other one "
        "holds.",
    ),
    "jobs": Syntax(
        "submit refreshes to the service, watch and cancel them",
        "list | show ID | submit | cancel ID | run ID",
        _jobs,
        "A job that is submitted waits until `overtide serve` begins it; `run` does so here and\n"
        "now. One job at a time per project.",
    ),
    "schedule": Syntax(
        "say when the service refreshes by itself",
        "list | create --cron CRON [--time-zone ZONE] | delete ID",
        _schedule,
        '  overtide schedule create --cron "30 2 * * MON-FRI" --time-zone Europe/Berlin',
    ),
    "connector": Syntax(
        "write a connector for Power Automate, Power Apps and Logic Apps",
        "[--host HOST] DIR",
        _connector,
        "  overtide connector --host customers.example.com connector",
    ),
    "usage": Syntax(
        "show how the service is used",
        "[--last 24h] [--by NAMES]",
        _usage,
        "Calls, bytes and durations, also of servers that run now, to the last five seconds.\n\n"
        "  overtide usage --last 7d --by caller,error_code",
    ),
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
