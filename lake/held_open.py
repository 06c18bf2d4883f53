"""Hold the catalog open from a process of its own.

So nobody else opens it as the first or closes it as the last.

DuckDB opens the catalog's SQLite file for each transaction and closes it after. Whoever closes it
as the last copies the journal into the file and removes it; whoever opens it as the first makes the
journal's index anew, and another process that opens it in that instant sleeps a whole second: the
SQLite within DuckDB has no shorter sleep (docs/decisions/sqlite-sleeps-whole-seconds.md). It is a
process of its own because two SQLite libraries in one release each other's locks.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from overtide.schemas.paths import CatalogLocation

HOLDER = """
import fcntl, os, signal, sqlite3, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=rw", timeout=60, uri=True)
connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
fcntl.lockf(os.open(sys.argv[2], os.O_RDONLY), fcntl.LOCK_SH, 1, 0x40000000)
print("open", flush=True)
sys.stdin.read()
connection.close()
"""
"""Ends when its standard input does: with the block below, or with the process, however that dies.

The lock is that on the pending byte (sqlite.org/fileformat, "The Lock-Byte Page"), shared: whoever
closes the file tries that byte to find out whether he is the last, and for that instant nobody
could open it.
"""


@contextmanager
def held_open(catalog: CatalogLocation) -> Iterator[None]:
    """Hold the catalog open, which must be there.

    Where that fails all goes on, with the waits that this avoids.
    """
    command = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        HOLDER,
        quote(str(catalog)),
        str(catalog),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as holder:
        if holder.stdout:
            holder.stdout.readline()
        yield
        # Leaving closes its standard input, and waits for it.
