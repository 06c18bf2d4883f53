"""People in front of the pages: a real Chromium, signed in to a real `overtide serve`."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

from tests.absent import absent
from tests.command_line import ROOT, call
from tests.served import Served

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
AXE = ROOT / ".venv" / "pages" / "node_modules" / "axe-core" / "axe.min.js"
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SCREENSHOTS = "OVERTIDE_SCREENSHOTS"
"""The environment variable with which the tests write the pictures of `docs/pages`."""
EXPECTED = ("Failed to load resource", "htmx:sendAbort", "htmx:afterRequest")
"""How messages of the console begin that tell no fault."""
PATIENCE = 30_000
"""Milliseconds that a step may take on a machine with much else to do."""
expect.set_options(timeout=PATIENCE)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the system's Chromium for as long as the block runs; skip where there is none."""
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None:
        absent("Chromium is missing: the pages are not tried in a browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=[*SWITCHES])
        yield browser
        browser.close()


@dataclass
class Person:
    """Somebody with a browser of their own: the page in front of them and what went wrong in it.

    `others` are the sites that they go to besides.
    """

    page: Page
    url: str
    faults: list[str] = field(default_factory=list)
    others: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", self._noted)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self._expect_own)

    def _noted(self, message: ConsoleMessage) -> None:
        # What a page refuses is shown on it; the console says that a request failed as well, and
        # htmx that one was given up for a later one.
        if message.type == "error" and not message.text.startswith(EXPECTED):
            self.faults.append(message.text)

    def _expect_own(self, request: Request) -> None:
        if not request.url.startswith((self.url, *self.others, "data:", "about:")):
            self.faults.append(f"asks {request.url}")

    def goes(self, place: str) -> None:
        """Open a page."""
        self.page.goto(self.url + place)

    def signs_in(self, token: str) -> None:
        """Sign in with a token, where the page asks for one."""
        self.page.get_by_label("Token").fill(token)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda url: "/sign-in" not in url)

    def expect_accessible(self) -> None:
        """Fail for what axe finds against WCAG 2.2 AA."""
        if not AXE.exists():
            absent("Node is missing: the pages are not checked for accessibility")
        # What is fetched anew is paler meanwhile.
        expect(self.page.locator(".stale, .htmx-request")).to_have_count(0)
        # Not as a script element: the policy of the page would refuse it.
        self.page.evaluate(AXE.read_text("utf-8"))
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        found: Any = self.page.evaluate(
            """tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']})
                .then(found => found.violations)""",
            tags,
        )
        told = [
            f"{one['id']}: {one['help']}: {[node['html'] for node in one['nodes']][:3]}"
            for one in found
        ]
        assert not told, "\n".join(told)

    def expect_no_faults(self) -> None:
        """Fail for errors of scripts, refusals of the policy, and requests to other sites."""
        assert self.faults == []

    def pictured(self, name: str, whole: bool = True) -> None:
        """Keep a picture of the page, or of what is seen of it, in `docs/pages` where asked for."""
        if os.environ.get(SCREENSHOTS):
            folder = ROOT / "docs" / "pages"
            folder.mkdir(exist_ok=True)
            self.page.screenshot(path=folder / f"{name}.png", full_page=whole)


@contextmanager
def somebody(browser: Browser, served: Served, *others: str, **options: Any) -> Iterator[Person]:
    """Give a person with a browser window; options are those of Playwright's contexts.

    Whatever the scripts of the pages do wrong fails the test at its end.
    """
    context = browser.new_context(
        **{"locale": "en-GB", "timezone_id": "Europe/Amsterdam"} | options
    )
    person = Person(context.new_page(), served.url, others=others)
    try:
        yield person
    finally:
        context.close()
    person.expect_no_faults()


def token_of(served: Served, role: str) -> str:
    """Return a new token of a role."""
    words = ("token", "create", "--role", role, "--name", role)
    return str(call("-C", served.folder, "--json", *words).document["token"])
