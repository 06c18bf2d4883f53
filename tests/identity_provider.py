"""A real identity provider for tests, in Node: started once, and steered over HTTP."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.absent import absent
from tests.command_line import ROOT

INSTALLED = ROOT / ".venv" / "identity_server"
SERVER = ROOT / "tests" / "identity_server" / "server.mjs"


@dataclass(frozen=True)
class IdentityProvider:
    """The provider's address, and that of what steers it."""

    issuer: str
    control: str

    def token(self, client: str) -> str:
        """Return the token that the provider gives a client for itself."""
        given = {"grant_type": "client_credentials"}
        answer = httpx.post(f"{self.issuer}/token", data=given, auth=(client, "secret"))
        return str(answer.raise_for_status().json()["access_token"])

    def steer(self, action: str, **words: object) -> Any:
        """Do something to the provider: rotate its keys, take it down, forge a token."""
        return httpx.post(f"{self.control}/{action}", json=words).raise_for_status().json()


def node(installed: Path) -> str | None:
    """Return Node, where `make` could install what is needed in a folder."""
    own = ROOT / ".venv" / "node" / "bin" / "node"
    found = str(own) if own.exists() else shutil.which("node")
    return found if (installed / ".installed").exists() else None


@contextmanager
def identity_provider(folder: Path) -> Iterator[IdentityProvider]:
    """Run the provider for as long as the block runs; skip where there is no Node."""
    found = node(INSTALLED)
    if found is None:
        absent("Node is missing: no real identity server")
    command = [found, str(SERVER), str(INSTALLED)]
    with (
        (folder / "identity_server.log").open("wb") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            yield IdentityProvider(said["issuer"], said["control"])
        finally:
            process.terminate()
