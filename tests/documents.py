"""The pages of the documentation, and the blocks that they show."""

import re

from tests.reference import ROOT


def page(name: str) -> str:
    """Return the text of a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    """Return the fenced blocks of a page in one language.

    `language` may be followed by what the block shows.
    """
    return re.findall(rf"^```{language}\n(.*?)^```$", page(name), re.DOTALL | re.MULTILINE)
