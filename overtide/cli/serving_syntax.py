"""The syntax of the commands of the service."""

from overtide.cli.argument_parser import Parser, Syntax


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


SERVING = {
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
}
"""Every command of the service, in the order of the help."""
