"""Who may use the service: principals, whether a token or an identity provider names them."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from overtide.serving.access.roles import Role

if TYPE_CHECKING:  # an identity knows the kinds of principals
    from overtide.serving.access.identities import Identity

Kind = Literal["user", "group", "app"]
KINDS: tuple[Kind, ...] = ("user", "group", "app")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sends a request: `id` never changes, `name` is for people.

    `identity` is whom the identity provider named, None where a token of the project did.
    """

    id: str
    name: str
    role: Role
    kind: Kind = "app"
    identity: "Identity | None" = field(default=None, compare=False, repr=False)
