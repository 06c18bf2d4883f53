"""The SHA-256 of many texts, by the instructions that most processors have for it.

DuckDB's takes no notice of these. Where the extra `fast` is not installed, DuckDB's is taken: the
digests are the same (docs/decisions/content-hash.md).
"""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

TEXT = "text"
"""The one column of texts."""
BYTES, KEPT = 32, 8
"""Bytes of a digest, and those of them that are kept."""


RELEASE = "55."
"""The one of DataFusion that is known, as the extra has it: others may have another interface."""


@cache
def is_fast() -> bool:
    """Say whether the extra `fast` is installed."""
    try:
        return version("datafusion").startswith(RELEASE)
    except PackageNotFoundError:
        return False


def first_halves(texts: "list[pa.RecordBatch]") -> NDArray[np.uint64]:
    """Return the first 64 bits of the SHA-256 of each text, none of which is null, in any order."""
    from datafusion import SessionConfig, SessionContext, col, functions

    # One that stays would keep each batch that it was given.
    context = SessionContext(SessionConfig().with_target_partitions(1))
    frame = context.create_dataframe([texts]).select(functions.sha256(col(TEXT)))
    return np.concatenate([_numbers(batch.column(0)) for batch in frame.collect()])


def _numbers(digests: "pa.Array") -> NDArray[np.uint64]:
    """Return the beginnings of digests, which lie in memory one behind the other."""
    _, ends, values = digests.cast("binary").buffers()
    begin = int(np.frombuffer(ends, np.int32)[digests.offset])
    found = np.frombuffer(values, ">u8", len(digests) * BYTES // KEPT, begin)
    return found[:: BYTES // KEPT].astype(np.uint64)
