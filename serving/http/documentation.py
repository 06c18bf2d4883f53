"""The page `/docs`: the OpenAPI document for people, in one file that asks for nothing else."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from html import escape
from typing import Any

from overtide.serving.http.openapi import METHODS, openapi
from overtide.serving.operations.registered import OPERATIONS

PLACE = "/docs"
STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 62rem; padding: 1rem; }
nav ul { columns: 3 14rem; padding-left: 1.2rem; }
h2 { border-bottom: 1px solid var(--line); margin-top: 2.5rem; }
h3 { font-size: 1rem; margin: 1rem 0 .3rem; }
details { border: 1px solid var(--line); border-radius: .3rem; margin: .4rem 0; }
details > div { padding: 0 1rem 1rem; }
summary { cursor: pointer; padding: .4rem .8rem; }
summary b { display: inline-block; min-width: 4.5rem; }
pre { background: var(--soft); padding: .6rem; white-space: pre-wrap; }
code { overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .5rem; text-align: left;
  vertical-align: top; }
"""
HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{HASH}'; frame-ancestors 'none'; "
        "base-uri 'none'; form-action 'none'"
    ),
}
"""Of the page: nothing is loaded, and nothing runs."""
PLACEHOLDER = re.compile(r"\{(\w+)\}")


@lru_cache(maxsize=8)
def page(root: str) -> bytes:
    """Return the page for the address at which the service was called."""
    return "\n".join(_lines(openapi(OPERATIONS), root)).encode()


def _lines(document: Mapping[str, Any], root: str) -> Iterator[str]:
    info, tags = document["info"], _by_tag(document)
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(info['title'])}: the HTTP API</title>\n<style>{STYLE}</style>\n</head>"
    yield f"<body>\n<main>\n<h1>{escape(info['title'])}: the HTTP API</h1>"
    yield f"<p>{escape(info['description'])} Version {escape(info['version'])}.</p>"
    yield (
        "<p>Every operation is under <code>/v1</code> and <code>/api</code> alike, and takes a "
        'token. <a href="/openapi.json">openapi.json</a> says the same to programs. The examples '
        "use these variables, and one for each part of a path:</p>"
    )
    yield f"<pre><code>url={escape(root)}/v1\ntoken='ovt_…'</code></pre>"
    yield '<nav aria-label="Parts">\n<ul>'
    yield from (
        f'<li><a href="#{_anchor(tag)}">{escape(tag)}</a> ({len(found)})</li>'
        for tag, found in tags.items()
    )
    yield "</ul>\n</nav>"
    for tag, operations in tags.items():
        yield f'<section id="{_anchor(tag)}">\n<h2>{escape(tag)}</h2>'
        for method, path, operation in operations:
            yield from _operation(method, path, operation)
        yield "</section>"
    yield "</main>\n</body>\n</html>"


def _by_tag(document: Mapping[str, Any]) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    """Return the operations, each with its method and path, under their tags."""
    found: dict[str, list[tuple[str, str, dict[str, Any]]]] = {
        tag["name"]: [] for tag in document["tags"]
    }
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                found[methods[method]["tags"][0]].append((method.upper(), path, methods[method]))
    return {tag: operations for tag, operations in found.items() if operations}


def _anchor(text: str) -> str:
    return re.sub(r"\W+", "-", text.lower())


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    name, title = operation["operationId"], operation["summary"]
    yield f'<details id="{escape(name)}">'
    yield (
        f"<summary><b>{method}</b> <code>{escape(path)}</code><br>{escape(title)}</summary>\n<div>"
    )
    yield f"<p>{escape(operation['description'])}</p>"
    yield from _parameters(operation["parameters"])
    if "requestBody" in operation:
        yield from _body(operation["requestBody"])
    yield "<h3>Example</h3>"
    yield f"<pre><code>{escape(curl(method, path, operation))}</code></pre>"
    yield from _answers(operation["responses"])
    yield "</div>\n</details>"


def _parameters(parameters: list[dict[str, Any]]) -> Iterator[str]:
    if not parameters:
        return
    yield "<h3>Parameters</h3>\n<table>\n<thead><tr>"
    yield from (f'<th scope="col">{one}</th>' for one in ("Name", "Where", "What it is"))
    yield "</tr></thead>\n<tbody>"
    for one in parameters:
        needed = ", required" if one["required"] else ""
        kind = f"{one['in']}, {one['schema']['type']}{needed}"
        yield (
            f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(kind)}</td>"
            f"<td>{escape(one['description'])}</td></tr>"
        )
    yield "</tbody>\n</table>"


def _body(body: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h3>Body</h3>\n<p>{escape(body['description'])}</p>"
    kinds = ", ".join(f"<code>{escape(kind)}</code>" for kind in body["content"])
    yield f"<p>As {kinds}{'' if body['required'] else '; it may be left out'}.</p>"


def _answers(answers: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield '<h3>Answers</h3>\n<table>\n<thead><tr><th scope="col">Status</th>'
    yield '<th scope="col">What it means</th></tr></thead>\n<tbody>'
    for status, answer in answers.items():
        yield f"<tr><td>{status}</td><td>{escape(answer['description'])}</td></tr>"
    yield "</tbody>\n</table>"


def curl(method: str, path: str, operation: Mapping[str, Any]) -> str:
    """Return a command line of the call, with a shell variable for each parameter that it needs."""
    needed = [one for one in operation["parameters"] if one["required"]]
    # What stands in the path itself, such as $count, is no variable.
    place = PLACEHOLDER.sub(r"$\1", path.replace("$", r"\$"))
    query = "&".join(f"{one['name']}=${one['name']}" for one in needed if one["in"] == "query")
    words = ["curl", "-H", '"Authorization: Bearer $token"']
    words += [] if method == "GET" else ["-X", method]
    content = operation.get("requestBody", {}).get("content", {})
    for kind, one in list(content.items())[:1]:
        text = json.dumps(one["example"], ensure_ascii=False)
        words += ["-H", f"'Content-Type: {kind}'", "--data-binary", _quoted(text)]
    return " ".join([*words, f'"$url{place}{"?" if query else ""}{query}"'])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
