"""Cross checks of unification.

Entities, rules of deduplication and matching, and the columns of Customer.
"""

from collections.abc import Iterator, Sequence

from overtide.schemas.configuration import Condition, FieldGroup, MatchPair, MergedField, Rule
from overtide.schemas.mistakes import Path
from overtide.schemas.names import folded
from overtide.schemas.suggestions import closest
from overtide.schemas.types import COMPARED, KEYS, listed, type_of
from overtide.schemas.validation_context import RESERVED_COLUMNS, Checking
from overtide.schemas.validation_sources import check_country, check_preference, is_name

MOST_SOURCES = 15


def check_unified(checking: Checking) -> None:
    """Check the entities that take part, their preference and their rules of deduplication."""
    entities = checking.configuration.unification.entities
    paths = [("unification", "entities", number) for number in range(len(entities))]
    checking.unique(
        ((one.entity, (*path, "entity")) for one, path in zip(entities, paths, strict=True)),
        "unified entities",
    )
    for one, path in zip(entities, paths, strict=True):
        if checking.entity((*path, "entity"), one.entity) is not None:
            check_preference(
                checking, (*path, "deduplicate", "prefer"), one.entity, one.deduplicate.prefer
            )
            _rules(checking, (*path, "deduplicate", "rules"), one.deduplicate.rules, [one.entity])


def check_match(checking: Checking) -> None:
    """Check that pairs lead to an earlier entity and that their rules hold.

    Every entity has to have a pair.
    """
    pairs = checking.configuration.unification.match
    for number, pair in enumerate(pairs):
        path = ("unification", "match", number)
        known = [
            checking.entity((*path, end), name, unified=True) is not None
            for end, name in (("entity", pair.entity), ("to", pair.to))
        ]
        if all(known):
            _order(checking, path, pair)
        entities = [pair.entity, pair.to] if all(known) and pair.entity != pair.to else None
        _rules(checking, (*path, "rules"), pair.rules, entities)
    _pairs_once(checking, pairs)
    matched = {pair.entity for pair in pairs}
    for number, name in enumerate(checking.unified[1:], start=1):
        if name not in matched and not checking.found and not checking.broken:
            checking.note(
                "unmatched_entity",
                ("unification", "entities", number),
                f"{name} has no match rules: its records are customers of their own.",
            )


def _order(checking: Checking, path: Path, pair: MatchPair) -> None:
    order = checking.unified
    if order.index(pair.entity) <= order.index(pair.to):
        checking.add(
            "wrong_order",
            (*path, "to"),
            f"{pair.entity} does not come later than {pair.to} in unification.entities.",
            expected="a pair from a later to an earlier entity",
            hint="Exchange `entity` and `to`."
            if pair.entity != pair.to
            else "Duplicates within one entity are found by its `deduplicate` rules.",
        )


def _pairs_once(checking: Checking, pairs: Sequence[MatchPair]) -> None:
    seen: dict[tuple[str, str], int] = {}
    for number, pair in enumerate(pairs):
        first = seen.setdefault((pair.entity, pair.to), number)
        if first != number:
            checking.add(
                "duplicate_name",
                ("unification", "match", number),
                f"{pair.entity} and {pair.to} are a pair already (match[{first}]).",
                expected="one pair with all its rules",
            )


def _rules(
    checking: Checking, path: Path, rules: Sequence[Rule], entities: list[str] | None
) -> None:
    """Check rules; what they compare only where it is known of which entities."""
    checking.unique(
        ((rule.name, (*path, number, "name")) for number, rule in enumerate(rules)),
        "names of rules",
    )
    for number, rule in enumerate(rules):
        here = (*path, number)
        if all(condition.percent < 100 for condition in rule.conditions):
            checking.add(
                "no_exact_condition",
                here,
                f"The rule `{rule.name}` has no exact condition.",
                expected="at least one condition with precision exact",
                hint="Records are only compared when an exact condition brings them together.",
            )
        for position, condition in enumerate(rule.conditions if entities else []):
            _condition(checking, (*here, "conditions", position), condition, entities or [])


def _condition(checking: Checking, path: Path, condition: Condition, entities: list[str]) -> None:
    where = (*path, "fields")
    if isinstance(condition.fields, dict) and not _sides(
        checking, where, list(condition.fields), entities
    ):
        return
    _country(checking, path, condition)
    found = [_kinds(checking, where, condition, entity) for entity in entities]
    known = [[kind for kind in kinds if kind is not None] for kinds in found]
    if known == found and all(known):
        _compared(checking, path, condition, known)


def _country(checking: Checking, path: Path, condition: Condition) -> None:
    if (
        condition.country is not None
        and "phone" not in condition.normalize
        and not checking.is_broken(path)
    ):
        checking.add(
            "unused_setting",
            (*path, "country"),
            "Only the normalisation `phone` asks for a country.",
            expected="no country, or phone among `normalize`",
        )
    check_country(checking, (*path, "country"), condition.country)


def _sides(checking: Checking, path: Path, named: list[str], entities: list[str]) -> bool:
    unknown = [name for name in named if name not in entities]
    for name in unknown:
        checking.unknown((*path, name), name, "entity of this rule", entities)
    for entity in entities:
        if entity not in named and not unknown:
            checking.add(
                "missing_setting",
                path,
                f"The fields of {entity} are missing.",
                expected=f"the fields of {' and '.join(entities)}",
            )
    return set(named) == set(entities)


def _kinds(checking: Checking, path: Path, condition: Condition, entity: str) -> list[str | None]:
    """Return the types of the fields of one side, and remember what is wrong with their names."""
    side = (*path, entity) if isinstance(condition.fields, dict) else path
    names = condition.fields_of(entity)
    if not names and not checking.has(side):
        checking.add(
            "missing_setting",
            side,
            "A condition compares at least one attribute.",
            expected="an attribute",
        )
    value = condition.fields[entity] if isinstance(condition.fields, dict) else condition.fields
    return [
        checking.attribute((*side, number) if isinstance(value, list) else side, entity, name)
        for number, name in enumerate(names)
    ]


def _compared(checking: Checking, path: Path, condition: Condition, kinds: list[list[str]]) -> None:
    everything = {kind for side in kinds for kind in side}
    joined = all(type_of(kind).is_key for kind in everything)
    if condition.percent < 100 and not all(type_of(kind).is_text for kind in everything):
        checking.add(
            "wrong_type",
            path,
            f"Only strings can be nearly the same, not {_types(everything)}.",
            expected="precision exact, or attributes of type string",
        )
    elif condition.normalize and not joined:
        checking.add(
            "wrong_type",
            (*path, "normalize"),
            f"Only texts can be normalised, not {_types(everything)}.",
            expected="no normalisation, or attributes of type string",
        )
    elif max(map(len, kinds)) > 1:
        if not joined:
            checking.add(
                "wrong_type",
                path,
                f"Only texts can be compared in combination, not {_types(everything)}.",
                expected=f"attributes of type {listed(KEYS)}",
            )
    elif len(everything) > 1:
        checking.add(
            "wrong_type",
            path,
            f"Values of different types are compared: {_types(everything)}.",
            expected="attributes of one type",
        )


def _types(kinds: set[str]) -> str:
    return " and ".join(sorted(kinds))


def check_merge(checking: Checking) -> None:
    """Check the columns of Customer: their names, sources and types."""
    merge = checking.configuration.unification.merge
    names = list(_column_names(checking))
    checking.unique(names, "columns of Customer")
    for number, field in enumerate(merge.fields):
        _field(checking, ("unification", "merge", "fields", number), field)
    for number, group in enumerate(merge.groups):
        _group(checking, ("unification", "merge", "groups", number), group)
    if not merge.fields and not merge.groups:
        checking.note(
            "empty_merge", ("unification", "merge"), "Customer has no columns but its keys."
        )


def _column_names(checking: Checking) -> Iterator[tuple[str, Path]]:
    """Give the names of all columns of Customer; reserved ones and alternate keys first."""
    merge = checking.configuration.unification.merge
    for number, name in enumerate(dict.fromkeys(checking.unified)):
        if name in checking.entities:
            yield (
                f"{name}_{checking.entities[name].primary_key}",
                ("unification", "entities", number),
            )
    for number, field in enumerate(merge.fields):
        yield from _column(checking, field.name, ("unification", "merge", "fields", number, "name"))
    for number, group in enumerate(merge.groups):
        for position, name in enumerate(group.fields):
            yield from _column(
                checking, name, ("unification", "merge", "groups", number, "fields", position)
            )


def _column(checking: Checking, name: str, path: Path) -> Iterator[tuple[str, Path]]:
    if folded(name) in map(folded, RESERVED_COLUMNS):
        checking.add(
            "reserved_name",
            path,
            f"`{name}` is a column that Overtide fills itself.",
            expected="another name",
        )
    elif not is_name(name):
        checking.add(
            "invalid_name",
            path,
            f"`{name}` cannot be a column of Customer.",
            expected="a letter, then letters, digits and underscores",
        )
    yield name, path


def _field(checking: Checking, path: Path, field: MergedField) -> None:
    where = (*path, "from")
    kinds = [_source(checking, (*where, number), text) for number, text in enumerate(field.sources)]
    checking.unique(
        ((text, (*where, number)) for number, text in enumerate(field.sources)),
        "sources of a column",
    )
    _one_type(checking, path, field.name, [kind for kind in kinds if kind is not None])
    _by(checking, (*path, "by"), field)


def _source(checking: Checking, path: Path, text: str) -> str | None:
    """Return the type of `{DataSource}_{Entity}.{Attribute}`."""
    entity, point, attribute = text.partition(".")
    if not point:
        choices = [
            f"{name}.{column}"
            for name in checking.unified
            if name in checking.entities
            for column in checking.entities[name].attributes
        ]
        checking.add(
            "invalid_value",
            path,
            f"`{text}` names no entity and attribute.",
            expected="{DataSource}_{Entity}.{Attribute}",
            suggestion=closest(text, choices),
        )
        return None
    if checking.entity(path, entity, unified=True) is None:
        return None
    return checking.attribute(path, entity, attribute)


def _one_type(checking: Checking, path: Path, name: str, kinds: list[str]) -> None:
    if len({kind.replace(" ", "") for kind in kinds}) > 1:
        checking.add(
            "wrong_type",
            path,
            f"`{name}` combines values of different types: {_types(set(kinds))}.",
            expected="attributes of one type",
        )


def _by(checking: Checking, path: Path, field: MergedField) -> None:
    broken = checking.is_broken((*path[:-1], "policy"))  # a default stands there that nobody wrote
    if field.policy != "importance" or broken:
        _by_entities(checking, path, field, broken)
        _compared_by(checking, path, field, broken)
    elif field.by:
        checking.add(
            "unused_setting",
            path,
            "`importance` compares no attribute.",
            expected="no `by`, or the policy most_recent or least_recent",
        )


def _by_entities(checking: Checking, path: Path, field: MergedField, broken: bool) -> None:
    """Check that `by` names the entities of `from`.

    One that is misspelt there may be right here.
    """
    entities = list(dict.fromkeys(text.partition(".")[0] for text in field.sources))
    unknown = [entity for entity in field.by if entity not in entities]
    for entity in unknown if set(entities) <= set(checking.entities) else ():
        checking.unknown((*path, entity), entity, "entity of this column", entities)
    for entity in [] if broken or unknown else entities:
        if entity in checking.entities and entity not in field.by:
            checking.add(
                "missing_setting",
                path,
                f"`{field.policy}` needs the attribute of {entity} that it compares.",
                expected="entity: attribute for every entity in `from`",
            )


def _compared_by(checking: Checking, path: Path, field: MergedField, broken: bool) -> None:
    """Check the attributes that `by` names; of a policy that is not known only their names."""
    kinds = set()
    for entity, name in field.by.items():
        if checking.has((*path, entity)):
            continue
        if broken:
            checking.attribute((*path, entity), entity, name)
        elif kind := checking.typed(
            (*path, entity), entity, name, COMPARED, "what is compared is a date or a number"
        ):
            kinds.add(type_of(kind).is_number)
    if len(kinds) > 1:
        checking.add(
            "wrong_type",
            path,
            "Dates and numbers cannot be compared.",
            expected="all dates, or all numbers",
        )


def _group(checking: Checking, path: Path, group: FieldGroup) -> None:
    if len(group.sources) > MOST_SOURCES or not group.sources:
        checking.add(
            "invalid_value",
            (*path, "from"),
            f"A group has 1 to {MOST_SOURCES} sources.",
            expected="entity: its attributes",
        )
    kinds: list[list[str]] = [[] for _ in group.fields]
    for entity, names in group.sources.items():
        where = (*path, "from", entity)
        if len(names) != len(group.fields) and not checking.is_broken((*path, "fields")):
            checking.add(
                "invalid_value",
                where,
                f"{entity} names {len(names)} attributes for {len(group.fields)} fields.",
                expected="one attribute (or null) for each of `fields`, in their order",
            )
        if checking.entity(where, entity, unified=True) is None:
            continue
        for number, (name, column) in enumerate(zip(names, kinds, strict=False)):
            kind = checking.attribute((*where, number), entity, name) if name is not None else None
            column.extend([kind] if kind else [])
    for number, (name, column) in enumerate(zip(group.fields, kinds, strict=True)):
        _one_type(checking, path, name, column)
        if group.sources and all(
            names[number : number + 1] in ([], [None]) for names in group.sources.values()
        ):
            checking.add(
                "missing_setting",
                (*path, "fields", number),
                f"No source fills `{name}`.",
                expected="an attribute of one source",
            )
