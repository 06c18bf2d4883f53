"""Every page of the service."""

from overtide.serving.access.admission import Admission
from overtide.serving.pages import card, card_live, customers, timeline
from overtide.serving.pages.page import Page
from overtide.serving.pages.sessions import Sessions
from overtide.serving.pages.sign_in import SignIn


def pages_of(admission: Admission, sessions: Sessions) -> tuple[Page, ...]:
    """Return all pages; those of signing in need what they let in with."""
    return (
        *SignIn(admission, sessions).pages,
        *customers.PAGES,
        *card.PAGES,
        *card_live.PAGES,
        *timeline.PAGES,
    )
