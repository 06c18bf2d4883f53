"""A real PostgreSQL, started once for a session of tests."""

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from overtide.schemas.extensions import extension
from overtide.schemas.names import literal
from tests.absent import absent

OWNER, PASSWORD = "owner", "geheim'wört"
SERVANTS = ("postgres", "nobody")
"""Users under which it runs where the tests run as root, which it refuses."""


@dataclass(frozen=True)
class PostgresServer:
    """A server on the loopback address."""

    port: int
    process: int

    def url(self, database: str = "postgres", password: str = PASSWORD) -> str:
        """Return a connection as a user writes it."""
        quoted = password.replace("\\", "\\\\").replace("'", "\\'")
        return f"host=127.0.0.1 port={self.port} user={OWNER} password='{quoted}' dbname={database}"

    def run(self, *statements: str, database: str = "postgres") -> None:
        """Run statements, each by itself."""
        with self._attached(database) as connection:
            for statement in statements:
                connection.execute(f"CALL postgres_execute('db', {literal(statement)})")

    def asked(self, query: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Return the rows of a query."""
        with self._attached(database) as connection:
            return connection.execute(
                f"SELECT * FROM postgres_query('db', {literal(query)})"
            ).fetchall()

    @contextmanager
    def _attached(self, database: str) -> Iterator[duckdb.DuckDBPyConnection]:
        with closing(duckdb.connect(config={"allow_unsigned_extensions": True})) as connection:
            connection.execute(f"LOAD {literal(str(extension('postgres_scanner')))}")
            connection.execute(f"ATTACH {literal(self.url(database))} AS db (TYPE postgres)")
            yield connection


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Start a server, or skip the test where PostgreSQL is not installed."""
    if importlib.util.find_spec("duckdb_extension_postgres_scanner") is None:
        absent("overtide[postgres] is not installed")
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    servant = _servant()
    try:
        if servant is not None:
            shutil.chown(folder, servant)
        secret = folder / "password"
        secret.write_text(PASSWORD, encoding="utf-8")
        if servant is not None:
            shutil.chown(secret, servant)
        data = folder / "data"
        _call(
            servant,
            [
                *(programs / "initdb", "-D", data, "-U", OWNER, f"--pwfile={secret}", "-N"),
                *("-A", "scram-sha-256", "-E", "UTF8", "--locale=C"),
            ],
        )
        port = free_port()
        settings = {
            "port": port,
            "fsync": "off",
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": folder,
            "logging_collector": "off",
        }
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        control = [programs / "pg_ctl", "-D", data, "-l", folder / "log"]
        _call(servant, [*control, "-w", "-o", options, "start"])
        try:
            process = int((data / "postmaster.pid").read_text().splitlines()[0])
            yield PostgresServer(port, process)
        finally:
            _call(servant, [*control, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: [int(part) for part in re.findall(r"\d+", str(path))],
    )
    there = shutil.which("initdb")
    if not found and there is None:
        absent("PostgreSQL is not installed")
    return found[-1].parent if found else Path(there or "").resolve().parent


def _servant() -> str | None:
    if os.geteuid():
        return None
    import pwd

    names = {one.pw_name for one in pwd.getpwall()}
    return next(name for name in SERVANTS if name in names)


def _call(servant: str | None, command: Sequence[object]) -> None:
    """Run a program, whose files stay open to nobody who waits for it."""
    subprocess.run(
        list(map(str, command)),
        user=servant,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
    )


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
