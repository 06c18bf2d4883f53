"""Which engine this is: what else a result depends on besides sources and configuration."""

import hashlib
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

FOLDERS = ("schemas", "transforms", "pipelines", "lake")
"""The code that makes a base; what serves it makes nothing."""
PACKAGES = ("duckdb", "pyarrow", "numpy", "apache-beam", "phonenumbers")


@cache
def engine() -> str:
    """Return the SHA-256 of the code and the packages that a refresh computes with.

    A version number would not tell one working copy of the code from another.
    """
    found = hashlib.sha256(sys.version.encode())
    for package in PACKAGES:
        found.update(f"{package} {version(package)}\n".encode())
    home = Path(__file__).resolve().parent.parent
    for folder in FOLDERS:
        for file in sorted((home / folder).rglob("*")):
            if file.suffix in (".py", ".txt"):
                found.update(f"{file.relative_to(home)}\n".encode())
                found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()
