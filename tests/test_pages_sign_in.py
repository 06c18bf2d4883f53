"""Signing in with an identity provider: a real one, in a real Chromium, there and back."""

import json
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest

from overtide.clock import system_clock
from overtide.schemas.configuration.service import Oidc
from overtide.schemas.errors import OvertideError
from overtide.serving.access.code_flow import ENDED, Begun, CodeFlow, ProviderSays, Returned
from overtide.serving.access.provider_documents import fetched, posted
from overtide.serving.access.provider_keys import ProviderKeys
from overtide.serving.access.roles import Role
from tests import shop
from tests.identity_provider import IdentityProvider, identity_provider
from tests.people import Person, somebody
from tests.served import Served, serving
from tests.signed_tokens import AUDIENCE

SECRET = "s3cret:/?& +%"  # noqa: S105 - of a provider that lives for a test
PUBLIC = "http://localhost:1"
ASSIGNED = {"principalType": "group", "roles": ["Viewer"]}


@pytest.fixture(scope="module")
def provider(tmp_path_factory) -> Iterator[IdentityProvider]:
    """A real identity provider."""
    with identity_provider(tmp_path_factory.mktemp("provider")) as found:
        yield found


def oidc_of(provider: IdentityProvider, sign_in: dict[str, object]) -> dict[str, object]:
    return {
        "issuer": provider.issuer,
        "audience": AUDIENCE,
        "roles": {"crm-writers": "Contributor"},
        "sign_in": sign_in,
    }


@pytest.fixture(scope="module")
def served(tmp_path_factory, provider) -> Iterator[Served]:
    """A project whose pages are a client of the provider, with a secret of the environment."""
    folder = tmp_path_factory.mktemp("pages")
    client = {"client_id": "overtide-pages", "client_secret": "${OVERTIDE_CLIENT_SECRET}"}
    service = {"oidc": oidc_of(provider, client | {"name": "Contoso"})}
    (folder / "overtide.yaml").write_text(json.dumps({**shop.configuration(), "service": service}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVERTIDE_CLIENT_SECRET", SECRET)
        with serving(folder, shop.INSTANCE, "--only", "api") as found:
            clients = [
                {"client_id": "overtide-pages", "client_secret": SECRET, "url": found.url},
                {"client_id": "public", "url": PUBLIC},
            ]
            provider.steer("pages", clients=clients)
            with found.client() as owner:
                place = "/rbac/principals/desk/assignment"
                owner.put(place, json=ASSIGNED).raise_for_status()
            yield found


@pytest.fixture
def stranger(browser, served, provider) -> Iterator[Person]:
    """Somebody who has not signed in, anywhere."""
    with somebody(browser, served, provider.issuer) as found:
        yield found


def go_to_provider(person: Person, name: str = "Sign in with Contoso") -> None:
    person.page.get_by_role("button", name=name).click()


def sign_in(person: Person, who: str, name: str = "Sign in with Contoso") -> None:
    """Go to the provider, say who one is, and allow the pages to know it."""
    go_to_provider(person, name)
    person.page.get_by_label("Name").fill(who)
    person.page.get_by_role("button", name="Enter").click()
    person.page.wait_for_url(f"{person.url}/**")


def test_one_signs_in_with_the_provider_and_is_led_on(stranger, served):
    stranger.goes("/?q=ann&x=%26")
    stranger.expect_accessible()
    stranger.pictured("sign-in-with-a-provider")
    sign_in(stranger, "ann")
    assert stranger.page.url == f"{served.url}/?q=ann&x=%26"
    assert stranger.page.get_by_text("Ann Smit").get_attribute("title") == "Contributor"
    cookies = {one["name"] for one in stranger.page.context.cookies(served.url)}
    assert "overtide_session" in cookies
    assert "overtide_signing_in" not in cookies


def test_signing_out_signs_out_at_the_provider_as_well(stranger):
    stranger.goes("/")
    sign_in(stranger, "ann")
    stranger.page.get_by_role("button", name="Sign out").click()
    # The provider asks: it is its own session.
    stranger.page.get_by_role("button", name="Yes, sign me out").click()
    stranger.page.wait_for_url(f"{stranger.url}/sign-in")
    stranger.goes("/")
    go_to_provider(stranger)
    assert stranger.page.get_by_label("Name").is_visible()


def test_a_session_ends_with_that_at_the_provider(stranger, provider):
    stranger.goes("/")
    sign_in(stranger, "ann")
    stranger.page.goto(f"{provider.issuer}/session/end")
    stranger.page.get_by_role("button", name="Yes, sign me out").click()
    stranger.page.wait_for_url("**/session/end/success")
    stranger.goes("/")
    assert "/sign-in" in stranger.page.url


def test_a_group_has_the_role_that_an_admin_gave_it_and_a_name_is_text(stranger):
    stranger.goes("/")
    sign_in(stranger, "ben")
    assert stranger.page.get_by_text("Ben <b>Bold</b>").get_attribute("title") == "Viewer"


def test_who_has_no_role_is_told_whom_to_ask_and_can_sign_out(stranger):
    stranger.goes("/")
    sign_in(stranger, "eve")
    assert stranger.page.get_by_role("heading", name="You have no role here yet").is_visible()
    assert stranger.page.get_by_text("eve", exact=True).is_visible()
    stranger.expect_accessible()
    stranger.pictured("no-role")
    stranger.page.get_by_role("main").get_by_role("button", name="Sign out").click()
    stranger.page.get_by_role("button", name="Yes, sign me out").wait_for()


def test_who_stops_at_the_provider_is_told_so(stranger):
    stranger.goes("/")
    go_to_provider(stranger)
    stranger.page.get_by_role("button", name="Cancel").click()
    stranger.page.wait_for_url(f"{stranger.url}/sign-in/return?*")
    told = stranger.page.get_by_role("alert").filter(has_text="you stopped it")
    assert told.is_visible()
    stranger.expect_accessible()


def test_a_public_client_has_the_roles_of_the_access_token(provider, served):
    oidc = Oidc(**oidc_of(provider, {"client_id": "public", "claims_from": "access_token"}))
    keys = ProviderKeys(oidc.issuer, None, fetched, time.monotonic)
    says = ProviderSays(oidc.issuer, fetched, posted, time.monotonic)
    flow = CodeFlow(oidc, oidc.sign_in, keys, system_clock, says)
    begun, back = Begun("a" * 64), f"{PUBLIC}/sign-in/return"
    with httpx.Client(follow_redirects=False) as browser:
        place = flow.address(begun, back)
        for form in (None, {"login": "ann", "action": "enter"}, None):
            answer = browser.post(place, data=form) if form else browser.get(place)
            place = urljoin(place, answer.headers.get("Location", place))
    query = {name: values[0] for name, values in parse_qs(urlsplit(place).query).items()}
    assert query["state"] == begun.state
    who, there = flow.signed_in(begun, Returned(query["code"], query["iss"], back))
    assert (who.ids, who.name, who.kind) == (("ann",), "Ann Smit", "user")
    assert who.claimed == Role.CONTRIBUTOR
    assert there.sid
    with pytest.raises(OvertideError) as again:
        flow.signed_in(begun, Returned(query["code"], query["iss"], back))
    assert (again.value.code, again.value.target) == ("sign_in_refused", "invalid_grant")


def begun(served: Served, client: httpx.Client) -> dict[str, str]:
    """Leave for the provider, and return what it is told."""
    answer = client.get(f"{served.url}/sign-in/provider", params={"next": "//evil.example"})
    assert answer.status_code == 303
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    return {name: values[0] for name, values in query.items()}


def test_the_provider_is_told_of_this_browser_and_this_service_alone(served, provider):
    with httpx.Client() as client:
        told = begun(served, client)
        other = begun(served, client)
    assert told["redirect_uri"] == f"{served.url}/sign-in/return"
    assert told["code_challenge_method"] == "S256"
    assert told["scope"] == "openid profile"
    for name in ("state", "nonce", "code_challenge"):
        assert len(told[name]) >= 43
        assert told[name] != other[name]
    assert "client_secret" not in told


@pytest.mark.parametrize("with_cookie", [True, False])
def test_who_did_not_begin_here_is_not_signed_in_and_no_words_are_shown(served, with_cookie):
    with httpx.Client() as client, httpx.Client() as other:
        told = begun(served, other)
        if with_cookie:
            begun(served, client)
        words = {"error": "access_denied", "error_description": "Call 555-0100 now"}
        for query in ({"code": "x", "iss": "y"}, words):
            query |= {"state": told["state"]}
            answer = client.get(f"{served.url}/sign-in/return", params=query)
            assert answer.status_code == 400
            assert "555-0100" not in answer.text
            assert "overtide_session" not in answer.headers.get("Set-Cookie", "")


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({"error": "access_denied", "error_description": "<script>x</script>"}, 403, "&lt;script"),
        ({"error": "x" * 9000}, 403, "xxx"),
        ({"code": "made-up"}, 403, "Another provider"),
        ({"code": "made-up", "iss": "https://evil.example"}, 403, "Another provider"),
        ({"code": "made-up", "iss": True}, 403, "its own code"),
    ],
)
def test_what_comes_back_wrong_is_refused_in_words(served, provider, query, status, said):
    if query.get("iss") is True:
        query = {**query, "iss": provider.issuer}
    with httpx.Client() as client:
        told = begun(served, client)
        back = {**query, "state": told["state"]}
        answer = client.get(f"{served.url}/sign-in/return", params=back)
    assert answer.status_code == status
    assert said in answer.text
    assert "<script>x" not in answer.text
    assert len(answer.text) < 10_000


@pytest.mark.parametrize("token", ["", "x", "forged", "of somebody's sign-in"])
def test_nobody_but_the_provider_ends_a_session(served, provider, token):
    if token == "forged":  # noqa: S105 - a kind of token
        claims = {"sub": "ann", "aud": "overtide-pages", "events": {ENDED: {}}, "jti": "1"}
        token = provider.steer("forge", header={"typ": "logout+jwt"}, claims=claims)
    answer = httpx.post(f"{served.url}/sign-out/provider", data={"logout_token": token})
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"


def test_while_the_provider_is_down_one_is_told_so_and_a_token_signs_in(stranger, provider, served):
    with httpx.Client() as client:
        told = begun(served, client)
        provider.steer("down")
        try:
            query = {"code": "x", "state": told["state"], "iss": provider.issuer}
            answer = client.get(f"{served.url}/sign-in/return", params=query)
            assert answer.status_code == 503
            assert "does not answer" in answer.text
            stranger.goes("/")
            stranger.signs_in(served.token)
        finally:
            provider.steer("up")
