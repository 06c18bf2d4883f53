"""The command that writes the connector of Power Platform."""

import json
import re
from argparse import Namespace
from pathlib import Path
from urllib.parse import urlsplit

from overtide.cli.output import Output
from overtide.cli.serving_commands import expect_service
from overtide.project import Project
from overtide.schemas.addresses import LOCAL
from overtide.schemas.errors import DONE, UsageError

HOST = re.compile(r"([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")


def connector(project: Project, arguments: Namespace, output: Output) -> int:
    """Write the two files of the connector into a folder."""
    expect_service()
    from overtide.schemas.loading import load
    from overtide.serving.connector.documents import Connector

    host = _host(arguments.host)
    scheme = "http" if urlsplit(f"//{host}").hostname in LOCAL else "https"
    settings = load(project.folder, project.environ).service
    folder = Path(arguments.target)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, document in Connector(settings).documents(scheme, host).items():
        files.append(folder / name)
        text = json.dumps(document, ensure_ascii=False, indent=2)
        files[-1].write_text(f"{text}\n", encoding="utf-8")
    output.result(
        {"url": f"{scheme}://{host}", "files": [str(one) for one in files]},
        lambda: f"Wrote {files[0]} and {files[1].name}, for {scheme}://{host}.",
    )
    return DONE


def _host(text: str) -> str:
    """Return a host with its port, if any; raise `invalid_value`."""
    if HOST.fullmatch(text) is None:
        raise UsageError(
            "invalid_value",
            f"{text!r} is no host.",
            "--host",
            "Give a name in small letters such as customers.example.com, with a port if need be.",
        )
    return text
