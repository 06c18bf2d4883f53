"""What a frame in another system's page may ask: about its own customer, and nothing else."""

from collections.abc import Mapping

from overtide.schemas.errors import ForbiddenError
from overtide.serving.access.sessions import Only

METADATA = frozenset(("Get-entity-metadata",))
OF_ONE = frozenset(
    (
        "Explain-a-field",
        "Get-a-customer",
        "Get-activities-of-a-customer",
        "Get-activity-types-and-counts",
        "Get-records-of-a-customer",
        "Update-an-entity",
        "Watch-a-customer",
        "Withdraw-an-override",
        "Withdraw-overrides",
    )
)
ALLOWED = METADATA | OF_ONE
"""The operations that a frame may call: about its own customer, or about no customer at all."""


def expect_own(only: Only, name: str, path: Mapping[str, str], query: Mapping[str, str]) -> None:
    """Raise `forbidden` where a frame asks for more than its customer."""
    entity = path.get("entityName", "Customer")
    customer = path.get("entityId", query.get("customerId"))
    own = name in METADATA or (name in OF_ONE and customer == only.customer)
    if not own or entity != "Customer":
        raise ForbiddenError(
            "forbidden",
            f"This token is for one customer; {name} is not about that one.",
            None,
            "Sign in with a token of your own.",
        )
