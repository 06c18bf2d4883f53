"""Addresses from which something is fetched that is trusted."""

from urllib.parse import urlsplit

LOCAL = ("localhost", "127.0.0.1", "::1")
"""The names of this machine."""


def is_safe(address: str) -> bool:
    """Say whether what is fetched comes from who is named: by https, or from this machine."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    plain = not parts.fragment and parts.username is None
    local = parts.scheme == "http" and host in LOCAL
    return plain and bool(host) and (parts.scheme == "https" or local)
