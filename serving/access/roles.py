"""The roles of the product, each of which may do what those before it may.

Source: the product's permissions; section 7 of its documents.
"""

from enum import IntEnum

from overtide.schemas.errors import UsageError
from overtide.schemas.suggestions import did_you_mean


class Role(IntEnum):
    """What a principal may do: a greater role may do all that a smaller one may."""

    VIEWER = 1
    CONTRIBUTOR = 2
    ADMIN = 3
    OWNER = 4

    @property
    def label(self) -> str:
        """The role's name as clients see it."""
        return self.name.title()

    @property
    def text(self) -> str:
        """What the role may do, in a sentence."""
        return TEXTS[self]


TEXTS = {
    Role.VIEWER: "Reads customers, activities, tables and the state of the system.",
    Role.CONTRIBUTOR: "Changes customers and adds activities in real time, and defines data.",
    Role.ADMIN: "Sets up the system: schedules, permissions, keys, search.",
    Role.OWNER: "Resets and deletes instances.",
}


def role_of(name: str) -> Role:
    """Return the role of a name, in any case; raise `unknown_role`."""
    known = {role.label.lower(): role for role in Role}
    if name.lower() not in known:
        raise UsageError(
            "unknown_role",
            f"There is no role {name!r}.",
            "role",
            did_you_mean(name.lower(), known),
        )
    return known[name.lower()]
