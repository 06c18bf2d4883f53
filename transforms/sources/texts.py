"""Files of text as DuckDB can read them, and what their rows say of where they come from."""

import mmap
from collections.abc import Sequence
from pathlib import Path

from overtide.schemas.names import literal
from overtide.transforms.sources import contract
from overtide.transforms.sources.contents import (
    UnreadableError,
    is_utf8,
    opened,
    unreadable,
    write_utf8,
)
from overtide.transforms.sources.contract import SourceText

SAMPLED_BYTES = 1 << 20


def buffers(texts: Sequence[Path], longest: int | None = None) -> str:
    """Return the options of `read_csv` that let a line be `contract.MAX_LINE` long.

    Or as long as the `longest`. Small files take no large buffers, and a buffer holds no more than
    one such line: a thread reads one buffer, and where there are few of unequal size, others wait
    for the last one.

    And whatever a file is called, what is read here is not compressed.
    """
    largest = max(1 << 16, *(text.stat().st_size for text in texts))
    line = min(longest or contract.MAX_LINE, contract.MAX_LINE, largest)
    return f"compression = 'none', max_line_size = {line}, buffer_size = {line}"


def file_name(files: Sequence[SourceText]) -> str:
    """Return the SQL of the name of a row's file, for what reads these files in this order."""
    if len(files) == 1:
        return literal(files[0].shown)
    return (
        f"list_extract([{', '.join(literal(file.shown) for file in files)}], "
        "file_index::BIGINT + 1)"
    )


def in_utf8(file: SourceText) -> Path:
    """Return the file itself when DuckDB can read it, else a copy in UTF-8, made once.

    Raise `unreadable_file` where it is damaged.
    """
    if not file.layout.packed and is_utf8(file.layout.encoding):
        return nameable(file)
    if not file.copy.exists():
        part = file.copy.with_suffix(".part")
        try:
            write_utf8(file.path, file.entity, part)
        except UnreadableError as error:
            raise unreadable(file.shown, error.what, error.hint) from None
        part.replace(file.copy)
    return file.copy


def holds(text: Path, letter: bytes) -> bool:
    """Say whether a file has a letter anywhere."""
    if not text.stat().st_size:
        return False
    with text.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(letter) >= 0


def nameable(file: SourceText) -> Path:
    """Return the file itself, or a link to it where its name is no Unicode, as DuckDB needs it."""
    try:
        str(file.path).encode()
    except UnicodeEncodeError:
        link = file.copy.with_suffix(".link")
        if not link.is_symlink():
            link.symlink_to(file.path.absolute())
        return link
    return file.path


def about_lines(file: Path) -> int:
    """Return about how many lines a text has, from its size and its first lines.

    None of one that proves to be unreadable: whoever reads it says so.
    """
    try:
        with opened(file) as source:
            beginning = source.content.read(SAMPLED_BYTES)
            whole = len(beginning) < SAMPLED_BYTES
            read = source.packed.tell()
    except UnreadableError:
        return 0
    return int(beginning.count(b"\n") * (1 if whole else file.stat().st_size / max(1, read)))
