"""Every registered page, as every role and as nobody: what holds for all of them."""

import re
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from overtide.project import Project
from overtide.serving.access.roles import Role
from overtide.serving.pages.page import Page
from overtide.serving.pages.registered import pages_of
from tests.people import somebody, token_of
from tests.served import Served

ROLES = [role.label.lower() for role in Role]
HOSTILE = "<script>alert(1)</script>\"'{{7*7}}\u202eé" + "x" * 2000
STREAMED = ("/customers/{customer}/live",)
"""Pages that do not end by themselves."""
OF_FRAMES = ("/embed/customers/{customer}/card",)
KEY = "(one => one.outerHTML.slice(0, 160))"
KEYS = f"""() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary')]
    .filter(one => one.checkVisibility({{visibilityProperty: true}}) && !one.disabled
        && one.type !== 'hidden' && one.type !== 'radio').map({KEY})"""
SETTLED = """() => document.readyState === 'complete' && document.getAnimations().length === 0
    && !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')"""
NOTE_WHAT_IS_REACHED = f"""() => {{
    document.activeElement.blur();
    window.reached = new Set();
    document.addEventListener('focusin', event => reached.add({KEY}(event.target)), true);
}}"""
MOST_STEPS = 200
AT_ONCE = 10
"""Steps that are taken before what they have reached is asked for."""


@pytest.fixture(scope="module")
def pages(contoso_served) -> list[Page]:
    """All pages, as the service registers them."""
    with Project(contoso_served.folder) as project:
        service = project.service()
        return list(pages_of(service.admission, service.sessions))


@pytest.fixture(scope="module")
def named(contoso_served) -> dict[str, str]:
    """What stands for each part of an address in braces."""
    with contoso_served.client() as owner:
        customer = owner.get("/data/Customer", params={"$top": 1}).json()["value"][0]["CustomerId"]
    return {
        "attribute": "FirstName",
        "customer": customer,
        "entity": "Customer",
        "field": "FirstName",
        "jobId": "0" * 8,
        "key": "1",
        "run": "1",
        "scheduleId": "0" * 8,
    }


@pytest.fixture(scope="module")
def clients(contoso_served) -> Iterator[dict[str, httpx.Client]]:
    """A browser of each role, without a window; of `nobody` too."""
    found = {role: signed_in(contoso_served, role) for role in ROLES}
    found["nobody"] = httpx.Client(base_url=contoso_served.url)
    yield found
    for client in found.values():
        client.close()


def signed_in(served: Served, role: str) -> httpx.Client:
    client = httpx.Client(base_url=served.url, timeout=60)
    answer = client.post("/sign-in", data={"token": token_of(served, role)})
    assert answer.status_code == 303
    return client


def filled(page: Page, named: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda part: quote(named[part[1]], safe=""), page.path)


def asked(client: httpx.Client, method: str, place: str, **more) -> httpx.Response:
    """Ask, and do not wait for the end of what has none."""
    with client.stream(method, place, **more) as answer:
        if not answer.headers.get("Content-Type", "").startswith("text/event-stream"):
            answer.read()
        return answer


def expect_guarded(answer: httpx.Response, embedded: bool = False) -> None:
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == (
        "cross-origin" if embedded else "same-origin"
    )


@pytest.mark.parametrize("role", [*ROLES, "nobody"])
def test_every_page_answers_every_role_within_bounds(clients, pages, named, role):
    for page in pages:
        if page.method != "GET":
            continue
        answer = asked(clients[role], "GET", filled(page, named))
        expect_guarded(answer, page.embedded and answer.status_code == 200)
        if role == "nobody" and not page.open:
            assert answer.status_code == 303, page.path
            assert answer.headers["Location"].startswith("/sign-in?next=/"), page.path
        else:
            assert answer.status_code in (200, 204, 303, 400, 403, 404), page.path
        assert "Set-Cookie" not in answer.headers, page.path
        if page.path in OF_FRAMES and role != "nobody":
            assert answer.status_code == 403


def test_no_page_shows_what_is_in_its_address_other_than_as_text(clients, pages, named):
    for page in pages:
        if page.method != "GET" or page.path in STREAMED:
            continue
        hostile = dict.fromkeys(named, HOSTILE)
        query = {"q": HOSTILE, "type": HOSTILE, "from": HOSTILE, "asOf": HOSTILE, "next": HOSTILE}
        for place, given in ((filled(page, hostile), {}), (filled(page, named), query)):
            answer = clients["owner"].get(place, params=given)
            assert answer.status_code < 500, (page.path, answer.text[:500])
            assert "<script>alert" not in answer.text, page.path
            assert "49\u202e" not in answer.text, page.path
            for name, text in answer.headers.items():
                assert "\n" not in text, name


@pytest.mark.parametrize("sent", ["no proof", "another's proof", "from another site", "nobody"])
def test_no_change_is_made_but_from_a_page_of_ones_own(clients, pages, named, sent):
    headers = {"Sec-Fetch-Site": "cross-site"} if sent == "from another site" else {}
    client = clients["nobody" if sent == "nobody" else "owner"]
    form = {"no proof": {}, "another's proof": {"csrf": "0" * 64}}.get(sent, {})
    for page in pages:
        if page.method != "POST" or page.path == "/sign-in":
            continue
        answer = client.post(filled(page, named), data=form, headers=headers)
        if sent != "nobody":
            assert answer.status_code == 403, page.path
            assert "forged_request" in answer.text, page.path
        elif not page.open:
            assert answer.status_code == 303, page.path
            assert answer.headers["Location"].startswith("/sign-in"), page.path
    assert asked(clients["owner"], "GET", "/usage").status_code == 200


@pytest.mark.parametrize(
    "place",
    [
        "/static/../../../../etc/passwd",
        "/static/%2e%2e/%2e%2e/site.py",
        "/static/0000000000000000/..%2f..%2fsite.py",
        "/customers/..%2f..%2fusage/records",
        "//evil.example/%2e%2e",
        "/customers/%00",
        "/customers/%ff%fe",
        "/sign-in/..%5c..%5c",
        "/;/usage",
        "/" + "x" * 8000,
    ],
)
def test_paths_that_play_tricks_lead_nowhere(clients, place):
    answer = clients["owner"].get(place, headers={"Accept": "text/html"})
    assert answer.status_code in (400, 404), answer.text[:300]
    assert "root:" not in answer.text
    assert "def " not in answer.text


def test_a_cookie_that_somebody_else_set_is_no_session(contoso_served):
    chosen = "overtide_session=" + "f" * 43
    with httpx.Client(base_url=contoso_served.url) as client:
        form = {"token": contoso_served.token}
        answer = client.post("/sign-in", data=form, headers={"Cookie": chosen})
        given = answer.headers["Set-Cookie"].split(";")[0]
        assert given != chosen
        for cookie in (chosen, f"{chosen}; {given}", f"{given}; {chosen}"):
            client.cookies.clear()
            assert client.get("/usage", headers={"Cookie": cookie}).status_code == 303
        assert client.get("/usage", headers={"Cookie": given}).status_code == 200


def test_who_signs_in_again_has_another_session_and_the_one_before_has_ended(contoso_served):
    client = signed_in(contoso_served, "viewer")
    before = dict(client.cookies)
    proof = re.search(r'data-csrf="(\w+)"', client.get("/usage").text)
    form = {"token": contoso_served.token, "csrf": proof[1] if proof else ""}
    assert client.post("/sign-in", data=form).status_code == 303
    assert dict(client.cookies) != before
    cookie = "; ".join(f"{name}={text}" for name, text in before.items())
    with httpx.Client(base_url=contoso_served.url) as old:
        assert old.get("/usage", headers={"Cookie": cookie}).status_code == 303


def test_what_a_stranger_says_of_a_proxy_is_not_believed(contoso_served):
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
    form = {"token": contoso_served.token}
    answer = httpx.post(f"{contoso_served.url}/sign-in", data=form, headers=headers)
    assert answer.headers["Set-Cookie"].startswith("overtide_session=")


@pytest.mark.parametrize("role", ["owner", "viewer"])
def test_every_page_is_accessible_and_all_of_it_is_reached_by_keyboard(
    browser, contoso_served, clients, pages, named, role
):
    whole = [
        place
        for page in pages
        if page.method == "GET" and page.path not in STREAMED and not page.embedded
        for place in [filled(page, named)]
        if "<html" in (answer := clients[role].get(place)).text and answer.status_code == 200
    ]
    assert len(whole) > 5
    with somebody(browser, contoso_served) as person:
        person.goes("/")
        person.signs_in(token_of(contoso_served, role))
        for place in whole:
            person.goes(place)
            person.page.wait_for_timeout(100)  # what loads by itself has begun by then
            person.page.wait_for_function(SETTLED)
            if role == "owner":
                person.expect_accessible()
            wanted = person.page.evaluate(KEYS)[:MOST_STEPS]
            person.page.evaluate(NOTE_WHAT_IS_REACHED)
            reached: set[str] = set()
            for _ in range(0, 2 * len(wanted) + 40, AT_ONCE):
                if reached >= set(wanted):
                    break
                for _ in range(AT_ONCE):
                    person.page.keyboard.press("Tab")
                reached = set(person.page.evaluate("[...reached]"))
            missed = [one for one in wanted if one not in reached]
            assert missed == [], place
            person.expect_no_faults()
