"""The commands `token` and `key`, which say who may use the service."""

from argparse import Namespace
from collections.abc import Callable, Mapping

from overtide.cli.audited import audited
from overtide.cli.output import Output
from overtide.project import Project
from overtide.schemas.errors import DONE, InvalidValueError, UsageError
from overtide.schemas.instants import DAY, parse_duration
from overtide.serving.access.roles import role_of
from overtide.serving.access.subscription_keys import HEADER, SubscriptionKeys, slot_of
from overtide.serving.access.tokens import TokenInfo, Tokens
from overtide.serving.telemetry.audit import Change

COMMAND_LINE = "the command line"
"""Who changes what is changed by a command: whoever owns the project's files."""
LONGEST = 3650 * DAY
Action = Callable[[Project, Namespace, Output], None]


def token(project: Project, arguments: Namespace, output: Output) -> int:
    """Make, list or revoke tokens."""
    return _run("token", TOKEN_ACTIONS, project, arguments, output)


def key(project: Project, arguments: Namespace, output: Output) -> int:
    """Show the state of the subscription keys, or make one anew."""
    return _run("key", KEY_ACTIONS, project, arguments, output)


def _run(
    command: str,
    actions: Mapping[str, tuple[Action, set[str]]],
    project: Project,
    arguments: Namespace,
    output: Output,
) -> int:
    run, takes = actions[arguments.action]
    every = {name for _, names in actions.values() for name in names}
    given = {name for name in every if getattr(arguments, name) is not None}
    if given - takes:
        raise UsageError(
            "usage",
            f"`{command} {arguments.action}` takes no {min(given - takes)}.",
            None,
            f"`overtide {command} --help` shows how it is used.",
        )
    run(project, arguments, output)
    return DONE


def _create(project: Project, arguments: Namespace, output: Output) -> None:
    if arguments.role is None or arguments.name is None:
        raise UsageError(
            "usage",
            "A token needs a role and a name.",
            None,
            "Write `overtide token create --role contributor --name crm`.",
        )
    lasting = None if arguments.expires is None else _lasting(arguments.expires)
    secret, info = _tokens(project).create(arguments.name, role_of(arguments.role), lasting)
    audited(project, output, Change("token create", info.principal.id, after=info.as_json()))
    output.result(
        {"token": secret, **info.as_json()},
        lambda: f"{secret}\nIt is shown only now. Its id is {info.principal.id}.",
    )


def _lasting(text: str) -> int:
    """Read how long a token lasts."""
    try:
        lasting = parse_duration(text)
    except InvalidValueError as error:
        raise UsageError(error.code, error.message, "--expires", error.hint) from None
    if not 0 < lasting <= LONGEST:
        raise UsageError(
            "invalid_duration",
            f"{text!r} is not between one second and ten years.",
            "--expires",
            "Write one such as 30d, or leave it out for a token that lasts until it is revoked.",
        )
    return lasting


def _list(project: Project, arguments: Namespace, output: Output) -> None:
    del arguments
    found = _tokens(project).all()
    rows = [list(one.as_json().values()) for one in found]
    headers = ["id", "name", "role", "created", "expires", "last used", "revoked"]
    output.result(
        {"tokens": [one.as_json() for one in found]},
        lambda: output.table(headers, rows) if rows else "There are no tokens yet.",
    )


def _revoke(project: Project, arguments: Namespace, output: Output) -> None:
    if arguments.id is None:
        raise UsageError(
            "usage", "No token is named.", None, "`overtide token list` shows the ids."
        )
    info = _tokens(project).revoke(arguments.id)
    audited(project, output, Change("token revoke", info.principal.id, after=info.as_json()))
    output.confirm(info.as_json(), lambda: _revoked(info))


def _revoked(info: TokenInfo) -> str:
    return f"The token {info.principal.id} of {info.principal.name} is revoked."


def _show_state(project: Project, arguments: Namespace, output: Output) -> None:
    del arguments
    states = [one.as_json() for one in _keys(project).states()]
    rows = [list(one.values()) for one in states]
    output.result({"keys": states}, lambda: output.table(["key", "created", "by"], rows))


def _regenerate(project: Project, arguments: Namespace, output: Output) -> None:
    slot = slot_of(arguments.key)
    if slot is None:
        raise UsageError(
            "usage",
            "No key is named.",
            None,
            "Write `overtide key regenerate primary`, or secondary.",
        )
    made = _keys(project).regenerate(slot, COMMAND_LINE)
    audited(project, output, Change("key regenerate", slot))
    output.result(
        {"name": slot, "key": made},
        lambda: f"{made}\nIt is shown only now. Send it as `{HEADER}`.",
    )


def _tokens(project: Project) -> Tokens:
    return Tokens(project.access, project.clock)


def _keys(project: Project) -> SubscriptionKeys:
    return SubscriptionKeys(project.access, project.clock)


TOKEN_ACTIONS: dict[str, tuple[Action, set[str]]] = {
    "create": (_create, {"role", "name", "expires"}),
    "list": (_list, set()),
    "revoke": (_revoke, {"id"}),
}
KEY_ACTIONS: dict[str, tuple[Action, set[str]]] = {
    "show-state": (_show_state, set()),
    "regenerate": (_regenerate, {"key"}),
}
"""What each word does, and the arguments that it takes."""
