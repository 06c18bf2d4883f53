"""Who may use a project's service: its tokens, its keys, and whom its identity provider names."""

import time
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from overtide.schemas.errors import ForbiddenError, UnauthorizedError
from overtide.schemas.instants import Clock
from overtide.serving.access.assignments import Assignments
from overtide.serving.access.attempts import MOST_OF_PEOPLE, MOST_OF_PROGRAMS, Attempts
from overtide.serving.access.database import AccessDatabase
from overtide.serving.access.identities import Identity
from overtide.serving.access.last_use import LastUse
from overtide.serving.access.principals import Principal
from overtide.serving.access.subscription_keys import SubscriptionKeys
from overtide.serving.access.tokens import PREFIX, Tokens
from overtide.serving.access.used_once import UsedOnce
from overtide.serving.windows import Windows

if TYPE_CHECKING:  # pydantic and PyJWT are loaded where they are used
    from overtide.schemas.configuration.service import Oidc, Service
    from overtide.serving.access.code_flow import CodeFlow
    from overtide.serving.access.verification import Verifier

SIGNING_IN_SECONDS = 600
"""How long one may take to sign in with the provider."""


class Admission:
    """Says of each request whose it is; usable from every thread.

    `windows` keep who tries what is none, maybe together with other processes.
    """

    def __init__(
        self,
        database: AccessDatabase,
        settings: "Service",
        clock: Clock,
        windows: Windows | None = None,
    ) -> None:
        self.settings = settings
        self.tokens = Tokens(database, clock)
        self.assignments = Assignments(database, clock)
        self.keys = SubscriptionKeys(database, clock)
        self.last_use = LastUse(database, clock)
        people, programs = (
            partial(Attempts, most, time.monotonic, windows)
            for most in (MOST_OF_PEOPLE, MOST_OF_PROGRAMS)
        )
        self.attempts_of_people = people("people")
        self.attempts_of_returns = people("returns")
        """Of who comes back from the provider with what does not hold."""
        self.attempts_of_providers = people("providers")
        """Of who says, as the provider does, that somebody has signed out there."""
        self.attempts_of_programs = programs("programs")
        self.used_states = UsedOnce(SIGNING_IN_SECONDS, time.monotonic, windows)
        """The states of sign-ins with the provider, each of which does for one return."""
        self.provider: Verifier | None = None
        self.sign_in: CodeFlow | None = None
        if settings.oidc is not None:
            self.provider, self.sign_in = _of_provider(settings.oidc, clock)

    def expect_key(self, key: str | None) -> None:
        """Raise `invalid_subscription_key` where a key is needed and this is none."""
        if self.settings.require_subscription_key:
            self.keys.expect(key)

    def lacks_keys(self) -> bool:
        """Say whether a key is needed and there is none."""
        made = any(one.changed_at is not None for one in self.keys.states())
        return self.settings.require_subscription_key and not made

    def local(self, token: str) -> Principal:
        """Return whom a token of this project names; raise `invalid_token`."""
        found = self.tokens.principal(token)
        if found is None:
            raise UnauthorizedError(
                "invalid_token",
                "This token is not known, has expired, or was revoked.",
                "Authorization",
                "`overtide token create` makes another one.",
            )
        self.last_use.note(found.id)
        return found

    def admitted(self, identity: Identity) -> Principal:
        """Return whom the identity provider names, with the role as it is now; raise `no_role`."""
        shown = identity.ids[0]
        role = self.assignments.role_of(identity) or identity.claimed
        if role is None:
            raise ForbiddenError(
                "no_role",
                f"{shown!r} has no role here.",
                None,
                f"An Admin gives one by PUT rbac/principals/{quote(shown, '')}/assignment.",
            )
        return Principal(shown, identity.name, role, identity.kind, identity)

    def verifier_of(self, token: str) -> "Verifier | None":
        """Return what verifies a token, None where it can only be one of this project."""
        return None if token.startswith(PREFIX) else self.provider


def _of_provider(oidc: "Oidc", clock: Clock) -> "tuple[Verifier, CodeFlow | None]":
    """Return what verifies a provider's tokens, and how people sign in with it, if they do."""
    from overtide.serving.access.code_flow import CodeFlow, ProviderSays
    from overtide.serving.access.provider_documents import fetched, posted
    from overtide.serving.access.provider_keys import ProviderKeys
    from overtide.serving.access.verification import Expected, Verifier

    keys = ProviderKeys(oidc.issuer, oidc.jwks_uri, fetched, time.monotonic)
    expected = Expected(
        oidc.issuer, oidc.audiences, oidc.algorithms, oidc.leeway_seconds, claims=oidc
    )
    verifier = Verifier(expected, keys, clock)
    if oidc.sign_in is None:
        return verifier, None
    says = ProviderSays(oidc.issuer, fetched, posted, time.monotonic)
    return verifier, CodeFlow(oidc, oidc.sign_in, keys, clock, says)
