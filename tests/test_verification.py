"""Tokens of an identity provider: which are taken, and what an attacker would try."""

import base64
import hashlib
import hmac
import json
import re
import time
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import OKPAlgorithm

from overtide.schemas.configuration.service import Oidc, Service
from overtide.schemas.errors import OvertideError
from overtide.schemas.instants import SECOND
from overtide.serving.access import verification
from overtide.serving.access.provider_keys import FRESH, PAUSE, ProviderKeys
from overtide.serving.access.roles import Role
from overtide.serving.access.verification import Expected, Verifier
from tests.command_line import ROOT
from tests.signed_tokens import (
    AUDIENCE,
    EC_KEY,
    ISSUER,
    OTHER_RSA_KEY,
    RSA_KEY,
    Provider,
    claims,
    jwk,
    signed,
)

OIDC = Oidc(issuer=ISSUER, audience=AUDIENCE, roles={"writers": "Contributor"}, leeway="60s")


class Side:
    """The verifier of a service, the provider that it asks, and both their clocks."""

    def __init__(self, oidc: Oidc = OIDC, *keys: dict[str, Any]) -> None:
        self.provider = Provider(list(keys) or [jwk(RSA_KEY, "one")])
        self.seconds = 1000.0
        self.now = time.time()
        keys_of_provider = ProviderKeys(
            oidc.issuer, oidc.jwks_uri, self.provider.fetch, lambda: self.seconds
        )
        expected = Expected(oidc.issuer, oidc.audiences, oidc.algorithms, oidc.leeway_seconds, oidc)
        self.verifier = Verifier(expected, keys_of_provider, lambda: int(self.now * SECOND))

    def refusal(self, token: str) -> tuple[str, str]:
        """Return code and message of the refusal of a token."""
        with pytest.raises(OvertideError) as refused:
            self.verifier.verified(token)
        assert self.verifier.remembered(token) is None
        return refused.value.code, refused.value.message


@pytest.fixture
def side() -> Side:
    return Side()


def test_a_token_names_who_signed_in_and_the_role_of_its_claim(side):
    token = signed(claims(oid="o1", name="Ann", roles=["writers", "x"], groups=["g1"]))
    assert side.verifier.remembered(token) is None
    found = side.verifier.verified(token)
    assert (found.ids, found.name, found.kind) == (("o1", "ann"), "Ann", "user")
    assert (found.groups, found.claimed) == ({"g1"}, Role.CONTRIBUTOR)
    assert side.verifier.remembered(token) is found


def test_other_allowed_algorithms_need_their_own_kind_of_key():
    oidc = OIDC.model_copy(update={"algorithms": ["PS256", "ES256", "EdDSA"]})
    ed_key = ed25519.Ed25519PrivateKey.generate()
    public = OKPAlgorithm.to_jwk(ed_key.public_key(), as_dict=True)
    side = Side(oidc, jwk(RSA_KEY, "one"), jwk(EC_KEY, "two"), {**public, "kid": "three"})
    for key, algorithm, kid in (
        (RSA_KEY, "PS256", "one"),
        (EC_KEY, "ES256", "two"),
        (ed_key, "EdDSA", "three"),
    ):
        assert side.verifier.verified(signed(None, key, algorithm, kid=kid)).ids == ("ann",)
    assert side.refusal(signed())[0] == "invalid_token"


NOW = int(time.time())
REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "expired": ({"exp": NOW - 100}, "It has expired."),
    "of tomorrow": ({"nbf": NOW + 86_400}, "It does not hold yet."),
    "made in the future": ({"iat": NOW + 86_400}, "It does not hold yet."),
    "of another issuer": ({"iss": f"{ISSUER}/"}, "another issuer"),
    "of a list of issuers": ({"iss": None, "iss2": [ISSUER]}, "has no `iss`"),
    "for another service": ({"aud": "api://other"}, "another service"),
    "for other services": ({"aud": ["api://other", f"{AUDIENCE}/x"]}, "another service"),
    "for nobody": ({"aud": None}, "has no `aud`"),
    "without an end": ({"exp": None}, "has no `exp`"),
    "without a beginning": ({"iat": None}, "has no `iat`"),
    "of nobody": ({"sub": None}, "has no `sub`"),
    "of an empty name": ({"sub": ""}, "names nobody"),
    "of a name with a NUL": ({"sub": "a\0"}, "names nobody"),
    "of half a letter": ({"sub": "\ud800"}, "names nobody"),
    "of a long name": ({"sub": "x" * 257}, "names nobody"),
    "of a number": ({"sub": 5}, "cannot be read"),
    "of a sign-in (nonce)": ({"nonce": "n"}, "no access token"),
    "of a sign-in (at_hash)": ({"at_hash": "x"}, "no access token"),
    "of a sign-in (c_hash)": ({"c_hash": "x"}, "no access token"),
    "of an event": ({"events": {}}, "no access token"),
    "with an endless end": ({"exp": float("inf")}, "cannot be read"),
    "with no number as end": ({"exp": "soon"}, "cannot be read"),
    "with a list as end": ({"exp": [NOW]}, "cannot be read"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_token_that_does_not_hold_here_is_refused(side, name):
    changed, message = REFUSED[name]
    code, said = side.refusal(signed(claims(**changed)))
    assert code == "invalid_token"
    assert message in said


def test_the_page_s_examples_are_settings():
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    found = [Service.model_validate(yaml.safe_load(block)["service"]).oidc for block in blocks]
    assert [one.issuer.split("/")[2] for one in found if one is not None] == [
        "login.microsoftonline.com",
        "keycloak.example.com",
        "YOUR-TENANT.eu.auth0.com",
    ]


def test_one_of_several_audiences_is_enough():
    side = Side(OIDC.model_copy(update={"audience": ["a", AUDIENCE]}))
    assert side.verifier.verified(signed(claims(aud=["z", "a"]))).ids == ("ann",)


def test_clocks_may_be_off_by_the_leeway_and_no_more(side):
    now = int(time.time())
    for changed in ({"exp": now - 20}, {"nbf": now + 40}, {"iat": now + 40}):
        assert side.verifier.verified(signed(claims(**changed))).ids == ("ann",)
    strict = Side(OIDC.model_copy(update={"leeway": "5s"}))
    for changed in ({"exp": now - 20}, {"nbf": now + 300}, {"iat": now + 300}):
        assert strict.refusal(signed(claims(**changed)))[0] == "invalid_token"


# What an attacker would try


def encoded(document: object) -> str:
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def by_hand(header: object, signature: bytes = b"", payload: object = None) -> str:
    parts = f"{encoded(header)}.{encoded(claims() if payload is None else payload)}"
    return f"{parts}.{encoded(signature)}"


def public_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "", None, 5, ["RS256"], {}])
def test_a_token_without_a_signature_is_refused(side, name):
    assert side.refusal(by_hand({"alg": name, "kid": "one"}))[0] == "invalid_token"
    assert side.provider.asked == 0  # nor is the provider troubled


def test_the_public_key_is_no_secret_to_sign_with(side):
    """Algorithm confusion: HS256 with what everyone can read."""
    signing = f"{encoded({'alg': 'HS256', 'kid': 'one'})}.{encoded(claims())}"
    for secret in (public_pem(RSA_KEY), json.dumps(jwk(RSA_KEY, "one")).encode(), b"", b"null"):
        forged = encoded(hmac.digest(secret, signing.encode(), "sha256"))
        assert side.refusal(f"{signing}.{forged}")[0] == "invalid_token"


def test_a_symmetric_key_that_a_provider_publishes_is_no_key():
    secret = "x" * 32
    side = Side(OIDC, {"kty": "oct", "k": encoded(secret.encode()), "kid": "one", "alg": "HS256"})
    assert side.refusal(signed(None, secret, "HS256"))[0] == "invalid_token"
    assert side.refusal(signed())[0] == "invalid_token"


def test_keys_and_addresses_that_a_token_brings_are_never_read(side):
    own = jwk(OTHER_RSA_KEY, "evil")
    for header in (
        {"jwk": own, "kid": "evil"},
        {"jwk": own},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert", "x5c": ["AAAA"]},
    ):
        assert side.refusal(signed(None, OTHER_RSA_KEY, **header))[0] == "invalid_token"
        assert side.verifier.verified(signed(None, RSA_KEY, **{**header, "kid": "one"}))


@pytest.mark.parametrize("kid", ["../../etc/passwd", "' OR 1=1 --", "\0", "x" * 4000, "", "ONE"])
def test_the_name_of_a_key_is_only_compared(side, kid):
    assert side.refusal(signed(None, OTHER_RSA_KEY, kid=kid))[0] == "invalid_token"


@pytest.mark.parametrize("kid", [5, None, ["one"], {"kid": "one"}, True])
def test_the_name_of_a_key_is_a_text(side, kid):
    assert side.refusal(by_hand({"alg": "RS256", "kid": kid}, b"x"))[0] == "invalid_token"


def test_a_key_does_for_its_own_algorithm_alone():
    published = jwk(RSA_KEY, "one", alg="RS512")
    side = Side(OIDC.model_copy(update={"algorithms": ["RS256", "RS512"]}), published)
    assert side.refusal(signed())[0] == "invalid_token"
    assert side.verifier.verified(signed(None, RSA_KEY, "RS512")).ids == ("ann",)
    p384 = ec.generate_private_key(ec.SECP384R1())
    wrong_curve = Side(OIDC, jwk(p384, "one"))
    signature = by_hand({"alg": "ES256", "kid": "one"}, b"x" * 64)
    assert wrong_curve.refusal(signature)[0] == "invalid_token"


@pytest.mark.parametrize(
    "members", [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"key_ops": None}, {"n": None}]
)
def test_a_key_for_something_else_verifies_nothing(members):
    side = Side(OIDC, {**jwk(RSA_KEY, "one"), **members})
    assert side.refusal(signed())[0] == "invalid_token"


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_short_key_and_a_broken_one_verify_nothing():
    short = rsa.generate_private_key(65_537, 1024)  # noqa: S505 - what is refused
    broken = {**jwk(RSA_KEY, "one"), "n": "!!", "e": ""}
    for side in (Side(OIDC, jwk(short, "one")), Side(OIDC, broken)):
        assert side.refusal(signed(None, short))[0] == "invalid_token"
    both = Side(OIDC, broken, jwk(RSA_KEY, "one"))
    assert both.verifier.verified(signed()).ids == ("ann",)


def test_a_private_key_that_was_published_by_mistake_verifies_as_the_public_one():
    from jwt.algorithms import RSAAlgorithm

    whole = {**RSAAlgorithm.to_jwk(RSA_KEY, as_dict=True), "kid": "one", "key_ops": ["verify"]}
    assert Side(OIDC, whole).verifier.verified(signed()).ids == ("ann",)


def test_a_token_is_silent_on_its_key_only_where_there_is_one():
    import jwt

    silent = jwt.encode(claims(), RSA_KEY, "RS256")
    assert Side().verifier.verified(silent).ids == ("ann",)
    two = Side(OIDC, jwk(RSA_KEY, "one"), jwk(OTHER_RSA_KEY, "two"))
    assert two.refusal(silent)[0] == "invalid_token"


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"]},
        {"crit": []},
        {"b64": False, "crit": ["b64"]},
        {"typ": "logout+jwt"},
        {"typ": "dpop+jwt"},
        {"typ": 5},
    ],
)
def test_a_signed_document_that_is_no_access_token_is_refused(side, header):
    assert side.refusal(by_hand({"alg": "RS256", "kid": "one", **header}, b"x"))[0] == (
        "invalid_token"
    )


def changed_letter(token: str, part: int) -> str:
    parts = token.split(".")
    middle = len(parts[part]) // 2
    letter = "A" if parts[part][middle] != "A" else "B"
    parts[part] = parts[part][:middle] + letter + parts[part][middle + 1 :]
    return ".".join(parts)


def test_every_change_of_a_token_breaks_it(side):
    token = signed()
    pieces = token.split(".")
    for broken in (
        *(changed_letter(token, part) for part in range(3)),
        f"{pieces[0]}.{encoded(claims(sub='admin'))}.{pieces[2]}",
        f"{pieces[0]}.{pieces[1]}.",
        f"{pieces[0]}.{pieces[1]}",
        f"{token}.{pieces[2]}",
        f"{token}=",
        f" {token}",
        f"{token}\n",
        token.replace(".", ". "),
        token.upper(),
    ):
        assert side.refusal(broken)[0] == "invalid_token"


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "ü.ü.ü",
        "\ud800.x.y",
        "x" * 100_000,
        f"{'A' * 6000}.{'A' * 6000}.AA",
        by_hand(b"[" * 9000),
        by_hand(b'{"alg":' * 1500),
        by_hand([1]),
        by_hand(b"\xff\xfe"),
        by_hand(b'{"alg":"RS256","kid":"one","alg":"none"}'),
        by_hand({"alg": "RS256", "kid": "one"}, b"x", b"[" * 9000),
    ],
    ids=range(14),
)
def test_what_is_no_token_is_refused(side, token):
    assert side.refusal(token)[0] == "invalid_token"


def test_a_payload_that_only_the_provider_can_sign_and_nobody_can_read(side):
    """Signed as it should be, and no object or too deep: the provider's fault is no crash."""
    import jwt

    header = {"kid": "one"}
    for payload in (b"[1]", b"[" * 5000, b"\xff", b"5"):
        token = jwt.PyJWS().encode(payload, RSA_KEY, "RS256", headers=header)
        assert side.refusal(token)[0] == "invalid_token"


# What is remembered


def test_a_token_is_remembered_until_it_ends_and_the_leeway_is_over(side):
    token = signed(claims(exp=int(side.now) + 10))
    side.verifier.verified(token)
    side.now += 69
    assert side.verifier.remembered(token) is not None
    side.now += 2
    assert side.verifier.remembered(token) is None


def test_a_token_whose_key_was_withdrawn_is_no_longer_remembered(side):
    token = signed()
    side.verifier.verified(token)
    side.provider.keys = [jwk(OTHER_RSA_KEY, "two")]
    side.seconds += FRESH
    assert side.verifier.remembered(token) is None  # it is time to look
    assert side.refusal(token)[0] == "invalid_token"
    assert side.verifier.verified(signed(None, OTHER_RSA_KEY, kid="two")).ids == ("ann",)


def test_a_key_under_the_same_name_is_another_key(side):
    token = signed()
    side.verifier.verified(token)
    side.provider.keys = [jwk(OTHER_RSA_KEY, "one")]
    side.seconds += FRESH
    assert side.refusal(token)[0] == "invalid_token"
    assert side.verifier.verified(signed(None, OTHER_RSA_KEY)).ids == ("ann",)


def test_a_key_that_was_added_lets_what_is_remembered_hold(side):
    token = signed()
    side.verifier.verified(token)
    side.provider.keys.append(jwk(OTHER_RSA_KEY, "two"))
    side.seconds += PAUSE
    side.verifier.verified(signed(None, OTHER_RSA_KEY, kid="two"))
    assert side.verifier.remembered(token) is not None


def test_only_so_many_are_remembered_and_those_that_are_used(side, monkeypatch):
    monkeypatch.setattr(verification, "MOST_REMEMBERED", 3)
    tokens = [signed(claims(sub=f"s{number}")) for number in range(4)]
    for token in tokens[:3]:
        side.verifier.verified(token)
    assert side.verifier.remembered(tokens[0]) is not None
    side.verifier.verified(tokens[3])
    kept = [side.verifier.remembered(token) is not None for token in tokens]
    assert kept == [True, False, True, True]


def test_tokens_are_remembered_by_their_hashes(side):
    token = signed()
    side.verifier.verified(token)
    assert list(side.verifier._remembered) == [hashlib.sha256(token.encode()).digest()]
