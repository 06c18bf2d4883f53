"""A real MariaDB, started once for a module of tests."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from overtide.schemas.extensions import extension
from overtide.schemas.names import literal
from tests.absent import absent
from tests.postgres_server import free_port

OWNER, PASSWORD = "owner", "geheim'wört"
SECONDS = 60


@dataclass(frozen=True)
class MySQLServer:
    """A server on the loopback address."""

    port: int

    def connection(self, database: str = "crm", password: str = PASSWORD) -> str:
        """Return a connection as a user writes it."""
        return (
            f"host=127.0.0.1 port={self.port} user={OWNER} password={password} database={database}"
        )

    def run(self, *statements: str) -> None:
        """Run statements, each by itself."""
        with closing(duckdb.connect(config={"allow_unsigned_extensions": True})) as connection:
            connection.execute(f"LOAD {literal(str(extension('mysql_scanner')))}")
            connection.execute(f"ATTACH {literal(self.connection())} AS db (TYPE mysql)")
            for statement in statements:
                connection.execute(f"CALL mysql_execute('db', {literal(statement)})")


@contextmanager
def mysql_server() -> Iterator[MySQLServer]:
    """Start a server, or skip the test where MariaDB is not installed."""
    if importlib.util.find_spec("duckdb_extension_mysql_scanner") is None:
        absent("overtide[mysql] is not installed")
    path = f"{os.environ['PATH']}:/usr/sbin"
    install, server = (shutil.which(name, path=path) for name in ("mariadb-install-db", "mariadbd"))
    if install is None or server is None:
        absent("MariaDB is not installed")
    folder = Path(tempfile.mkdtemp(prefix="mysql-"))
    user = ["--user=root"] if os.geteuid() == 0 else []
    data = ["--no-defaults", f"--datadir={folder}/data", *user]
    first = folder / "first.sql"
    name = f"'{OWNER}'@'127.0.0.1'"
    first.write_text(
        "CREATE DATABASE crm CHARACTER SET utf8mb4;\n"
        f"CREATE USER {name} IDENTIFIED BY {literal(PASSWORD)};\n"
        f"GRANT ALL ON crm.* TO {name};\nGRANT SUPER ON *.* TO {name};\n",
        encoding="utf-8",
    )
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        subprocess.run(
            [install, *data, "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True,
            **quiet,
        )
        found = MySQLServer(free_port())
        settings = [
            *(f"--port={found.port}", "--bind-address=127.0.0.1", f"--socket={folder}/socket"),
            *(f"--init-file={first}", "--skip-name-resolve", "--innodb-buffer-pool-size=32M"),
            *("--innodb-flush-log-at-trx-commit=0", "--default-time-zone=+05:00", "--sql-mode="),
            f"--pid-file={folder}/pid",
        ]
        process = subprocess.Popen([server, *data, *settings], **quiet)
        try:
            _wait(found, process)
            yield found
        finally:
            process.kill()
            process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: MySQLServer, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and process.poll() is None:
        with suppress(duckdb.Error):
            server.run("DO 1")
            return
        time.sleep(0.2)
    raise RuntimeError(f"MariaDB does not answer (exit code {process.poll()})")
