"""The base of a published run, and whose profile a target is in it."""

from collections.abc import Mapping
from typing import Protocol

from overtide.lake.generation import Generation, Profile
from overtide.schemas.table import ProfileField
from overtide.serving.fields import Target, expect_unified


class Base(Protocol):
    """The profiles and keys of one published run.

    A serving generation, or the lake at a past run.
    """

    @property
    def run(self) -> int:
        """The run."""

    @property
    def profile_fields(self) -> Mapping[str, ProfileField]:
        """The columns of Customer by name, in order."""

    @property
    def hidden_activities(self) -> frozenset[str]:
        """The entities whose activities timelines do not show."""

    def resolve_id(self, customer_id: str) -> str | None:
        """Return the id of the profile that an id leads to, or None."""

    def resolve_record(self, entity: str, key: str) -> str | None:
        """Return the id of the profile that a source record belongs to, or None."""

    def profile(self, customer_id: str) -> Profile | None:
        """Return the profile of a current id, or None."""


def profile_of(base: Base, serving: Generation, target: Target) -> Profile | None:
    """Return the profile that a target has in a base, None where it has none."""
    if target.entity is None:
        asked = target.customer_id or ""
        # As a rule it is a current id, which leads to itself.
        found = base.profile(asked)
        resolved = None if found is not None else base.resolve_id(asked)
    else:
        found, key = None, serving.key_text(target.entity, target.key or "")
        resolved = base.resolve_record(target.entity, key)
        if resolved is None:  # the key of a record that is gone leads on, whatever its entity is
            expect_unified(serving.metadata.entities, target.entity)
    return found if resolved is None else base.profile(resolved)


def ids_of(base: Base, profile: Profile) -> list[str]:
    """Return all ids that lead to a profile.

    Its own, and the previous ones that have no profile of their own.
    """
    own = profile.customer_id
    return [own, *(one for one in profile.previous if base.resolve_id(one) == own)]


def records_of(profile: Profile, activities: bool = False) -> list[tuple[str, str]]:
    """Return the source records by which events reach a profile.

    Its own, and those that are gone; for activities also other values that lead to it.
    """
    own = [*((entity, key) for entity, key, _ in profile.records), *profile.vanished]
    return [*own, *profile.related] if activities else own
