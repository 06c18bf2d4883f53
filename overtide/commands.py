"""The commands of the command line on one project.

Each prints its answer and returns the exit code.
"""

import re
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overtide import comparing
from overtide.failures import explained
from overtide.loss import losses
from overtide.output import Output, counted, refusal_text, tell
from overtide.project import Project
from overtide.schemas.errors import DONE, FAILED, OvertideError, usage_error
from overtide.schemas.events import Outcome
from overtide.schemas.instants import format_instant
from overtide.schemas.strict_json import parse_json, parse_lines
from overtide.schemas.values import Reading, from_source
from overtide.serving.acceptance import STATUS, answer_document

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from overtide.lake.catalog import Publish
    from overtide.lake.reading import Card, Timeline
    from overtide.pipelines.refresh import Refreshed
    from overtide.serving.acceptance import Answer

CUSTOMER_ID = re.compile("[0-9a-f]{32}")
Command = Callable[[Project, Namespace, Output], int]


def get(project: Project, arguments: Namespace, output: Output) -> int:
    """Show a customer's card."""
    customer_id, _ = _customer(arguments, 0)
    card = project.get(
        customer_id,
        key=arguments.key,
        as_of=arguments.as_of,
        known_at=arguments.known_at,
        base=arguments.base,
    )
    output.result(card.as_json(), lambda: card_text(card, output))
    return DONE


def card_text(card: "Card", output: Output) -> str:
    """Return a card as people read it."""
    document = card.as_json()
    rows = [
        (
            name,
            view["value"],
            view["validUntil"] if view["live"] else "",
            view["baseValue"] if view["live"] else "",
        )
        for name, view in document["fields"].items()
    ]
    live = [number for number, view in enumerate(card.fields.values()) if view.live]
    records = ", ".join(f"{entity}={key}" for entity, key, _ in card.records)
    return "\n".join(
        [
            f"Customer {card.customer_id}",
            f"as of {document['asOf']}, known at {document['knownAt']}, run {card.run}",
            "",
            output.table(("field", "value", "live until", "base value"), rows, live),
            "",
            f"records: {records}",
        ]
    )


def timeline(project: Project, arguments: Namespace, output: Output) -> int:
    """Show a customer's activities."""
    customer_id, _ = _customer(arguments, 0)
    found = project.timeline(
        customer_id,
        key=arguments.key,
        as_of=arguments.as_of,
        known_at=arguments.known_at,
        base=arguments.base,
    )
    output.result(found.as_json(), lambda: timeline_text(found, output))
    return DONE


def timeline_text(found: "Timeline", output: Output) -> str:
    """Return a timeline as people read it."""
    document = found.as_json()
    rows = [
        (
            one["ActivityTime"],
            one["ActivityTypeDisplay"],
            one["Title"],
            one["SemanticData"],
            one["validUntil"],
        )
        for one in document["activities"]
    ]
    live = [number for number, entry in enumerate(found.entries) if entry.live]
    head = (
        f"{counted(len(rows), 'activity', 'activities')} of customer {found.customer_id}\n"
        f"as of {document['asOf']}, known at {document['knownAt']}, run {found.run}\n"
    )
    return (
        head
        if not rows
        else f"{head}\n{output.table(('time', 'type', 'title', 'data', 'live until'), rows, live)}"
    )


def sql(project: Project, arguments: Namespace, output: Output) -> int:
    """Query the lake."""
    from overtide.lake.session import interruptibly, run_query, session

    query = _input("-") if arguments.query == "-" else arguments.query
    project.expect_same_log()
    with session(project.paths, arguments.memory_limit) as connection:
        names, rows = interruptibly(connection, lambda: run_query(connection, query, _fetched))
    output.result(
        {"columns": names, "rows": [dict(zip(names, row, strict=True)) for row in rows]},
        lambda: output.table(names, rows),
    )
    return DONE


def _fetched(result: "DuckDBPyConnection", limit: int) -> tuple[list[str], list[tuple[Any, ...]]]:
    from overtide.lake.session import python_rows

    return distinct([column[0] for column in result.description]), python_rows(result, limit)


def distinct(names: Sequence[str]) -> list[str]:
    """Return column names with `_1`, `_2` … behind repeated ones.

    So rows can be objects.
    """
    found: dict[str, None] = {}
    for name in names:
        number, free = 0, name
        while free in found:
            number += 1
            free = f"{name}_{number}"
        found[free] = None
    return list(found)


def open_statements(project: Project, _arguments: Namespace, output: Output) -> int:
    """Print how to attach the lake to any DuckDB."""
    statements = project.attach_statements()
    output.result(
        {"statements": statements}, lambda: "\n".join(f"{statement};" for statement in statements)
    )
    return DONE


def status(project: Project, _arguments: Namespace, output: Output) -> int:
    """Show what is published, running, live and held."""
    found = project.status()
    output.result(found, lambda: output.table(("what", "state"), _status_rows(found)))
    return DONE


def _status_rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    published, stream, live = found["published"], found["stream"], found["live"]
    run = (
        "nothing yet: run `overtide refresh`"
        if published is None
        else f"run {published['run']} at {published['publishedAt']}, "
        f"{published['ageSeconds']:,.0f} s ago"
        f"{_served(published)}"
    )
    behind = (
        f", {counted(stream['lagEvents'], 'event')} ({stream['lagSeconds']:,.1f} s) behind"
        if stream["lagEvents"]
        else ""
    )
    return [
        ("project", found["project"]),
        ("published", run),
        *((f"{name} lock", _holder(held)) for name, held in found["locks"].items()),
        ("log", f"position {found['log']['position']:,}"),
        ("stream", f"position {stream['position']:,}{behind}"),
        (
            "live",
            (
                f"{counted(live['updates'], 'update')}, "
                f"{counted(live['activities'], 'activity', 'activities')}"
            ),
        ),
        ("held", counted(found["held"], "event")),
        ("quarantined", counted(found["quarantined"], "event")),
        ("flap-backs", counted(found["flapBacks"], "field")),
        *(("loss", one["text"]) for one in found["loss"]),
        *(("comparing", remark) for remark in comparing.remarks(found["comparing"])),
        *((one["code"], one["message"]) for one in found["warnings"]),
    ]


def _served(published: dict[str, Any]) -> str:
    return {
        "lake": "; its serving generation is damaged: reads are slow until the next refresh",
        "nothing": "; its serving generation is damaged: run `overtide refresh`",
    }.get(published["servedFrom"], "")


def _holder(held: dict[str, Any] | None) -> str:
    if held is None:
        return "free"
    return (
        f"{held.get('command', 'held')}, process {held.get('pid', '?')} on {held.get('host', '?')} "
        f"since {held.get('since', '?')}"
    )


def update(project: Project, arguments: Namespace, output: Output) -> int:
    """Change fields of a customer for a while."""
    customer_id, words = _customer(arguments)
    answer = project.update(
        customer_id,
        assigned(words, _types(project)),
        key=arguments.key,
        valid_until=arguments.valid_until,
        **_terms(arguments),
    )
    output.confirm(answer_document(answer), lambda: f"{accepted(answer)}.")
    return DONE


def _types(project: Project) -> dict[str, str]:
    generation = project.reader.current()
    return (
        {}
        if generation is None
        else {name: field.type for name, field in generation.profile_fields.items()}
    )


def assigned(words: Sequence[str], types: dict[str, str]) -> dict[str, Any]:
    """Return the fields of `field=text` and `field:=JSON`; raise `usage` for anything else."""
    fields: dict[str, Any] = {}
    for word in words:
        name, separator, text = word.partition("=")
        if not separator or name in ("", ":"):
            raise usage_error(
                "usage", f"{word!r} sets no field.", word, "Write field=text or field:=JSON."
            )
        is_json = name.endswith(":")
        name = name.removesuffix(":")
        if name in fields:
            raise usage_error("usage", f"The field {name} is given twice.", name, "Give it once.")
        fields[name] = (
            _json_value(name, text) if is_json else _typed(types.get(name, "string"), text)
        )
    return fields


def _json_value(name: str, text: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return parse_json(text)
    except OvertideError as error:
        raise OvertideError(
            error.code,
            f"{name}: {error.message}",
            name,
            f"Write texts as {name}=text, or in JSON's quotes.",
        ) from None


def _typed(kind: str, text: str) -> Any:  # noqa: ANN401 - text, or true or false
    """Return the text of a field for its type.

    Yes and no are words of a boolean, all others take text as it is.
    """
    if kind != "boolean":
        return text
    try:
        return from_source(kind, Reading(), "UTC", text) if text else text
    except OvertideError:
        return text  # the acceptance refuses it, together with what else is wrong


def withdraw(project: Project, arguments: Namespace, output: Output) -> int:
    """End changes early."""
    customer_id, words = _customer(arguments, 1)
    answer = project.withdraw(
        customer_id, words[0] if words else None, key=arguments.key, **_terms(arguments)
    )
    output.confirm(answer_document(answer), lambda: f"{accepted(answer)}.")
    return DONE


def post(project: Project, arguments: Namespace, output: Output) -> int:
    """Add activities, and say what became of each row."""
    text = _input(arguments.file)
    if not text.strip():
        raise usage_error(
            "empty_input",
            f"{_name(arguments.file)} is empty: there is nothing to post.",
            None,
            "Give JSON or JSON lines; an empty list, [], posts nothing.",
        )
    records = parse_lines(text)
    answers = project.post(
        arguments.entity,
        records,
        atomic=arguments.atomic,
        valid_until=arguments.valid_until,
        **_terms(arguments),
    )
    refused = sum(answer.refusal is not None for answer in answers)
    rows = [answer_document(answer, number) for number, answer in enumerate(answers)]
    document = {"accepted": len(answers) - refused, "refused": refused, "rows": rows}
    texts = list(map(_row_text, range(len(answers)), answers))
    output.confirm(
        document,
        lambda: "\n".join([*texts, f"{len(answers) - refused:,} accepted, {refused:,} refused."]),
    )
    if output.quiet and not output.as_json:
        for text, answer in zip(texts, answers, strict=True):
            if answer.refusal is not None:
                output.complain(text)
    return FAILED if refused else DONE


def _row_text(number: int, answer: "Answer") -> str:
    return f"row {number + 1}: " + (
        accepted(answer)
        if answer.refusal is None
        else f"refused ({answer.refusal.code}): {refusal_text(answer.refusal)}"
    )


def accepted(answer: "Answer") -> str:
    """Return an acceptance in a sentence without its point."""
    document = answer_document(answer)
    until = f", valid until {document['validUntil']}" if "validUntil" in document else ""
    how = (
        "accepted before"
        if answer.repeated
        else "accepted, held until its customer is known"
        if answer.status == STATUS[Outcome.HELD]
        else "accepted"
    )
    return f"{how} as event {document['eventId']}{until}"


def _input(file: str) -> str:
    """Return the text of a file or of standard input; raise `unreadable_file`."""
    try:
        return _bytes(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise usage_error(
            "unreadable_file",
            f"{_name(file)} is not UTF-8 (byte {error.start}).",
            None,
            "Write it as UTF-8.",
        ) from None
    except OSError as error:
        raise usage_error(
            "unreadable_file", f"{_name(file)} cannot be read: {error.strerror}.", file
        ) from None


def _bytes(file: str) -> bytes:
    if file != "-":
        return Path(file).read_bytes()
    if sys.stdin is None:
        return b""
    if sys.stdin.isatty():
        tell("Reading standard input; end it with ctrl-D.", sys.stderr)
    return sys.stdin.buffer.read()


def _name(file: str) -> str:
    return "Standard input" if file == "-" else file


def refresh(project: Project, arguments: Namespace, output: Output) -> int:
    """Read the sources, unify them and publish the result."""
    from overtide.signals import interruptible

    before = project.reader.published()
    with interruptible() as interruption:
        try:
            refreshed = _refreshed(project, arguments, output)
        except BaseException:
            # What was interrupted inside the pipeline or DuckDB comes out as an error of theirs.
            if not interruption.number:
                raise
            raise interruption.refusal(*_outcome(before, project.reader.published())) from None
        if refreshed.uncleaned is not None and interruption.number:
            raise interruption.refusal(*_outcome(before, refreshed.publish))
    publish, manifest = refreshed.publish, refreshed.manifest
    instant = format_instant(publish.published_at)
    lost = losses(manifest)
    document = {
        "run": publish.run,
        "publishedAt": instant,
        "generation": publish.generation,
        "loss": [one.as_json() for one in lost],
        "manifest": manifest,
    }
    customers, records = (int(str(manifest[name])) for name in ("profiles", "records_unified"))
    output.confirm(
        document,
        lambda: (
            f"Published run {publish.run} at {instant}: {counted(customers, 'customer')} "
            f"from {counted(records, 'record')} in {manifest['seconds']} s."
        ),
    )
    entities: Any = manifest["entities"]
    for name, entity in entities.items():
        if entity["new_columns"]:
            output.note(f"{name}: not configured and not read: {', '.join(entity['new_columns'])}.")
    for text in (*(one.text for one in lost), *comparing.remarks(manifest)):
        output.note(text)
    if refreshed.uncleaned is not None:
        failure = explained(refreshed.uncleaned).message.rstrip(".")
        output.note(
            f"Run {publish.run} is published; cleaning up failed: {failure}; the next refresh "
            "tries again."
        )
    return DONE


def _refreshed(project: Project, arguments: Namespace, output: Output) -> "Refreshed":
    from overtide.progress import Display

    if output.quiet:
        return project.refresh(arguments.runner, allow_shrink=arguments.allow_shrink)
    with Display() as display:
        return project.refresh(arguments.runner, display, allow_shrink=arguments.allow_shrink)


def _outcome(before: "Publish | None", now: "Publish | None") -> tuple[str, str | None]:
    """Say what an interrupted refresh left: its message and its hint."""
    if now is not None and (before is None or now.run > before.run):
        return f"Stopped while cleaning up: run {now.run} is published.", None
    return (
        "Stopped: nothing was published.",
        None if now is None else f"Run {now.run} is still served.",
    )


def stream(project: Project, arguments: Namespace, output: Output) -> int:
    """Carry accepted events into the lake until stopped, or until caught up."""
    from overtide.lake.locks import holder, stream_lock
    from overtide.signals import INTERRUPTED, stopping

    with stopping() as stop:
        if not arguments.until_caught_up and holder(stream_lock(project.paths)) is None:
            output.note("Streaming; stop it with ctrl-C.")
        done = project.stream(
            arguments.until_caught_up, stop.event, accept_log=arguments.accept_log
        )
    late = f" ({done.late:,} had ended before)" if done.late else ""
    output.confirm(
        asdict(done),
        lambda: (
            f"Carried {counted(done.events, 'event')}{late} into the lake; "
            f"position {done.position:,}."
        ),
    )
    return INTERRUPTED if stop.interrupted else DONE


def _customer(arguments: Namespace, most: int | None = None) -> tuple[str | None, list[str]]:
    """Return the customer's id, None with --key, and up to `most` further words; raise `usage`."""
    words = list(arguments.words)
    customer_id = None
    if arguments.key is None:
        if not words or not words[0] or (most is None and "=" in words[0]):
            raise usage_error(
                "usage", "No customer is named.", None, "Give a CUSTOMER_ID, or --key ENTITY=PK."
            )
        customer_id = words.pop(0)
    if most is not None and len(words) > most:
        raise usage_error(
            "usage",
            f"{words[most]!r} is one argument too many.",
            None,
            _too_many(arguments, words[0], most),
        )
    return customer_id, words


def _too_many(arguments: Namespace, first: str, most: int) -> str:
    """Say what to do about more words than a command takes.

    `first` is the first of them behind the customer.
    """
    if arguments.key is not None and (most == 0 or CUSTOMER_ID.fullmatch(first)):
        return "A customer is named by a CUSTOMER_ID or by --key, not by both."
    return (
        "Options begin with two dashes."
        if most == 0
        else "Withdraw one field at a time, or all of the customer's by naming none."
    )


def _terms(arguments: Namespace) -> dict[str, str | None]:
    return {
        "event_time": arguments.event_time,
        "caller": arguments.caller,
        "idempotency_key": arguments.idempotency_key,
    }


COMMANDS: dict[str, Command] = {
    "get": get,
    "timeline": timeline,
    "sql": sql,
    "open": open_statements,
    "status": status,
    "update": update,
    "withdraw": withdraw,
    "post": post,
    "refresh": refresh,
    "stream": stream,
}
