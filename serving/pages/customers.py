"""Find a customer, and its card."""

from overtide.serving.operations.contract import Reply
from overtide.serving.pages.page import Page, Visit


def start(visit: Visit) -> Reply:
    """Show where one searches."""
    return visit.shown("start.html")


PAGES = (Page("GET", "/", start),)
