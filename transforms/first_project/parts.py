"""Files of one table in several parts, such as a delivery each day: one entity with a glob."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from overtide.transforms.first_project.samples import Column, Sample

DIGITS = re.compile(r"\d.*\d|\d")
"""What may differ between the names of parts: from the first digit to the last one."""
Fits = Callable[[Sample, Sequence[Sample]], bool]


def joined(samples: Sequence[Sample], left_out: Mapping[str, str], fits: Fits) -> list[Sample]:
    """Return samples in which parts of one table are one, in the place of the first of them.

    Their names differ in digits alone, their columns are the same, the glob of their names matches
    no other file, and `fits` says that they are one table as a whole.
    """
    found: list[Sample] = []
    for group in _grouped(samples):
        rows = [one for one in group if one.rows]
        if len(rows) < 2:
            found += group
            continue
        whole = _whole(group, rows)
        others = _others(group)
        if whole is None or not fits(whole, rows):
            found += group
        elif others:
            found += _told(group, whole, others[0], left_out)
        else:
            found.append(whole)
    return found


def of_folders(files: Sequence[Path]) -> list[Path]:
    """Return files, of a folder those in it; one of full data and changes stays what it is."""
    found: list[Path] = []
    for one in files:
        whole = one.is_dir() and not (one / "FullData").is_dir()
        found += _listed(one) if whole else [one]
    return found


def _listed(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.is_file() and one.name[0] not in "._")


def _grouped(samples: Sequence[Sample]) -> list[list[Sample]]:
    groups: dict[tuple[object, ...], list[Sample]] = {}
    for one in samples:
        name = DIGITS.sub("*", one.file.name, count=1)
        alone = one.delivered or "*" not in name
        columns = frozenset(column.name for column in one.columns)
        place = (one.file.parent.resolve(), one.file.name if alone else name)
        groups.setdefault((*place, one.format, one.delimiter, columns), []).append(one)
    return list(groups.values())


def _whole(group: Sequence[Sample], rows: Sequence[Sample]) -> Sample | None:
    """Return parts as one sample; None where they are read otherwise."""
    encodings = {one.encoding for one in rows if one.encoding != "utf-8"}
    plain = [one for one in rows if one.encoding == "utf-8"]
    if len(encodings) > 1 or (encodings and not all(map(_is_ascii, plain))):
        return None
    columns = []
    for first in rows[0].columns:
        parts = [one.column(first.name) for one in rows]
        if len({(part.column, part.path, part.type) for part in parts}) > 1:
            return None
        texts = tuple(text for part in parts for text in part.texts)
        columns.append(replace(first, texts=texts))
    pattern = _pattern(rows[0].file.name)
    notes = [f"{len(group)} files are one table: {pattern}."]
    notes += dict.fromkeys(note for one in group for note in one.notes)
    return replace(
        rows[0],
        encoding=next(iter(encodings), "utf-8"),
        columns=tuple(columns),
        rows=sum(one.rows for one in rows),
        notes=tuple(notes),
        pattern=pattern,
    )


def _is_ascii(one: Sample) -> bool:
    def plain(column: Column) -> bool:
        return column.name.isascii() and all(
            text is None or text.isascii() for text in column.texts
        )

    return all(map(plain, one.columns))


def _pattern(name: str) -> str:
    """Return the glob of files that are called alike but for digits."""
    escaped = ["".join(f"[{one}]" if one in "*?[" else one for one in part) for part in _ends(name)]
    return "*".join(escaped)


def _ends(name: str) -> tuple[str, str]:
    digits = DIGITS.search(name)
    return (name[: digits.start()], name[digits.end() :]) if digits else (name, "")


def _others(group: Sequence[Sample]) -> list[Path]:
    """Return the files that the glob matches besides."""
    folder, own = group[0].file.parent, {one.file.resolve() for one in group}
    begin, end = _ends(group[0].file.name)
    return [
        one
        for one in _listed(folder)
        if one.name.startswith(begin)
        and one.name[len(begin) :].endswith(end)
        and one.resolve() not in own
    ]


def _told(
    group: Sequence[Sample], whole: Sample, other: Path, left_out: Mapping[str, str]
) -> list[Sample]:
    """Return parts by themselves, the first with a note why."""
    known = {Path(file).resolve(): why for file, why in left_out.items()}
    why = known.get(other.resolve())
    told = f" ({why.removeprefix(f'{other.name} ').removesuffix('.')})" if why else ""
    note = f"{len(group)} files would be one table, {whole.pattern}, but for {other.name}{told}."
    first, *rest = group
    return [replace(first, notes=(*first.notes, note)), *rest]
