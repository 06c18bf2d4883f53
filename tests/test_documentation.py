"""The page `/docs`: whole, well formed, free of anything from elsewhere, and its examples work."""

import json
import re
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from overtide.serving.http import documentation
from overtide.serving.http.openapi import METHODS, openapi
from overtide.serving.operations.registered import OPERATIONS
from tests import shop
from tests.served import Served, serving

VOID = {"meta", "br"}


class Page(HTMLParser):
    """The elements of a page; raises where they are not nested as they must be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.examples: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "code" and self.open[-2] == "pre":
            self.examples.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-2:] == ["pre", "code"]:
            self.examples[-1] += data


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    """A fresh project."""
    folder = tmp_path_factory.mktemp("documentation")
    (folder / "overtide.yaml").write_text(json.dumps(shop.configuration()))
    with serving(folder, shop.INSTANCE, "--only", "api") as found:
        yield found


def test_every_operation_is_on_the_page_and_nothing_comes_from_elsewhere():
    page = Page(documentation.page("http://h:1").decode())
    ids = {attributes.get("id") for _, attributes in page.found}
    assert {one.name for one in OPERATIONS} <= ids
    links = [attributes["href"] for tag, attributes in page.found if tag == "a"]
    assert all(one[1:] in ids for one in links if one.startswith("#"))
    assert [one for one in links if not one.startswith("#")] == ["/openapi.json"]
    assert {tag for tag, _ in page.found}.isdisjoint({"script", "link", "img", "iframe", "base"})
    assert not any(name.startswith("on") for _, attributes in page.found for name in attributes)
    assert "url(" not in documentation.STYLE
    assert len(page.examples) == len(OPERATIONS) + 1


def test_what_a_client_calls_itself_is_no_markup():
    assert b"<script" not in documentation.page('http://"><script>x</script>')


def test_every_operation_has_one_tag_that_is_declared():
    document = openapi(OPERATIONS)
    declared = [one["name"] for one in document["tags"]]
    for path in document["paths"].values():
        for method in METHODS:
            if method in path:
                (tag,) = path[method]["tags"]
                assert tag in declared
    assert not set(path) - set(METHODS)


def test_the_page_needs_no_token_and_its_examples_can_be_pasted(served):
    found = httpx.get(f"{served.url}/docs")
    assert found.status_code == 200
    assert found.headers["Content-Type"].startswith("text/html")
    policy = found.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    first, *examples = Page(found.text).examples
    assert served.url in first
    given = f"{first}\ntoken={served.token}\ninstanceId={served.instance}\nworkflowName=main\n"
    assert isinstance(pasted(given, examples, r'/instances"$'), list)
    assert pasted(given, examples, '-X POST .*/schedules"$')["version"] == 1
    # What belongs to the path, such as $metadata, is no variable of the shell.
    metadata = pasted(given, examples, r"metadata\"$")
    assert metadata["errorCode"] == "nothing_published"
    assert httpx.post(f"{served.url}/docs").status_code in (404, 405)


def pasted(given: str, examples: list[str], pattern: str) -> Any:
    """Return what the first example of a pattern answers when a shell runs it."""
    line = next(one for one in examples if re.search(pattern, one)).replace("curl", "curl -s", 1)
    done = subprocess.run(["bash", "-uc", given + line], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
