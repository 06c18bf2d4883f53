"""Lists for comparing that stand in files: aliases, and values that stand for none.

They are read before anything else, and then belong to the configuration, as if they stood there.
"""

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from overtide.schemas.aliases import contradictions, plain
from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.ignore import Ignore
from overtide.schemas.errors import OvertideError, SourceError
from overtide.schemas.mistakes import Path as Place
from overtide.schemas.mistakes import shown
from overtide.transforms.matching.headers import wrong_header

ALIAS, VALUE, ATTRIBUTE = "Alias", "Value", "Attribute"
Line = tuple[int, Mapping[str, str]]
"""A row of a list, with the number of the line on which it ends."""


class ListFile(NamedTuple):
    """A file with a list: where the configuration names it, and its path as written there."""

    place: Place
    path: str


def list_files(configuration: Configuration) -> list[ListFile]:
    """Return the files of lists that a configuration names, in a fixed order."""
    unification = configuration.unification
    ignores: list[tuple[Place, Ignore]] = [(("unification", "ignore"), unification.ignore)]
    ignores += [
        (("unification", "entities", number, "ignore"), one.ignore)
        for number, one in enumerate(unification.entities)
    ]
    return [
        *(ListFile((*place, "file"), one.file) for place, one in ignores if one.file is not None),
        *(
            ListFile(("unification", "aliases", name), one)
            for name, one in unification.aliases.items()
            if isinstance(one, str)
        ),
    ]


def wrong_lists(configuration: Configuration, project: Path) -> list[tuple[Place, OvertideError]]:
    """Return what is wrong with each file of a list, and where the configuration names it."""
    found: list[tuple[Place, OvertideError]] = []
    for file in list_files(configuration):
        try:
            _read(configuration, project, file)
        except SourceError as error:
            found.append((file.place, error))
    return found


def with_lists(configuration: Configuration, project: Path) -> Configuration:
    """Return the configuration with all lists as if they stood in it; raise `list_wrong`."""
    if not list_files(configuration):
        return configuration
    unification = configuration.unification
    read = {file.place: _read(configuration, project, file) for file in list_files(configuration)}

    def ignore(place: Place, one: Ignore) -> Ignore:
        lines = read.get((*place, "file"), [])
        everywhere = [value for value, attribute in lines if not attribute]
        of: dict[str, list[str]] = {name: list(some) for name, some in one.values_of.items()}
        for value, attribute in lines:
            if attribute:
                of.setdefault(attribute, []).append(value)
        added = {"file": None, "values": [*one.values, *everywhere], "values_of": of}
        return one.model_copy(update=added)

    entities = [
        one.model_copy(
            update={"ignore": ignore(("unification", "entities", number, "ignore"), one.ignore)}
        )
        for number, one in enumerate(unification.entities)
    ]
    aliases = {
        name: dict(read[("unification", "aliases", name)]) if isinstance(one, str) else one
        for name, one in unification.aliases.items()
    }
    lists = {
        "entities": entities,
        "aliases": aliases,
        "ignore": ignore(("unification", "ignore"), unification.ignore),
    }
    return configuration.model_copy(update={"unification": unification.model_copy(update=lists)})


def _read(configuration: Configuration, project: Path, file: ListFile) -> list[tuple[str, str]]:
    """Return the rows of a list: aliases and values, or values and the attribute or nothing."""
    path = project / file.path
    if file.place[1] == "aliases":
        return _aliases(file, _lines(file, path, (ALIAS, VALUE)))
    unified = configuration.unification.entities
    names = [one.entity for one in unified]
    if file.place[1] == "entities":
        names = [names[int(file.place[2])]]
    known = {
        attribute
        for name in names
        if name in configuration.entities()
        for attribute in configuration.entities()[name].attributes
    }
    return list(_values(file, _lines(file, path, (VALUE,)), known, names))


def _lines(file: ListFile, path: Path, columns: Sequence[str]) -> list[Line]:
    """Return the rows of a CSV file in UTF-8 that has these columns."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            rows = csv.DictReader(text, strict=True, restval="")
            wrong = wrong_header(list(rows.fieldnames or []), columns)
            if wrong:
                raise _wrong(file, wrong)
            found: list[Line] = [(rows.line_num, row) for row in rows]
    except FileNotFoundError:
        raise _wrong(file, "is not there") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _wrong(file, f"cannot be read: {error}") from None
    for number, row in found:
        if None in row:
            raise _wrong(file, f"has more values than columns in line {number}")
    return found


def _aliases(file: ListFile, lines: Sequence[Line]) -> list[tuple[str, str]]:
    pairs = [(row[ALIAS], row[VALUE]) for _, row in lines]
    wrong = contradictions(pairs)
    if wrong:
        raise _wrong(file, f"{wrong[0].message} in line {lines[wrong[0].number][0]}")
    return pairs


def _values(
    file: ListFile, lines: Sequence[Line], known: Collection[str], entities: Sequence[str]
) -> Iterator[tuple[str, str]]:
    for number, row in lines:
        attribute = row.get(ATTRIBUTE) or ""
        if not plain(row[VALUE]):
            raise _wrong(file, f"has no value in line {number}")
        if attribute and attribute not in known:
            of = " or ".join(entities)
            raise _wrong(file, f"names {attribute!r} in line {number}, no attribute of {of}")
        yield row[VALUE], attribute


def _wrong(file: ListFile, what: str) -> SourceError:
    columns = f"columns {ALIAS},{VALUE}"
    if file.place[1] != "aliases":
        columns = f"column {VALUE}, and {ATTRIBUTE} where it is about one attribute"
    return SourceError(
        "list_wrong",
        f"The list {Path(file.path).name} {what}.",
        shown(file.place),
        f"It is CSV in UTF-8 with the {columns} (docs/matching.md).",
    )
