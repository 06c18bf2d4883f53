"""How a refusal is written: ODataError or ApiErrorResult, with the members of RFC 9457 beside."""

from enum import Enum
from http import HTTPStatus

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
TYPES = "urn:overtide:error:"
"""What a code is appended to: a name for each kind of problem, as RFC 9457 wants one."""


class Errors(Enum):
    """The document in which an operation tells its refusals, as the product does."""

    ODATA = "ODataError"
    MANAGEMENT = "ApiErrorResult"


def refusal_document(
    error: OvertideError, status: int, errors: Errors, request_id: str
) -> dict[str, object]:
    """Return the document of a refusal, in the shape that the operation's clients know."""
    shaped = _odata(error) if errors is Errors.ODATA else _management(error, status)
    return shaped | {
        "type": TYPES + error.code,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": str(error),
        "instance": f"urn:request:{request_id}",
    }


def _odata(error: OvertideError) -> dict[str, object]:
    return {
        "errorCode": error.code,
        "message": str(error),
        "target": error.target,
        "details": [
            {"errorCode": detail.code, "message": str(detail), "target": detail.target}
            for detail in error.details
        ],
        "innerError": None,
        "instanceAnnotations": [],
        "typeAnnotation": None,
    }


def _management(error: OvertideError, status: int) -> dict[str, object]:
    return {
        "exception": None,
        "httpStatusCode": status,
        "exceptionCulprit": "user" if status < 500 else "system",
        "errorCode": error.code,
        "resultSeverity": "error",
        "message": str(error),
        "name": error.target,
        "params": {},
        "ciResults": [_management(detail, status) for detail in error.details],
    }


def refusal_headers(error: OvertideError) -> dict[str, str]:
    """Return the headers of a refusal, on pages as in the API, but for a challenge to sign in."""
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
