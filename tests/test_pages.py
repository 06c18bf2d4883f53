"""What holds for every page: signing in and out, languages, and what strangers may not."""

import re

import httpx
import pytest
from playwright.sync_api import expect

from overtide.serving.pages.texts import Texts
from tests.command_line import ROOT, call
from tests.people import somebody, token_of
from tests.served import Served


@pytest.fixture
def stranger(browser, contoso_served):
    """Somebody who has not signed in."""
    with somebody(browser, contoso_served) as found:
        yield found


def test_who_is_not_signed_in_is_asked_for_a_token_and_then_led_on(stranger, contoso_served):
    stranger.goes("/?q=ann")
    assert "/sign-in?next=" in stranger.page.url
    stranger.expect_accessible()
    stranger.pictured("sign-in")
    stranger.signs_in(contoso_served.token)
    assert stranger.page.url == f"{contoso_served.url}/?q=ann"


def test_a_token_that_is_none_is_refused_in_words(stranger):
    stranger.goes("/sign-in")
    stranger.page.get_by_label("Token").fill("ovt_wrong")
    stranger.page.get_by_role("button", name="Sign in").click()
    assert stranger.page.get_by_text("not known, has expired, or was revoked").is_visible()
    stranger.expect_accessible()


def test_who_signs_out_is_signed_out(person):
    person.page.get_by_role("button", name="Sign out").click()
    person.page.wait_for_url("**/sign-in")
    person.goes("/")
    assert "/sign-in" in person.page.url


def token_ids(served: Served) -> set[str]:
    known = call("-C", served.folder, "--json", "token", "list").document["tokens"]
    return {one["id"] for one in known}


def test_a_token_that_is_revoked_signs_out(stranger, contoso_served):
    before = token_ids(contoso_served)
    token = token_of(contoso_served, "viewer")
    stranger.goes("/")
    stranger.signs_in(token)
    (mine,) = token_ids(contoso_served) - before
    call("-C", contoso_served.folder, "token", "revoke", mine)
    stranger.goes("/")
    assert "/sign-in" in stranger.page.url


@pytest.fixture
def lasting(stranger, contoso_served):
    """Return a function that signs somebody in, and what ends their session elsewhere."""

    def signed_in(place: str, role: str = "contributor"):
        before = token_ids(contoso_served)
        token = token_of(contoso_served, role)
        stranger.goes(place)
        expect(stranger.page.get_by_text("has ended")).to_have_count(0)
        stranger.signs_in(token)
        (mine,) = token_ids(contoso_served) - before
        return lambda: call("-C", contoso_served.folder, "token", "revoke", mine)

    return signed_in


def test_who_comes_back_after_the_session_is_told_that_it_ended(stranger, lasting, contoso_served):
    end = lasting("/?q=kenneth", "viewer")
    end()
    stranger.goes("/refreshes")
    expect(stranger.page.get_by_text("Your session has ended")).to_be_visible()
    stranger.expect_accessible()
    stranger.page.get_by_label("Token").fill("ovt_wrong")
    stranger.page.keyboard.press("Enter")
    expect(stranger.page.get_by_text("not known, has expired")).to_be_visible()
    stranger.signs_in(contoso_served.token)
    assert stranger.page.url == f"{contoso_served.url}/refreshes"


def test_a_part_of_a_page_leads_back_to_the_whole_of_it(stranger, lasting, contoso_served):
    end = lasting("/?q=kenneth", "viewer")
    expect(stranger.page.locator(".tile").first).to_be_visible()
    end()
    stranger.page.get_by_label("Find a customer").fill("kenneth beraun")
    expect(stranger.page.get_by_text("Your session has ended")).to_be_visible()
    stranger.signs_in(contoso_served.token)
    assert stranger.page.url == f"{contoso_served.url}/?q=kenneth"


@pytest.mark.parametrize("kind", ["a part", "a page"])
def test_what_is_sent_after_the_session_is_said_not_to_be_done(
    stranger, lasting, contoso_served, kind
):
    page = stranger.page
    if kind == "a page":
        end = lasting("/refreshes")
        end()
        page.get_by_role("button", name="Start a refresh").click()
        place = "/refreshes"
    else:
        end = lasting("/")
        page.locator(".tile a").first.click()
        page.get_by_role("button", name="Edit City").click()
        page.get_by_label("New value of City").fill("Utrecht")
        place = page.url.removeprefix(contoso_served.url)
        # The stream of a card says so by itself within some seconds: be faster than that.
        page.route("**/live", lambda route: route.abort())
        page.reload()
        page.get_by_role("button", name="Edit City").click()
        page.get_by_label("New value of City").fill("Utrecht")
        end()
        page.keyboard.press("Enter")
    expect(page.get_by_text("what you sent was not done")).to_be_visible()
    stranger.signs_in(contoso_served.token)
    assert page.url == contoso_served.url + place


def test_a_browser_keeps_the_cookie_until_it_can_be_told_that_its_session_ended(contoso_served):
    with httpx.Client(base_url=contoso_served.url) as browser:
        answer = browser.post("/sign-in", data={"token": contoso_served.token})
        found = re.search(r"overtide_session=.*?Max-Age=(\d+)", answer.headers["Set-Cookie"])
        assert found
        assert int(found[1]) > 24 * 3600
        browser.cookies.clear()
        browser.cookies.set("overtide_session", "of long ago")
        told = browser.get("/data?x=1").headers["Location"]
        assert told == "/sign-in?next=/data%3Fx%3D1&ended=session"
        browser.cookies.clear()
        assert browser.get("/data").headers["Location"] == "/sign-in?next=/data"


def test_a_page_that_is_not_there_says_so(person):
    person.goes("/nowhere")
    assert person.page.get_by_text("There is no such page").is_visible()
    person.expect_accessible()


def test_a_chosen_language_stays(person):
    person.page.get_by_role("button", name="Nederlands").click()
    assert person.page.get_by_role("heading", name="Klanten").is_visible()
    person.goes("/")
    assert person.page.locator("html").get_attribute("lang") == "nl"


def test_the_language_of_the_browser_is_spoken_first(browser, contoso_served):
    with somebody(browser, contoso_served, locale="nl-NL") as found:
        found.goes("/sign-in")
        assert found.page.get_by_role("heading", name="Aanmelden").is_visible()


@pytest.mark.parametrize(
    ("headers", "form"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, {"csrf": "proof"}),
        ({"Origin": "https://evil.example"}, {"csrf": "proof"}),
        ({}, {}),
        ({}, {"csrf": "0" * 64}),
    ],
)
def test_a_change_that_another_site_sends_is_refused(contoso_served, headers, form):
    with httpx.Client(base_url=contoso_served.url) as client:
        answer = client.post("/sign-in", data={"token": contoso_served.token})
        assert answer.status_code == 303
        refused = client.post("/sign-out", data=form, headers=headers)
        assert refused.status_code == 403
        assert "forged_request" in refused.text
        assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "place", ["//evil.example", "https://evil.example", "/\\evil", "x", "/\n/"]
)
def test_signing_in_leads_to_no_other_site(contoso_served, place):
    form = {"token": contoso_served.token, "next": place}
    answer = httpx.post(f"{contoso_served.url}/sign-in", data=form)
    assert answer.headers["Location"] == "/"


def test_the_cookie_is_for_this_site_and_no_script(contoso_served):
    answer = httpx.post(f"{contoso_served.url}/sign-in", data={"token": contoso_served.token})
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert contoso_served.token not in cookie
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_files_are_kept_for_ever_and_packed(contoso_served):
    page = httpx.get(f"{contoso_served.url}/sign-in")
    addresses = [part.split('"')[0] for part in page.text.split('"/static/')[1:]]
    assert addresses
    total = 0
    for address in addresses:
        answer = httpx.get(f"{contoso_served.url}/static/{address}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
        total += int(answer.headers["Content-Length"])
    assert total < 200_000
    assert httpx.get(f"{contoso_served.url}/static/0000000000000000/app.js").status_code == 404


def test_every_language_says_everything_with_the_same_values():
    texts = Texts()
    assert {"en", "nl"} <= set(texts.languages)
    for language in texts.languages:
        assert texts.names(language) == texts.names("en")
        for name in texts.names("en"):
            assert _places(texts, language, name) == _places(texts, "en", name), (language, name)


def test_every_stage_of_a_refresh_has_a_name_in_words():
    written = re.compile(r"""(?:[sS]tage(?:\[\w+\])?|expect)\(f?"([a-z ]+)(?: \{|")""")
    folders = (ROOT / "pipelines", ROOT / "transforms")
    codes = (path.read_text("utf-8") for folder in folders for path in folder.rglob("*.py"))
    stages = {name for code in codes for name in written.findall(code)}
    assert {"ingest", "files", "match", "build", "history", "publish"} <= stages
    assert {f"refreshes.stage.{name}" for name in stages} <= set(Texts().names("en"))


def _places(texts: Texts, language: str, name: str) -> set[str]:
    class Seen(dict):
        def __missing__(self, key):
            self[key] = key
            return key

    seen = Seen()
    texts.text(language, name, seen)
    return set(seen)
