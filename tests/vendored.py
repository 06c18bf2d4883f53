"""Makes what others made for the pages anew, from npm, at pinned versions: `make vendor`.

`python -m tests.vendored NAME…` adds icons of Lucide by their names. What npm sends is compared
with the sums that are recorded here; what is kept, by a test with those in `SHA256SUMS`.
"""

import base64
import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.command_line import ROOT

STATIC = ROOT / "serving" / "pages" / "static"
VENDOR, ICONS = STATIC / "vendor", STATIC / "icons.svg"
LICENSES, SUMS = VENDOR / "LICENSES.txt", VENDOR / "SHA256SUMS"
ID = re.compile(r'<symbol id="([a-z0-9-]+)"')
SHAPE = re.compile(r"<(?:path|circle|rect|line|polyline|polygon|ellipse)\s.*?/>", re.DOTALL)


@dataclass(frozen=True)
class Package:
    """A package of npm: its tarball by its sum (SHA-512), and which of its files are kept."""

    name: str
    version: str
    sha512: str
    files: tuple[str, ...]
    licence: str = "LICENSE"


LUCIDE = Package(
    "lucide-static",
    "1.62.0",
    "WBZA/m2PvkFpMGHDtsBck5P2A9G4ehLlYu4GwwICcmEm1BvYVgj00lCDxKRWLlbMlOibLaiwdQ88G5pHkSWgwA==",
    (),
)
PACKAGES = (
    Package(
        "htmx.org",
        "2.0.11",
        "Thx/WtpeOQqSrqBCw/A1cwGJGg4UrVa3+sW0GmrM3p4gJgO89ecH4qtbnyzDDWFvBTqjnIMCgELTNt636dtamA==",
        ("dist/htmx.min.js",),
    ),
    Package(
        "@picocss/pico",
        "2.1.1",
        "kIDugA7Ps4U+2BHxiNHmvgPIQDWPDU4IeU6TNRdvXQM1uZX+FibqDQT2xUOnnO2yq/LUHcwnGlu1hvf4KfXnMg==",
        ("css/pico.min.css",),
        "LICENSE.md",
    ),
    Package(
        "uplot",
        "1.6.32",
        "KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==",
        ("dist/uPlot.iife.min.js", "dist/uPlot.min.css"),
    ),
    LUCIDE,
)


class Tarball:
    """The files of a package as npm sent them."""

    def __init__(self, package: Package, content: bytes) -> None:
        found = base64.b64encode(hashlib.sha512(content).digest()).decode()
        if found != package.sha512:
            sys.exit(f"{package.name} {package.version} has the sum {found}, not the one recorded")
        self._content = content

    def read(self, name: str) -> bytes:
        """Return a file."""
        with tarfile.open(fileobj=io.BytesIO(self._content)) as files:
            file = files.extractfile(f"package/{name}")
            assert file is not None, name
            return file.read()


def packed(package: Package) -> Tarball:
    """Return a package from npm."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
        subprocess.run(words, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (file,) = Path(folder).iterdir()
        return Tarball(package, file.read_bytes())


def symbol(name: str, svg: str) -> str:
    """Return an icon as a part of the one file of icons."""
    shapes = "".join(re.sub(r"\s+", " ", one) for one in SHAPE.findall(svg))
    return f'<symbol id="{name}" viewBox="0 0 24 24">{shapes}</symbol>'


def icons(lucide: Tarball, names: Iterable[str]) -> str:
    """Return the file of icons."""
    symbols = [symbol(one, lucide.read(f"icons/{one}.svg").decode()) for one in names]
    head = f"Lucide {LUCIDE.version}, ISC licence: vendor/LICENSES.txt"
    opened = f'<svg xmlns="http://www.w3.org/2000/svg"><!-- {head} -->'
    return "\n".join([opened, *symbols, "</svg>\n"])


def sums() -> str:
    """Return the sums of what is kept, as `sha256sum` writes them."""
    names = sorted(file.name for file in VENDOR.iterdir() if file != SUMS)
    return "".join(
        f"{hashlib.sha256((VENDOR / name).read_bytes()).hexdigest()}  {name}\n"
        for name in (*names, "../icons.svg")
    )


def main(more: list[str]) -> None:
    """Write all files anew, with more icons."""
    known = ID.findall(ICONS.read_text("utf-8"))
    licences = []
    for package in PACKAGES:
        tarball = packed(package)
        for name in package.files:
            (VENDOR / Path(name).name).write_bytes(tarball.read(name))
        kept = ", ".join(Path(name).name for name in package.files) or "../icons.svg"
        text = tarball.read(package.licence).decode().strip()
        licences.append(f"{kept}: {package.name} {package.version}\n\n{text}\n")
        if package is LUCIDE:
            names = dict.fromkeys([*known, *more])
            ICONS.write_text(icons(tarball, names), "utf-8")
    LICENSES.write_text(f"\n{'-' * 80}\n\n".join(licences), "utf-8")
    SUMS.write_text(sums(), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
