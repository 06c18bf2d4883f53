"""The body of a request, read as it comes, up to what a request may have."""

from collections.abc import AsyncIterator, Mapping

from overtide.schemas.errors import OvertideError, TooLargeError

MOST_BYTES = 4 * 1024 * 1024
"""Bytes of a body: a record of 1 MiB, each letter of which may be escaped."""


async def whole_body(chunks: AsyncIterator[bytes], headers: Mapping[str, str]) -> bytes:
    """Return a body; raise `too_large` as soon as it is known to be."""
    length = headers.get("content-length", "0")
    if length.isdigit() and int(length) > MOST_BYTES:
        raise _too_large()
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > MOST_BYTES:
            raise _too_large()
    return bytes(body)


def _too_large() -> OvertideError:
    return TooLargeError(
        "too_large",
        f"The body is larger than {MOST_BYTES // 1024 // 1024} MiB.",
        None,
        "Send less at once.",
    )
