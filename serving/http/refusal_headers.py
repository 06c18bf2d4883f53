"""What a refusal says in the headers of its answer, in the API and on pages alike."""

from overtide.schemas.errors import (
    LateRequestError,
    MethodError,
    OvertideError,
    TooLargeError,
    TooManyRequestsError,
    UnavailableError,
)

RETRY_AFTER = "1"
"""Seconds after which a request that could not be served is worth another try."""


def refusal_headers(error: OvertideError) -> dict[str, str]:
    """Return the headers of a refusal, but for the challenge of one without rights."""
    headers: dict[str, str] = {}
    if isinstance(error, UnavailableError):
        headers["Retry-After"] = RETRY_AFTER
    if isinstance(error, TooManyRequestsError) and error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, LateRequestError | TooLargeError):
        headers["Connection"] = "close"  # else the rest of the body would be waited for
    if isinstance(error, MethodError):
        headers["Allow"] = (error.hint or "").removeprefix("It takes ").rstrip(".")
    return headers
