"""The card of one customer in a page of another system, by a token for that customer alone.

The frame is an empty page, until it has a token: from the fragment of its address, which no server
sees, or from the page around it. It keeps it in memory and sends it as a header, with no cookie.
"""

from collections.abc import Sequence

from overtide.schemas.errors import ForbiddenError
from overtide.schemas.instants import format_instant
from overtide.serving.operations.contract import Reply
from overtide.serving.pages.card import card_values
from overtide.serving.pages.page import Page, Visit

FRAME = "/embed/customers/{customer}"
EXPIRES = "Overtide-Token-Expires"
"""The header that tells a frame when its token ends."""


def pages_of_frames(origins: Sequence[str]) -> tuple[Page, ...]:
    """Return the pages of frames; pages of these origins may show them."""

    def frame(visit: Visit) -> Reply:
        """Show nothing, and wait for a token."""
        return visit.shown("embed.html", customer=visit.path["customer"], origins=origins)

    return (
        Page("GET", FRAME, frame, open=True, embedded=True),
        Page("GET", f"{FRAME}/card", shown),
    )


async def shown(visit: Visit) -> Reply:
    """Show the card for a frame; it tells when its token ends."""
    if visit.session is None or visit.session.only is None:
        raise ForbiddenError(
            "forbidden", "This is for frames alone.", None, "Open the customer's own page."
        )
    ends = {EXPIRES: format_instant(visit.session.expires_at)}
    return visit.shown("embed_card.html", headers=ends, **await card_values(visit))
