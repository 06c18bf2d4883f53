"""Who may use a served project: an identity provider's users, keys, pages, names, over real TLS."""

import json
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from overtide.schemas.instants import parse_instant
from overtide.serving.access.provider_keys import PAUSE
from overtide.serving.http.application import HEADERS
from tests import shop
from tests.certificates import write_certificate
from tests.command_line import begin, call
from tests.identity_provider import IdentityProvider, identity_provider
from tests.served import Served, serving
from tests.signed_tokens import AUDIENCE, RSA_KEY, claims, signed

ORIGIN = "https://crm.example.com"
KEY = "Ocp-Apim-Subscription-Key"


@pytest.fixture(scope="module")
def provider(tmp_path_factory) -> Iterator[IdentityProvider]:
    """A real identity provider."""
    with identity_provider(tmp_path_factory.mktemp("provider")) as found:
        yield found


@pytest.fixture(scope="module")
def issuer(request) -> str:
    """The provider's address; that of nobody where there is none."""
    try:
        return str(request.getfixturevalue("provider").issuer)
    except pytest.skip.Exception:
        return "https://127.0.0.1:1"


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, Path]:
    """A certificate and its key."""
    return write_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def served(tmp_path_factory, issuer, files) -> Iterator[Served]:
    """A project that takes the provider's tokens over TLS, with a key, from one origin."""
    folder = tmp_path_factory.mktemp("access")
    oidc = {
        "issuer": issuer,
        "audience": AUDIENCE,
        "algorithms": ["RS256", "ES256"],
        "roles": {"crm-writers": "Contributor"},
    }
    service = {"oidc": oidc, "require_subscription_key": True, "cors_origins": [ORIGIN]}
    document = {**shop.configuration(), "service": service}
    (folder / "overtide.yaml").write_text(json.dumps(document))
    words = ("--only", "api", "--tls-cert", str(files[0]), "--tls-key", str(files[1]))
    with serving(folder, shop.INSTANCE, *words) as found:
        yield found


@pytest.fixture(scope="module")
def trusting(files) -> ssl.SSLContext:
    """What trusts the certificate, and nothing else."""
    return ssl.create_default_context(cafile=str(files[0]))


@pytest.fixture(scope="module")
def key(served) -> str:
    """The primary key."""
    return regenerated(served, "primary")


def regenerated(served: Served, slot: str) -> str:
    return call("-C", served.folder, "--json", "key", "regenerate", slot).document["key"]


@pytest.fixture
def ask(served, trusting, key) -> Iterator:
    """Ask at the instance's address with a token, the owner's by default."""
    with served.client(verify=trusting) as client:

        def ask(
            path: str = "/rbac/myrole", token: str | None = None, method: str = "GET", **more
        ) -> httpx.Response:
            headers = {KEY: key, "Authorization": f"Bearer {token or served.token}"}
            headers |= more.pop("headers", {})
            return client.request(method, path, headers=headers, **more)

        yield ask


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errorCode"]


def put(ask, principal: str, role: str, **more: object) -> httpx.Response:
    body = {"roles": [role], **more}
    return ask(f"/rbac/principals/{principal}/assignment", method="PUT", json=body)


# An identity provider


def test_the_provider_s_claim_gives_the_role(ask, provider):
    found = ask(token=provider.token("crm"))
    assert found.status_code == 200, found.text
    assert found.json()["principalId"] == "crm"
    assert (found.json()["principalType"], found.json()["roles"]) == ("app", ["Contributor"])
    refused = ask("/rbac/assignments", provider.token("crm"))
    assert code(refused) == (403, "forbidden")
    assert refused.headers["WWW-Authenticate"].startswith('Bearer error="insufficient_scope"')


def test_who_has_no_role_is_known_and_let_in_by_an_assignment(ask, provider):
    token = provider.token("nobody")
    assert code(ask(token=token)) == (403, "no_role")
    assert put(ask, "nobody", "Admin", principalType="app").json()[0]["roles"] == ["Admin"]
    assert ask(token=token).json()["roles"] == ["Admin"]
    shown = ask("/rbac/assignments", token).json()
    assert ("nobody", "app") in [(one["principalId"], one["principalType"]) for one in shown]
    # The very next request of a principal whose role was taken is refused, verified or not.
    gone = ask("/rbac/principals/nobody/assignment", method="DELETE")
    assert (gone.status_code, gone.content) == (200, b"")
    assert code(ask(token=token)) == (403, "no_role")


def test_a_group_gives_its_members_a_role_by_a_token_of_another_algorithm(ask, provider):
    token = provider.token("member")
    assert code(ask(token=token)) == (403, "no_role")
    put(ask, "desk", "Viewer", principalType="group").raise_for_status()
    assert ask(token=token).json()["roles"] == ["Viewer"]
    put(ask, "member", "Admin").raise_for_status()
    assert ask(token=token).json()["roles"] == ["Admin"]
    for principal in ("desk", "member"):
        ask(f"/rbac/principals/{principal}/assignment", method="DELETE").raise_for_status()


def test_a_token_for_another_service_is_refused_as_rfc_6750_says(ask, provider):
    refused = ask(token=provider.token("other"))
    assert code(refused) == (401, "invalid_token")
    assert refused.headers["WWW-Authenticate"] == (
        'Bearer error="invalid_token", error_description="The token is not taken. '
        'It was made for another service (`aud`)."'
    )


def test_a_stranger_s_token_under_the_name_of_the_provider_s_key_is_refused(ask, provider):
    """Made by another real server, with everything but the key as it should be."""
    forged = provider.steer("forge", claims={"roles": ["crm-writers"]})
    assert code(ask(token=forged)) == (401, "invalid_token")
    for header in ({"kid": "key-2"}, {"jku": provider.control}, {"typ": "at+jwt"}):
        assert code(ask(token=provider.steer("forge", header=header))) == (401, "invalid_token")


def test_keys_are_rotated_while_serving_and_the_old_ones_end(ask, provider):
    old = provider.token("crm")
    assert ask(token=old).status_code == 200
    provider.steer("rotate")
    new = provider.token("crm")
    assert new != old
    for _ in range(60):
        if ask(token=new).status_code == 200:
            break
        time.sleep(0.25)
    assert ask(token=new).status_code == 200
    assert code(ask(token=old)) == (401, "invalid_token")


def test_known_keys_hold_while_the_provider_is_down_and_it_is_not_hammered(ask, provider):
    known, other = provider.token("crm"), provider.token("nobody")
    assert ask(token=known).status_code == 200
    provider.steer("down")
    try:
        before, begun = provider.steer("asked"), time.monotonic()
        assert ask(token=known).status_code == 200
        assert code(ask(token=other)) == (403, "no_role")  # verified now, by a known key
        strange = [signed(claims(), RSA_KEY, kid=f"k{number}") for number in range(50)]
        answers = {code(ask(token=token)) for token in strange}
        assert answers <= {(401, "invalid_token"), (503, "issuer_unavailable")}
        assert ask().status_code == 200  # local tokens hold, whatever the provider does
        asked = provider.steer("asked") - before
        assert asked <= (time.monotonic() - begun) / PAUSE + 1
    finally:
        provider.steer("up")


# Roles


def test_owners_are_made_by_owners_alone_and_the_last_one_stays(ask, served):
    own = ask().json()["principalId"]
    made = call("-C", served.folder, "--json", "token", "create", "--role", "admin", "--name", "a")
    admin = made.document["token"]
    path = f"/rbac/principals/{own}/assignment"
    body = {"roles": ["Viewer"]}
    assert code(ask(path, admin, "PUT", json=body)) == (403, "owner_needed")
    assert code(ask(path, admin, "DELETE")) == (403, "owner_needed")
    assert code(ask(path, method="PUT", json=body)) == (409, "last_owner")
    assert code(ask(path, method="DELETE")) == (409, "last_owner")
    mine = f"/rbac/principals/{made.document['id']}/assignment"
    assert code(ask(mine, admin, "PUT", json={"roles": ["Owner"]})) == (403, "owner_needed")
    assert ask(mine, admin, "DELETE").status_code == 200
    assert code(ask(token=admin)) == (401, "invalid_token")


def test_an_assignment_is_sent_as_the_product_s_client_does(ask):
    document = json.dumps({"principalId": "a|b/ü", "roles": ["Viewer"]})
    kind = {"Content-Type": "application/json-patch+json; charset=utf-8"}
    path = "/rbac/principals/a%7Cb%2F%C3%BC/assignment"
    for text in (document, json.dumps(document)):
        given = ask(path, method="PUT", content=text, headers=kind)
        assert given.status_code == 200, given.text
        assert given.json()[0]["principalId"] == "a|b/ü"
    assert ask(path, method="DELETE").status_code == 200
    assert code(ask(path, method="DELETE")) == (404, "unknown_principal")
    assert code(ask(path, method="PUT", json={})) == (400, "invalid_assignment")


# Subscription keys


def test_a_key_is_needed_in_the_header_or_the_query_and_each_can_be_renewed(ask, served, key):
    for wrong in ("", "ovk_wrong", "\xfc", key + "x", key[:-1]):
        refused = ask(headers={KEY: wrong.encode("latin-1")})
        assert code(refused) == (401, "invalid_subscription_key")
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert ask(params={"subscription-key": key}).status_code == 200
    assert code(ask(params={"subscription-key": "other"})) == (400, "repeated_credentials")
    made = ask("/keys/secondary/regenerate", method="POST")
    assert made.status_code == 200, made.text
    second = made.json()["key"]
    assert ask(headers={KEY: second}).status_code == 200
    third = regenerated(served, "secondary")
    assert ask(headers={KEY: third}).status_code == 200
    assert code(ask(headers={KEY: second})) == (401, "invalid_subscription_key")
    assert ask().status_code == 200
    state = ask("/keys").json()
    assert state["required"] is True
    assert [one["createdBy"] is not None for one in state["keys"]] == [True, True]
    assert third not in json.dumps(state)
    assert code(ask("/keys/third/regenerate", method="POST")) == (404, "unknown_key")
    stored = (served.folder / "access" / "tokens.sqlite").read_bytes()
    assert [one for one in (key, second, third) if one.encode() in stored] == []


# Tokens


@pytest.mark.parametrize(
    "token",
    ["ovt_wrong", "ovt_" + "x" * 30_000, "x" * 30_000, "a.b.c", "ü", "ovt_\xff", "a, Bearer b"],
    ids=range(7),
)
def test_an_unknown_token_is_refused_with_a_challenge(ask, token):
    refused = ask(headers={"Authorization": f"Bearer {token}".encode("latin-1")})
    assert code(refused) == (401, "invalid_token")
    assert refused.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token", ')


def test_several_authorizations_are_not_chosen_from(served, trusting, key):
    for first, second in (("ovt_wrong", served.token), (served.token, "ovt_wrong")):
        pairs = [("Authorization", f"Bearer {one}") for one in (first, second)]
        answer = httpx.get(
            f"{served.url}/v1/instances", headers=[*pairs, (KEY, key)], verify=trusting
        )
        assert code(answer) == (400, "repeated_credentials")


def test_a_token_ends_by_itself(ask, served):
    def made(lasting: str) -> dict[str, str]:
        words = ("token", "create", "--role", "viewer", "--name", "guest", "--expires", lasting)
        return call("-C", served.folder, "--json", *words).document

    short, long = made("1s"), made("1h")
    lasting = parse_instant(short["expiresAt"]) - parse_instant(short["createdAt"])
    assert lasting == 1_000_000
    while time.time() * 1_000_000 <= parse_instant(short["expiresAt"]):
        time.sleep(0.1)
    assert code(ask(token=short["token"])) == (401, "invalid_token")
    assert ask(token=long["token"]).status_code == 200


# Pages, names, and what every answer has


def test_a_page_of_the_origin_asks_without_a_token_and_reads_the_answers(ask, served, trusting):
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    url = f"{served.url}/v1/instances/{served.instance}/data/Customer/1"
    allowed = httpx.options(url, headers=asked, verify=trusting)
    assert (allowed.status_code, allowed.content) == (204, b"")
    assert allowed.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Authorization" in allowed.headers["Access-Control-Allow-Headers"]
    answer = ask(headers={"Origin": ORIGIN})
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "X-Request-ID" in answer.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in {**allowed.headers, **answer.headers}
    refused = ask("/nothing", headers={"Origin": ORIGIN})
    assert refused.headers["Access-Control-Allow-Origin"] == ORIGIN
    stranger = httpx.options(url, headers={**asked, "Origin": f"{ORIGIN}.evil"}, verify=trusting)
    assert stranger.status_code == 405
    assert "Access-Control-Allow-Origin" not in stranger.headers


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:1", "", "127.0.0.2"])
def test_another_site_s_name_that_leads_here_is_refused(ask, host):
    assert code(ask(headers={"Host": host})) == (403, "unknown_host")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8400"])
def test_this_machine_s_names_are_the_service_s(ask, host):
    assert ask(headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health/live", 200),
        ("GET", "/health/ready", 503),
        ("GET", "/openapi.json", 200),
        ("GET", "/v1/instances", 401),
        ("GET", "/nowhere", 404),
        ("GET", "/%FF", 400),
        ("DELETE", "/v1/instances", 405),
        ("OPTIONS", "/v1/instances", 405),
        ("HEAD", "/health/live", 200),
        ("POST", "/health/live", 404),
    ],
)
def test_every_answer_has_the_headers_that_keep_browsers_in_bounds(
    served, trusting, method, path, status
):
    answer = httpx.request(method, served.url + path, verify=trusting)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "Server" not in answer.headers


def test_for_others_than_this_machine_it_says_what_protects_it(tmp_path):
    (tmp_path / "overtide.yaml").write_text(json.dumps(shop.configuration()))
    everyone = "0.0.0.0"  # noqa: S104 - what is warned of
    process = begin("-C", tmp_path, "serve", "--host", everyone, "--port", "0", "--only", "api")
    try:
        said = process.stderr.readline() + process.stderr.readline()
        assert f"{everyone} is not this machine alone." in said
        assert "Every request needs a token, as always" in said
        assert "without --tls-cert" in said
    finally:
        process.terminate()
        out, _ = process.communicate(timeout=120)
    assert f" at http://{everyone}:" in out


# TLS


def test_the_way_is_encrypted_and_nothing_else_is_answered(served, trusting):
    port = httpx.URL(served.url).port
    assert served.url.startswith("https://127.0.0.1:")
    with (
        socket.create_connection(("127.0.0.1", port)) as connection,
        trusting.wrap_socket(connection, server_hostname="localhost") as secure,
    ):
        assert secure.version() in ("TLSv1.2", "TLSv1.3")
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{served.url}/health/live")  # whoever does not trust the certificate
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://127.0.0.1:{port}/health/live")


def test_the_last_use_of_a_token_is_written_when_the_service_stops(served, trusting, key):
    """Last in this module: it stops the service."""
    with served.client(verify=trusting) as client:
        client.get("/rbac/myrole", headers={KEY: key}).raise_for_status()
    assert served.stop() == 0
    tokens = call("-C", served.folder, "--json", "token", "list").document["tokens"]
    used = {one["name"]: one["lastUsedAt"] for one in tokens}
    assert used["owner"].endswith(":00.000000Z")
