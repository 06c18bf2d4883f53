"""The pages in a real Chromium on the same machine: until a card is painted, and what it weighs.

Left out where there is no Chromium or Playwright. Paints are what a person waits for, and longer on
a machine that others use as well; the processor time of the service says how much work a card is.
"""

import importlib.util
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from benchmarks.live import customer_ids
from benchmarks.measure import Row, percentile
from benchmarks.service import Served, processor_seconds, serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

CARDS, NEW = 60, 12
"""Cards opened by somebody who has been here before, and by people who have not."""
SWITCHES = ("--no-sandbox", "--disable-gpu")
SEEN = """() => new Promise(done => new PerformanceObserver((list, me) => {
    me.disconnect(); done(list.getEntriesByName('first-contentful-paint')[0].startTime);
}).observe({type: 'paint', buffered: true}))"""
"""Milliseconds from the click to the first paint, which has the fields: they come with the page."""
WATCH = """() => { window.shifted = 0; new PerformanceObserver(list => {
    for (const one of list.getEntries()) window.shifted += one.value;
}).observe({type: 'layout-shift', buffered: true}); }"""
FIELDS = "#card-fields .field .value"


@contextmanager
def browsers() -> "Iterator[Any]":
    """Run Chromium for as long as the block runs; None where it or Playwright is missing."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None or importlib.util.find_spec("playwright") is None:
        yield None
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=[*SWITCHES])
        yield browser
        browser.close()


def measure(project: Path) -> list[Row]:
    """Measure cards of a project, each of another customer."""
    with browsers() as browser, serving(project) as served:
        if browser is None:
            return []
        ids = customer_ids(project, CARDS + NEW + 1)
        cookies = _signed_in(browser, served)
        used = browser.new_context()
        used.add_cookies(cookies)
        first = used.new_page()
        opened(first, served, ids[0])
        before = processor_seconds(served)
        again = [opened(first, served, one) for one in ids[1 : CARDS + 1]]
        spent = (processor_seconds(served) - before) / CARDS
        alone = _processor_time(served, cookies, ids[1 : CARDS + 1])
        fresh = [_of_new(browser, cookies, served, one) for one in ids[CARDS + 1 :]]
        weight = _weight(browser, cookies, served, ids[0])
        shift = _shift(first, served, ids[1])
    return [
        Row("pages: first paint of a card, p50", percentile(again, 50), "ms"),
        Row("pages: first paint of a card, p95", percentile(again, 95), "ms", at_most=300),
        Row("pages: first paint in a new browser, p50", percentile(fresh, 50), "ms"),
        Row("pages: first paint in a new browser, p95", percentile(fresh, 95), "ms", at_most=300),
        Row("pages: a card, processor time of the service", 1000 * alone, "ms"),
        Row("pages: a card with its timeline, processor time", 1000 * spent, "ms"),
        Row("pages: a card with all it needs, compressed", weight / 1000, "kB", at_most=200),
        Row("pages: layout shift while a value changes and ends", shift, "", at_most=0),
    ]


def _signed_in(browser: Any, served: Served) -> list[Any]:  # noqa: ANN401 - Playwright's
    """Sign in with the token and return the cookies."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(_root(served))
        page.get_by_label("Token").fill(served.token)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/sign-in" not in url)
        found: list[Any] = context.cookies()
        return found


def _root(served: Served) -> str:
    parts = urlsplit(served.url)
    return f"{parts.scheme}://{parts.netloc}/"


def opened(page: "Page", served: Served, customer: str) -> float:
    """Open a card; return the milliseconds until it was painted."""
    page.goto(f"{_root(served)}customers/{customer}")
    seen = float(page.evaluate(SEEN))
    assert page.locator(FIELDS).count() > 5, "what was painted is no card"
    page.locator("#timeline .count").first.wait_for()
    return seen


def _of_new(browser: Any, cookies: list[Any], served: Served, customer: str) -> float:  # noqa: ANN401
    with browser.new_context() as context:
        context.add_cookies(cookies)
        return opened(context.new_page(), served, customer)


def _processor_time(served: Served, cookies: list[Any], ids: list[str]) -> float:
    """Return the seconds that the service takes for a card, without what the page asks then."""
    cookie = "; ".join(f"{one['name']}={one['value']}" for one in cookies)
    connection = served.connection()
    before = processor_seconds(served)
    for customer in ids:
        connection.request("GET", f"/customers/{customer}", headers={"Cookie": cookie})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
    return (processor_seconds(served) - before) / len(ids)


def _weight(browser: Any, cookies: list[Any], served: Served, customer: str) -> float:  # noqa: ANN401
    """Return the bytes that come for a card with its timeline into a browser that has nothing."""
    with browser.new_context() as context:
        context.add_cookies(cookies)
        page = context.new_page()
        sizes: list[float] = []
        session = context.new_cdp_session(page)
        session.on("Network.loadingFinished", lambda one: sizes.append(one["encodedDataLength"]))
        session.send("Network.enable")
        opened(page, served, customer)
        page.wait_for_timeout(1000)
        return sum(sizes)


def _shift(page: "Page", served: Served, customer: str) -> float:
    """Return how far what is shown moved while a value of an open card changed and ended."""
    with page.expect_response(lambda answer: answer.url.endswith("/live")):
        opened(page, served, customer)
    page.wait_for_timeout(1000)
    page.evaluate(WATCH)
    before = page.locator("#part-City .value").inner_text()
    start = float(page.evaluate("window.shifted"))
    changed = f"{urlsplit(served.url).path}/data/Customer/{customer}?validUntil=3s"
    connection = served.connection()
    headers = {**served.headers, "Content-Type": "application/json"}
    connection.request("PATCH", changed, json.dumps({"City": "Elsewhere"}), headers)
    page.get_by_text("Elsewhere", exact=True).first.wait_for()
    page.wait_for_function(
        "before => document.querySelector('#part-City .value').innerText === before", arg=before
    )
    page.wait_for_timeout(500)
    return float(page.evaluate("window.shifted")) - start
