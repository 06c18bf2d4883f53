"""Cookies that hold a secret: for this site alone, out of reach of scripts.

Behind TLS their names begin with `__Host-`, so that no other name of the same domain can set them,
nor anybody on the way without TLS (RFC 6265bis, section 4.1.3).
"""

from overtide.schemas.instants import SECOND

SESSION, SIGNING_IN = "overtide_session", "overtide_signing_in"


def cookie(root: str, name: str, value: str, lasting: int) -> str:
    """Return the header that sets a cookie for so many microseconds; 0 ends it."""
    secure = "; Secure" if _is_secure(root) else ""
    kept = f"Path=/; Max-Age={lasting // SECOND}; HttpOnly; SameSite=Lax{secure}"
    return f"{_named(root, name)}={value}; {kept}"


def cookie_of(root: str, name: str, header: str) -> str | None:
    """Return what a cookie holds; None where there is none, or several, of which one is forged."""
    named = _named(root, name)
    pairs = [one.strip().partition("=") for one in header.split(";")]
    found = [value for key, _, value in pairs if key == named]
    return found[0] if len(found) == 1 else None


def _named(root: str, name: str) -> str:
    return f"__Host-{name}" if _is_secure(root) else name


def _is_secure(root: str) -> bool:
    return root.startswith("https:")
