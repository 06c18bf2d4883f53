"""Edits that make the section `service` wrong, and what `validate` finds then."""

OIDC = {"issuer": "https://x", "audience": "x"}
SERVICE: dict[str, tuple[list[tuple[str, object]], str, str, str]] = {
    # name: edits, code, target, part of the sentence
    "an issuer that anyone on the way may speak for": (
        [("service", {"oidc": {"issuer": "http://login.example.com", "audience": "x"}})],
        "invalid_value",
        "service.oidc.issuer",
        "is no https address",
    ),
    "an issuer that is no address": (
        [("service", {"oidc": {"issuer": "https://[", "audience": "x"}})],
        "invalid_value",
        "service.oidc.issuer",
        "is no https address",
    ),
    "keys from a file": (
        [
            (
                "service",
                {"oidc": {"issuer": "https://x", "audience": "x", "jwks_uri": "file:///etc/keys"}},
            )
        ],
        "invalid_value",
        "service.oidc.jwks_uri",
        "is no https address",
    ),
    "tokens for anyone": (
        [("service", {"oidc": {"issuer": "https://x", "audience": []}})],
        "invalid_value",
        "service.oidc.audience",
        "No audience is named.",
    ),
    "an algorithm by which who verifies can sign": (
        [("service", {"oidc": {"issuer": "https://x", "audience": "x", "algorithms": ["HS256"]}})],
        "invalid_value",
        "service.oidc.algorithms[0]",
        "found `HS256`",
    ),
    "a leeway of hours": (
        [("service", {"oidc": {"issuer": "https://x", "audience": "x", "leeway": "2h"}})],
        "invalid_duration",
        "service.oidc.leeway",
        "at most 5 minutes",
    ),
    "readers that may be slow for a day": (
        [("service", {"slow_readers": "1d"})],
        "invalid_duration",
        "service.slow_readers",
        "`1d` is not a duration of 1 second to 1 hour",
    ),
    "all origins": (
        [("service", {"cors_origins": ["https://a.example", "*"]})],
        "invalid_value",
        "service.cors_origins[1]",
        "`*` is not an origin",
    ),
    "an origin with a path": (
        [("service", {"cors_origins": ["https://a.example/"]})],
        "invalid_value",
        "service.cors_origins[0]",
        "is not an origin",
    ),
    "a webhook's address for its host": (
        [("service", {"webhooks": {"allowed_hosts": ["http://10.0.0.7/"]}})],
        "invalid_value",
        "service.webhooks.allowed_hosts[0]",
        "is not a name",
    ),
    "a host with a port": (
        [("service", {"hosts": ["customers.example.com:8400"]})],
        "invalid_value",
        "service.hosts[0]",
        "is not a name",
    ),
    "an origin of frames with a path": (
        [("service", {"pages": {"embed_origins": ["https://a.example/crm"]}})],
        "invalid_value",
        "service.pages.embed_origins[0]",
        "is not an origin",
    ),
    "all proxies": (
        [("service", {"proxies": ["127.0.0.1", "*"]})],
        "invalid_value",
        "service.proxies[1]",
        "`*` is no address",
    ),
    "a sign-in that names nobody": (
        [("service", {"oidc": {**OIDC, "sign_in": {"client_id": "x", "scopes": ["profile"]}}})],
        "invalid_value",
        "service.oidc.sign_in.scopes",
        "`openid` is missing",
    ),
    "a state of its own": (
        [
            (
                "service",
                {"oidc": {**OIDC, "sign_in": {"client_id": "x", "parameters": {"state": "x"}}}},
            )
        ],
        "invalid_value",
        "service.oidc.sign_in.parameters.state",
        "is said by the service itself",
    ),
}
