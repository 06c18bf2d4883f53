"""What a request says of its sender and its page: credentials, hosts, origins; all pure."""

import asyncio

import pytest
from starlette.datastructures import Headers

from overtide.schemas.errors import ForbiddenError, OvertideError, UnauthorizedError
from overtide.serving.http.browsers import LOCAL_NAMES, Browsers, names_of
from overtide.serving.http.credentials import Credentials, challenge

ORIGIN = "https://crm.example.com"
LOCAL = Browsers(hosts=frozenset(LOCAL_NAMES))


def headers(*pairs: tuple[str, str]) -> Headers:
    return Headers(raw=[(name.lower().encode(), text.encode("latin-1")) for name, text in pairs])


def sent(*pairs: tuple[str, str], query: bytes = b"") -> Credentials:
    return Credentials.of(headers(*pairs), query)


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("Bearer x", "x"),
        ("bearer  x ", "x"),
        ("BEARER x", "x"),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic x", None),
        ("x", None),
        ("Bearerx", None),
        ("", None),
        ("Bearer a, Bearer b", "a, Bearer b"),
    ],
)
def test_a_token_is_what_stands_behind_the_scheme(text, token):
    assert sent(("Authorization", text)).token == token


KEY = "Ocp-Apim-Subscription-Key"


@pytest.mark.parametrize(
    ("pairs", "query"),
    [
        ([("Authorization", "Bearer a"), ("authorization", "Bearer b")], b""),
        ([("Authorization", "Bearer a"), ("Authorization", "Bearer a")], b""),
        ([("Authorization", ""), ("Authorization", "Bearer b")], b""),
        ([(KEY, "a"), (KEY, "b")], b""),
        ([(KEY, "a")], b"subscription-key=b"),
        ([], b"subscription-key=a&subscription-key=b"),
    ],
)
def test_credentials_that_are_given_twice_are_not_chosen_from(pairs, query):
    with pytest.raises(OvertideError) as refused:
        sent(*pairs, query=query)
    assert (refused.value.code, refused.value.status) == ("repeated_credentials", 400)


@pytest.mark.parametrize(
    ("pairs", "query", "key"),
    [
        ([], b"", None),
        ([(KEY, "a")], b"", "a"),
        ([], b"x=1&subscription-key=a%2Bb", "a+b"),
        ([(KEY, "a")], b"subscription-key=a", "a"),
        ([], b"subscription-key=%FF", None),
        ([], b"subscription-key=a&" + b"x=1&" * 200, None),
    ],
)
def test_a_key_stands_in_a_header_or_in_the_query(pairs, query, key):
    assert sent(*pairs, query=query).key == key


def test_a_challenge_says_what_is_wrong_in_letters_that_a_header_may_have():
    def of(family: type[OvertideError], code: str) -> str | None:
        return challenge(family(code, 'A "word"\\\n\r of ü\u20ac.')).get("WWW-Authenticate")

    text = 'error_description="A ?word???? of ??."'
    assert of(UnauthorizedError, "unauthorized") == "Bearer"
    assert of(UnauthorizedError, "invalid_token") == f'Bearer error="invalid_token", {text}'
    assert of(ForbiddenError, "no_role") == f'Bearer error="insufficient_scope", {text}'
    assert of(ForbiddenError, "unknown_host") is None


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8400", "LOCALHOST:1", "127.0.0.1:8400", "[::1]:8400", "[::1]"]
)
def test_this_machine_is_called_by_its_own_names(host):
    LOCAL.expect_host(headers(("Host", host)), "/v1/instances")


HOSTS = [
    ["evil.example"],
    ["evil.example:8400"],
    ["localhost.evil.example"],
    ["localhost@evil.example"],
    ["evil.example#localhost"],
    ["localhost:8400@evil.example"],
    ["127.0.0.1.evil.example"],
    ["127.0.0.2"],
    ["2130706433"],
    ["::1"],
    ["localhost "],
    ["localhost:x"],
    [""],
    [],
    ["localhost", "evil.example"],
    ["evil.example", "localhost"],
]


@pytest.mark.parametrize("hosts", HOSTS, ids=map(str, HOSTS))
def test_a_page_that_has_its_name_lead_here_is_refused(hosts):
    with pytest.raises(OvertideError) as refused:
        LOCAL.expect_host(headers(*(("Host", host) for host in hosts)), "/v1/instances")
    assert (refused.value.code, refused.value.status) == ("unknown_host", 403)
    LOCAL.expect_host(headers(*(("Host", host) for host in hosts)), "/health/live")


def test_a_service_for_others_has_the_names_that_are_configured():
    assert names_of([], local=False) is None
    Browsers(hosts=None).expect_host(headers(("Host", "any.example")), "/v1")
    assert names_of(["a.example"], local=False) == {"a.example"}
    assert names_of(["a.example"], local=True) == {"a.example", *LOCAL_NAMES}


ASKS = ("Access-Control-Request-Method", "PATCH")


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://crm.example.com.evil.example",
        "https://evilcrm.example.com",
        "https://crm.example.com:444",
        "http://crm.example.com",
        "https://CRM.example.com",
        "https://crm.example.com/",
        "null",
        "*",
        "",
        f"{ORIGIN}, https://evil.example",
    ],
)
def test_pages_of_other_origins_get_nothing(origin):
    browsers = Browsers(frozenset([ORIGIN]))
    given = headers(("Origin", origin), ASKS)
    assert browsers.preflight("OPTIONS", given) is None
    assert told(browsers, given) == {"vary": "Origin"}


def told(browsers: Browsers, request: Headers) -> dict[str, str]:
    found: list[dict[str, str]] = []

    async def send(message) -> None:
        found.append(dict(Headers(scope=message)))

    start = {"type": "http.response.start", "status": 200, "headers": []}
    asyncio.run(browsers.telling(request, send)(start))
    return found[0]


def test_a_page_of_a_configured_origin_may_read_answers_and_their_headers():
    browsers = Browsers(frozenset([ORIGIN]))
    found = told(browsers, headers(("Origin", ORIGIN)))
    assert (found["access-control-allow-origin"], found["vary"]) == (ORIGIN, "Origin")
    assert "ETag" in found["access-control-expose-headers"].split(", ")
    assert "access-control-allow-credentials" not in found
    asked = browsers.preflight("OPTIONS", headers(("Origin", ORIGIN), ASKS))
    assert asked is not None
    assert "Authorization" in asked.headers["Access-Control-Allow-Headers"]
    assert browsers.preflight("GET", headers(("Origin", ORIGIN), ASKS)) is None
    assert browsers.preflight("OPTIONS", headers(("Origin", ORIGIN))) is None


def test_without_origins_nothing_is_said_to_any_page():
    given = headers(("Origin", ORIGIN), ASKS)
    assert Browsers().preflight("OPTIONS", given) is None
    assert told(Browsers(), given) == {}
