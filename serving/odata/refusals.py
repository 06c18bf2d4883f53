"""What a query is refused for: each refusal names what was asked."""

from overtide.schemas.errors import InvalidRequestError, OvertideError

ALL_THAT_WORKS = "docs/odata.md lists what is supported."


def not_supported(what: str, target: str | None = None) -> OvertideError:
    """Return the refusal of a part of OData that is not served."""
    return InvalidRequestError(
        "query_not_supported", f"{what} is not supported.", target, ALL_THAT_WORKS
    )


def invalid_query(why: str, target: str | None = None) -> OvertideError:
    """Return the refusal of a query that cannot be read."""
    return InvalidRequestError(
        "invalid_query", why, target, "Write it as OData 4 does (docs/odata.md)."
    )
