"""Propose a project: from files to the text of an `overtide.yaml`, and what to check by hand."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from overtide.schemas.errors import SourceError, UsageError
from overtide.schemas.names import folded
from overtide.transforms.first_project import people
from overtide.transforms.first_project.columns import found_type, tells_months_first
from overtide.transforms.first_project.found import Found
from overtide.transforms.first_project.keys import Proposed, key_of
from overtide.transforms.first_project.meanings import as_meant, meaning_of
from overtide.transforms.first_project.parts import called, joined
from overtide.transforms.first_project.roles import Roles, roles_of
from overtide.transforms.first_project.rules import column_name
from overtide.transforms.first_project.samples import Sample, sample_of
from overtide.transforms.first_project.writing import document_of, one_line
from overtide.transforms.sources.contents import UnreadableError
from overtide.transforms.sources.deliveries import FULL

SAYS_NOTHING = ("data", "file", "files", "input", "export", "exports", "sample", "samples", "tmp")
"""Names of folders that are no names of data sources."""


@dataclass(frozen=True)
class Proposal:
    """A proposed project.

    Its text, the full names of its entities by what they are, what was left out and why, and what a
    person should look at.
    """

    text: str
    customers: tuple[str, ...]
    activities: tuple[str, ...]
    kept: tuple[str, ...]
    left_out: Mapping[str, str]
    checks: tuple[str, ...]


def propose(files: Sequence[Path], folder: Path, name: str, instance: str) -> Proposal:
    """Propose a project in a folder, for these files.

    Depends on the files, their order and these arguments alone. Raises `no_usable_file` where no
    file can be used.
    """
    samples, left_out = _samples(files)
    months_first = _months_first(samples)
    fits = partial(_have_one_key, folder, months_first)
    samples = _with_rows(joined(samples, left_out, fits), left_out)
    entities: list[Proposed] = []
    for sample in samples:
        one = _proposed(sample, folder, months_first, entities)
        if one.key is None:
            left_out[str(sample.file)] = "no column is filled in every row, so nothing is a key"
        elif sample.delivered and one.modified is None:
            left_out[str(sample.file)] = "no column says when a row was last modified"
        else:
            entities.append(one)
    if not entities:
        reasons = "; ".join(_reason(file, why) for file, why in left_out.items())
        raise UsageError(
            "no_usable_file",
            f"None of the files can be used: {one_line(reasons) or 'there are none'}.",
            "--from",
            "Name CSV, JSON lines or Parquet files with at least one row.",
        )
    entities = people.with_country(entities)
    roles = roles_of(entities)
    text = document_of(name, instance, entities, roles, left_out)
    parts = (roles.customers, roles.activities, roles.kept)
    customers, activities, kept = (tuple(one.entity for one in some) for some in parts)
    checks = tuple(_checks(entities, roles))
    return Proposal(text, customers, activities, kept, left_out, checks)


def _have_one_key(folder: Path, months_first: bool, whole: Sample, parts: Sequence[Sample]) -> bool:
    """Say whether what identifies rows of a part does so in the whole: else each counts its own."""
    largest = max(parts, key=lambda one: one.rows)
    key, own = (_proposed(one, folder, months_first, ()).key for one in (whole, largest))
    return key is not None and key == own


def _reason(file: str, why: str) -> str:
    """Return why a file can't be used, as a part of a sentence that names it once."""
    return (why if why.startswith(Path(file).name) else f"{file}: {why}").removesuffix(".")


def _samples(files: Sequence[Path]) -> tuple[list[Sample], dict[str, str]]:
    """Return samples of the files that can be used, and why others cannot."""
    found: list[Sample] = []
    left_out: dict[str, str] = {}
    alike = Counter(map(called, files))
    for file in dict.fromkeys(files):
        if file.is_dir() and not (file / FULL).is_dir():
            left_out[str(file)] = "it is a folder in a folder: name it, too."
            continue
        try:
            sample = sample_of(file, alike[called(file)])
        except UnreadableError as error:
            left_out[str(file)] = f"it {error.what}. {error.hint}"
        except SourceError as error:
            left_out[str(file)] = error.message
        except (OSError, UnicodeError) as error:
            left_out[str(file)] = f"it cannot be read ({getattr(error, 'strerror', error)})."
        else:
            if sample.columns:
                found.append(sample)
            else:
                left_out[str(file)] = "it has no column that has a name of its own."
    return found, left_out


def _with_rows(samples: Sequence[Sample], left_out: dict[str, str]) -> list[Sample]:
    left_out.update({str(one.file): "it has no row." for one in samples if not one.rows})
    return [one for one in samples if one.rows]


def _months_first(samples: Sequence[Sample]) -> bool:
    """Say whether months come first in dates, where a column of any file tells."""
    told = [tells_months_first(column) for sample in samples for column in sample.columns]
    return told.count(True) > told.count(False)


def _proposed(
    sample: Sample, folder: Path, months_first: bool, others: Sequence[Proposed]
) -> Proposed:
    types: dict[str, Found] = {}
    meanings: dict[str, str] = {}
    for column in sample.columns:
        found = found_type(column, months_first)
        meaning = meaning_of(column, found)
        types[column.name] = as_meant(found, meaning, column)
        if meaning is not None:
            meanings[column.name] = meaning
    source = _source_of(sample.file)
    stem = re.sub(r"(?i)\.(gz|zst)$", "", sample.pattern or sample.file.name)
    stem = re.sub(r"(?i)\.(csv|tsv|txt|jsonl?|ndjson|parquet|pq)$", "", stem)
    if sample.pattern is not None and not re.search(r"[^\W\d_]", stem):
        stem = sample.file.resolve().parent.name
    name = _free(column_name(stem), source, sample, others)
    path = _path_within(sample.file, folder)
    if sample.pattern is not None:
        path = "/".join([*path.split("/")[:-1], sample.pattern])
    one = Proposed(source, name, path, sample, types, meanings)
    return replace(one, key=key_of(one))


def _source_of(file: Path) -> str:
    """Return a data source for a file: the name of its folder, where that says anything."""
    above = file.resolve().parent.name
    says_nothing = folded(above) in SAYS_NOTHING or not above.strip("._-0123456789")
    return "Files" if says_nothing else column_name(above)


def _free(name: str, source: str, sample: Sample, others: Sequence[Proposed]) -> str:
    taken = {folded(one.name) for one in others if one.source == source}
    wanted = [name, f"{name}{sample.format.capitalize()}"]
    wanted += [f"{name}{number}" for number in range(2, len(others) + 3)]
    return next(one for one in wanted if folded(one) not in taken)


def _path_within(file: Path, folder: Path) -> str:
    """Return the path of a file as the project has it: relative where it is in the folder."""
    whole, within = (one.resolve() for one in (file, folder))
    inside = whole.is_relative_to(within)
    shown = (whole.relative_to(within) if inside else whole).as_posix()
    return "".join(f"[{one}]" if one in "*?[" else one for one in shown)


def _checks(entities: Sequence[Proposed], roles: Roles) -> Iterator[str]:
    """Give what a person should look at, in the order of the project."""
    for one in entities:
        yield from (f"{one.entity}: {note}" for note in one.sample.notes)
        whole = one.sample.file.parent
        if whole.name == FULL and not one.sample.delivered:
            yield (
                f"{one.entity}: its file is in a folder {FULL}; name {whole.parent} "
                "instead, and changes beside it are read, too."
            )
        for column, found in one.types.items():
            if found.check:
                yield f"{one.entity}.{column}: {found.check}."
        yield from _check_of_key(one)
    for name, way in roles.ways.items():
        if way.found < way.distinct:
            of = f"{way.found:,} of {way.distinct:,} values of {', '.join(way.columns)}"
            yield f"{name}: {of} lead on."
    for one in roles.kept:
        if one.entity not in roles.ways:
            yield f"{one.entity}: neither customers nor activities were found in it; it is kept."


def _check_of_key(one: Proposed) -> Iterator[str]:
    keys = ", ".join(one.key or ())
    several = len(one.key or ()) > 1
    if one.repeated and several:
        yield f"{one.entity}: nothing identifies a row; its key is {keys}."
    elif one.repeated:
        of = f"{one.repeated:,} of {one.sample.rows:,} rows looked at have the {keys} of another"
        kept = (
            "`prefer` may say which"
            if one.modified is None
            else f"that of the latest {one.modified}"
        )
        yield f"{one.entity}: {of}; one row of each is kept, {kept}."
    elif several:
        yield f"{one.entity}: its key is of several columns: {keys}."
