"""Every page of the service."""

from overtide.serving.access.admission import Admission
from overtide.serving.access.sessions import Sessions
from overtide.serving.pages import (
    card,
    card_live,
    customers,
    data,
    joined,
    quarantine,
    refreshes,
    schedules,
    sql,
    timeline,
    usage,
)
from overtide.serving.pages.frames import pages_of_frames
from overtide.serving.pages.page import Page
from overtide.serving.pages.provider_sign_in import ProviderSignIn
from overtide.serving.pages.sign_in import SignIn


def pages_of(admission: Admission, sessions: Sessions) -> tuple[Page, ...]:
    """Return all pages; those of signing in need what they let in with."""
    sign_in = SignIn(admission, sessions)
    return (
        *sign_in.pages,
        *ProviderSignIn(admission, sessions, sign_in).pages,
        *customers.PAGES,
        *card.PAGES,
        *card_live.PAGES,
        *joined.PAGES,
        *timeline.PAGES,
        *usage.PAGES,
        *refreshes.PAGES,
        *quarantine.PAGES,
        *schedules.PAGES,
        *data.PAGES,
        *sql.PAGES,
        *pages_of_frames(admission.settings.pages.embed_origins),
    )
