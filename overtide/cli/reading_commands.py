"""The commands that show: cards, timelines, SQL and the state of a project."""

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from overtide.cli import comparing
from overtide.cli.arguments import named_customer, read_input
from overtide.cli.output import Output
from overtide.project import Project
from overtide.schemas.errors import DONE
from overtide.schemas.wording import counted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from overtide.lake.cards_and_timelines import Card, Timeline


def get(project: Project, arguments: Namespace, output: Output) -> int:
    """Show a customer's card."""
    customer_id, _ = named_customer(arguments, 0)
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
    customer_id, _ = named_customer(arguments, 0)
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

    query = read_input("-") if arguments.query == "-" else arguments.query
    project.expect_same_log()
    with session(project.paths, arguments.memory_limit) as connection:
        names, rows = interruptibly(
            connection, lambda: run_query(connection, query, _fetched, paths=project.paths)
        )
    output.result(
        {"columns": names, "rows": [dict(zip(names, row, strict=True)) for row in rows]},
        lambda: output.table(names, rows),
    )
    return DONE


def _fetched(result: "DuckDBPyConnection", limit: int) -> tuple[list[str], list[tuple[Any, ...]]]:
    from overtide.lake.session import python_rows

    return distinct([column[0] for column in result.description]), python_rows(result, limit)


def distinct(names: Sequence[str]) -> list[str]:
    """Return column names with `_1`, `_2` … behind repeated ones, so that rows can be objects."""
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
        f"{published['ageSeconds']:,.0f} s ago{_served(published)}{_since(published)}"
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


def _since(published: dict[str, Any]) -> str:
    """Say since which run nothing has changed, where the run only published it again."""
    since = published["unchangedSince"]
    return "" if since is None else f", unchanged since run {since}"


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
