"""What others made for the pages is what npm sent, byte for byte; and every icon is there."""

import re

import pytest

from tests import vendored
from tests.vendored import ICONS, ID, LICENSES, LUCIDE, PACKAGES, STATIC, SUMS

PAGES = STATIC.parent
USED = re.compile(r"""icon\(\s*"([a-z0-9-]+)"|icons\.svg'\) \}\}#([a-z0-9-]+)""")


def test_files_have_the_sums_that_were_recorded():
    assert SUMS.read_text() == vendored.sums(), "run `make vendor`"


def test_every_package_is_named_with_its_licence():
    text = LICENSES.read_text("utf-8")
    for package in PACKAGES:
        assert f": {package.name} {package.version}\n" in text
    assert LUCIDE.version in ICONS.read_text("utf-8")


def test_every_icon_of_a_template_is_there():
    known = set(ID.findall(ICONS.read_text("utf-8")))
    for file in (PAGES / "templates").glob("*.html"):
        used = {one or other for one, other in USED.findall(file.read_text("utf-8"))}
        assert used <= known, file.name


def test_an_icon_is_its_shapes_alone():
    svg = '<svg\n class="x"\n>\n  <path d="M1 2" />\n  <circle\n cx="1" />\n</svg>'
    shown = vendored.symbol("a-b", svg)
    inner = '<path d="M1 2" /><circle cx="1" />'
    assert shown == f'<symbol id="a-b" viewBox="0 0 24 24">{inner}</symbol>'


def test_a_package_that_is_another_is_refused():
    with pytest.raises(SystemExit):
        vendored.Tarball(LUCIDE, b"another")
