"""Why the records of a customer are one: each with the one that it was joined to."""

from collections.abc import Mapping
from typing import Any

from overtide.serving.operations.contract import Reply
from overtide.serving.pages.page import Page, Visit

MOST = 10
"""Records that are shown at once."""
FEW = 4
"""Records of a customer up to which what was compared is shown without being asked for."""
WHOLE = 100
Row = Mapping[str, Any]


async def joined(visit: Visit) -> Reply:
    """Show records of a customer with what joined them: the first ones, or those behind them."""
    path, start = {"entityId": visit.path["customer"]}, visit.query.get("start", "0")
    found = await visit.ask("Explain-a-customer", path, {"$top": str(MOST), "$skip": start})
    skipped = int(start)
    return visit.shown(
        "_joined.html",
        found=found,
        skipped=skipped,
        more=skipped + MOST if skipped + MOST < found["recordCount"] else None,
        unfolded=found["recordCount"] <= FEW,
        words=words_of,
        address=visit.address.partition("?")[0],
    )


def words_of(comparison: Row) -> str:
    """Return the name of the text that says what a comparison of two values came to."""
    role, holds = comparison["role"], comparison["holds"]
    if comparison["similarity"] is None:
        return f"joined.missing_{role}"
    if not holds:
        return f"joined.different_{role}"
    if role == "contradiction":
        return "joined.agrees"
    if comparison["swapped"]:
        return "joined.swapped"
    return "joined.same" if comparison["similarity"] == WHOLE else "joined.alike"


PAGES = (Page("GET", "/customers/{customer}/joined", joined),)
