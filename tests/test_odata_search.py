"""Whole tables as files, words that are found, and facets, over OData."""

import csv
import io
import stat
from urllib.parse import quote

import httpx

from tests.test_odata import client, document, first, rows, served

__all__ = ["client", "first", "served"]


def test_whole_tables_are_given_as_files_by_signed_links(client, served, first):
    client.patch(f"/data/Customer/{first}", json={"FullName": 'A "b",c'}).raise_for_status()
    found = document(client, "Customer?$select=*&proxy=true")["httpRequests"]
    lines: list[list[str]] = []
    for one in found:
        answer = httpx.get(one["uri"], headers=one["headers"])
        assert answer.headers["Content-Type"].startswith("text/csv")
        lines += csv.reader(io.StringIO(answer.text))
    client.delete(f"/data/Customer/{first}/overrides").raise_for_status()
    names = list(rows(client, "Customer?$top=1")[0])
    assert sorted(line[0] for line in lines) == [
        one["CustomerId"] for one in rows(client, "Customer")
    ]
    mine = dict(zip(names, next(line for line in lines if line[0] == first), strict=True))
    assert (mine["FullName"], mine["Spent"], mine["Member"], mine["Score"]) == (
        'A "b",c',
        "1.50",
        "true",
        "",
    )
    secret = served.folder / "access" / "links.key"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    uri = found[0]["uri"]
    for wrong in (f"{uri[:-4]}AAAA", uri.replace("/Customer/", "/AlternateKey/"), uri[:-60]):
        assert httpx.get(wrong).status_code in (400, 403), wrong
    assert httpx.get(uri.partition("?")[0]).status_code == 400


def test_words_are_found_in_the_fields_of_the_search_index(client, first):
    client.patch(f"/data/Customer/{first}", json={"FullName": "Grace Hopper"}).raise_for_status()
    for words in ("hopper", '"grace h"', "grace AND hopper", "nobody OR hopper", "hopper NOT x@y"):
        found = rows(client, f"Customer?$search={quote(words)}&forceSearch=true&$top=10&$skip=0")
        assert [one["CustomerId"] for one in found] == [first], words
    assert rows(client, "Customer?$search=100%25") == []
    client.patch(f"/data/Customer/{first}", json={"FullName": "Zoë ÅNGSTRÖM"}).raise_for_status()
    for words in ("zoe", "ZOË", "angstrom", "Ångström", "zoë AND angström"):
        assert len(rows(client, f"Customer?$search={quote(words)}")) == 1, words
    called = {"FullName": "(983) 566-07/06.1x95"}
    client.patch(f"/data/Customer/{first}", json=called).raise_for_status()
    for digits, number in (("98356607061", 1), ("5660706", 1), ("566070", 0), ("98356607069", 0)):
        assert len(rows(client, f"Customer?$search={digits}")) == number, digits
    client.patch(f"/data/Customer/{first}", json={"FullName": "Grace Hopper"}).raise_for_status()
    index = client.get("/manage/search").json()
    assert index["isSystemGenerated"] is True
    index["entityConfig"] = [
        {"qualifiedEntityName": "Customer", "attributes": [{"name": "EMail", "properties": None}]}
    ]
    changed = client.put("/manage/search", json=index).json()
    assert (changed["version"], changed["isSystemGenerated"]) == (1, False)
    assert client.get("/manage/search").json() == changed
    assert rows(client, "Customer?$search=hopper") == []
    assert len(rows(client, "Customer?$search=P1@X")) == 1
    facet = {"name": "Points", "properties": {"isFacetable": True, "facetSpecification": "x:1"}}
    for wrong in (
        {},
        {"entityConfig": [{"qualifiedEntityName": "No", "attributes": []}]},
        {"entityConfig": [{"qualifiedEntityName": "Customer", "attributes": [facet]}]},
    ):
        answer = client.put("/manage/search", json=wrong)
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_search_index")
    client.delete(f"/data/Customer/{first}/overrides").raise_for_status()
    expect_facets(client, first)  # of one index, which other tests leave as it was first


def expect_facets(client: httpx.Client, first: str) -> None:
    """Set facets, and fail unless they count values and intervals of what is found."""
    attributes = [
        {"name": name, "properties": {"isFacetable": True, "facetSpecification": text}}
        for name, text in (
            ("FullName", "FullName,count:2,sort:value"),
            ("Points", "interval:10"),
            ("Since", "Since,interval:month,count:3"),
            ("Member", ""),
        )
    ]
    entity = {"qualifiedEntityName": "Customer", "attributes": attributes}
    set_ = client.put("/manage/search", json={"entityConfig": [entity]}).json()
    (kept,) = set_["entityConfig"]
    assert {one["name"]: one["properties"]["facetSpecification"] for one in kept["attributes"]} == {
        "FullName": "FullName,count:2,sort:value",
        "Points": "Points,count:10,sort:value,interval:10",
        "Since": "Since,count:3,sort:value,interval:month",
        "Member": "Member,count:10,sort:count",
    }
    everybody = rows(client, "Customer?$top=10000")
    found = client.get("/data/Customer/$facets").json()
    assert found["count"] == len(everybody)
    facets = {one["name"]: one for one in found["facets"]}
    names = sorted({one["FullName"] for one in everybody} - {None})
    assert [one["value"] for one in facets["FullName"]["values"]] == names[:2]
    for interval in facets["Points"]["values"]:
        inside = f"Points ge {interval['from']} and Points lt {interval['to']}"
        assert len(rows(client, f"Customer?$filter={inside}&$top=10000")) == interval["count"]
    assert sum(one["count"] for one in facets["Points"]["values"]) == len(
        [one for one in everybody if one["Points"] is not None]
    )
    for interval in facets["Since"]["values"]:
        inside = f"Since ge {interval['from']} and Since lt {interval['to']}"
        assert len(rows(client, f"Customer?$filter={inside}&$top=10000")) == interval["count"]
    client.patch(f"/data/Customer/{first}", json={"Points": 55555}).raise_for_status()
    asked = {"$filter": "Points gt 50000", "$search": "55555"}
    live = client.get("/data/Customer/$facets", params=asked).json()
    points = next(one for one in live["facets"] if one["name"] == "Points")
    assert (live["count"], points["values"]) == (1, [{"from": 55550, "to": 55560, "count": 1}])
    client.delete(f"/data/Customer/{first}/overrides").raise_for_status()
