"""Management reads over services of both example projects: what is there, as described."""

import uuid
from collections.abc import Iterator

import httpx
import pytest
import yaml

from tests.command_line import call
from tests.served import Served, serving

COUNT = "SELECT count(*) n FROM Customer"
EXAMPLES = ("contoso", "retail")


@pytest.fixture(scope="module", params=EXAMPLES)
def served(request, tmp_path_factory) -> Iterator[Served]:
    """A service of an example project."""
    folder = tmp_path_factory.mktemp("management") / request.param
    assert call("-q", "init", folder, "--example", request.param).code == 0
    assert call("-q", "-C", folder, "refresh").code == 0
    instance = yaml.safe_load((folder / "overtide.yaml").read_text())["instance"]["id"]
    with serving(folder, instance, "--only", "api") as found:
        yield found


@pytest.fixture
def client(served) -> Iterator[httpx.Client]:
    """A client of the owner."""
    with served.client() as found:
        yield found


def test_every_example_can_be_sent_back_as_it_is(client):
    """The issue's own words: of every entity, UnifiedActivity and Customer."""
    entities = client.get("/manage/entities").json()["entities"]
    examples = {one["qualifiedEntityName"]: one["example"] for one in entities if "example" in one}
    activities = [one for one in entities if one["entityType"] == "activity"]
    assert {"Customer", "UnifiedActivity"} < set(examples)
    assert {one["qualifiedEntityName"] for one in activities} < set(examples)
    for name, example in examples.items():
        assert client.get(f"/manage/entities/{name}").json()["example"] == example
        if name == "Customer":
            customer = examples["UnifiedActivity"]["CustomerId"]
            sent = client.patch(f"/data/Customer/{customer}", json=example)
            assert sent.status_code == 204, sent.text
            assert client.delete(f"/data/Customer/{customer}/overrides").status_code == 204
        else:
            sent = client.post(f"/data/{name}", json=example)
            assert sent.status_code == 201, sent.text


def test_entities_say_what_they_hold(client):
    tables = client.get("/manage/tables").json()["entities"]
    listed = {one["qualifiedEntityName"]: one for one in tables}
    customer = listed["Customer"]
    assert customer["entityType"] == "profile"
    kinds = {one["name"]: one["dataType"] for one in customer["attributes"]}
    assert kinds["CustomerId"] == "Edm.String"
    assert all(kind.startswith("Edm.") for kind in kinds.values())
    assert [one["name"] for one in customer["keys"][0]] == ["CustomerId"]
    assert listed["UnifiedActivity"]["timestampAttribute"]["name"] == "ActivityTime"
    assert not [name for name in listed if name.endswith("_corrupt") or name.startswith("Dedup")]
    options = {"includeQuarantined": "true", "includeSelfConflatedEntity": "true"}
    every = client.get("/manage/entities", params=options).json()["entities"]
    kinds_of = {one["qualifiedEntityName"]: one["entityType"] for one in every}
    assert {"corrupt", "selfConflation"} <= set(kinds_of.values())
    unknown = client.get("/manage/entities/Custmer")
    assert (unknown.status_code, unknown.json()["errorCode"]) == (404, "unknown_entity")


def test_sizes_and_profiles_are_those_of_the_lake(served, client):
    size = client.get("/manage/entities/Customer/entitysize").json()
    count = int(call("--json", "-C", served.folder, "sql", COUNT).document["rows"][0]["n"])
    assert (size["rowCount"], size["size"] > 0) == (count, True)
    profiled = client.get("/dataprofile/Customer", params={"includeAttributeData": "true"}).json()
    assert profiled["rowCount"] == count
    found = {one["attributeName"]: one for one in profiled["attributeDataProfiles"]}
    assert found["CustomerId"]["isSuggestedPrimaryKey"]
    for one in found.values():
        assert (
            one["missingCount"] + sum(value["count"] for value in one["valueCounts"])
            <= one["count"]
            == count
        )
        if "histogram" in one:
            binned = sum(item["count"] for item in one["histogram"])
            assert binned == one["count"] - one["missingCount"]
            assert float(one["min"]) <= one["quantiles"]["p50"] <= float(one["max"])
    assert any("histogram" in one for one in found.values()) or "contoso" not in str(served.folder)
    alone = client.get("/dataprofile/Customer/CustomerId").json()
    assert alone == found["CustomerId"]
    assert client.get("/dataprofile/Customer/Nothing").json()["errorCode"] == "unknown_attribute"
    assert client.get("/dataprofile/Nothing").status_code == 404


def test_data_sources_and_relationships_are_those_of_the_project(served, client):
    configuration = yaml.safe_load((served.folder / "overtide.yaml").read_text())
    sources = client.get("/manage/datasources").json()
    assert [one["dataSourceMetadata"]["name"] for one in sources] == list(configuration["sources"])
    first = sources[0]["dataSourceMetadata"]
    again = client.get(f"/manage/datasources/{first['dataSourceId']}").json()
    assert again["dataSourceMetadata"] == first
    assert uuid.UUID(first["dataSourceId"])
    assert [one["name"] for one in again["model"]["entities"]] == first["entityNames"]
    plain = client.get(
        f"/manage/datasources/{first['name']}", params={"includeModel": "false"}
    ).json()
    assert "model" not in plain
    assert client.get("/manage/datasources/x").json()["errorCode"] == "unknown_data_source"
    declared = client.get("/manage/relationships").json()
    names = [one["name"] for one in configuration.get("relationships", [])]
    assert [one["name"] for one in declared] == names
    made = client.get("/manage/systemrelationships").json()
    assert {"system"} == {one["source"] for one in made}
    for one in [*declared, *made]:
        assert client.get(f"/manage/relationships/{one['name']}").json() == one
        entity = client.get(f"/manage/entities/{one['fromEntityName']}").json()
        assert one["fromAttributeName"] in [item["name"] for item in entity["attributes"]]
    assert client.get("/manage/relationships/x").json()["errorCode"] == "unknown_relationship"


def test_the_store_is_queryable(client):
    state = client.get("/profilestore/stateinfo").json()
    assert (state["primaryInfo"]["currentState"], state["secondaryInfo"]["currentState"]) == (
        "queryable",
        "empty",
    )
    assert state["primaryInfo"]["rowCount"] > 0
    assert state["primaryInfo"]["size"] > 0


def test_what_is_not_offered_says_so(client):
    for method, path in (
        ("GET", "/manage/measures?templateSummaryIncluded=true"),
        ("POST", "/manage/segments"),
        ("PATCH", "/hierarchies/1"),
        ("DELETE", "/manage/relationships/x"),
    ):
        found = client.request(method, path, content=b"whatever" if method != "GET" else None)
        assert (found.status_code, found.json()["errorCode"]) == (501, "not_offered")
        assert found.json()["httpStatusCode"] == 501
        assert found.json()["message"].endswith((".", "`."))


def test_the_instance_is_renamed_for_people_and_for_good(served, client):
    before = client.get("").json()
    renamed = client.patch("/V2", json={"instanceMetadata": {"name": "Other"}})
    assert renamed.status_code == 200, renamed.text
    assert (renamed.json()["name"], renamed.json()["version"]) == ("Other", 1)
    back = client.patch("/V2", json={"instanceMetadata": {"name": before["name"]}})
    assert (back.json()["version"], back.json()["createdUtc"]) == (2, renamed.json()["createdUtc"])
    assert client.patch("/V2", json={"instanceMetadata": {"name": 7}}).status_code == 400
    assert len((served.folder / "definitions" / "instance.jsonl").read_text().splitlines()) == 2
