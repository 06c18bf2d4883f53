"""What a file holds, whatever it is called.

Told by its first bytes, unpacked and decoded as a stream.

Compressed files are unpacked here and not by DuckDB, which takes a truncated archive for an empty
or a shorter file (docs/decisions/compressed-files.md). What cannot be decoded becomes half a
surrogate pair, which is written as a byte that no UTF-8 holds: whoever reads the line then sets it
aside.
"""

import codecs
import gzip
import io
import re
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import SourceError

HEAD = 4096
"""Bytes by which a file is known."""
BLOCK = 1 << 22
UNDECODABLE = "overtide.undecodable"
"""The name of the error handler that puts `HALF` for bytes that are not in the encoding."""
HALF = "\udcff"
WIDTHS = {"utf-16": 2, "utf-32": 4}
"""Bytes of a unit of the encodings in which a line end is more than one byte."""
SHIFTED = "\u0a00"
"""A line end of UTF-16 behind a byte that is missing; it is no letter."""
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
SKIPPED = b"\x2a\x4d\x18"
"""The last three bytes of the number of a frame that tools such as pzstd put before their data."""

codecs.register_error(UNDECODABLE, lambda error: (HALF, cast("UnicodeDecodeError", error).end))


@dataclass
class UnreadableError(Exception):
    """What is wrong with a file as a whole, without its name, and what to do."""

    what: str
    hint: str


def unreadable(shown: str, what: str, hint: str) -> SourceError:
    """Return the error of a file that cannot be read as a whole."""
    return SourceError("unreadable_file", f"{shown} {what}.", shown, hint)


@dataclass(frozen=True)
class _Kind:
    """What a file is that is no text.

    How it begins (from a place on), its name, and what to do with it.
    """

    magic: bytes
    what: str
    hint: str
    place: int = 0


UNPACK = "Unpack it; gzip and Zstandard are the kinds of compression that are read."
EXPORT = "Export it as CSV, JSON lines or Parquet."
_KINDS = (
    _Kind(b"PAR1", "a Parquet file", "Set `format: parquet` of the entity."),
    _Kind(b"BZh", "compressed with bzip2", UNPACK),
    _Kind(b"\xfd7zXZ\0", "compressed with xz", UNPACK),
    _Kind(b"\x04\x22\x4d\x18", "compressed with LZ4", UNPACK),
    _Kind(b"\xff\x06\0\0sNaPpY", "compressed with Snappy", UNPACK),
    _Kind(b"\x1f\x9d", "compressed with compress", UNPACK),
    _Kind(b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    _Kind(b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    _Kind(b"ustar", "a tar archive", UNPACK, 257),
    _Kind(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old Excel workbook or another Office document",
        EXPORT,
    ),
    _Kind(b"%PDF-", "a PDF document", EXPORT),
    _Kind(b"SQLite format 3\0", "an SQLite database", EXPORT),
    _Kind(b"ARROW1\0\0", "an Arrow file", EXPORT),
    _Kind(b"Obj\x01", "an Avro file", EXPORT),
    _Kind(b"ORC", "an ORC file", EXPORT),
    _Kind(b"\x89PNG\r\n", "a picture", EXPORT),
    _Kind(b"\xff\xd8\xff", "a picture", EXPORT),
    _Kind(b"GIF8", "a picture", EXPORT),
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks; one of UTF-16 is the beginning of one of UTF-32."""
CONTROLS = bytes(range(9)) + bytes(range(14, 27))
"""Bytes that text does not hold in its first line, but for what may separate columns."""


@dataclass(frozen=True)
class Opened:
    """An open file: its first bytes and all of them, unpacked.

    And the file as it is, to see how far it was read.
    """

    begin: bytes
    content: BinaryIO
    packed: BinaryIO
    compression: str | None


def head(path: Path) -> bytes:
    """Return the first bytes of a file, unpacked."""
    with opened(path) as file:
        return file.begin


def compression(begin: bytes) -> str | None:
    """Return how a file that begins so is compressed.

    Gzip, zstd or not at all (of the kinds that are read).
    """
    if begin[:2] == GZIP:
        return "gzip"
    return "zstd" if begin[:4] == ZSTD or (begin[1:4] == SKIPPED and begin[0] >> 4 == 5) else None


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """Open a file and unpack what is read of it.

    Raise `UnreadableError` where it proves to be cut short or damaged.
    """
    with path.open("rb") as packed:
        kind = compression(packed.read(4))
        try:
            packed.seek(0)
            ahead = _unpacking(
                packed, kind
            )  # kept: a stream of pyarrow closes what it reads when it goes
            begin = ahead.read(HEAD)
            packed.seek(0)
            yield Opened(begin, _unpacking(packed, kind), packed, kind)
        except (EOFError, zlib.error, OSError) as error:
            if kind is None or (isinstance(error, OSError) and error.errno):
                raise
            cut = isinstance(error, EOFError) or "Truncated" in str(error)
            what = "ends in the middle" if cut else f"is damaged ({str(error).rstrip('.')})"
            raise UnreadableError(
                f"is compressed with {kind} and {what}", "Copy or write it anew."
            ) from None


def _unpacking(packed: BinaryIO, kind: str | None) -> BinaryIO:
    if kind is None:
        return packed
    if kind == "gzip":
        return cast("BinaryIO", gzip.GzipFile(fileobj=packed))
    import pyarrow as pa

    return cast("BinaryIO", pa.CompressedInputStream(pa.PythonFile(packed, "r"), kind))


def byte_order_mark(begin: bytes) -> tuple[bytes, str] | None:
    """Return the byte order mark with which a file begins, and its encoding."""
    return next(((mark, encoding) for mark, encoding in _MARKS if begin.startswith(mark)), None)


def encoding_of(begin: bytes, configured: str) -> str:
    """Return the encoding of a file: what its byte order mark says, else what is configured."""
    mark = byte_order_mark(begin)
    return mark[1] if mark else configured


def is_utf8(encoding: str) -> bool:
    """Say whether text in an encoding is UTF-8 as it is."""
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


@dataclass(frozen=True)
class OpenedText:
    """An open text behind its byte order mark, line ends as they are, and its encoding.

    `HALF` is what is not in it.
    """

    text: TextIO
    encoding: str
    packed: bool


@contextmanager
def opened_text(path: Path, entity: Entity) -> Iterator[OpenedText]:
    """Open a file's text; raise `UnreadableError` for what is no text.

    The error says what it seems to be.
    """
    with opened(path) as file:
        _expect_text(path, file.begin, entity)
        mark = byte_order_mark(file.begin)
        encoding = mark[1] if mark else entity.encoding
        file.content.read(len(mark[0]) if mark else 0)
        text = io.TextIOWrapper(file.content, encoding, UNDECODABLE, newline="")
        yield OpenedText(text, encoding, file.compression is not None)
        text.detach()


def write_utf8(path: Path, entity: Entity, copy: Path) -> None:
    """Write a file's text as UTF-8, with invalid bytes for what is not in its encoding.

    Such a byte is one that no UTF-8 holds.
    """
    with (
        opened_text(path, entity) as file,
        copy.open("w", encoding="utf-8", errors="surrogateescape", newline="") as out,
    ):
        encoding = codecs.lookup(file.encoding).name
        if encoding[:6] in WIDTHS:
            encoding += "" if encoding[6:] else f"-{sys.byteorder[0]}e"
            out.writelines(wide_text(file.text.buffer, encoding))
        while block := file.text.read(BLOCK):
            out.write(block)


def wide_text(content: BinaryIO, encoding: str) -> Iterator[str]:
    """Decode UTF-16 or UTF-32 in pieces.

    Where a byte is missing or too many, only that line is lost.

    Behind such a byte every letter would be another one, and no line would end before the next such
    byte.
    """
    rest = b""
    while block := content.read(BLOCK):
        rest += block
        ends = _ends(rest, encoding)
        end = next(
            (end for end in reversed(ends) if end % WIDTHS[encoding[:6]] == 0),
            ends[-1] if ends else 0,
        )
        end = end or (len(rest) // 4 * 4 if len(rest) > BLOCK * 4 else 0)
        yield _decoded(rest[:end], encoding)
        rest = rest[end:]
    yield _decoded(rest, encoding)


def _decoded(piece: bytes, encoding: str) -> str:
    text = piece.decode(encoding, UNDECODABLE)
    width, ends = WIDTHS[encoding[:6]], _ends(piece, encoding)
    shifted = sum(
        end % width != 0 for end in ends
    )  # two letters may look like one, and hardly ever do
    if HALF not in text and SHIFTED not in text and shifted < 2:
        return text
    lines = (piece[start:end] for start, end in pairwise([0, *ends, len(piece)]))
    return "".join(
        line.decode(encoding, UNDECODABLE)
        if len(line) % width == 0
        else line[:-width].decode(encoding, UNDECODABLE) + HALF + "\n"
        for line in lines
    )


def _ends(piece: bytes, encoding: str) -> list[int]:
    """Return where lines end, also those where no letter seems to begin."""
    return [found.end() for found in re.finditer(re.escape("\n".encode(encoding)), piece)]


def _expect_text(path: Path, begin: bytes, entity: Entity) -> None:
    for kind in _KINDS:
        if begin.startswith(kind.magic, kind.place) and (
            not kind.magic.isalnum() or _has_controls(begin, "")
        ):
            raise UnreadableError(f"is {kind.what}, not text", kind.hint)
    if begin.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        raise UnreadableError(f"is {_zipped(path)}, not text", EXPORT)
    page = begin.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if page.startswith((b"<!doctype html", b"<html", b"<?xml")):
        what = "an XML document" if page.startswith(b"<?xml") else "a web page (HTML)"
        raise UnreadableError(
            f"is {what}",
            "Export CSV, JSON lines or Parquet; a page may tell why a download failed.",
        )
    _expect_encoding(begin, entity)


def _zipped(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return "a zip archive"
    if any(name.startswith("xl/") for name in names):
        return "an Excel workbook"
    return (
        "an Office document"
        if "[Content_Types].xml" in names or "mimetype" in names
        else "a zip archive"
    )


def _expect_encoding(begin: bytes, entity: Entity) -> None:
    """A first line with NULs is binary data, or undeclared UTF-16 or UTF-32.

    The latter is text of two or four bytes a letter that says so nowhere.
    """
    encoding = encoding_of(begin, entity.encoding)
    if codecs.lookup(encoding).name[:6] in WIDTHS:
        if begin and b"\0" not in begin:
            raise UnreadableError(
                f"is not {encoding}: its letters are not of two or four bytes",
                "Correct `encoding` of the entity.",
            )
        return
    line = begin.split(b"\n", 1)[0]
    if b"\0" in line[1::2] and b"\0" not in line[::2]:
        raise UnreadableError(
            f"is not {encoding} but seems to be UTF-16", "Set `encoding: utf-16-le` of the entity."
        )
    if b"\0" in line[::2] and b"\0" not in line[1::2]:
        raise UnreadableError(
            f"is not {encoding} but seems to be UTF-16", "Set `encoding: utf-16-be` of the entity."
        )
    if entity.format != "jsonl" and _has_controls(line, entity.delimiter):
        raise UnreadableError(
            "is binary data, not text", "Correct `path`, `format` or `encoding` of the entity."
        )


def seems(path: Path) -> str:
    """Return, in brackets, what a file seems to be that is no Parquet file.

    Nothing where that is not known.
    """
    try:
        with opened(path) as file:
            if not file.begin:
                return " (it is empty)"
            if file.compression:
                return f" (it is compressed with {file.compression}: Parquet is compressed within)"
            _expect_text(
                path,
                file.begin,
                Entity.model_construct(format="csv", encoding="utf-8", delimiter=","),
            )
            return " (it seems to be text)"
    except UnreadableError as error:
        return f" (it {error.what.removesuffix(', not text')})"


def _has_controls(line: bytes, delimiter: str) -> bool:
    return len(line.translate(None, CONTROLS.translate(None, delimiter.encode()))) < len(line)
