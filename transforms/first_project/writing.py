"""Write a proposed project as an `overtide.yaml`, each choice with a comment why."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from overtide.transforms.first_project import people
from overtide.transforms.first_project.found import Found
from overtide.transforms.first_project.keys import Proposed
from overtide.transforms.first_project.roles import (
    Roles,
    activity_type,
    semantic_of,
    time_of,
    times_of,
    title_of,
)
from overtide.transforms.first_project.rules import Rule, merged_columns, rules_of
from overtide.transforms.first_project.scores import lives_together

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_ /.()-]*[A-Za-z0-9_)]|[A-Za-z]")
NOT_PLAIN = ("true", "false", "yes", "no", "on", "off", "null", "y", "n")
KEY = re.compile(r"[A-Za-z][A-Za-z0-9_ -]*")
NO_ADDRESS = "a shared address is left alone: what several customers have leads to none of them"

NO_PARTS = "all parts of the address must be there"


def document_of(
    name: str,
    instance: str,
    entities: Sequence[Proposed],
    roles: Roles,
    left_out: Mapping[str, str],
) -> str:
    """Return the text of the project."""
    lines = [
        "# A first project, proposed from samples of the files. Read it line by line: the comments",
        "# say why something is as it is, and docs/configuration.md explains every setting.",
        "#   overtide validate     checks this file, also against the files",
        "#   overtide refresh      reads the files, unifies, publishes",
        "",
        f"instance: {{name: {scalar(name)}, id: {instance}}}",
        "",
        *(f"# Left out: {one_line(file)}: {one_line(why)}" for file, why in left_out.items()),
        "sources:",
        *_sources(entities),
        "",
        *_unification(roles),
        *_relationships(roles),
        *_activities(roles),
    ]
    return "\n".join(lines) + "\n"


def scalar(value: object) -> str:
    """Return a value as YAML, on one line; `${` stays what it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key(name)}: {scalar(one)}' for name, one in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(scalar, value))}]"
    text = str(value)
    plain = PLAIN.fullmatch(text) and text.lower() not in NOT_PLAIN and "  " not in text
    if plain and not re.search(r" #|: ", text):
        return text
    return quoted(text)


def quoted(text: str) -> str:
    """Return a text in double quotes, as YAML reads it, without variables of the environment."""
    return _in_quotes(text.replace("${", "$${"))


def _in_quotes(text: str) -> str:
    written = json.dumps(text, ensure_ascii=False)
    return re.sub(r"[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]", _escaped, written)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def key(name: str) -> str:
    """Return the name of a setting or an attribute as YAML; no variable is read in it."""
    plain = KEY.fullmatch(name) and name.lower() not in NOT_PLAIN and not name.endswith(" ")
    return name if plain else _in_quotes(name)


def one_line(text: str) -> str:
    """Return a text for a comment: one line, without what no YAML may hold."""
    shown = "".join(one if one.isprintable() else " " for one in text)
    return " ".join(shown.split())[:200]


def _sources(entities: Sequence[Proposed]) -> Iterator[str]:
    for source in dict.fromkeys(one.source for one in entities):
        yield f"  {key(source)}:"
        for one in entities:
            if one.source == source:
                yield from _entity(one)


def _entity(one: Proposed) -> Iterator[str]:
    sample = one.sample
    yield f"    {key(one.name)}: # {sample.rows:,} rows were looked at"
    yield from (f"      # {one_line(note)}" for note in sample.notes)
    yield f"      path: {scalar(one.path)}"
    if sample.delivered:
        why = "of the rows of a key the one modified last counts; deletes remove it"
        yield f"      incremental: {scalar({'last_modified': one.modified})} # {why}"
    if sample.format != "csv":
        yield f"      format: {sample.format}"
    if sample.encoding != "utf-8":
        yield f"      encoding: {sample.encoding}"
    if sample.delimiter != ",":
        yield f"      delimiter: {quoted(sample.delimiter)}"
    yield from _key(one)
    yield "      attributes:"
    for column in sample.columns:
        found = one.types[column.name]
        settings: dict[str, Any] = {
            name: value
            for name, value in (
                ("column", column.column),
                ("path", column.path),
                ("type", found.type),
                *found.settings.items(),
                ("semantic_type", one.meanings.get(column.name)),
                ("optional", _optional(one, column.name)),
            )
            if value
        }
        short = list(settings) == ["type"]
        written = scalar(found.type if short else settings)
        yield f"        {key(column.name)}: {written}{_why(found)}"


def _key(one: Proposed) -> Iterator[str]:
    """Give the primary key, and which of several rows with one is kept."""
    keys = list(one.key or ())
    why = "the values differ in all rows looked at"
    if one.repeated:
        why = "nothing identifies a row by itself: check by hand"
    if one.repeated and len(keys) == 1:
        why = f"{one.repeated:,} of {one.sample.rows:,} rows have that of another: check by hand"
    yield f"      primary_key: {scalar(keys[0] if len(keys) == 1 else keys)} # {why}"
    if one.repeated and len(keys) == 1 and one.modified and not one.sample.delivered:
        latest = {"policy": "most_recent", "attribute": one.modified}
        yield f"      prefer: {scalar(latest)} # of the rows of a key the one modified last is kept"


def _optional(one: Proposed, name: str) -> bool:
    """Say whether a value may be missing from a record: columns of CSV and Parquet are there."""
    return one.sample.format == "jsonl" and name not in (one.key or ())


def _why(found: Found) -> str:
    told = one_line(
        "; ".join(filter(None, (found.why, f"CHECK: {found.check}" * bool(found.check))))
    )
    return f" # {told}" if told and told != "text" else ""


def _unification(roles: Roles) -> Iterator[str]:
    yield "unification:"
    yield from _of_people(roles)
    yield "  # The first entity is the primary one: ids stay with its records."
    yield "  entities:"
    together = lives_together(roles.customers)
    for one in roles.customers:
        rules = rules_of(one, one, together)
        yield f"    - entity: {one.entity}"
        if rules:
            yield "      deduplicate:"
            yield "        rules:"
            yield from _rules(rules, "          ")
    yield from _match(roles, together)
    yield from _merge(roles)


def _of_people(roles: Roles) -> Iterator[str]:
    """Give what ids are made of, which values are of nobody, and the households."""
    made = people.customer_id(roles.customers, roles.between)
    if made is not None:
        yield f"  customer_id: {scalar(made.settings)} # {made.why}"
    ignored = people.of_nobody(roles.customers)
    if ignored:
        yield "  ignore: # many different people have these values: they are kept, and join nobody"
        yield "    values_of:"
        for name, choices in ignored.items():
            yield f"      {key(name)}:"
            yield from (
                f"        - {quoted(one.settings)} # {one_line(one.why)}" for one in choices
            )
    household = people.households(roles.customers, roles.between)
    if household is not None:
        rule = household.settings["rules"][0]
        yield "  clusters: # people who live together stay customers of their own"
        yield f"    - name: {household.settings['name']} # {household.why}"
        yield "      rules:"
        settings = {name: value for name, value in rule.items() if name != "name"}
        yield from _rules([Rule(rule["name"], settings, NO_PARTS)], "        ")


def _match(roles: Roles, together: bool) -> Iterator[str]:
    pairs = [
        (one, other, rules_of(one, other, together, roles.between))
        for place, one in enumerate(roles.customers)
        for other in roles.customers[:place]
    ]
    if any(rules for _, _, rules in pairs):
        yield "  match: # tried in this order: the surest rule first"
    for one, other, rules in pairs:
        if rules:
            yield f"    - entity: {one.entity}"
            yield f"      to: {other.entity}"
            yield "      rules:"
            yield from _rules(rules, "        ")


def _rules(rules: Sequence[Rule], indent: str) -> Iterator[str]:
    for name, settings, why in rules:
        yield f"{indent}- name: {scalar(name)} # {why}"
        yield from _settings(settings, f"{indent}  ")


def _settings(settings: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Give settings of a rule: a line each, and for each of several."""
    for name, value in settings.items():
        nested = isinstance(value, Mapping | list)
        yield f"{indent}{name}:" if nested else f"{indent}{name}: {scalar(value)}"
        if isinstance(value, Mapping):
            yield from _settings(value, f"{indent}  ")
        elif nested:
            yield from (f"{indent}  - {scalar(one)}" for one in value)


def _merge(roles: Roles) -> Iterator[str]:
    columns, group = merged_columns(roles.customers, roles.between)
    yield "  merge:"
    if columns:
        yield "    fields: # the first that is there counts"
        for name, sources in columns.items():
            yield f"      - {{name: {key(name)}, from: [{', '.join(map(quoted_if, sources))}]}}"
    if group:
        yield "    groups: # an address is never put together from two records"
        yield f"      - {scalar(group)}"
    if not columns and not group:
        yield "    fields: []"


def quoted_if(text: str) -> str:
    """Return a text for a list within a list: in quotes unless it is a plain name."""
    return text if re.fullmatch(r"[A-Za-z][A-Za-z0-9_.]*", text) else quoted(text)


def _relationships(roles: Roles) -> Iterator[str]:
    if roles.ways:
        yield ""
        yield "relationships:"
    for entity, way in roles.ways.items():
        settings: dict[str, Any] = {
            "name": way.one.name,
            "entity": entity,
            "foreign_key": way.columns[0] if len(way.columns) == 1 else list(way.columns),
            "to": "Customer" if way.to is None else way.to.entity,
        }
        share = f"{way.found:,} of {way.distinct:,} distinct values are there"
        if way.by_email:
            settings |= {"field": "EMail", "normalize": ["lower", "whitespace", "email"]}
            yield f"  # by e-mail, {share}; {NO_ADDRESS}"
        else:
            yield f"  # {share}"
        yield f"  - {scalar(settings)}"


def _activities(roles: Roles) -> Iterator[str]:
    if roles.activities:
        yield ""
        yield "activities:"
    for one in roles.activities:
        settings: dict[str, Any] = {
            "entity": one.entity,
            "name": one.name,
            "relationship": one.name,
            "type": activity_type(one),
            "timestamp": time_of(one),
            "title": title_of(one),
            **({"semantic": semantic} if (semantic := semantic_of(one)) else {}),
        }
        times = times_of(one)
        if len(times) > 1:
            others = [one_line(name) for name in times if name != time_of(one)]
            yield f"  # other times: {', '.join(others)}"
        yield f"  - {scalar(settings)}"
