"""The page of `match review`: one HTML file that asks no other place for anything.

All text of sources is escaped. What a person decides stays in the page until it is downloaded or
copied as the CSV of a file of decisions.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from overtide.cli.tried_rules import rule_named, sized, values_of

Row = Mapping[str, Any]
HERE = Path(__file__).parent
BARS = 5
"""How many percent of score a bar of a distribution stands for."""


def page_of(
    name: str, tried: Row, scores: Sequence[Row], joined: Sequence[Row], apart: Sequence[Row]
) -> str:
    """Return the page for a project of this name."""
    frame, style, script = (
        (HERE / f"review_page.{ending}").read_text(encoding="utf-8")
        for ending in ("html", "css", "js")
    )
    parts = [
        *_of_rules(tried, scores),
        _pairs("Joined, and nearly not", "joined", joined),
        _pairs("Not joined, and nearly", "apart", apart),
    ]
    return Template(frame).substitute(
        title=escape(f"Matching of {name}"), style=style, script=script, parts="\n".join(parts)
    )


def _of_rules(tried: Row, scores: Sequence[Row]) -> Iterator[str]:
    """Give the sections of what the rules do."""
    yield _summary(tried)
    yield from _table_part("Entities", tried["entities"])
    names = ["entity", "to", "rule", "pairs", "records", "only", "percent"]
    yield from _table_part("Rules", tried["rules"], names)
    yield from map(_distribution, scores)
    yield from _table_part(
        "Blocks",
        [{**one, "largest": ", ".join(map(sized, one["largest"]))} for one in tried["blocks"]],
        ["rule", "block", "blocks", "records", "pairs", "oversized", "largest"],
    )
    yield from _table_part("Common values", tried["commonValues"])
    yield from _table_part("Ignored values", tried["ignoredValues"]["greatest"])
    yield from _table_part("Not compared or not merged", tried["notCompared"]["greatest"])
    yield from _table_part("Largest customers", _customers(tried["customers"]["largest"]))
    yield from _changes(tried["changes"])


def _summary(tried: Row) -> str:
    customers = tried["customers"]
    return (
        f"<p>{tried['records']:,} records become {customers['count']:,} customers, "
        f"{customers['ofSeveralRecords']:,} of several records. Nothing is published by this. "
        "Decide about the pairs at the end of the page; with the keys <kbd>j</kbd> and "
        "<kbd>k</kbd> you go to the next and the previous pair, <kbd>a</kbd> is always, "
        "<kbd>n</kbd> never, <kbd>u</kbd> undecided.</p>"
    )


def _table_part(title: str, rows: Sequence[Row], names: Sequence[str] = ()) -> Iterator[str]:
    """Give a section with a table; nothing where it has no rows."""
    if rows:
        chosen = names or [*rows[0]]
        yield f"<section><h2>{escape(title)}</h2>\n{_table(chosen, rows)}</section>"


def _table(names: Sequence[str], rows: Iterable[Row]) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = "\n".join(
        f"<tr>{''.join(map(_cell, values_of({name: row[name] for name in names})))}</tr>"
        for row in rows
    )
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(value: object) -> str:
    if isinstance(value, int | float):
        return f'<td class="number">{value:,}</td>'
    return f"<td>{'' if value is None else escape(str(value))}</td>"


def _customers(customers: Iterable[Row]) -> list[Row]:
    return [
        {
            "customer": one["customerId"],
            "records": one["records"],
            "first": ", ".join(f"{end['entity']}={end['key']}" for end in one["firstRecords"]),
        }
        for one in customers
        if one["records"] > 2
    ]


def _changes(changes: Row | None) -> Iterator[str]:
    if changes is not None:
        for title, what in (("Would be joined", "joined"), ("Would be split", "split")):
            rows = [
                {
                    "customer": one["customerId"],
                    "record": f"{end['entity']}={end['key']}",
                    "other": end["customerId"],
                }
                for one in changes[what]["greatest"]
                for end in one["firstRecords"]
            ]
            yield from _table_part(f"{title}: {changes[what]['count']:,} customers", rows)


def _distribution(one: Row) -> str:
    """Return the distribution of a rule's scores: joined above the least score, apart beneath."""
    bars: dict[int, list[int]] = {}
    for place, what in enumerate(("joined", "apart")):
        for score, pairs in one[what].items():
            bars.setdefault(int(score) // BARS * BARS, [0, 0])[place] += pairs
    most = max((sum(both) for both in bars.values()), default=1)

    def bar(pairs: int, kind: str) -> str:
        return f'<span class="bar {kind}" style="width:{60 * pairs / most:.2f}%"></span>'

    rows = "\n".join(
        f'<tr><th scope="row">{score} %</th><td class="number">{joined:,}</td>'
        f'<td class="number">{apart:,}</td><td class="bars">{bar(joined, "joined")}'
        f"{bar(apart, 'apart')}</td></tr>"
        for score, (joined, apart) in sorted(bars.items())
    )
    title = escape(f"Scores of {rule_named(one)}")
    return (
        f"<section><h2>{title}</h2><p>Apart are pairs that the rule would join if it asked for a "
        "fifth less, and that no other rule joins.</p><table><thead><tr>"
        '<th scope="col">score from</th><th scope="col">joined</th><th scope="col">apart</th>'
        f'<th scope="col">pairs</th></tr></thead><tbody>{rows}</tbody></table></section>'
    )


def _pairs(title: str, name: str, pairs: Sequence[Row]) -> str:
    shown = "\n".join(_pair(f"{name}-{number}", pair) for number, pair in enumerate(pairs))
    return (
        f'<section><h2 id="{name}">{escape(title)}</h2>\n'
        f"{shown or '<p>There are none.</p>'}</section>"
    )


def _pair(name: str, pair: Row) -> str:
    one, other = pair["records"]
    named = [f"{end['entity']}={end['key']}" for end in (one, other)]
    data = " ".join(
        f'data-{what}{number}="{escape(end[what])}"'
        for number, end in enumerate((one, other), 1)
        for what in ("entity", "key")
    )
    attributes = [*dict.fromkeys([*one["values"], *other["values"]])]
    rows = "\n".join(
        _compared(attribute, one["values"].get(attribute), other["values"].get(attribute))
        for attribute in attributes
    )
    legend = f"{named[0]} and {named[1]}: {pair['rule']}, {pair['score']} %"
    choices = "\n".join(
        f'<label><input type="radio" name="{name}" value="{value}"{checked}> {text}</label>'
        for value, text, checked in (
            ("", "undecided", " checked"),
            ("always", "always one customer", ""),
            ("never", "never one customer", ""),
        )
    )
    return f"""<fieldset class="pair" {data}>
<legend>{escape(legend)}</legend>
<div class="wide"><table><thead><tr><th scope="col">attribute</th>
<th scope="col">{escape(named[0])}</th><th scope="col">{escape(named[1])}</th></tr></thead>
<tbody>{rows}</tbody></table></div>
<p class="choices">{choices}</p>
</fieldset>"""


def _compared(attribute: str, one: str | None, other: str | None) -> str:
    kind = "missing" if None in (one, other) else "same" if one == other else "differs"
    cells = "".join(f"<td>{escape(value or '')}</td>" for value in (one, other))
    return f'<tr class="{kind}"><th scope="row">{escape(attribute)}</th>{cells}</tr>'
