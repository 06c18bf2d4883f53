"""A flow of Power Automate, as far as it meets the service: all it knows is the connector."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

import httpx
from jsonschema import Draft4Validator

Json = Any
EXAMPLES = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


class Flow:
    """Calls actions by their ids, and chooses by itself what the definition says how to choose."""

    def __init__(self, swagger: Json, token: str) -> None:
        self.swagger = swagger
        root = f"{swagger['schemes'][0]}://{swagger['host']}{swagger['basePath']}"
        (scheme,) = swagger["securityDefinitions"].values()
        assert (scheme["type"], scheme["in"]) == ("apiKey", "header")
        self.client = httpx.Client(headers={scheme["name"]: f"Bearer {token}"}, timeout=60)
        self.root = root
        self.operations = {
            one["operationId"]: (method, path, one)
            for path, item in swagger["paths"].items()
            for method, one in item.items()
            if not method.startswith("x-")
        }

    def close(self) -> None:
        self.client.close()

    def call(self, name: str, body: Json = None, **given: Json) -> httpx.Response:
        """Call an action; what is not given is the default or the first that may be chosen."""
        method, path, operation = self.operations[name]
        query, headers = {}, {}
        for one in operation["parameters"]:
            if one["in"] == "body":
                assert body is not None
                continue
            value = self.value(one, given)
            if value is None:
                assert not one["required"], one["name"]
            elif one["in"] == "path":
                path = path.replace(f"{{{one['name']}}}", self.encoded(one, value))
            else:
                (query if one["in"] == "query" else headers)[one["name"]] = str(value)
        assert set(given) <= {one["name"] for one in operation["parameters"]}
        return self.client.request(
            method, self.root + path, params=query, headers=headers, json=body
        )

    def value(self, one: Json, given: Mapping[str, Json]) -> Json:
        """Return the value of a parameter."""
        if one["name"] in given:
            return given[one["name"]]
        if "default" in one:
            return one["default"]
        return self.options(one, given)[0] if "x-ms-dynamic-values" in one else None

    @staticmethod
    def encoded(one: Json, value: str) -> str:
        """Encode a part of a path; the gateway takes one of two encodings away."""
        text = quote(str(value), safe="")
        return unquote(quote(text, safe="")) if one["x-ms-url-encoding"] == "double" else text

    def options(self, one: Json, given: Mapping[str, Json]) -> list[Json]:
        """Return what may be chosen for a parameter, as its operation says."""
        dynamic = one["x-ms-dynamic-values"]
        found = self.asked(dynamic, given).json()
        listed = found[dynamic["value-collection"]] if "value-collection" in dynamic else found
        assert all(option[dynamic["value-title"]] for option in listed)
        return [option[dynamic["value-path"]] for option in listed]

    def choices(self, name: str, parameter: str) -> list[Json]:
        """Return what may be chosen for a parameter of an action."""
        parameters = self.operations[name][2]["parameters"]
        return self.options(next(one for one in parameters if one["name"] == parameter), {})

    def asked(self, dynamic: Json, given: Mapping[str, Json]) -> httpx.Response:
        """Call the operation that knows what is dynamic."""
        parameters = {
            name: given.get(said["parameter"]) if isinstance(said, dict) else said
            for name, said in dynamic["parameters"].items()
        }
        known = {name: value for name, value in parameters.items() if value is not None}
        return self.call(dynamic["operationId"], **known).raise_for_status()

    def resolved(self, schema: Json, given: Mapping[str, Json]) -> Json:
        """Return a schema in which nothing is dynamic any more."""
        if "x-ms-dynamic-schema" in schema:
            dynamic = schema["x-ms-dynamic-schema"]
            return self.asked(dynamic, given).json()[dynamic["value-path"]]
        found = dict(schema)
        if "properties" in schema:
            parts = schema["properties"].items()
            found["properties"] = {name: self.resolved(one, given) for name, one in parts}
        if "items" in schema:
            found["items"] = self.resolved(schema["items"], given)
        return found

    def form(self, name: str, **given: Json) -> Json:
        """Return the schema of an action's body."""
        parameters = self.operations[name][2]["parameters"]
        body = next(one for one in parameters if one["in"] == "body")
        return self.resolved(body["schema"], given)

    def expect(self, name: str, answer: httpx.Response, **given: Json) -> Json:
        """Hold an answer to what its action says of it, and return it."""
        said = self.operations[name][2]["responses"].get(str(answer.status_code))
        assert said is not None, answer.text
        if "schema" not in said:
            return None
        document = answer.json()
        expect_valid(document, self.resolved(said["schema"], given))
        return document

    def pages(self, name: str, **given: Json) -> list[Json]:
        """Return the rows of all pages."""
        link = self.operations[name][2]["x-ms-pageable"]["nextLinkName"]
        page = self.expect(name, self.call(name, **given), **given)
        rows = page["value"]
        while link in page:
            page = self.client.get(page[link]).raise_for_status().json()
            rows += page["value"]
        return rows


def expect_valid(document: Json, schema: Json) -> None:
    """Hold a document to a schema of Swagger 2.0."""
    Draft4Validator(_nullable(schema)).validate(document)


def _nullable(schema: Json) -> Json:
    if isinstance(schema, list):
        return [_nullable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _nullable(one) for name, one in schema.items()}
    if schema.get("x-nullable"):
        found["type"] = [schema["type"], "null"]
    return found


def filled(schema: Json, names: list[str] | None = None) -> Json:
    """Fill a form: all that it asks for, or the fields that are named."""
    examples = {"string": "text", "integer": 1, "number": 0.5, "boolean": True, "object": {}}
    return {
        name: one.get("example", EXAMPLES.get(one.get("format"), examples[one["type"]]))
        for name, one in schema["properties"].items()
        if names is None or name in names
    }
