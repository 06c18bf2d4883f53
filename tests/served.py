"""A real `overtide serve` for tests: a process of its own, on a free port, stopped at the end."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests import shop
from tests.command_line import COMMAND, call, environment


@dataclass(frozen=True)
class Served:
    """A service that listens: its process, address, owner's token and what it serves."""

    process: subprocess.Popen[str]
    url: str
    token: str | None
    folder: Path
    instance: str

    def client(self, token: str | None = None, **options: object) -> httpx.Client:
        """Return a client with a token, the owner's by default, at the instance's address."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        base = f"{self.url}/v1/instances/{self.instance}"
        return httpx.Client(base_url=base, headers=headers, timeout=60, **options)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        os.kill(self.process.pid, number)
        return self.process.wait(120)


def publish_shop(folder: Path, *records: tuple[str, str, dict[str, Any]], **sections: Any) -> None:
    """Write the shop of `tests.shop` with these records, and refresh it.

    `sections` stand in its configuration besides, or instead of others.
    """
    (folder / "overtide.yaml").write_text(json.dumps(shop.configuration() | sections))
    shop.write_sources(folder, shop.sources(*records))
    assert call("-q", "-C", folder, "refresh").code == 0


@contextmanager
def serving(
    folder: Path, instance: str, *words: str, port: int = 0, before: Sequence[str] = ()
) -> Iterator[Served]:
    """Serve a project for as long as the block runs, by default on a free port.

    `before` is a command that runs the service, such as `prlimit`.
    """
    command = [*before, *COMMAND, "-C", str(folder), "--json", "serve", "--port", str(port), *words]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        try:
            assert process.stdout is not None
            document = json.loads(process.stdout.readline())
            yield Served(process, document["url"], document.get("token"), folder, instance)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(120)
