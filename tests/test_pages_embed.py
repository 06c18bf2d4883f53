"""A customer's card in another system's page: from another origin, with a token for it alone."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import yaml
from playwright.sync_api import FrameLocator

from overtide.schemas.instants import SECOND, parse_instant
from tests.command_line import ROOT, call
from tests.people import Person, somebody, token_of
from tests.served import Served, serving
from tests.signed_tokens import AUDIENCE, RSA_KEY, claims, jwk, signed

SCREEN = ROOT / "examples" / "crm_screen" / "server.py"
INSTANCE_FILE = "overtide.yaml"


@pytest.fixture(scope="module")
def port() -> int:
    """Where the CRM will listen, which Overtide's configuration must name."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """Where an identity provider publishes its keys."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            document = {"issuer": found, "jwks_uri": f"{found}/keys"}
            keys = {"keys": [jwk(RSA_KEY, "one")]}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(keys if self.path == "/keys" else document).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


@pytest.fixture(scope="module")
def served(refreshed_contoso, tmp_path_factory, port, issuer) -> Iterator[Served]:
    """The example, whose customers the CRM's pages may show."""
    folder = Path(shutil.copytree(refreshed_contoso, tmp_path_factory.mktemp("embed") / "contoso"))
    document = yaml.safe_load((folder / INSTANCE_FILE).read_text())
    document["service"] = {
        "pages": {"embed_origins": [f"http://localhost:{port}"]},
        "oidc": {
            "issuer": issuer,
            "audience": AUDIENCE,
            "roles": {"writers": "Contributor"},
            "leeway": "5s",
        },
    }
    (folder / INSTANCE_FILE).write_text(yaml.safe_dump(document, sort_keys=False))
    with serving(folder, document["instance"]["id"]) as found:
        yield found


@pytest.fixture(scope="module")
def customers(served) -> list[str]:
    with served.client() as owner:
        rows = owner.get("/data/Customer", params={"$top": 4}).raise_for_status().json()["value"]
    return [row["CustomerId"] for row in rows]


@pytest.fixture(scope="module")
def screen(served: Served, port: int) -> Iterator[str]:
    """The example's CRM, whose tokens for a card last for seconds."""
    environment = os.environ | {
        "OVERTIDE_URL": served.url,
        "OVERTIDE_TOKEN": token_of(served, "contributor"),
        "CRM_TOKEN_LASTS": "6s",
    }
    command = [sys.executable, str(SCREEN), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            # Another site than 127.0.0.1 for the browser: cookies of the frame are a third party's.
            yield f"http://localhost:{port}"
        finally:
            process.terminate()


@pytest.fixture
def agent(browser, served, screen) -> Iterator[Person]:
    """Somebody in front of the CRM's screen, who has never been at Overtide."""
    with somebody(browser, served, screen) as found:
        found.page.goto(screen)
        yield found


def card_of(person: Person, number: int) -> FrameLocator:
    person.page.locator("#customers button").nth(number).click()
    return person.page.frame_locator("overtide-card iframe")


def embedded(served: Served, customer: str, caller: str = "contributor", **body: object):
    with served.client(token_of(served, caller)) as client:
        return client.post(f"/data/Customer('{customer}')/embed", json=body)


def test_the_card_is_there_live_as_high_as_it_is_and_without_cookies(agent, served, customers):
    card = card_of(agent, 0)
    card.locator("#activities [data-activity]").first.wait_for()
    frame = agent.page.locator("overtide-card iframe")
    agent.page.wait_for_function(
        "document.querySelector('overtide-card iframe').getBoundingClientRect().height > 400"
    )
    assert frame.get_attribute("title")
    assert card.get_by_role("button", name="Change").count() == 0
    assert [one["name"] for one in agent.page.context.cookies() if "session" in one["name"]] == []
    agent.pictured("embedded", whole=False)
    field = card.locator("[data-field=FirstName], [data-field=FullName]").first
    name = field.get_attribute("data-field")
    with served.client() as owner:
        changed = {name: "Changed <b>live</b>"}
        owner.patch(f"/data/Customer/{customers[0]}", json=changed).raise_for_status()
    field.get_by_text("Changed <b>live</b>").first.wait_for()


def test_before_its_token_ends_the_page_is_asked_for_another_and_the_card_goes_on(agent):
    card = card_of(agent, 1)
    card.locator("#customer").wait_for()
    agent.page.locator("overtide-card[data-renewed='1']").wait_for()
    assert card.locator("#customer").is_visible()
    assert card.locator("#problem").inner_text() == ""


def test_with_a_role_that_may_a_value_is_changed_in_the_frame(agent, served, customers):
    agent.page.get_by_label("may change values").check()
    card = card_of(agent, 2)
    card.locator(".actions button[hx-get*='/edit']").first.click()
    card.get_by_role("button", name="Save").wait_for()
    card.locator("form.edit input[name=value]").fill("By the desk")
    card.get_by_role("button", name="Save").click()
    card.get_by_text("By the desk").first.wait_for()


FRAMED = """src => document.body.append(
    Object.assign(document.createElement("iframe"), {id: "f", title: "x", src}))"""


def test_a_plain_frame_takes_its_token_from_the_fragment_and_forgets_it(agent, served, customers):
    answer = embedded(served, customers[3], lasting="10s").json()
    agent.page.evaluate(FRAMED, f"{answer['url']}#token={answer['token']}")
    inside = agent.page.frame_locator("#f")
    inside.locator("#customer").wait_for()
    assert agent.page.frames[1].evaluate("location.hash") == ""
    inside.get_by_text("This view has ended").wait_for()


def test_no_other_origin_may_show_it(browser, served, customers, screen):
    answer = embedded(served, customers[0]).json()
    other = screen.replace("localhost", "127.0.0.1")
    with somebody(browser, served, other, "chrome-error:") as found:
        found.page.goto(other)
        with found.page.expect_console_message(lambda said: "frame-ancestors" in said.text):
            found.page.evaluate(FRAMED, f"{answer['url']}#token={answer['token']}")
        assert found.page.frame_locator("#f").locator("#frame").count() == 0
        found.faults.clear()  # the browser says that it refused


def ask(served: Served, token: str, place: str, **more: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "HX-Request": "true"}
    return httpx.request(more.pop("method", "GET"), served.url + place, headers=headers, **more)


def test_a_token_sees_its_customer_and_nothing_else(served, customers):
    answer = embedded(served, customers[0])
    assert answer.status_code == 201
    told = answer.json()
    assert (told["role"], told["customerId"]) == ("Viewer", customers[0])
    token = told["token"]
    own, other = (f"/customers/{one}" for one in customers[:2])
    for place in ("", "/timeline", "/records", "/fields/FirstName/why"):
        assert ask(served, token, own + place).status_code == 200, place
        assert ask(served, token, other + place).status_code == 403, place
    assert ask(served, token, f"/embed{own}/card").status_code == 200
    assert ask(served, token, f"/embed{other}/card").status_code == 403
    for place in ("/facets", "/data/held", f"{own}/records/eCommerce_eCommerceContacts/1"):
        assert ask(served, token, place).status_code == 403, place
    form = {"value": "x", "validity": "1h"}
    changed = ask(served, token, f"{own}/fields/FirstName", method="POST", data=form)
    assert changed.status_code == 403
    # It is no token of the API, and no cookie of the pages.
    for headers in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"overtide_session={token}"}):
        assert httpx.get(f"{served.url}/v1/instances", headers=headers).status_code == 401
        page = httpx.get(served.url + own, headers={"Cookie": headers.get("Cookie", "")})
        assert page.status_code == 303


def frame_of(served: Served, token: str, customer: str) -> dict[str, str]:
    """Return what a token is answered that asks for the frame of a customer."""
    with served.client(token) as client:
        answer = client.post(f"/data/Customer('{customer}')/embed", json={"lasting": "1h"})
    return answer.raise_for_status().json()


def status_of(served: Served, frame: dict[str, str], customer: str) -> int:
    return ask(served, frame["token"], f"/embed/customers/{customer}/card").status_code


@pytest.mark.parametrize("principal", ["o-1", "ann", "desk"])
def test_a_frame_ends_with_the_role_that_an_admin_takes_from_who_asked(
    served, customers, issuer, principal
):
    place = f"/rbac/principals/{principal}/assignment"
    kind = "group" if principal == "desk" else "user"
    token = signed(claims(iss=issuer, oid="o-1", groups=["desk"]))
    with served.client() as owner:
        given = {"principalType": kind, "roles": ["Contributor"]}
        owner.put(place, json=given).raise_for_status()
        frame = frame_of(served, token, customers[0])
        assert status_of(served, frame, customers[0]) == 200
        owner.delete(place).raise_for_status()
    assert status_of(served, frame, customers[0]) == 403


def test_a_frame_ends_with_the_token_of_the_provider_that_asked_for_it(served, customers, issuer):
    end = int(time.time()) - 3  # within the leeway of 5 s
    token = signed(claims(iss=issuer, roles=["writers"], exp=end))
    frame = frame_of(served, token, customers[0])
    assert parse_instant(frame["expiresAt"]) == (end + 5) * SECOND
    while time.time() <= end + 5:
        time.sleep(0.1)
    assert status_of(served, frame, customers[0]) == 401


def test_a_frame_ends_with_the_local_token_that_asked_for_it(served, customers):
    def made(*words: str) -> dict[str, str]:
        words = ("token", "create", "--role", "contributor", "--name", "crm", *words)
        return call("-C", served.folder, "--json", *words).document

    short, revoked = made("--expires", "5m"), made()
    assert frame_of(served, short["token"], customers[0])["expiresAt"] == short["expiresAt"]
    frame = frame_of(served, revoked["token"], customers[0])
    assert status_of(served, frame, customers[0]) == 200
    call("-C", served.folder, "--json", "token", "revoke", revoked["id"])
    assert status_of(served, frame, customers[0]) == 401


def test_a_page_token_and_a_made_up_one_open_no_frame(served, customers):
    for token in ("ove_made-up", "ove_", served.token):
        answer = ask(served, str(token), f"/embed/customers/{customers[0]}/card")
        assert answer.status_code in (204, 401)
        assert customers[0] not in answer.text.replace(f"/embed/customers/{customers[0]}", "")


@pytest.mark.parametrize(
    ("role", "body", "status"),
    [
        ("viewer", {}, 403),
        ("contributor", {"lasting": "61m"}, 400),
        ("contributor", {"lasting": "0s"}, 400),
        ("contributor", {"lasting": 5}, 400),
        ("contributor", {"role": "Admin"}, 400),
        ("owner", {"role": "Admin"}, 400),
        ("contributor", {"role": "x"}, 400),
        ("contributor", {"origin": "x"}, 400),
    ],
)
def test_what_is_asked_for_wrongly_is_refused(served, customers, role, body, status):
    assert embedded(served, customers[0], role, **body).status_code == status


def test_a_customer_that_is_not_there_has_no_card(served):
    assert embedded(served, "0" * 32).status_code == 404


def test_where_no_origin_is_configured_nobody_may_show_a_card(contoso_served):
    answer = embedded(contoso_served, "0" * 32)
    assert (answer.status_code, json.loads(answer.text)["errorCode"]) == (409, "no_embed_origins")
    frame = httpx.get(f"{contoso_served.url}/embed/customers/x")
    assert "frame-ancestors 'none'" in frame.headers["Content-Security-Policy"]


def test_the_frame_says_who_may_show_it_and_the_element_may_be_loaded(served, port):
    frame = httpx.get(f"{served.url}/embed/customers/%22%3E%3Cscript%3Ealert(1)")
    assert f"frame-ancestors http://localhost:{port}" in frame.headers["Content-Security-Policy"]
    assert "<script>alert" not in frame.text
    assert "Set-Cookie" not in frame.headers
    element = httpx.get(f"{served.url}/static/overtide-card.js")
    assert element.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "immutable" not in element.headers["Cache-Control"]
