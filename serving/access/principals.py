"""Who may use the service: principals, whether a token or an identity provider names them."""

from dataclasses import dataclass
from typing import Literal

from overtide.serving.access.roles import Role

Kind = Literal["user", "group", "app"]
KINDS: tuple[Kind, ...] = ("user", "group", "app")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sends a request: `id` never changes, `name` is for people."""

    id: str
    name: str
    role: Role
    kind: Kind = "app"
