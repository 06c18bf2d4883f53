"""Objects of an S3-compatible store: which a path names, and copies of them.

Through the client of pyarrow, which streams, and finds credentials wherever AWS puts them
(docs/decisions/object-stores.md). An object that changes while it is copied is copied again.
"""

import fnmatch
import glob
import io
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from overtide.schemas.configuration.entities import OBJECTS, Entity
from overtide.schemas.errors import SourceError
from overtide.schemas.instants import Instant
from overtide.transforms.sources.contents import compression
from overtide.transforms.sources.deliveries import sort_out
from overtide.transforms.sources.staged import staged_path

if TYPE_CHECKING:
    import pyarrow.fs as pafs

BLOCK = 8 << 20
SAMPLE_BYTES = 4 << 20
"""Bytes of the beginning of an object that `validate` looks at."""
SAMPLED = 9
"""Objects of an entity that it looks at."""
TRIES = 3
MAGIC = re.compile(r"[*?\[]")
CONNECT_SECONDS, ANSWER_SECONDS = 10, 60
REFUSED = (
    *("ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "MISSING_AUTH"),
    *("INVALID_CLIENT_TOKEN_ID", "UNRECOGNIZED_CLIENT", "INVALID_SIGNATURE", "FORBIDDEN"),
)


@dataclass(frozen=True)
class StoredObject:
    """An object: its bucket and key, its size, and when it was changed (nanoseconds)."""

    path: str
    size: int
    changed: int

    @property
    def shown(self) -> str:
        """How it is named to people."""
        return f"{OBJECTS}{self.path}"


@dataclass(frozen=True)
class ObjectStore:
    """A store, as an environment describes it."""

    client: "pafs.S3FileSystem"

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "ObjectStore":
        """Return the store that the variables of AWS name."""
        import pyarrow.fs as pafs

        options: dict[str, Any] = {
            "connect_timeout": CONNECT_SECONDS,
            "request_timeout": ANSWER_SECONDS,
            "retry_strategy": pafs.AwsStandardS3RetryStrategy(max_attempts=TRIES),
        }
        endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")
        if endpoint:
            parts = urlsplit(endpoint if "//" in endpoint else f"//{endpoint}")
            options |= {"endpoint_override": parts.netloc, "scheme": parts.scheme or "https"}
        key, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
        if key and secret:
            token = environ.get("AWS_SESSION_TOKEN") or None
            options |= {"access_key": key, "secret_key": secret, "session_token": token}
        region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
        if region or endpoint:
            options["region"] = region or "us-east-1"
        return cls(pafs.S3FileSystem(**options))

    def found(self, entity: Entity, now: Instant | None = None) -> list[StoredObject]:
        """Return the objects of an entity's path or glob, sorted by name; raise `no_files`.

        Of full data and changes those of the hours that have ended `now`, or all.
        """
        path = (entity.path or "").removeprefix(OBJECTS)
        try:
            if entity.deliveries is not None:
                return self._delivered(path.rstrip("/"), now)
            objects = self._matching(path)
        except OSError as error:
            raise refused(entity, error) from None
        if not objects:
            raise SourceError(
                "no_files",
                f"No object matches {entity.path}.",
                entity.path,
                "Correct `path` of the entity: a bucket, then a key or a glob.",
            )
        return objects

    def _delivered(self, folder: str, now: Instant | None) -> list[StoredObject]:
        found = (
            (one.path[len(folder) + 1 :].split("/"), one)
            for one in self._matching(f"{glob.escape(folder)}/**")
        )
        return list(sort_out(f"{OBJECTS}{folder}", found, now).files)

    def _matching(self, path: str) -> list[StoredObject]:
        import pyarrow.fs as pafs

        parts = path.split("/")
        first = next((place for place, one in enumerate(parts) if MAGIC.search(one)), None)
        if first is None:
            infos = [self.client.get_file_info(path)]
        else:
            deep = len(parts) - first > 1 or "**" in parts[first]
            folder = "/".join(parts[:first])
            infos = self.client.get_file_info(
                pafs.FileSelector(folder, allow_not_found=False, recursive=deep)
            )
        wanted = pattern_of(path)
        return sorted(
            (
                _described(info)
                for info in infos
                if info.type == pafs.FileType.File and wanted.fullmatch(info.path)
            ),
            key=lambda one: one.path,
        )

    def copy(self, found: StoredObject, path: Path) -> None:
        """Copy an object as it was at one instant; raise OSError."""
        for _ in range(TRIES):
            with (
                self.client.open_input_stream(found.path, compression=None) as source,
                path.open("wb") as out,
            ):
                while block := source.read(BLOCK):
                    out.write(block)
            now = _described(self.client.get_file_info(found.path))
            if now == found and path.stat().st_size == found.size:
                return
            found = now
        raise OSError(f"{found.shown} changes while it is copied")

    def copy_beginning(self, found: StoredObject, entity: Entity, path: Path) -> None:
        """Copy some rows of the beginning of an object; raise OSError."""
        if found.size <= SAMPLE_BYTES:
            self.copy(found, path)
            return
        if entity.form == "parquet":
            self._copy_rows(found, path)
            return
        with self.client.open_input_stream(found.path, compression=None) as source:
            begin = source.read(SAMPLE_BYTES)
        path.write_bytes(_whole_lines(_unpacked(begin), entity.encoding))

    def _copy_rows(self, found: StoredObject, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with self.client.open_input_file(found.path) as source:
            try:
                file = pq.ParquetFile(source)
                batch = next(file.iter_batches(1_500), None)
                rows = file.schema_arrow.empty_table() if batch is None else [batch]
                table = rows if batch is None else pa.Table.from_batches(rows, file.schema_arrow)
                pq.write_table(table, path)
            except pa.ArrowException:  # what is wrong with it is said where it is read
                source.seek(0)
                path.write_bytes(source.read(SAMPLE_BYTES))


def _described(info: "pafs.FileInfo") -> StoredObject:
    return StoredObject(info.path, info.size or 0, info.mtime_ns or 0)


def pattern_of(path: str) -> re.Pattern[str]:
    """Return what the names match that a path or a glob means; `**` stands for folders."""
    parts = path.split("/")
    found = []
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        if part == "**":
            found.append(r".*" if last else r"(?:[^/]+/)*")
            continue
        within = fnmatch.translate(part).removeprefix("(?s:").removesuffix(r")\Z")
        hidden = "" if part.startswith(".") or not MAGIC.search(part) else r"(?!\.)"
        found.append(hidden + _in_one_folder(within) + ("" if last else "/"))
    return re.compile("".join(found), re.DOTALL)


def _in_one_folder(pattern: str) -> str:
    """Return a pattern of fnmatch that matches no slash."""

    def without(one: re.Match[str]) -> str:
        if one[0].startswith("[^"):
            return f"{one[0][:-1]}/]"
        return "[^/]" if one[0] == "." else one[0]

    return re.sub(r"\\.|\[(?:\\.|[^\]])+\]|\.", without, pattern)


def chosen(objects: Sequence[StoredObject]) -> list[StoredObject]:
    """Return the objects that are looked at: the first, the last, and some between them."""
    if len(objects) <= SAMPLED:
        return list(objects)
    return [objects[len(objects) * place // SAMPLED] for place in range(SAMPLED - 1)] + [
        objects[-1]
    ]


def copy_place(folder: Path, name: str, found: StoredObject) -> Path:
    """Return where in a folder the copy of an object of an entity goes."""
    path = staged_path(folder, name, found.shown)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def refused(entity: Entity, error: OSError) -> SourceError:
    """Return why a store gives nothing; of credentials nothing is shown."""
    text = str(error)
    code = re.search(r"AWS Error ([A-Z_0-9]+)", text)
    reason = code[1].lower().replace("_", " ") if code else text.split("\n", 1)[0]
    if code and code[1] in REFUSED:
        return SourceError(
            "store_refused",
            f"The object store refuses to show {entity.path}: {reason}.",
            entity.path,
            "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what they allow.",
        )
    if isinstance(error, FileNotFoundError) or (code and code[1] in ("NO_SUCH_BUCKET",)):
        return SourceError(
            "no_files",
            f"No object matches {entity.path}: there is no such bucket or folder.",
            entity.path,
            "Correct `path` of the entity: a bucket, then a key or a glob.",
        )
    return SourceError(
        "store_unreachable",
        f"The object store does not give {entity.path}: {reason}.",
        entity.path,
        "Check AWS_ENDPOINT_URL and AWS_REGION, and that the store can be reached.",
    )


def _unpacked(begin: bytes) -> bytes:
    kind = compression(begin[:4])
    if kind is None:
        return begin
    if kind == "gzip":
        return zlib.decompressobj(wbits=31).decompress(begin, SAMPLE_BYTES)
    import pyarrow as pa

    packed: BinaryIO = io.BytesIO(begin)
    return bytes(pa.CompressedInputStream(pa.PythonFile(packed, "r"), kind).read(1 << 20))


def _whole_lines(text: bytes, encoding: str) -> bytes:
    """Return the lines of a text but the last, which is not whole."""
    try:
        end = "\n".encode(encoding)[-4:].lstrip(b"\xff\xfe")
    except (LookupError, UnicodeError):
        end = b"\n"
    return text[: text.rfind(end) + len(end)] or text
