"""Files of one table in several parts, such as a delivery each day: one entity with a glob."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from overtide.transforms.first_project.samples import Column, Sample

DIGITS = re.compile(r"\d.*\d|\d")
"""What the glob of parts stands for in their names: from the first digit to the last one."""
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
        whole, several = _whole(group, rows), _several(rows)
        others = _others(group)
        alike = f"{len(group)} files are called alike ({whole.pattern}), but are no one table"
        if several:
            found += _told(group, f"{alike}: {several}.")
        elif not fits(whole, rows):
            found += _told(group, f"{alike}: no key tells all their rows apart.")
        elif others:
            found += _told(group, _in_the_way(group, whole, others[0], left_out))
        else:
            found.append(whole)
    return found


def of_folders(files: Sequence[Path]) -> list[Path]:
    """Return files once each, of a folder what is in it; one of full data stays what it is."""
    found: list[Path] = []
    for one in files:
        whole = one.is_dir() and not (one / "FullData").is_dir()
        found += _listed(one) if whole else [one]
    return list({os.path.realpath(one): one for one in found}.values())


def _listed(folder: Path) -> list[Path]:
    able = (one for one in folder.iterdir() if one.is_file() or one.is_dir())
    return sorted(one for one in able if one.name[0] not in "._")


def called(file: Path) -> tuple[Path, str]:
    """Return the folder of a file, and its name without what may differ between parts: digits."""
    return file.parent.resolve(), re.sub(r"\d+", "/", file.name)


def _grouped(samples: Sequence[Sample]) -> list[list[Sample]]:
    groups: dict[tuple[object, ...], list[Sample]] = {}
    for one in samples:
        columns = frozenset(column.name for column in one.columns)
        place = (one.file.parent.resolve(), one.file.name) if one.delivered else called(one.file)
        groups.setdefault((*place, one.format, one.delimiter, columns), []).append(one)
    return list(groups.values())


def _several(rows: Sequence[Sample]) -> str | None:
    """Return why parts cannot be read as one: what is otherwise in some of them."""
    encodings = {one.encoding for one in rows if one.encoding != "utf-8"}
    plain = [one for one in rows if one.encoding == "utf-8"]
    if len(encodings) > 1 or (encodings and not all(map(_is_ascii, plain))):
        return "they are written in several encodings"
    for name in (column.name for column in rows[0].columns):
        parts = [one.column(name) for one in rows]
        if len({(part.column, part.path, part.type) for part in parts}) > 1:
            return f"{name} is of several types"
    return None


def _whole(group: Sequence[Sample], rows: Sequence[Sample]) -> Sample:
    """Return parts as one sample."""
    columns = []
    for first in rows[0].columns:
        texts = tuple(text for one in rows for text in one.column(first.name).texts)
        columns.append(replace(first, texts=texts))
    pattern = _pattern(rows[0].file.name)
    notes = [f"{len(group)} files are one table: {pattern}."]
    notes += dict.fromkeys(note for one in group for note in one.notes)
    return replace(
        rows[0],
        encoding=next((one.encoding for one in rows if one.encoding != "utf-8"), "utf-8"),
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
        if one.is_file()
        and one.name.startswith(begin)
        and one.name[len(begin) :].endswith(end)
        and one.resolve() not in own
    ]


def _in_the_way(
    group: Sequence[Sample], whole: Sample, other: Path, left_out: Mapping[str, str]
) -> str:
    known = {Path(file).resolve(): why for file, why in left_out.items()}
    why = known.get(other.resolve())
    told = f" ({why.removeprefix(f'{other.name} ').removesuffix('.')})" if why else ""
    return f"{len(group)} files would be one table, {whole.pattern}, but for {other.name}{told}."


def _told(group: Sequence[Sample], note: str) -> list[Sample]:
    """Return parts by themselves, the first with a note why."""
    first, *rest = group
    return [replace(first, notes=(*first.notes, note)), *rest]
