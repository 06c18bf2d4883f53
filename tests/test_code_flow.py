"""What an attacker, or a provider that errs, may send to who signs people in: it is refused."""

import base64
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from overtide.clock import system_clock
from overtide.schemas.configuration.service import Oidc
from overtide.schemas.configuration.sign_in import SignIn
from overtide.schemas.errors import OvertideError
from overtide.schemas.instants import SECOND
from overtide.serving.access.code_flow import ENDED, Begun, CodeFlow, ProviderSays, Returned
from overtide.serving.access.identities import AtProvider
from overtide.serving.access.provider_documents import ProviderError
from overtide.serving.access.provider_keys import ProviderKeys
from tests.signed_tokens import AUDIENCE, ISSUER, OTHER_RSA_KEY, Provider, claims, signed

CLIENT = "overtide-pages"
BEGUN = Begun("b" * 64)
BACK = "https://customers.example.com/sign-in/return"


class Side:
    """The flow of one client, and a provider that answers what a test puts there."""

    def __init__(self, **client: object) -> None:
        self.provider = Provider()
        self.provider.document |= {
            "authorization_endpoint": f"{ISSUER}/auth?tenant=1",
            "token_endpoint": f"{ISSUER}/token",
        }
        self.answer: object = {}
        self.sent: list[tuple[dict[str, str], str | None]] = []
        oidc = Oidc(issuer=ISSUER, audience=AUDIENCE, sign_in=SignIn(client_id=CLIENT, **client))
        keys = ProviderKeys(ISSUER, None, self.provider.fetch, time.monotonic)
        says = ProviderSays(ISSUER, self.provider.fetch, self._post, time.monotonic)
        assert oidc.sign_in is not None
        self.flow = CodeFlow(oidc, oidc.sign_in, keys, system_clock, says)

    def _post(self, address: str, form: bytes, headers: Any) -> bytes:
        assert address == f"{ISSUER}/token"
        found = {name: values[0] for name, values in parse_qs(form.decode()).items()}
        self.sent.append((found, headers.get("Authorization")))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()

    def refusal(self, issuer: str | None = None) -> tuple[str, str]:
        with pytest.raises(OvertideError) as refused:
            self.flow.signed_in(BEGUN, Returned("code", issuer, BACK))
        return refused.value.code, refused.value.message


@pytest.fixture
def side() -> Side:
    return Side()


def id_token(key: Any = None, header: dict[str, object] | None = None, **more: object) -> str:
    whole = claims(**{"aud": CLIENT, "nonce": BEGUN.nonce, **more})
    return signed(whole, **({} if key is None else {"key": key}), **(header or {}))


def test_an_id_token_that_holds_names_who_signed_in(side):
    side.answer = {"id_token": id_token(name="Ann", sid="s1", azp=CLIENT)}
    who, there = side.flow.signed_in(BEGUN, Returned("code", ISSUER, BACK))
    assert (who.ids, who.name) == (("ann",), "Ann")
    assert (there.subject, there.sid) == ("ann", "s1")
    form, basic = side.sent[0]
    assert (form["client_id"], form["code_verifier"], basic) == (CLIENT, BEGUN.verifier, None)


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "of another time": ({"nonce": "n"}, "nonce"),
    "of no time": ({"nonce": None}, "nonce"),
    "for the API": ({"aud": AUDIENCE}, "another service"),
    "for several": ({"aud": [CLIENT, "other"]}, "azp"),
    "of another client": ({"azp": "other"}, "azp"),
    "of another issuer": ({"iss": "https://evil.example"}, "another issuer"),
    "that has ended": ({"exp": system_clock() // SECOND - 100}, "expired"),
    "of nobody": ({"sub": "\0"}, "names nobody"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_id_token_that_does_not_hold_is_refused(side, name):
    changed, said = WRONG[name]
    side.answer = {"id_token": id_token(**changed)}
    code, message = side.refusal()
    assert code == "sign_in_refused"
    assert said in message


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"id_token": 5},
        {"id_token": "x.y.z"},
        {"id_token": id_token(OTHER_RSA_KEY)},
        {"id_token": id_token(header={"typ": "at+jwt"})},
        {"id_token": id_token(header={"typ": "logout+jwt"})},
        {"error": "<b>", "error_description": "x" * 10_000},
        {"error": ["x"]},
        [],
        b"<html>",
        b"[" * 100_000,
    ],
)
def test_an_answer_that_is_none_is_refused_shortly(side, answer):
    side.answer = answer
    code, message = side.refusal()
    assert code == "sign_in_refused"
    assert len(message) < 800


@pytest.mark.parametrize("issuer", ["https://evil.example", ""])
def test_a_code_of_another_provider_is_given_to_nobody(side, issuer):
    assert side.refusal(issuer)[0] == "sign_in_refused"
    assert side.sent == []


def test_a_provider_that_names_itself_always_must(side):
    side.provider.document["authorization_response_iss_parameter_supported"] = True
    assert "Another provider" in side.refusal(None)[1]


def test_a_provider_that_does_not_answer_is_said_not_to(side):
    side.answer = ProviderError("down")
    assert side.refusal()[0] == "issuer_unavailable"
    down = Side()
    down.provider.down = True
    with pytest.raises(OvertideError, match="does not answer"):
        down.flow.address(BEGUN, BACK)
    assert down.flow.leaving(AtProvider("ann", None, "t"), BACK) is None


def test_a_secret_is_sent_as_the_provider_takes_it():
    side = Side(client_secret="a:b c%")  # noqa: S106 - of no provider
    side.answer = {"id_token": id_token()}
    side.flow.signed_in(BEGUN, Returned("code", None, BACK))
    form, basic = side.sent[0]
    assert base64.b64decode((basic or "").removeprefix("Basic ")) == b"overtide-pages:a%3Ab+c%25"
    assert "client_secret" not in form
    by_body = Side(client_secret="a:b c%")  # noqa: S106 - the same
    by_body.provider.document["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    by_body.answer = side.answer
    by_body.flow.signed_in(BEGUN, Returned("code", None, BACK))
    form, basic = by_body.sent[0]
    assert (form["client_secret"], basic) == ("a:b c%", None)


def test_roles_of_an_access_token_are_those_of_the_same_person():
    side = Side(claims_from="access_token")
    side.answer = {"id_token": id_token(name="Ann"), "access_token": signed(claims(sub="ann"))}
    assert side.flow.signed_in(BEGUN, Returned("code", None, BACK))[0].name == "Ann"
    for token in (signed(claims(sub="ben")), signed(claims(aud="other")), id_token(), None):
        side.answer = {"id_token": id_token(), "access_token": token}
        assert side.refusal()[0] == "sign_in_refused"


def test_what_is_configured_goes_to_the_provider_beside_what_it_has_in_its_address():
    side = Side(parameters={"audience": "a&b=c"}, scopes=["openid", "x y"])
    query = parse_qs(urlsplit(side.flow.address(BEGUN, BACK)).query)
    assert query["tenant"] == ["1"]
    assert query["audience"] == ["a&b=c"]
    assert query["state"] == [BEGUN.state]


def test_one_signs_out_with_a_hint_that_fits_into_an_address(side):
    assert side.flow.leaving(AtProvider("ann", None, "t"), BACK) is None
    for leaving, length, hinted in (
        (f"{ISSUER}/end", 100, True),
        (f"{ISSUER}/end", 9000, False),
        ("http://evil.example", 1, None),
    ):
        other = Side()
        other.provider.document["end_session_endpoint"] = leaving
        found = other.flow.leaving(AtProvider("ann", None, "t" * length), BACK)
        assert (None if found is None else "id_token_hint" in found) is hinted


def logout(**more: object) -> str:
    whole = claims(**{"aud": CLIENT, "jti": "1", "events": {ENDED: {}}, "exp": None, **more})
    return signed(whole, typ="logout+jwt")


def test_what_ended_at_the_provider_is_known_by_subject_or_session(side):
    assert side.flow.ended(logout(sid="s1")) == ("ann", "s1")
    assert side.flow.ended(logout(sid="s1", sub=None)) == (None, "s1")
    assert side.flow.ended(logout()) == ("ann", None)


@pytest.mark.parametrize(
    "changed",
    [
        {"events": {}},
        {"events": [ENDED]},
        {"events": None},
        {"nonce": "n"},
        {"aud": AUDIENCE},
        {"sub": None},
        {"sub": 5},
        {"jti": None},
    ],
)
def test_what_does_not_say_that_somebody_signed_out_ends_nothing(side, changed):
    with pytest.raises(OvertideError) as refused:
        side.flow.ended(logout(**changed))
    assert refused.value.code == "invalid_token"
